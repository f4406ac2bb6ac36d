import Glibc
import Synchronization

/// Says on stderr, once a call, that ranks have waited for others for longer than the stall time: who, for whom, in what. Of the ranks that
/// wait in the same call the lowest speaks. It ends nothing: whether waiting is hopeless is for the user or the launcher to judge.
///
/// A call costs two locked looks at the clock. The rest is done by a thread, some microseconds twenty times a second.
final class Watchdog: Sendable {
    private struct Line {
        var begun: Int64 = 0, depth = 0
        var call: Call?, since = ContinuousClock.now
        /// Stall times after which this call is looked at; nil after it was told.
        var patience: Int? = 1
    }
    private struct State {
        var lines = [Line](repeating: Line(), count: Call.lines)
        var stall = Duration.seconds(120)
        var thread: pthread_t?, isOver = false
    }
    private let state = Mutex(State())
    private let rank: Int
    /// How it learns where the others are; nil where ranks cannot be asked.
    private let rollCall: RollCall?
    private let say: @Sendable (String) -> Void

    init(rank: Int, rollCall: RollCall? = nil, say: @escaping @Sendable (String) -> Void = complain) {
        (self.rank, self.rollCall, self.say) = (rank, rollCall, say)
    }

    func setStall(seconds: Double) {
        precondition(seconds > 0, "a stall time of \(seconds) s")
        state.withLock { $0.stall = .seconds(seconds) }
    }

    /// Notes that the calling thread is in a call where it waits for other ranks. Nested calls count as the outer one.
    func during<T>(_ call: Call, _ body: () throws -> T) rethrows -> T {
        state.withLock { state in
            state.lines[call.line].depth += 1
            guard state.lines[call.line].depth == 1 else { return }
            state.lines[call.line].begun += 1
            (state.lines[call.line].call, state.lines[call.line].since, state.lines[call.line].patience) = (call, .now, 1)
        }
        defer {
            state.withLock { state in
                state.lines[call.line].depth -= 1
                if state.lines[call.line].depth == 0 { (state.lines[call.line].call, state.lines[call.line].since) = (nil, .now) }
            }
        }
        return try body()
    }

    /// Where this rank is.
    func here() -> Whereabouts {
        let lines = state.withLock { $0.lines }
        return Whereabouts(lines.map { .init(begun: $0.begun, call: $0.call, seconds: $0.since.duration(to: .now).components.seconds) })
    }

    /// One look: answers those who ask, and says what there is to say.
    func look() {
        // An MPI that cannot carry these messages makes no job fail that could go on without them.
        try? rollCall?.answer(here)
        for line in 0 ..< Call.lines { if let wait = takeWait(line) { tell(wait) } }
    }

    /// A call that has lasted too long, once in a stall time.
    private func takeWait(_ line: Int) -> Wait? {
        state.withLock { state in
            let now = state.lines[line]
            guard let call = now.call, let patience = now.patience else { return nil }
            let waited = now.since.duration(to: .now)
            guard waited >= state.stall * patience else { return nil }
            state.lines[line].patience = Int(waited / state.stall) + 1
            return Wait(call: call, number: now.begun, seconds: waited.components.seconds)
        }
    }

    private func isGoingOn(_ wait: Wait) -> Bool {
        state.withLock { !$0.isOver && $0.lines[wait.call.line].begun == wait.number && $0.lines[wait.call.line].call != nil }
    }

    private func tell(_ wait: Wait) {
        guard let rollCall else { return tellOnce(wait, wait.sentence(ofRank: rank)) }
        var answers: [Whereabouts?] = []
        // First those below, one, two, four, ...: where one of them waits, too, it speaks, and on many ranks not everybody asks everybody.
        while answers.count < rank {
            let next = answers.count ..< min(2 * answers.count + 1, rank)
            answers += ask(next, wait)
            if answers[next].contains(where: { $0.map(wait.isShared) ?? false }) { return }
        }
        answers.append(here())
        answers += ask(rank + 1 ..< rollCall.count, wait)
        if isGoingOn(wait) { tellOnce(wait, wait.sentence(answers)) }

        func ask(_ ranks: Range<Int>, _ wait: Wait) -> [Whereabouts?] {
            (try? rollCall.ask(ranks, here: here, while: { isGoingOn(wait) })) ?? ranks.map { _ in nil }
        }
    }

    private func tellOnce(_ wait: Wait, _ sentence: String) {
        say(sentence)
        state.withLock { if $0.lines[wait.call.line].begun == wait.number { $0.lines[wait.call.line].patience = nil } }
    }

    // MARK: The thread

    func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { context in
                let watchdog = Unmanaged<Watchdog>.fromOpaque(context!).takeRetainedValue()
                while !watchdog.state.withLock({ $0.isOver }) {
                    watchdog.look()
                    usleep(50_000)
                }
                return nil
            }, context)
        if code == 0 { state.withLock { $0.thread = thread } } else { Unmanaged<Watchdog>.fromOpaque(context).release() }
    }

    /// No more is said or asked when this returns.
    func end() {
        let thread = state.withLock { state in
            state.isOver = true
            defer { state.thread = nil }
            return state.thread
        }
        if let thread { pthread_join(thread, nil) }
    }
}

/// Writes a whole line to stderr in one call, so that the lines of several ranks do not mix.
@Sendable func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }  // where stderr is closed there is nobody to tell
}
