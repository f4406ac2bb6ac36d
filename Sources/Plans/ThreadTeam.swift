import Glibc
import Ranks
import Synchronization

/// Threads that share the tasks of kernels. Made once; a kernel costs a wake-up and a barrier.
public final class ThreadTeam: @unchecked Sendable {
    /// Threads, the calling one included.
    public let count: Int
    private var threads: [pthread_t] = []
    private var mutex = pthread_mutex_t(), wake = pthread_cond_t()

    private var kernel: (any Kernel)?
    private var scratch: [Floats], scratchFloats = 0
    private let next = Atomic<Int>(0), busy = Atomic<Int>(0), generation = Atomic<Int>(0)
    private var isOver = false

    /// How often a thread looks for work before it sleeps: some ten microseconds.
    private static let patience = 20_000

    /// - Parameter count: at least 1.
    public init(count: Int) {
        precondition(count > 0, "a team of \(count) threads")
        self.count = count
        scratch = (0 ..< count).map { _ in allocateFloats(0) }
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&wake, nil)
        for member in 1 ..< max(count, 1) {
            var thread = pthread_t()
            let start = Unmanaged.passRetained(Start(team: self, member: member))
            let failure = pthread_create(
                &thread, nil,
                { context in
                    let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
                    start.team.work(as: start.member)
                    return nil
                }, start.toOpaque())
            precondition(failure == 0, "no thread \(member) of \(count): error \(failure)")
            threads.append(thread)
        }
    }

    /// Threads keep their team, so it ends after them.
    deinit {
        for memory in scratch { memory.deallocate() }
        pthread_cond_destroy(&wake)
        pthread_mutex_destroy(&mutex)
    }

    /// Ends the threads. A team that is not ended keeps them, and itself, for good.
    public func end() {
        pthread_mutex_lock(&mutex)
        isOver = true
        generation.add(1, ordering: .releasing)
        pthread_cond_broadcast(&wake)
        pthread_mutex_unlock(&mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    private final class Start {
        unowned let team: ThreadTeam
        let member: Int
        init(team: ThreadTeam, member: Int) { (self.team, self.member) = (team, member) }
    }

    /// Makes sure that every thread has so much scratch.
    func reserve(_ floats: Int) {
        guard floats > scratchFloats else { return }
        scratchFloats = floats
        for member in 0 ..< count {
            scratch[member].deallocate()
            scratch[member] = allocateFloats(floats)
        }
    }

    /// Does all tasks of a kernel and returns when they are done. Between tasks the calling thread carries forward what is under way among
    /// the ranks.
    func run(_ kernel: any Kernel, carrying sums: TreeSum? = nil) {
        let tasks = kernel.tasks
        if count == 1 || tasks == 1 {
            for task in 0 ..< tasks {
                kernel.run(task, scratch: scratch[0])
                sums?.advance()
            }
            return
        }
        self.kernel = kernel
        next.store(0, ordering: .relaxed)
        busy.store(count - 1, ordering: .relaxed)
        pthread_mutex_lock(&mutex)
        generation.add(1, ordering: .releasing)
        pthread_cond_broadcast(&wake)
        pthread_mutex_unlock(&mutex)
        share(kernel, scratch[0], carrying: sums)
        var looks = 0
        while busy.load(ordering: .acquiring) > 0 {
            looks += 1
            if looks > Self.patience { sched_yield() }
        }
    }

    private func share(_ kernel: any Kernel, _ scratch: Floats, carrying sums: TreeSum? = nil) {
        let tasks = kernel.tasks
        while true {
            let task = next.add(1, ordering: .relaxed).oldValue
            guard task < tasks else { return }
            kernel.run(task, scratch: scratch)
            sums?.advance()
        }
    }

    private func work(as member: Int) {
        var seen = 0
        while true {
            var looks = 0
            while generation.load(ordering: .acquiring) == seen {
                looks += 1
                guard looks > Self.patience else { continue }
                pthread_mutex_lock(&mutex)
                while generation.load(ordering: .acquiring) == seen { pthread_cond_wait(&wake, &mutex) }
                pthread_mutex_unlock(&mutex)
            }
            seen += 1
            if isOver { return }
            share(kernel!, scratch[member])
            busy.subtract(1, ordering: .releasing)
        }
    }
}
