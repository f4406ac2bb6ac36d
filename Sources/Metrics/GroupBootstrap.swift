import Randomness
import Ranks

/// The bootstrap over groups (Rutter, Acad. Radiol. 7, 2000): patches of one scan, or scans of one patient, are not independent, so whole
/// groups are drawn with replacement, as many as there are, and the AUROC of the drawn samples is formed; 1,000 times.
///
/// Draw d of replicate b is the group with index `Philox(seed: seed, key(of: "bootstrap"), b).index(below: groups, d)`. So it depends on nothing
/// but the groups' numbers: not on ranks, nor on the score, which makes differences of scores paired.
struct GroupBootstrap: Sendable {
    static let replicates = 1000
    let groups: Int
    var seed: UInt64 = 0

    /// How often each group is drawn.
    func draws(_ replicate: Int) -> [Int] {
        let philox = Philox(seed: seed, key(of: "bootstrap"), UInt64(replicate))
        var draws = [Int](repeating: 0, count: groups)
        for place in 0 ..< groups { draws[philox.index(below: groups, UInt64(place))] += 1 }
        return draws
    }

    /// The AUROC of each row in each replicate, of runs that are sorted over ranks: of row 0 all anomalies, of row k those of the k-th class,
    /// against the normals. Nil where none of either was drawn.
    ///
    /// - Parameter runs: with tags as `Grouping` gives them.
    /// - Cost: replicates · n/R time.
    func aurocs(of runs: [Run], rows: Int, over group: RankGroup) throws -> [[Double?]] {
        let steps = runs.map { Step($0, groups: groups) }
        let own = (0 ..< Self.replicates).flatMap { Self.count(steps, draws($0), rows: rows) }
        let byRank = try group.allGather(bytes(of: own)).map { values(of: $0, as: Count.self) }
        let replicates = (0 ..< Self.replicates).map { replicate in
            Self.join(byRank.map { $0[replicate * rows ..< (replicate + 1) * rows] })
        }
        return (0 ..< rows).map { row in
            replicates.map { counts in
                let pairs = 2 * Int128(counts[0].samples) * Int128(row == 0 ? counts[1...].reduce(0) { $0 + $1.samples } : counts[row].samples)
                let wins = row == 0 ? counts[1...].reduce(0) { $0 + $1.wins } : counts[row].wins
                return pairs == 0 ? nil : Double(wins) / Double(pairs)
            }
        }
    }

    /// A run, taken apart once for all replicates.
    private struct Step {
        let key: UInt64
        let row: UInt32, index: UInt32
        let samples: Int

        init(_ run: Run, groups: Int) {
            let (row, index) = Int(run.tag).quotientAndRemainder(dividingBy: groups)
            (key, self.row, self.index, samples) = (run.key, UInt32(row), UInt32(index), Int(run.count))
        }
    }

    /// Drawn samples of a row, and of anomalies the sum of what they win.
    private struct Count: BitwiseCopyable {
        var wins: Int128 = 0
        var samples = 0
    }

    /// The counts of each row within a rank's range of scores.
    private static func count(_ steps: [Step], _ draws: [Int], rows: Int) -> [Count] {
        var counts = [Count](repeating: Count(), count: rows)
        var ascent = Ascent()
        for step in steps {
            let drawn = draws[Int(step.index)] * step.samples, row = Int(step.row)
            ascent.climb(to: step.key)
            counts[row].samples += drawn
            if row == 0 { ascent.meet(normals: drawn) } else { counts[row].wins += Int128(drawn) * Int128(ascent.wins) }
        }
        return counts
    }

    /// The counts of all ranks, the lowest range of scores first: an anomaly wins over the normals of all ranges below.
    private static func join(_ ranges: [ArraySlice<Count>]) -> [Count] {
        var joined = [Count](repeating: Count(), count: ranges[0].count)
        for range in ranges {
            let below = 2 * Int128(joined[0].samples)
            for (row, count) in range.enumerated() {
                joined[row].samples += count.samples
                if row > 0 { joined[row].wins += count.wins + below * Int128(count.samples) }
            }
        }
        return joined
    }

    /// From the 25th smallest to the 25th largest of 1,000 values, of others in proportion.
    static func interval(of values: [Double]) -> ClosedRange<Double>? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted(), cut = max(1, values.count * 25 / 1000)
        return sorted[cut - 1] ... sorted[sorted.count - cut]
    }
}

extension Grouping {
    var bootstrap: GroupBootstrap { GroupBootstrap(groups: numbers.count) }

    /// The 95 % interval of the AUROC of a row; nil where its anomalies or the normals are of a single group, which says nothing of others.
    func interval(ofRow row: Int, rows: Int, _ replicates: [Double?]) -> ClosedRange<Double>? {
        guard groups(with: 0 ..< 1) > 1, groups(with: row == 0 ? 1 ..< rows : row ..< row + 1) > 1 else { return nil }
        return GroupBootstrap.interval(of: replicates.compactMap(\.self))
    }
}
