/// The receiver operating characteristic of a score, exact: every threshold at which the share of detected anomalies changes is there, and
/// between two of its points the curve is the straight line.
public struct ROC: Sendable, Equatable {
    public struct Point: Sendable, Equatable {
        /// An alarm is a score ≥ it.
        public let threshold: Double
        public let falseAlarms: Int, detected: Int
    }
    /// From the highest threshold, above all scores, to the lowest, where everything raises an alarm.
    public let points: [Point]
    public let normals: Int, anomalies: Int

    /// The probability that an anomaly scores above a normal, ties counted half: `RankMetrics.auroc`, to the last bit.
    public var area: Double {
        let doubled = zip(points, points.dropFirst()).reduce(0) { $0 + ($1.1.falseAlarms - $1.0.falseAlarms) * ($1.0.detected + $1.1.detected) }
        return Double(doubled) / Double(2 * normals * anomalies)
    }

    /// The point at which a rule that goes by labels has its greatest merit, of equal ones the highest.
    ///
    /// It is always an anomaly's score: below one, a threshold that takes in normals alone is worse.
    func best(_ merit: (_ detected: Int, _ falseAlarms: Int, _ anomalies: Int) -> Double) -> Point {
        let merits = points.map { merit($0.detected, $0.falseAlarms, anomalies) }
        return points[merits.firstIndex(of: merits.max()!)!]
    }
}

/// Counts normals against the scores of all anomalies, which alone it keeps: a curve of any number of normals in little memory.
public struct ROCTally: Sendable {
    /// Distinct scores of anomalies, ascending, and how many have each.
    private var scores: [Double] = [], detected: [Int] = []
    /// Normals below each score and above the one before; at the end those above all.
    private var between: [Int]
    /// Normals with the very score.
    private var equal: [Int]
    private var least: Double, largest: Double

    /// - Parameter anomalies: their scores, finite.
    public init(anomalies: [Double]) {
        for score in anomalies.sorted() {
            if score == scores.last {
                detected[detected.count - 1] += 1
            } else {
                scores.append(score)
                detected.append(1)
            }
        }
        (between, equal) = (Array(repeating: 0, count: scores.count + 1), Array(repeating: 0, count: scores.count))
        (least, largest) = (scores.first ?? .infinity, scores.last ?? -.infinity)
    }

    /// Counts a normal.
    public mutating func add(_ score: Double) {
        (least, largest) = (min(least, score), max(largest, score))
        var (low, high) = (0, scores.count)
        while low < high {
            let middle = (low + high) / 2
            if scores[middle] < score { low = middle + 1 } else { high = middle }
        }
        if low < scores.count, scores[low] == score { equal[low] += 1 } else { between[low] += 1 }
    }

    /// The curve; nil where there are no anomalies or no normals.
    public var curve: ROC? {
        let normals = between.reduce(0, +) + equal.reduce(0, +), anomalies = detected.reduce(0, +)
        guard normals > 0, anomalies > 0 else { return nil }
        var points = [ROC.Point(threshold: largest.nextUp, falseAlarms: 0, detected: 0)], (alarms, hits) = (0, 0)
        func append(_ threshold: Double) {
            guard (points.last!.falseAlarms, points.last!.detected) != (alarms, hits) else { return }
            points.append(ROC.Point(threshold: threshold, falseAlarms: alarms, detected: hits))
        }
        for place in scores.indices.reversed() {
            // the corner above the anomalies of this score, then what these and the normals tied with them add
            alarms += between[place + 1]
            append(scores[place].nextUp)
            (alarms, hits) = (alarms + equal[place], hits + detected[place])
            append(scores[place])
        }
        alarms += between[0]
        append(least)
        return ROC(points: points, normals: normals, anomalies: anomalies)
    }
}

extension ThresholdRule {
    /// The threshold of a rule that goes by labels, on the curve of the scored samples; nil of other rules.
    public func threshold(on curve: ROC) -> Double? { merit.map { curve.best($0).threshold } }
}
