import Graphs

/// The rounds of a loop: its inside as an assembly of its own, run again and again.
final class LoopRounds {
    let body: Assembly, count: Int
    /// The loop's number in the trace.
    let scope: Int
    /// Replicated scalars that go round: where they are at first, and where they live.
    private let scalars: [(from: UnsafeMutablePointer<Double>, to: UnsafeMutablePointer<Double>)]

    init(body: Assembly, count: Int, scope: Int, scalars: [(from: UnsafeMutablePointer<Double>, to: UnsafeMutablePointer<Double>)]) {
        (self.body, self.count, self.scope, self.scalars) = (body, count, scope, scalars)
    }

    /// - Parameter round: of the loop around it; rounds are numbered through.
    func run(_ execution: inout Execution, round: Int, before: RoundInputs) throws {
        for (from, to) in scalars { to.pointee = from.pointee }
        for own in 0 ..< count {
            try before(scope, round * count + own)
            let progress = Progress(step: own, epoch: own, share: Double(own) / Double(count))
            try body.run(&execution, progress, round: round * count + own, before: before)
        }
    }
}

/// Gives inputs inside a loop their values before each of its rounds: called with the loop's scope and the number of the round.
public typealias RoundInputs = (_ scope: Int, _ round: Int) throws -> Void

/// What a run needs beside an assembly, and what it measures.
struct Execution {
    let team: ThreadTeam
    /// Time in sums over ranks.
    var reducing = Duration.zero
    /// When each sum over ranks began and ended, where it is asked for.
    var sums: [Range<ContinuousClock.Instant>]?
    /// By kind of action, where it is asked for.
    var profile: Profile?
    /// Looks at what each action wrote, where it is asked for.
    var checker: Checker?
}

/// How often and how long each kind of action ran.
struct Profile {
    private(set) var sums: [String: (calls: Int, time: Duration)] = [:]

    mutating func add(_ name: String, _ time: Duration) {
        sums[name, default: (0, .zero)].calls += 1
        sums[name]!.time += time
    }
}

extension Assembly {
    func run(_ execution: inout Execution, _ progress: Progress, round: Int = 0, before: RoundInputs) throws {
        loadScalars(progress)
        execution.checker?.begin(self)
        for (number, action) in actions.enumerated() {
            switch action {
            case .kernel(let kernel):
                if execution.profile == nil {
                    execution.team.run(kernel)
                } else {
                    execution.profile?.add("\(type(of: kernel))", ContinuousClock().measure { execution.team.run(kernel) })
                }
            case .reduction(let reduction):
                let began = ContinuousClock.now
                try reduction.run()
                let ended = ContinuousClock.now, time = ended - began
                execution.reducing += time
                execution.sums?.append(began ..< ended)
                execution.profile?.add("reduction over ranks", time)
            case .loop(let rounds): try rounds.run(&execution, round: round, before: before)
            }
            execution.checker?.look(at: number, of: self)
        }
        storeScalars()
    }
}
