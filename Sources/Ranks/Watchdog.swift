import Glibc
import Synchronization

/// Says on stderr, once a call, that a rank has waited for the others for longer than the stall time: in what, and since when. It ends
/// nothing: whether waiting is hopeless is for the user or the launcher to judge.
final class Watchdog: Sendable {
    private struct State {
        var call: StaticString?
        var began = ContinuousClock.now
        var depth = 0, told = false
        var stall = Duration.seconds(120)
        var isRunning = false, isOver = false
    }
    private let state = Mutex(State())
    private let rank: Int
    private let say: @Sendable (String) -> Void

    init(rank: Int, say: @escaping @Sendable (String) -> Void = complain) { (self.rank, self.say) = (rank, say) }

    func setStall(seconds: Double) { state.withLock { $0.stall = .seconds(seconds) } }

    /// No more is said; the thread leaves by itself.
    func end() { state.withLock { $0.isOver = true } }

    /// Notes that the calling thread is in a call where it waits for other ranks. Nested calls count as the outer one.
    func during<T>(_ call: StaticString, _ body: () throws -> T) rethrows -> T {
        enter(call)
        defer { leave() }
        return try body()
    }

    private func enter(_ call: StaticString) {
        let mustStart = state.withLock { state in
            state.depth += 1
            if state.depth == 1 { (state.call, state.began, state.told) = (call, .now, false) }
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { start() }
    }

    private func leave() {
        state.withLock { state in
            state.depth -= 1
            if state.depth == 0 { state.call = nil }
        }
    }

    /// One look at the state: what to say now, and whether to go on looking.
    func look() -> Bool {
        let (message, goesOn): (String?, Bool) = state.withLock { state in
            guard !state.isOver, let call = state.call, !state.told, state.began.duration(to: .now) >= state.stall else {
                return (nil, !state.isOver)
            }
            state.told = true
            let seconds = state.began.duration(to: .now).components.seconds
            return ("rank \(rank) has waited \(seconds) s for the other ranks in \(call); one of them is stopped, slow, or in a different call", true)
        }
        if let message { say(message) }
        return goesOn
    }

    private func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { context in
                let watchdog = Unmanaged<Watchdog>.fromOpaque(context!).takeRetainedValue()
                while watchdog.look() { usleep(250_000) }
                return nil
            }, context)
        if code == 0 { pthread_detach(thread) } else { Unmanaged<Watchdog>.fromOpaque(context).release() }
    }
}

/// Writes a whole line to stderr in one call, so that the lines of several ranks do not mix.
@Sendable func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }  // where stderr is closed there is nobody to tell
}
