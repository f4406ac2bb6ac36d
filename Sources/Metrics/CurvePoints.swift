import Ranks

/// Points of the precision-recall and ROC curves of a score, all anomalies against the normals: at a fixed number of places, exact there, of
/// scores that stay on their ranks. An alarm is a score ≥ the threshold.
public struct CurvePoints: Sendable {
    /// What a threshold makes of the samples.
    public struct Alarms: Sendable, Equatable {
        /// Anomalies, and normals, that raise an alarm.
        public let detected: Int, falseAlarms: Int

        public init(detected: Int, falseAlarms: Int) { (self.detected, self.falseAlarms) = (detected, falseAlarms) }
    }

    /// At place k of n, from 0: the highest threshold that misses less than the share (k + 1) / n of the anomalies; the last detects the
    /// anomalies with the highest score alone.
    public let byMisses: [Alarms]
    /// The most anomalies that a threshold detects while at most so many in a thousand normals raise an alarm.
    public let byFalseAlarms: [(perMille: Int, detected: Int)]
    public let normals: Int, anomalies: Int

    /// The samples must have passed `Evaluation`, which checks them. All ranks call this, and all have the points.
    ///
    /// - Parameters:
    ///   - count: of the places along the precision-recall curve.
    ///   - rates: of false alarms along the ROC curve, per mille.
    /// - Throws: what the group throws.
    public init(
        of local: LocalScores, score: String, classes: [SampleClass], count: Int, perMille rates: [Int], over group: RankGroup
    ) throws {
        // tagged 0 where normal, 1 where not
        var runs = zip(local.column(score), local.classes).map { Run(score: $0, tag: classes[$1].isNormal ? 0 : 1) }
        try runs.sortOverRanks(of: group)
        let own = [0, 1].map { tag in runs.reduce(0) { $0 + ($1.tag == tag ? Int($1.count) : 0) } }
        let byRank = try group.allGather(bytes(of: own)).map { values(of: $0, as: Int.self) }
        let totals = byRank.reduce([0, 0]) { [$0[0] + $1[0], $0[1] + $1[1]] }
        var alarms = byRank.dropFirst(group.rank + 1).reduce([0, 0]) { [$0[0] + $1[0], $0[1] + $1[1]] }

        // each rank goes down its range of scores; places that lie above or below it are other ranks'
        let wanted = (0 ..< count).map { place in (count - place - 1) * totals[1] / count + 1 }
        let limits = rates.map { $0 * totals[0] / 1000 }
        var reached = [Alarms?](repeating: nil, count: count), most = limits.map { alarms[0] <= $0 ? alarms[1] : 0 }
        var end = runs.count, next = count - 1
        while end > 0 {
            let key = runs[end - 1].key
            while end > 0, runs[end - 1].key == key {
                alarms[Int(runs[end - 1].tag)] += Int(runs[end - 1].count)
                end -= 1
            }
            while next >= 0, wanted[next] <= alarms[1] {
                reached[next] = Alarms(detected: alarms[1], falseAlarms: alarms[0])
                next -= 1
            }
            for (place, limit) in limits.enumerated() where alarms[0] <= limit { most[place] = alarms[1] }
        }

        // whole numbers below 2³², exact in Double; of those that reach a place the highest threshold has the fewest alarms
        let fewest = try group.maximum(reached.flatMap { [-Double($0?.detected ?? Counting.limit), -Double($0?.falseAlarms ?? Counting.limit)] })
        let largest = try group.maximum(most.map(Double.init))
        byMisses = (0 ..< count).map { Alarms(detected: Int(-fewest[2 * $0]), falseAlarms: Int(-fewest[2 * $0 + 1])) }
        byFalseAlarms = zip(rates, largest).map { ($0, Int($1)) }
        (normals, anomalies) = (totals[0], totals[1])
    }
}
