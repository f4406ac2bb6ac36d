import Graphs

/// How often and how long each action ran, by its place; those of a loop's inside follow the loop, as in a description.
struct Profile {
    private(set) var sums: [(calls: Int, time: Duration)]

    init(actions: Int) { sums = Array(repeating: (0, .zero), count: actions) }

    mutating func add(_ place: Int, _ time: Duration) {
        sums[place].calls += 1
        sums[place].time += time
    }
}

/// Equal actions of a run: the same kernel on operands of the same forms.
public struct ProfileLine: Sendable {
    /// As in `PlanDescription.Action`.
    public let kernel: String, operation: String, forms: String
    /// How often they ran in a run, and the seconds of all calls.
    public let calls: Int, seconds: Double
    /// Of all calls, counted as direct products and convolutions; 0 where there are none.
    public let multiplyAdds: Int
}

extension Plan {
    /// Runs a few times and says how long each action took in one of them, longest first, equal actions as one. All ranks call it
    /// together.
    /// - Parameter runs: how many; the figures are their means.
    public func profile(runs: Int = 1) throws -> [ProfileLine] {
        let described = assembly.described()
        var execution = Execution(team: team, profile: Profile(actions: described.count))
        for _ in 0 ..< runs { try assembly.run(&execution, Progress()) { _, _ in } }

        struct Key: Hashable { let kernel: String, operation: String, forms: String }
        var found: [Key: (calls: Int, time: Duration, multiplyAdds: Int)] = [:]
        for (action, sum) in zip(described, execution.profile!.sums) where sum.calls > 0 {
            let key = Key(kernel: action.kernel, operation: action.operation, forms: action.forms), before = found[key] ?? (0, .zero, 0)
            found[key] = (before.calls + sum.calls, before.time + sum.time, before.multiplyAdds + action.multiplyAdds * sum.calls)
        }
        return found.map { key, sum in
            let seconds = Double(sum.time.components.seconds) + Double(sum.time.components.attoseconds) * 1e-18
            return ProfileLine(
                kernel: key.kernel, operation: key.operation, forms: key.forms, calls: sum.calls / runs, seconds: seconds / Double(runs),
                multiplyAdds: sum.multiplyAdds / runs)
        }
        .sorted { $0.seconds > $1.seconds }
    }
}

extension Assembly {
    /// Loops and their insides included.
    var actionCount: Int {
        actions.reduce(0) { if case .loop(let rounds) = $1 { $0 + 1 + rounds.body.actionCount } else { $0 + 1 } }
    }
}
