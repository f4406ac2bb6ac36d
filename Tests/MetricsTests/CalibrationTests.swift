import Foundation
import Metrics
import Testing

@Suite struct CalibrationTests {
    /// A hundred normals, 0 to 99.
    private let hundred = Calibration((0 ..< 100).shuffled().map(Double.init))

    @Test func probabilities() {
        #expect(hundred.falseAlarmProbability(of: 99.5) == 1 / 101.0 && hundred.falseAlarmProbability(of: 99) == 2 / 101.0)
        #expect(hundred.falseAlarmProbability(of: -1) == 1 && hundred.alarms(at: 90) == 10)
        #expect(Calibration([3, 3, 3]).alarms(at: 3) == 3 && Calibration([3, 3, 3]).alarms(at: 3.1) == 0)
    }

    /// As tables of the binomial distribution have it: 3/n at none, and 0.1030 at 5 of 100 (R: binom.test(5, 100, alternative = "less")).
    @Test func highestRates() {
        #expect(abs(hundred.highestRate(at: 1000) - (1 - pow(0.05, 0.01))) < 1e-12)
        #expect(abs(hundred.highestRate(at: 95) - 0.10225) < 1e-4, "\(hundred.highestRate(at: 95))")
        #expect(hundred.highestRate(at: 0) == 1)
    }

    @Test func quantiles() throws {
        #expect(try ThresholdRule.quantile(rate: 0.05).threshold(hundred, nil) == 94.0.nextUp)
        #expect(try ThresholdRule.quantile(rate: 0.001).threshold(hundred, nil) == 99.0.nextUp)
        #expect(try ThresholdRule.given(7).threshold(nil, nil) == 7)
    }

    /// A Pareto tail of known shape comes back from its own quantiles, and the threshold is where that distribution has the rate.
    @Test(arguments: [-0.3, 0, 0.3]) func tails(shape: Double) throws {
        // quantile of share p above: scale 2, origin at 0
        func quantile(_ p: Double) -> Double { shape == 0 ? -2 * log(p) : 2 / shape * (pow(p, -shape) - 1) }
        let count = 20000, scores = (0 ..< count).map { quantile((Double($0) + 0.5) / Double(count)) }, fit = try #require(TailFit(scores.sorted()))
        #expect(abs(fit.shape - shape) < 0.01 && fit.excesses == count / 10, "\(fit)")
        for rate in [0.05, 1e-3, 1e-5] {
            let threshold = try ThresholdRule.tail(rate: rate).threshold(Calibration(scores), nil)
            #expect(abs(threshold / quantile(rate) - 1) < 0.02, "\(threshold), \(quantile(rate))")
        }
    }

    @Test func tailsThatCannotBeFitted() {
        #expect(TailFit((0 ..< 199).map(Double.init)) == nil && TailFit(Array(repeating: 1, count: 400)) == nil)
        #expect(TailFit((0 ..< 200).map(Double.init)) != nil)
    }

    /// By all thresholds that there are.
    @Test func byLabels() throws {
        let labeled = [(1.0, false), (2, true), (2, false), (3, false), (4, true), (5, true), (5, false), (6, true)].map {
            (score: $0.0, isAnomaly: $0.1)
        }
        func counts(_ threshold: Double) -> (detected: Int, alarms: Int) {
            let raised = labeled.filter { $0.score >= threshold }
            return (raised.count(where: \.isAnomaly), raised.count { !$0.isAnomaly })
        }
        let f1 = try ThresholdRule.bestF1.threshold(nil, labeled)
        #expect(f1 == 4 && ThresholdRule.bestF1.dependsOnLabels && !ThresholdRule.tail(rate: 0.1).dependsOnLabels)
        for miss in [0.1, 0.9, 1.1, 5] {
            func cost(_ threshold: Double) -> Double {
                let (detected, alarms) = counts(threshold)
                return Double(alarms) + miss * Double(4 - detected)
            }
            let found = try ThresholdRule.cost(miss: miss).threshold(nil, labeled)
            #expect(cost(found) == ([1, 2, 3, 4, 5, 6, 7].map(cost).min()!), "\(miss): \(found)")
        }
    }

    @Test func refusals() {
        func message(_ rule: ThresholdRule, _ calibration: Calibration?, _ labeled: [(score: Double, isAnomaly: Bool)]? = nil) -> String {
            do { return "\(try rule.threshold(calibration, labeled))" } catch { return "\(error)" }
        }
        #expect(message(.quantile(rate: 0.1), nil) == "there are no held-out normals to choose a threshold by; give a number")
        #expect(message(.tail(rate: 0.2), hundred).contains("0.2 is not in the tail, the highest 0.1 of scores; ask for a quantile"))
        #expect(message(.tail(rate: 0.01), hundred).hasPrefix("100 held-out normals are too few"))
        #expect(message(.bestF1, hundred).contains("takes labeled normals and anomalies"))
        #expect(message(.bestF1, hundred, [(1, true)]).contains("takes labeled normals and anomalies"))
    }
}
