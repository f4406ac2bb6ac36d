import Foundation
import Testing

@testable import Metrics

private func curve(_ samples: [(score: Double, isAnomaly: Bool)]) -> ROC? {
    var tally = ROCTally(anomalies: samples.filter(\.isAnomaly).map(\.score))
    for sample in samples where !sample.isAnomaly { tally.add(sample.score) }
    return tally.curve
}

@Suite struct ROCTests {
    /// Every set of up to five samples with three values and two classes: the area by pairs, each point by its threshold, and the thresholds
    /// of labels as the rule that sees all samples chooses them.
    @Test func exhaustive() throws {
        for size in 2 ... 5 {
            for code in 0 ..< Int(pow(6.0, Double(size))) {
                let digits = (0 ..< size).map { code / Int(pow(6.0, Double($0))) % 6 }
                let samples = digits.map { (score: Double($0 / 2) - 1, isAnomaly: $0 % 2 == 1) }
                let (anomalies, normals) = (samples.filter(\.isAnomaly).map(\.score), samples.filter { !$0.isAnomaly }.map(\.score))
                guard !normals.isEmpty, !anomalies.isEmpty else {
                    #expect(curve(samples) == nil)
                    continue
                }
                let found = try #require(curve(samples))
                let wins = anomalies.flatMap { anomaly in normals.map { anomaly > $0 ? 2 : anomaly == $0 ? 1 : 0 } }.reduce(0, +)
                #expect(found.area == Double(wins) / Double(2 * normals.count * anomalies.count))
                for point in found.points {
                    #expect(
                        point.detected == anomalies.count { $0 >= point.threshold } && point.falseAlarms == normals.count { $0 >= point.threshold })
                }
                #expect(found.points.last!.detected == anomalies.count && found.points.last!.falseAlarms == normals.count)
                #expect(zip(found.points, found.points.dropFirst()).allSatisfy { $0.threshold > $1.threshold })
                for rule in [ThresholdRule.bestF1, .cost(miss: 1), .cost(miss: 0.3), .cost(miss: 10)] {
                    #expect(try rule.threshold(on: found) == rule.threshold(nil, samples), "\(rule) of \(samples)")
                }
            }
        }
        #expect(ThresholdRule.given(1).threshold(on: try #require(curve([(1, true), (0, false)]))) == nil)
    }

    /// The very number that sorting finds, whatever its sign, also among equal ones.
    @Test func orderStatistics() {
        let numbers: [Float] = [3, -1, 0, 0, .leastNonzeroMagnitude, -1e30, 7.25, -0.5, 3, 1e30], sorted = numbers.sorted()
        for k in 1 ... numbers.count {
            let found = orderStatistic(k) { take in
                take(Array(numbers[..<4]))
                take(Array(numbers[4...]))
            }
            #expect(found == sorted[k - 1], "\(k)")
        }
    }
}
