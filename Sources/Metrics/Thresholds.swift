import Ranks

/// How a score does at one threshold: all anomalies against all normals.
/// An alarm is a score ≥ threshold.
public struct ThresholdMetrics: Sendable, Equatable {
    public let threshold: Double
    public let normals: Int, anomalies: Int
    /// Anomalies, and normals, that raise an alarm.
    public let detected: Int, falseAlarms: Int

    /// The share of alarms that are right; 0 without alarms, as scikit-learn's `zero_division=0`.
    public var precision: Double { detected == 0 ? 0 : Double(detected) / Double(detected + falseAlarms) }
    /// The share of anomalies that raise an alarm.
    public var recall: Double { Double(detected) / Double(anomalies) }
    /// The harmonic mean of precision and recall.
    public var f1: Double { Double(2 * detected) / Double(detected + falseAlarms + anomalies) }
    /// The share of normals that raise an alarm.
    public var falseAlarmRate: Double { Double(falseAlarms) / Double(normals) }

    /// Counts the alarms of the column `score` over all ranks. The samples must have passed `Evaluation`, which checks them.
    ///
    /// - Throws: `MetricsError` where there are no normals or no anomalies, and what the group throws.
    public init(of local: LocalScores, score: String, threshold: Double, classes: [SampleClass], over group: RankGroup) throws {
        var counts = [Int64](repeating: 0, count: 4)
        for (value, index) in zip(local.column(score), local.classes) {
            let side = classes[index].isNormal ? 0 : 1
            counts[side] += 1
            if value >= threshold { counts[2 + side] += 1 }
        }
        let sums = try group.sum(counts).map { Int($0) }
        guard sums[0] > 0 else { throw MetricsError.noNormals(samples: sums[1]) }
        guard sums[1] > 0 else { throw MetricsError.noAnomalies(samples: sums[0]) }
        self.threshold = threshold
        (normals, anomalies, falseAlarms, detected) = (sums[0], sums[1], sums[2], sums[3])
    }
}

/// A score at the thresholds that are reported: chosen without looking at which of the evaluated samples are anomalies.
public struct OperatingPoints: Sendable, Equatable {
    /// The share of held-out normals that stay below their threshold, and where on the scale from the least to the largest score the other is.
    public static let quantile = 0.95, fraction = 0.2
    /// By the quantile of held-out normals; nil where there are none.
    public let heldOut: ThresholdMetrics?
    /// As the survey describes: on min-max normalized scores.
    public let minMax: ThresholdMetrics
    /// Where the share of the samples with the highest scores that are to raise an alarm was given.
    public let top: ThresholdMetrics?

    /// - Parameters:
    ///   - normals: this rank's scores of held-out normals.
    ///   - share: of the samples, in (0, 1), that are to raise an alarm; benchmarks of tables give the share of anomalies, which is to know
    ///     more than a detector in use would.
    init(
        of local: LocalScores, heldOut normals: [Double], top share: Double?, score: String, classes: [SampleClass], over group: RankGroup
    ) throws {
        func metrics(at threshold: Double) throws -> ThresholdMetrics {
            try ThresholdMetrics(of: local, score: score, threshold: threshold, classes: classes, over: group)
        }
        heldOut = try Threshold.above(quantile: Self.quantile, of: normals, over: group).map(metrics)
        guard let threshold = try Threshold.minMax(fraction: Self.fraction, of: local.column(score), over: group) else {
            throw MetricsError.noNormals(samples: 0)
        }
        minMax = try metrics(at: threshold)
        top = try share.flatMap { try Threshold.above(quantile: 1 - $0, of: local.column(score), over: group) }.map(metrics)
    }
}

/// Rules for a threshold.
public enum Threshold {
    /// Above a quantile of scores, as those of held-out normals, so that at most 1 - `quantile` of them raise an alarm: just above the ⌈quantile · n⌉-th smallest
    /// score (numpy's `inverted_cdf`).
    ///
    /// - Parameters:
    ///   - scores: this rank's, finite; a rank may have none.
    ///   - quantile: in (0, 1], as 0.95.
    /// - Returns: nil where no rank has a score.
    public static func above(quantile: Double, of scores: [Double], over group: RankGroup) throws -> Double? {
        precondition(quantile > 0 && quantile <= 1, "quantile \(quantile) is not in (0, 1]")
        var runs = scores.map { Run(score: $0, tag: 0) }
        try runs.sortOverRanks(of: group)
        let counts = try group.allGather(bytes(of: [runs.reduce(0) { $0 + Int($1.count) }])).map { values(of: $0, as: Int.self)[0] }
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        // A product that rounding put just above a whole number is that number.
        let wanted = max(1, Int((quantile * Double(total) - 1e-9).rounded(.up)))
        var reached = counts[..<group.rank].reduce(0, +)
        let found = runs.first { run in
            reached += Int(run.count)
            return reached >= wanted
        }
        // The ranks above the one that reaches it find a larger score.
        let lowest = try group.allGather(bytes(of: found.map { [$0] } ?? [])).flatMap { values(of: $0, as: Run.self) }.min()
        return lowest?.score.nextUp
    }

    /// The threshold that is `fraction` after the scores of all ranks are scaled to 0 ... 1 by their least and largest; the survey's is 0.2.
    /// It depends on the evaluated samples, though not on their labels.
    ///
    /// - Returns: nil where no rank has a score.
    public static func minMax(fraction: Double = 0.2, of scores: [Double], over group: RankGroup) throws -> Double? {
        let extremes = try group.maximum([scores.max() ?? -.infinity, -(scores.min() ?? .infinity)])
        let (largest, least) = (extremes[0], -extremes[1])
        // Each scaled before the difference, which might be too large.
        return largest < least ? nil : least + (fraction * largest - fraction * least)
    }
}

extension ThresholdMetrics: Encodable {
    private enum CodingKeys: String, CodingKey {
        case threshold, detected, precision, recall, f1
        case falseAlarms = "false_alarms"
        case falseAlarmRate = "false_alarm_rate"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(threshold, forKey: .threshold)
        try container.encode(detected, forKey: .detected)
        try container.encode(falseAlarms, forKey: .falseAlarms)
        try container.encode(precision, forKey: .precision)
        try container.encode(recall, forKey: .recall)
        try container.encode(f1, forKey: .f1)
        try container.encode(falseAlarmRate, forKey: .falseAlarmRate)
    }
}
