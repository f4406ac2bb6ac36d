import Glibc
import Ranks

/// Whether two scores of the same samples differ in AUROC by more than chance, all anomalies against all normals: the paired test of DeLong,
/// DeLong & Clarke-Pearson (Biometrics 44, 1988); where samples come in groups, by the bootstrap over groups with the same draws for both.
public struct PairedTest: Sendable, Equatable {
    /// The names of the scores.
    public let first: String, second: String
    /// AUROC of the first minus that of the second.
    public let difference: Double
    /// The 95 % interval of the difference; nil where there is a single normal or anomaly, or all of either are of one group.
    public let interval: ClosedRange<Double>?
    /// The chance of a difference this large, either way, between scores that rank equally well; nil as the interval. Of a bootstrap twice
    /// the share of replicates on the other side of 0, each counted with one replicate more, so not below 2/1001.
    public let pValue: Double?

    /// Compares two columns of `local`. Every rank calls this with its own samples and gets the same bits, for any placing of the samples.
    ///
    /// - Throws: `MetricsError`, the same on all ranks, and what the group throws.
    /// - Cost: O(n/R log n) time and O(n/R) memory per rank; with groups 2,000 · n/R steps more.
    public init(of local: LocalScores, first: String, second: String, classes: [SampleClass], over group: RankGroup) throws {
        try local.check(classes: classes.count, over: group)
        let rows = Rows(classes)
        let grouping = try Grouping(local, rows: local.classes.lazy.map { rows.ofClass[$0] }, rowCount: rows.count, over: group)
        let replicates = try grouping.map { grouping in
            try [first, second].map { name in
                var runs = rows.runs(of: local.column(name), local.classes, grouping)
                try runs.sortOverRanks(of: group)
                return try grouping.bootstrap.aurocs(of: runs, rows: rows.count, over: group)[0]
            }
        }
        try self.init(checked: local, first: first, second: second, classes: classes, grouping, replicates: replicates, over: group)
    }

    /// - Parameter replicates: the AUROC of both scores in each replicate of the bootstrap over groups, where there are groups.
    init(
        checked local: LocalScores, first: String, second: String, classes: [SampleClass], _ grouping: Grouping?, replicates: [[Double?]]?,
        over group: RankGroup
    ) throws {
        let tags = local.classes.map { classes[$0].isNormal ? 0 : 1 }
        let anomalous = tags.reduce(0, +)
        let counts = try group.sum([Int64(tags.count - anomalous), Int64(anomalous)]).map { Int($0) }
        guard counts[0] > 0 else { throw MetricsError.noNormals(samples: counts[1]) }
        guard counts[1] > 0 else { throw MetricsError.noAnomalies(samples: counts[0]) }

        let placements = try [first, second].map { try Self.placements(of: local.column($0), tags: tags, over: group) }
        var mine = [Int128](repeating: 0, count: 3)
        for (index, tag) in tags.enumerated() {
            let difference = Int128(placements[0][index] - placements[1][index])
            if tag == 1 { mine[0] += difference }
            mine[2 - tag] += difference * difference
        }
        let sums = try group.allGather(bytes(of: mine)).reduce(into: [Int128](repeating: 0, count: 3)) { sums, part in
            for (index, value) in values(of: part, as: Int128.self).enumerated() { sums[index] += value }
        }
        let squares = PlacementSquares(total: sums[0], anomalies: sums[1], normals: sums[2])
        let difference = Double(sums[0]) / Double(2 * counts[0] * counts[1])

        (self.first, self.second, self.difference) = (first, second, difference)
        if let grouping, let replicates {
            let differences = zip(replicates[0], replicates[1]).map { first, second in first.flatMap { first in second.map { first - $0 } } }
            interval = grouping.interval(ofRow: 0, rows: Rows(classes).count, differences)
            pValue = interval.map { _ in Self.pValue(of: differences.compactMap(\.self)) }
            return
        }
        interval = squares.reach(normals: counts[0], anomalies: counts[1]).map { max(-1, difference - $0) ... min(1, difference + $0) }
        pValue = squares.variance(normals: counts[0], anomalies: counts[1]).map { variance in
            difference == 0 ? 1 : erfc(abs(difference) / (2 * variance).squareRoot())
        }
    }

    private static func pValue(of differences: [Double]) -> Double {
        let smaller = min(differences.count { $0 <= 0 }, differences.count { $0 >= 0 })
        return min(1, Double(2 * (smaller + 1)) / Double(differences.count + 1))
    }

    /// T of each sample of this rank: its runs go to the ranks that count their range of scores, and the answers come back.
    private static func placements(of scores: [Double], tags: [Int], over group: RankGroup) throws -> [Int] {
        var runs = zip(scores, tags).map { Run(score: $0, tag: $1) }
        runs.sortAndJoin()
        let asked = try group.exchange(runs.cut(at: try runs.splitters(over: group)).map(bytes(of:))).map { values(of: $0, as: Run.self) }
        var held = asked.flatMap(\.self)
        held.sortAndJoin()

        var counts = [0, 0]
        for run in held { counts[Int(run.tag)] += Int(run.count) }
        let byRank = try group.allGather(bytes(of: counts)).map { values(of: $0, as: Int.self) }
        let lower = byRank[..<group.rank].reduce(into: [0, 0]) { ($0[0], $0[1]) = ($0[0] + $1[0], $0[1] + $1[1]) }
        let placed = held.placements(normalsBelow: lower[0], anomaliesBelow: lower[1], anomalies: byRank.reduce(0) { $0 + $1[1] })

        let answers = asked.map { piece in bytes(of: piece.map { placed[held.firstPlace(notBelow: $0)] }) }
        let answered = try group.exchange(answers).flatMap { values(of: $0, as: Int.self) }
        return zip(scores, tags).map { answered[runs.firstPlace(notBelow: Run(score: $0, tag: $1))] }
    }
}

extension [Run] {
    /// T of each run of a sorted list whose tags are 0 for normals and 1 for anomalies.
    fileprivate func placements(normalsBelow: Int, anomaliesBelow: Int, anomalies: Int) -> [Int] {
        var (normalsBelow, anomaliesBelow) = (normalsBelow, anomaliesBelow)
        var placements: [Int] = []
        var start = 0
        while start < count {
            let end = self[start...].firstIndex { $0.key != self[start].key } ?? count
            let normals = self[start].tag == 0 ? Int(self[start].count) : 0
            let equal = self[end - 1].tag == 1 ? Int(self[end - 1].count) : 0
            for run in self[start ..< end] {
                placements.append(run.tag == 1 ? 2 * normalsBelow + normals : 2 * (anomalies - anomaliesBelow - equal) + equal)
            }
            (normalsBelow, anomaliesBelow, start) = (normalsBelow + normals, anomaliesBelow + equal, end)
        }
        return placements
    }
}

extension PairedTest: Encodable {
    private enum CodingKeys: String, CodingKey {
        case first, second, difference, interval
        case pValue = "p_value"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(first, forKey: .first)
        try container.encode(second, forKey: .second)
        try container.encode(difference, forKey: .difference)
        try container.encode(interval.map { [$0.lowerBound, $0.upperBound] }, forKey: .interval)
        try container.encode(pValue, forKey: .pValue)
    }
}
