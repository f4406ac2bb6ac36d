/// The integers from which every metric of one row follows (a row: some anomalies against all normals). A rank fills it from
/// its range of scores, from the highest down; sums, maxima and minima of integers join ranks in any order, so the metrics have
/// the same bits on any number of ranks and for any placing of the samples.
///
/// An alarm at a threshold t is a score ≥ t.
struct Tally: Sendable {
    /// Detected anomalies and false alarms at one threshold.
    struct Alarms: Sendable, Equatable {
        var detected = 0, falseAlarms = 0
        var threshold = 0.0
    }

    let normals: Int, anomalies: Int

    /// At the lowest threshold met so far.
    private var now: Alarms

    /// Σ over anomalies of T = 2 · (normals below) + (normals equal): AUROC is this / (2 · anomalies · normals).
    private(set) var placements: Int128 = 0
    /// Σ over anomalies of T², and over normals of T² with T = 2 · (anomalies above) + (anomalies equal).
    private(set) var anomalySquares: Int128 = 0, normalSquares: Int128 = 0
    /// Σ over anomalies of the precision at their score, in units of 2⁻⁶²: at most one unit is lost at each distinct score that has an
    /// anomaly, so the mean is exact to 2⁻⁶².
    private(set) var precisions: Int128 = 0
    /// The threshold of the largest F1; of equal ones the highest threshold, which has fewer false alarms.
    private(set) var best = Alarms()
    /// The most anomalies detected while the false alarms are at most 1 % or 1 ‰ of the normals.
    private(set) var detectedAtPercent = 0, detectedAtPermille = 0
    /// The fewest false alarms while at least 95 % of the anomalies are detected.
    private(set) var falseAlarmsAt95: Int

    /// The area under the ROC curve up to 10 % false alarms: Σ of twice the detected anomalies over tenths of normals, and what a slope that
    /// crosses the limit has above its foot, as a fraction.
    private(set) var partialArea: Int128 = 0
    private(set) var slope: (numerator: Int128, denominator: Int) = (0, 1)

    /// - Parameters:
    ///   - normals, anomalies: over all ranks.
    ///   - above: those with a score above this rank's range.
    init(normals: Int, anomalies: Int, above: Alarms) {
        self.normals = normals
        self.anomalies = anomalies
        now = above
        falseAlarmsAt95 = normals
    }

    /// Lowers the threshold to a score that `anomalies` > 0 anomalies and `normals` normals have, when `falseAlarms` normals are above it.
    mutating func lower(to score: Double, anomalies: Int, normals: Int, falseAlarms: Int) {
        pass(falseAlarms: falseAlarms)
        let placement = Int128(2 * (self.normals - falseAlarms - normals) + normals)
        let above = Int128(2 * now.detected + anomalies)
        placements += Int128(anomalies) * placement
        anomalySquares += Int128(anomalies) * placement * placement
        normalSquares += Int128(normals) * above * above
        climb(anomalies: anomalies, normals: normals)
        now = Alarms(detected: now.detected + anomalies, falseAlarms: falseAlarms + normals, threshold: score)
        precisions += (Int128(anomalies) * Int128(now.detected)) << 62 / Int128(now.detected + now.falseAlarms)
        considerBest(now)
        if now.falseAlarms * 100 <= self.normals { detectedAtPercent = now.detected }
        if now.falseAlarms * 1000 <= self.normals { detectedAtPermille = now.detected }
        if now.detected * 100 >= self.anomalies * 95 { falseAlarmsAt95 = min(falseAlarmsAt95, now.falseAlarms) }
    }

    /// Passes normals between two scores of anomalies: all have the same anomalies above them. Called once more at the end of a
    /// rank's range.
    mutating func pass(falseAlarms: Int) {
        let above = Int128(2 * now.detected)
        normalSquares += Int128(falseAlarms - now.falseAlarms) * above * above
        climb(anomalies: 0, normals: falseAlarms - now.falseAlarms)
        now.falseAlarms = falseAlarms
    }

    /// Adds a straight piece of the ROC curve to the partial area. One group of equal scores at most crosses the limit, on one rank.
    private mutating func climb(anomalies: Int, normals: Int) {
        let left = max(0, self.normals - 10 * now.falseAlarms)
        let width = min(left, 10 * normals)
        partialArea += Int128(2 * now.detected) * Int128(width)
        if 10 * normals <= left {
            partialArea += Int128(anomalies) * Int128(width)
        } else if anomalies > 0, width > 0 {
            slope = (Int128(anomalies) * Int128(width) * Int128(width), 10 * normals)
        }
    }

    /// Joins what a rank with a lower range found.
    mutating func join(_ lower: Tally) {
        placements += lower.placements
        anomalySquares += lower.anomalySquares
        normalSquares += lower.normalSquares
        precisions += lower.precisions
        partialArea += lower.partialArea
        if lower.slope.numerator > 0 { slope = lower.slope }
        considerBest(lower.best)
        detectedAtPercent = max(detectedAtPercent, lower.detectedAtPercent)
        detectedAtPermille = max(detectedAtPermille, lower.detectedAtPermille)
        falseAlarmsAt95 = min(falseAlarmsAt95, lower.falseAlarmsAt95)
    }

    /// F1 = 2 · detected / (detected + false alarms + anomalies), compared as fractions; candidates come from the highest threshold down.
    private mutating func considerBest(_ candidate: Alarms) {
        func size(_ alarms: Alarms) -> Int128 { Int128(alarms.detected + alarms.falseAlarms + anomalies) }
        if Int128(candidate.detected) * size(best) > Int128(best.detected) * size(candidate) { best = candidate }
    }
}

extension Tally: BitwiseCopyable {}
extension Tally.Alarms: BitwiseCopyable {}
