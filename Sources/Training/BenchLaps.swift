import Foundation
import Plans
import Ranks

/// Steps of all ranks as their sums divide them, for a study of scaling: what `vigil bench --laps` prints.
struct BenchLaps: Encodable {
    /// Of one rank, the timed steps in order. A rank's times between sums are its own arithmetic; those in sums contain what it waited for others.
    struct Rank: Codable {
        var computing: [[Double]] = [], summing: [[Double]] = []
    }
    let ranks: [Rank]
    /// Which vectors each time in sums was for.
    let sums: [[PlannedSum]]

    /// Runs `warmUps` steps, then `steps` that count, each begun by all ranks together.
    init(of plan: Plan, warmUps: Int, steps: Int, group: RankGroup) throws {
        var own = Rank()
        for step in 0 ..< warmUps + steps {
            try group.barrier()
            let laps = try plan.laps()
            guard step >= warmUps else { continue }
            own.computing.append(laps.computing)
            own.summing.append(laps.summing)
        }
        ranks = try group.allGather(Array(JSONEncoder().encode(own))).map { try JSONDecoder().decode(Rank.self, from: Data($0)) }
        sums = plan.sums
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
