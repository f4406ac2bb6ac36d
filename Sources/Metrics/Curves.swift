/// The ROC and precision-recall curves of one score over all its samples, all anomalies against the normals, for drawing. Figures to quote
/// come from `Evaluation`, which holds no more than a rank's share.
public struct Curves: Sendable {
    /// What a threshold at one score makes of the samples; an alarm is a score ≥ it.
    public struct Point: Sendable {
        public let threshold: Double
        /// Shares of the normals and of the anomalies that raise an alarm, and of the alarms that are right.
        public let falseAlarmRate: Double, detectionRate: Double, precision: Double
    }

    /// From the highest threshold down, one for each distinct score.
    public let points: [Point]

    /// - Parameters:
    ///   - scores: finite; of all samples.
    ///   - areAnomalies: some are and some are not.
    public init(scores: [Double], areAnomalies: [Bool]) { points = Descent(scores, areAnomalies).points { _ in 1 } }

    /// Few enough to draw: successive ones differ by a thousandth of an axis at least, and the ends are there.
    public var drawn: [Point] {
        var kept: [Point] = []
        for point in points {
            if let last = kept.last {
                let steps = [
                    point.falseAlarmRate - last.falseAlarmRate, point.detectionRate - last.detectionRate, point.precision - last.precision,
                ]
                guard steps.contains(where: { abs($0) >= 0.001 }) else { continue }
            }
            kept.append(point)
        }
        if let last = points.last, kept.last?.threshold != last.threshold { kept.append(last) }
        return kept
    }

    /// Precision over recall as stairs: from one recall to the next it is the precision at the latter, so that the area below is the average
    /// precision. Straight lines would promise what no threshold reaches (Davis & Goadrich, ICML 2006).
    /// - Parameter points: by rising recall.
    public static func stairs(_ points: [(recall: Double, precision: Double)]) -> [(x: Double, y: Double)] {
        zip([0] + points.map(\.recall), points).flatMap { before, point in [(before, point.precision), (point.recall, point.precision)] }
    }
}

/// Samples by falling score.
struct Descent {
    private let order: [Int], scores: [Double], areAnomalies: [Bool]

    init(_ scores: [Double], _ areAnomalies: [Bool]) {
        precondition(scores.count == areAnomalies.count, "columns of different length")
        (self.scores, self.areAnomalies) = (scores, areAnomalies)
        order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
    }

    /// The points of the curves when each sample counts as often as said; none where no normal or no anomaly does.
    func points(_ weight: (Int) -> Int) -> [Curves.Point] {
        var totals = (normals: 0, anomalies: 0)
        for sample in order {
            if areAnomalies[sample] { totals.anomalies += weight(sample) } else { totals.normals += weight(sample) }
        }
        guard totals.normals > 0, totals.anomalies > 0 else { return [] }
        var points: [Curves.Point] = [], alarms = (normals: 0, anomalies: 0), added = 0
        for (place, sample) in order.enumerated() {
            let times = weight(sample)
            if areAnomalies[sample] { alarms.anomalies += times } else { alarms.normals += times }
            added += times
            let isLast = place + 1 == order.count || scores[order[place + 1]] < scores[sample]
            guard isLast, added > 0 else { continue }
            added = 0
            points.append(
                Curves.Point(
                    threshold: scores[sample], falseAlarmRate: Double(alarms.normals) / Double(totals.normals),
                    detectionRate: Double(alarms.anomalies) / Double(totals.anomalies),
                    precision: Double(alarms.anomalies) / Double(alarms.anomalies + alarms.normals)))
        }
        return points
    }
}
