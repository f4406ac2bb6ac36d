import Foundation
import Ranks

/// What the scores of held-out normals, which no training has seen, say of a score.
public struct Calibration: Sendable {
    /// In ascending order.
    public let normals: [Double]

    /// - Parameter scores: of held-out normals, finite.
    public init(_ scores: [Double]) { normals = scores.sorted() }

    /// Held-out normals that raise an alarm: score ≥ threshold.
    public func alarms(at threshold: Double) -> Int {
        var (low, high) = (0, normals.count)
        while low < high {
            let middle = (low + high) / 2
            if normals[middle] < threshold { low = middle + 1 } else { high = middle }
        }
        return normals.count - low
    }

    /// The probability that a normal scores as high: (1 + held-out normals that do) / (1 + all of them), the conformal p-value. Of a new
    /// normal it is at most α with a probability of at most α, whatever the distribution of scores.
    public func falseAlarmProbability(of score: Double) -> Double { Double(1 + alarms(at: score)) / Double(1 + normals.count) }

    /// The largest rate of false alarms that so few among the held-out normals speak against: the upper end of the one-sided interval of
    /// Clopper and Pearson (1934).
    public func highestRate(at threshold: Double, confidence: Double = 0.95) -> Double {
        let (found, count) = (alarms(at: threshold), normals.count)
        guard found < count else { return 1 }
        // P(at most `found` of `count`) falls with the rate: bisection to the last bit that matters
        var (low, high) = (0.0, 1.0)
        for _ in 0 ..< 60 {
            let rate = (low + high) / 2
            if Self.probability(ofAtMost: found, of: count, rate: rate) > 1 - confidence { low = rate } else { high = rate }
        }
        return high
    }

    private static func probability(ofAtMost most: Int, of count: Int, rate: Double) -> Double {
        (0 ... most).reduce(0) { sum, k in
            let ways = lgamma(Double(count + 1)) - lgamma(Double(k + 1)) - lgamma(Double(count - k + 1))
            return sum + exp(ways + Double(k) * log(rate) + Double(count - k) * log1p(-rate))
        }
    }
}

/// How a threshold is found.
public enum ThresholdRule: Sendable, Equatable {
    /// Above a quantile of held-out normals: `rate` of them raise an alarm.
    case quantile(rate: Double)
    /// Where a generalized Pareto distribution of the held-out normals' largest scores (`TailFit`) leaves `rate` above.
    case tail(rate: Double)
    /// The best F1 on the labels of the scored samples.
    case bestF1
    /// The least cost on the labels of the scored samples: 1 for a false alarm, `miss` for an anomaly without alarm.
    case cost(miss: Double)
    case given(Double)

    /// Whether labels of the scored samples decide it: then what these samples say of it is too good.
    public var dependsOnLabels: Bool {
        switch self {
        case .bestF1, .cost: true
        default: false
        }
    }

    /// The threshold; an alarm is a score ≥ it.
    /// - Parameters:
    ///   - calibration: by held-out normals.
    ///   - labeled: all scored samples, where labels decide.
    /// - Throws: where what the rule needs is not there; the message says what does without.
    public func threshold(_ calibration: Calibration?, _ labeled: [(score: Double, isAnomaly: Bool)]?) throws(ThresholdError) -> Double {
        switch self {
        case .given(let value): return value
        case .quantile(let rate):
            let normals = try Self.normals(calibration), wanted = max(1, Int((((1 - rate) * Double(normals.count)) - 1e-9).rounded(.up)))
            return normals[wanted - 1].nextUp
        case .tail(let rate):
            let normals = try Self.normals(calibration)
            guard rate <= TailFit.share else {
                throw ThresholdError("a false-alarm rate of \(rate) is not in the tail, the highest \(TailFit.share) of scores; ask for a quantile")
            }
            guard let fit = TailFit(normals) else {
                throw ThresholdError(
                    "\(normals.count) held-out normals are too few, or too alike, to fit a tail to; it takes "
                        + "\(Int(Double(TailFit.leastExcesses) / TailFit.share)) different ones, or ask for a quantile")
            }
            return fit.threshold(rate: rate)
        case .bestF1, .cost: return try Self.best(labeled, merit!)
        }
    }

    /// What a rule that goes by labels makes greatest.
    var merit: ((_ detected: Int, _ falseAlarms: Int, _ anomalies: Int) -> Double)? {
        switch self {
        case .bestF1: { detected, alarms, anomalies in Double(2 * detected) / Double(detected + alarms + anomalies) }
        case .cost(let miss): { detected, alarms, anomalies in -Double(alarms) - miss * Double(anomalies - detected) }
        default: nil
        }
    }

    private static func normals(_ calibration: Calibration?) throws(ThresholdError) -> [Double] {
        guard let calibration, !calibration.normals.isEmpty else {
            throw ThresholdError("there are no held-out normals to choose a threshold by; give a number")
        }
        return calibration.normals
    }

    /// The threshold of the greatest merit, of equal ones the highest; every score is one, and a number above all.
    private static func best(
        _ labeled: [(score: Double, isAnomaly: Bool)]?, _ merit: (_ detected: Int, _ falseAlarms: Int, _ anomalies: Int) -> Double
    ) throws(ThresholdError) -> Double {
        let all = (labeled ?? []).sorted { $0.score > $1.score }, anomalies = all.count(where: \.isAnomaly)
        guard let first = all.first, anomalies > 0, anomalies < all.count else {
            throw ThresholdError("a threshold by labels takes labeled normals and anomalies, as a set has them; ask for a quantile or a tail")
        }
        var (detected, alarms) = (0, 0), best = (merit: merit(0, 0, anomalies), threshold: first.score.nextUp)
        for (place, sample) in all.enumerated() {
            if sample.isAnomaly { detected += 1 } else { alarms += 1 }
            guard place + 1 == all.count || all[place + 1].score < sample.score else { continue }
            let now = merit(detected, alarms, anomalies)
            if now > best.merit { best = (now, sample.score) }
        }
        return best.threshold
    }
}

/// Why a rule gives no threshold.
public struct ThresholdError: ExitCoded, Equatable, CustomStringConvertible {
    public let description: String
    public var exitCode: Int32 { 64 }

    init(_ description: String) { self.description = description }
}
