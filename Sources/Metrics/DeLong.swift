import Glibc
import Ranks

/// Sums of the integers T that place each sample against the other side (for an anomaly 2 · normals below + normals equal, for a
/// normal 2 · anomalies above + anomalies equal), or of the differences of T between two scores.
struct PlacementSquares {
    /// Σ T over anomalies; over normals it is the same.
    var total: Int128 = 0
    /// Σ T².
    var anomalies: Int128 = 0, normals: Int128 = 0

    /// The 97.5 % quantile of the normal distribution.
    static let quantile = 1.959963984540054

    /// DeLong's variance of the AUROC (or of a difference of two): (variance of V over anomalies) / anomalies + (variance of V over
    /// normals) / normals, where V = T / (2 · others). Nil where a side has one sample and so no variance.
    func variance(normals normalCount: Int, anomalies anomalyCount: Int) -> Double? {
        func meanVariance(_ count: Int, others: Int, squares: Int128) -> Double {
            let spread = Double(Int128(count) * squares - total * total)
            let (count, others) = (Double(count), Double(others))
            return spread / (count * (count - 1)) / (4 * others * others) / count
        }
        guard normalCount > 1, anomalyCount > 1 else { return nil }
        return meanVariance(anomalyCount, others: normalCount, squares: anomalies) + meanVariance(normalCount, others: anomalyCount, squares: normals)
    }

    /// Half the width of the 95 % interval.
    func reach(normals: Int, anomalies: Int) -> Double? { variance(normals: normals, anomalies: anomalies).map { Self.quantile * $0.squareRoot() } }
}

/// Whether two scores of the same samples differ in AUROC by more than chance: the paired test of DeLong, DeLong & Clarke-Pearson
/// (Biometrics 44, 1988), all anomalies against all normals.
public struct PairedTest: Sendable, Equatable {
    /// The names of the scores.
    public let first: String, second: String
    /// AUROC of the first minus that of the second.
    public let difference: Double
    /// The 95 % interval of the difference; nil where there is a single normal or anomaly.
    public let interval: ClosedRange<Double>?
    /// The chance of a difference this large, either way, between scores that rank equally well; nil as the interval.
    public let pValue: Double?

    /// Compares two columns of `local`. Every rank calls this with its own samples and gets the same bits, for any placing of the samples.
    ///
    /// - Throws: `MetricsError`, the same on all ranks, and what the group throws.
    public init(of local: LocalScores, first: String, second: String, classes: [SampleClass], over group: RankGroup) throws {
        try local.check(classes: classes.count, over: group)
        let tags = local.classes.map { classes[$0].isNormal ? 0 : 1 }
        let anomalous = tags.reduce(0, +)
        let counts = try group.sum([Int64(tags.count - anomalous), Int64(anomalous)]).map { Int($0) }
        guard counts[0] > 0 else { throw MetricsError.noNormals(samples: counts[1]) }
        guard counts[1] > 0 else { throw MetricsError.noAnomalies(samples: counts[0]) }

        let placements = try [first, second].map { name in
            guard let column = local.columns.first(where: { $0.name == name }) else { preconditionFailure("no score is named \(name)") }
            return try Self.placements(of: column.values, tags: tags, over: group)
        }
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
        interval = squares.reach(normals: counts[0], anomalies: counts[1]).map { max(-1, difference - $0) ... min(1, difference + $0) }
        pValue = squares.variance(normals: counts[0], anomalies: counts[1]).map { variance in
            difference == 0 ? 1 : erfc(abs(difference) / (2 * variance).squareRoot())
        }
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
