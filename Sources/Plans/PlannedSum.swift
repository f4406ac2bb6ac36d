/// A vector that a plan adds up over the ranks, in one go.
public struct PlannedSum: Encodable {
    /// What every rank brings.
    public let bytes: Int
    /// How many of this rank's multiply-adds are done when its part of the sum stands, and when the total is needed: shares of the plan's,
    /// 0 ... 1. Communication can hide behind what lies between; where nothing does, all ranks wait for it.
    public let ready: Double, needed: Double
}

/// A run of a plan as its sums divide it.
public struct Laps {
    /// Seconds of arithmetic before the first sum, between each two, and behind the last.
    public internal(set) var computing: [Double] = []
    /// Seconds in each sum; one fewer.
    public internal(set) var summing: [Double] = []
}

extension Plan {
    /// The sums in the order of their turns, those of one turn together; in a loop, of every round.
    public var sums: [[PlannedSum]] {
        let (turns, multiplyAdds) = assembly.plannedSums()
        func share(_ done: Double) -> Double { multiplyAdds > 0 ? done / multiplyAdds : 0 }
        return turns.map { turn in turn.map { PlannedSum(bytes: $0.bytes, ready: share($0.ready), needed: share($0.needed)) } }
    }
}

extension Assembly {
    /// As `Plan.sums`, in multiply-adds from the beginning; and all multiply-adds.
    fileprivate func plannedSums() -> (turns: [[PlannedSum]], multiplyAdds: Double) {
        var turns: [[PlannedSum]] = [], done = 0.0, made: [Int: Double] = [:]
        var loops = actions.compactMap { if case .loop(let rounds) = $0 { rounds } else { nil } }[...]
        for step in steps {
            switch step {
            case .kernel(let item, let weights, let then):
                for own in [item, weights].compactMap(\.self) {
                    done += Double(multiplyAdds(of: own))
                    made[own] = done
                }
                for member in then.flatMap(\.members) { made[member] = done }
            case .programs(let programs): for member in programs.members { made[member] = done }
            case .scalars, .begin: break
            case .loop:
                let rounds = loops.removeFirst(), inside = rounds.body.plannedSums()
                for _ in 0 ..< rounds.count {
                    turns += inside.turns.map { $0.map { PlannedSum(bytes: $0.bytes, ready: done + $0.ready, needed: done + $0.needed) } }
                    done += inside.multiplyAdds
                }
            case .reduce(let items), .finish(let items):
                turns.append(
                    together(items).map { vector in
                        PlannedSum(bytes: vector.reduce(0) { $0 + bytes(of: $1) }, ready: vector.map { made[$0] ?? done }.max()!, needed: done)
                    })
            }
        }
        return (turns, done)
    }

    /// Items of a reduction by the vectors they are sent in, as `Reduction` does it: large ones each, small ones together, scalars together.
    private func together(_ items: [Int]) -> [[Int]] {
        let vectors = items.filter { !draft[$0].isScalar }, isSmall = { (item: Int) in self.count(of: item) * 4 < Ordering.small }
        return (vectors.filter { !isSmall($0) }.map { [$0] } + [vectors.filter(isSmall), items.filter { draft[$0].isScalar }]).filter { !$0.isEmpty }
    }

    private func bytes(of item: Int) -> Int { draft[item].isScalar ? 8 : count(of: item) * 4 }
}
