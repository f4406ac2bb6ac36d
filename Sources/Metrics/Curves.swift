import Randomness

/// The ROC and precision-recall curves of one score over all its samples, all anomalies against the normals, with pointwise 95 % bands for
/// drawing. Figures to quote come from `Evaluation`, which holds no more than a rank's share.
public struct Curves: Sendable {
    /// What a threshold at one score makes of the samples; an alarm is a score ≥ it.
    public struct Point: Sendable {
        public let threshold: Double
        /// Shares of the normals and of the anomalies that raise an alarm, and of the alarms that are right.
        public let falseAlarmRate: Double, detectionRate: Double, precision: Double
    }
    /// An interval at each of some places along the horizontal axis.
    public struct Band: Sendable {
        public let places: [Double], intervals: [ClosedRange<Double>]
    }

    /// From the highest threshold down, one for each distinct score.
    public let points: [Point]
    /// Detection rate by false-alarm rate, and precision by detection rate (recall): from the 2.5 % to the 97.5 % quantile of the
    /// replicates; nil where they were not asked for, or where all normals or all anomalies are of one group.
    public let rocBand: Band?, precisionBand: Band?

    /// Of the bootstrap, where the samples are few enough for all of them.
    public static let replicates = 200
    /// Samples times replicates that are worth their time.
    private static let effort = 400_000_000

    /// - Parameters:
    ///   - scores: finite; of all samples.
    ///   - areAnomalies: some are and some are not.
    ///   - groups: the group of each sample, where whole groups are drawn; else normals and anomalies are, each among themselves.
    ///   - withBands: takes `replicates` times as long.
    public init(scores: [Double], areAnomalies: [Bool], groups: [Int]? = nil, withBands: Bool = true, seed: UInt64 = 0) {
        precondition(scores.count == areAnomalies.count && groups.map { $0.count == scores.count } ?? true, "columns of different length")
        let order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
        let descent = Descent(order: order, scores: scores, areAnomalies: areAnomalies)
        points = descent.points { _ in 1 }
        let draws = Draws(areAnomalies, groups, seed: seed)
        guard withBands, draws.haveSpread else {
            (rocBand, precisionBand) = (nil, nil)
            return
        }
        let rates = (0 ... 100).map { Double($0) / 100 }, recalls = (1 ... 100).map { Double($0) / 100 }
        var detected = rates.map { _ in [Double]() }, precisions = recalls.map { _ in [Double]() }
        for replicate in 0 ..< min(Self.replicates, max(40, Self.effort / max(1, scores.count))) {
            let weights = draws.weights(replicate), found = descent.points { weights[$0] }
            guard !found.isEmpty else { continue }
            for (place, value) in Self.detection(at: rates, found).enumerated() { detected[place].append(value) }
            for (place, value) in Self.precision(at: recalls, found).enumerated() { precisions[place].append(value) }
        }
        rocBand = Band(places: rates, intervals: detected.map(Self.interval))
        precisionBand = Band(places: recalls, intervals: precisions.map(Self.interval))
    }

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

    // MARK: Bands

    /// The curve between its points, as it is drawn.
    private static func detection(at rates: [Double], _ points: [Point]) -> [Double] {
        var place = 0, before = (x: 0.0, y: 0.0)
        return rates.map { rate in
            while place < points.count, points[place].falseAlarmRate <= rate {
                before = (points[place].falseAlarmRate, points[place].detectionRate)
                place += 1
            }
            guard place < points.count, before.x < rate else { return before.y }
            let share = (rate - before.x) / (points[place].falseAlarmRate - before.x)
            return before.y + share * (points[place].detectionRate - before.y)
        }
    }

    /// At the first threshold, from the highest down, that detects as many.
    private static func precision(at recalls: [Double], _ points: [Point]) -> [Double] {
        var place = 0
        return recalls.map { recall in
            while place + 1 < points.count, points[place].detectionRate < recall - 1e-12 { place += 1 }
            return points[place].precision
        }
    }

    private static func interval(of values: [Double]) -> ClosedRange<Double> {
        let sorted = values.sorted(), cut = sorted.count / 40
        return sorted.isEmpty ? 0 ... 1 : sorted[cut] ... sorted[sorted.count - 1 - cut]
    }
}

/// Samples by falling score.
private struct Descent {
    let order: [Int], scores: [Double], areAnomalies: [Bool]

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

/// How often a replicate draws each sample: draws are keyed by replicate and place, so the bands are the same each time.
private struct Draws {
    /// What is drawn as a whole: the groups, or single samples, normals apart from anomalies.
    private let strata: [[Int]], unit: [Int], units: Int, seed: UInt64
    /// Whether both sides have more than one of what is drawn.
    let haveSpread: Bool

    init(_ areAnomalies: [Bool], _ groups: [Int]?, seed: UInt64) {
        self.seed = seed
        let sides = [false, true].map { side in areAnomalies.indices.filter { areAnomalies[$0] == side } }
        guard let groups else {
            (strata, unit, units) = (sides, Array(areAnomalies.indices), areAnomalies.count)
            haveSpread = sides.allSatisfy { $0.count > 1 }
            return
        }
        let places = Dictionary(uniqueKeysWithValues: Set(groups).sorted().enumerated().map { ($1, $0) })
        let unit = groups.map { places[$0]! }
        (self.unit, units, strata) = (unit, places.count, [Array(0 ..< places.count)])
        haveSpread = sides.allSatisfy { side in Set(side.map { unit[$0] }).count > 1 }
    }

    func weights(_ replicate: Int) -> [Int] {
        var times = [Int](repeating: 0, count: units)
        for (number, members) in strata.enumerated() {
            let philox = Philox(seed: seed, key(of: "bands of curves"), UInt64(replicate), UInt64(number))
            for place in members.indices { times[members[philox.index(below: members.count, UInt64(place))]] += 1 }
        }
        return unit.map { times[$0] }
    }
}
