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

    /// - Parameters:
    ///   - round: of the loop around it; rounds are numbered through.
    ///   - first: the place of its first action in a profile.
    func run(_ execution: inout Execution, round: Int, first: Int, before: RoundInputs) throws {
        for (from, to) in scalars { to.pointee = from.pointee }
        for own in 0 ..< count {
            try before(scope, round * count + own)
            let progress = Progress(step: own, epoch: own, share: Double(own) / Double(count))
            try body.run(&execution, progress, round: round * count + own, first: first, before: before)
        }
    }
}

/// Gives inputs inside a loop their values before each of its rounds: called with the loop's scope and the number of the round.
public typealias RoundInputs = (_ scope: Int, _ round: Int) throws -> Void

/// What a run needs beside an assembly, and what it measures.
struct Execution {
    let team: ThreadTeam
    /// When each sum over ranks began and ended, where it is asked for.
    var sums: [Range<ContinuousClock.Instant>]?
    /// By action, where it is asked for.
    var profile: Profile?
    /// Looks at what each action wrote, where it is asked for.
    var checker: Checker?

    fileprivate mutating func timed(_ place: Int, _ body: () throws -> Void) rethrows {
        if profile == nil { return try body() }
        profile?.add(place, try ContinuousClock().measure(body))
    }
}

extension Assembly {
    /// - Parameter first: the place of its first action in a profile.
    func run(_ execution: inout Execution, _ progress: Progress, round: Int = 0, first: Int = 0, before: RoundInputs) throws {
        var place = first
        loadScalars(progress)
        execution.checker?.begin(self)
        for (number, action) in actions.enumerated() {
            switch action {
            case .kernel(let kernel):
                if execution.profile == nil {
                    execution.team.run(kernel, carrying: tree)
                } else {
                    execution.profile?.add(place, ContinuousClock().measure { execution.team.run(kernel, carrying: tree) })
                }
            case .reduction(let reduction):
                let began = execution.sums == nil ? nil : ContinuousClock.now
                try execution.timed(place) { try reduction.run() }
                if let began { execution.sums?.append(began ..< ContinuousClock.now) }
            case .begin(let reduction): try execution.timed(place) { try reduction.begin() }
            case .finish(let reduction): try execution.timed(place) { try reduction.finish() }
            case .loop(let rounds):
                try rounds.run(&execution, round: round, first: place + 1, before: before)
                if execution.profile != nil { place += rounds.body.actionCount }
            }
            place += 1
            execution.checker?.look(at: number, of: self)
        }
        storeScalars()
    }
}
