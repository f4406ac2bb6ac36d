import Metrics
import Ranks
import Testing

@Suite struct Thresholds {
    @Test(arguments: Goldens.all.cases.map(\.name)) func scikitLearn(_ name: String) throws {
        let golden = try #require(Goldens.all.cases.first { $0.name == name })
        for rule in golden.thresholds {
            let normals = zip(golden.scores, golden.classes).filter { $1 == 0 }.map(\.0)
            let threshold =
                switch rule.rule {
                case "min_max": try #require(try Threshold.minMax(of: golden.scores, over: .alone()))
                case "quantile_95": try #require(try Threshold.above(quantile: 0.95, of: normals, over: .alone()))
                default: try #require(try Threshold.above(quantile: 0.5, of: normals, over: .alone()))
                }
            #expect(threshold == rule.threshold)
            let found = try ThresholdMetrics(of: golden.local, score: "score", threshold: threshold, classes: goldenClasses, over: .alone())
            #expect(abs(found.precision - rule.precision) <= 1e-12 && abs(found.recall - rule.recall) <= 1e-12 && abs(found.f1 - rule.f1) <= 1e-12)
        }
    }

    /// At most the asked share of held-out normals is above, and with the next lower of them more would be.
    @Test func quantiles() throws {
        for count in 1 ... 40 {
            let scores = (0 ..< count).map { Double($0 * 7 % 10) }
            for percent in 1 ... 100 {
                let threshold = try #require(try Threshold.above(quantile: Double(percent) / 100, of: scores, over: .alone()))
                let allowed = count * (100 - percent) / 100
                #expect(scores.count { $0 >= threshold } <= allowed)
                #expect(scores.count { $0 >= threshold.nextDown } > allowed)
            }
        }
    }

    /// The areas under Pd(τ) and Pf(τ), step by step from one scaled score to the next, are the means that are computed.
    @Test(arguments: Goldens.all.cases.map(\.name)) func areas(_ name: String) throws {
        let golden = try #require(Goldens.all.cases.first { $0.name == name })
        // halves, since the largest and the least may be further apart than the largest Double
        let (least, largest) = (golden.scores.min()! / 2, golden.scores.max()! / 2)
        let scaled = golden.scores.map { largest > least ? ($0 / 2 - least) / (largest - least) : 0 }
        let isNormal = golden.classes.map { goldenClasses[$0].isNormal }
        func area(normal: Bool) -> Double {
            let own = zip(scaled, isNormal).filter { $1 == normal }.map(\.0)
            let steps = Set(own + [0, 1]).sorted()
            return zip(steps, steps.dropFirst()).reduce(0) { area, step in
                area + (step.1 - step.0) * Double(own.count { $0 >= step.1 }) / Double(own.count)
            }
        }
        let found = try Evaluation(of: golden.local, classes: goldenClasses, defaultScore: "score", over: .alone()).scores[0].metrics.areas
        #expect(abs(found.detection - area(normal: false)) <= 1e-12 && abs(found.falseAlarms - area(normal: true)) <= 1e-12)
    }

    @Test func nothing() throws {
        #expect(try Threshold.above(quantile: 0.95, of: [], over: .alone()) == nil)
        #expect(try Threshold.minMax(of: [], over: .alone()) == nil)
        let local = LocalScores(numbers: [0, 1], classes: [0, 1], columns: [ScoreColumn("score", [0, 1])])
        let silent = try ThresholdMetrics(of: local, score: "score", threshold: 2, classes: goldenClasses, over: .alone())
        #expect(silent.precision == 0 && silent.recall == 0 && silent.f1 == 0 && silent.falseAlarmRate == 0)
    }
}
