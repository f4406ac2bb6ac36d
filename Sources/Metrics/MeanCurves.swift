import Randomness

/// The ROC and precision-recall curves of one score, or the mean of those of several, as the seeds of a training give them; with how far other
/// seeds and other samples would move them. The mean is taken at each place of the horizontal axis (Fawcett, Pattern Recognition Letters 27,
/// 2006).
public struct MeanCurves: Sendable {
    /// Detection rate by false-alarm rate, or precision by detection rate (recall).
    public struct Curve: Sendable {
        /// Along the horizontal axis, rising.
        public let places: [Double]
        public let means: [Double]
        /// Over the scores, standard deviations (n − 1); nil of one.
        public let deviations: [Double]?
        /// Of the mean over the samples, pointwise 95 %: from the 2.5 % to the 97.5 % quantile of the replicates; nil where all normals or all
        /// anomalies are of one group.
        public let intervals: [ClosedRange<Double>]?

        /// - Parameters:
        ///   - curves: of each score.
        ///   - replicates: means over the scores.
        fileprivate init(_ places: [Double], _ curves: [[Double]], replicates: [[Double]]) {
            let means = mean(of: curves)
            (self.places, self.means) = (places, means)
            deviations =
                curves.count < 2
                ? nil
                : places.indices.map { place in
                    let squares = curves.reduce(0) { $0 + ($1[place] - means[place]) * ($1[place] - means[place]) }
                    return (squares / Double(curves.count - 1)).squareRoot()
                }
            intervals = replicates.isEmpty ? nil : places.indices.map { place in interval(of: replicates.map { $0[place] }) }
        }
    }

    /// At hundredths of the axis; detection at smaller rates down to 10⁻⁵, too, and precision not at 0.
    public let roc: Curve, precision: Curve

    /// Of the bootstrap, where the samples are few enough for all of them.
    public static let replicates = 200
    /// Samples times scores times replicates that are worth their time.
    private static let effort = 400_000_000

    /// Takes up to `replicates` times as long as the curves.
    /// - Parameters:
    ///   - scores: one column or several of the same samples; finite.
    ///   - areAnomalies: some are and some are not.
    ///   - groups: the group of each sample, where whole groups are drawn; else normals and anomalies are, each among themselves.
    public init(scores: [[Double]], areAnomalies: [Bool], groups: [Int]? = nil, seed: UInt64 = 0) {
        precondition(!scores.isEmpty && groups.map { $0.count == areAnomalies.count } ?? true, "columns of different length")
        let descents = scores.map { Descent($0, areAnomalies) }, draws = Draws(areAnomalies, groups, seed: seed)
        let recalls = (1 ... 100).map { Double($0) / 100 }
        let rates = [0] + [1e5, 1e4, 1e3].flatMap { power in [1, 2, 5].map { $0 / power } } + recalls
        func curves(_ weight: (Int) -> Int) -> (detected: [[Double]], precisions: [[Double]])? {
            let points = descents.map { $0.points(weight) }
            // the scores are of the same samples, so that all have points or none
            guard !points[0].isEmpty else { return nil }
            return (points.map { detectionRates(at: rates, $0) }, points.map { precisions(at: recalls, $0) })
        }
        guard let found = curves({ _ in 1 }) else { preconditionFailure("curves without normals or without anomalies") }
        var replicates: (detected: [[Double]], precisions: [[Double]]) = ([], [])
        let worthwhile = max(40, Self.effort / max(1, areAnomalies.count * scores.count))
        for replicate in 0 ..< (draws.haveSpread ? min(Self.replicates, worthwhile) : 0) {
            let weights = draws.weights(replicate)
            guard let drawn = curves({ weights[$0] }) else { continue }
            replicates.detected.append(mean(of: drawn.detected))
            replicates.precisions.append(mean(of: drawn.precisions))
        }
        roc = Curve(rates, found.detected, replicates: replicates.detected)
        precision = Curve(recalls, found.precisions, replicates: replicates.precisions)
    }
}

private func mean(of curves: [[Double]]) -> [Double] {
    curves[0].indices.map { place in curves.reduce(0) { $0 + $1[place] } / Double(curves.count) }
}

/// The curve between its points, as it is drawn.
private func detectionRates(at rates: [Double], _ points: [Curves.Point]) -> [Double] {
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
private func precisions(at recalls: [Double], _ points: [Curves.Point]) -> [Double] {
    var place = 0
    return recalls.map { recall in
        while place + 1 < points.count, points[place].detectionRate < recall - 1e-12 { place += 1 }
        return points[place].precision
    }
}

private func interval(of values: [Double]) -> ClosedRange<Double> {
    let sorted = values.sorted(), cut = sorted.count / 40
    return sorted[cut] ... sorted[sorted.count - 1 - cut]
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
