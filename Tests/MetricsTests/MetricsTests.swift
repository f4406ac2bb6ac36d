import Foundation
import Ranks
import Testing

@testable import Metrics

private func evaluate(_ scores: [Double], _ classes: [Int]) throws -> ScoreMetrics {
    let local = LocalScores(numbers: Array(scores.indices), classes: classes, columns: [ScoreColumn("score", scores)])
    return try Evaluation(of: local, classes: goldenClasses, defaultScore: "score", over: .alone())["score"]!
}

@Suite struct MetricValues {
    @Test(arguments: Goldens.all.cases.map(\.name)) func scikitLearn(_ name: String) throws {
        let golden = try #require(Goldens.all.cases.first { $0.name == name })
        let metrics = try evaluate(golden.scores, golden.classes)
        #expect(["all"] + metrics.classes.map(\.name) == ["all"] + golden.rows.keys.filter { $0 != "all" }.sorted())
        for (row, ours) in [("all", metrics.all)] + metrics.classes.map({ ($0.name, $0.metrics) }) {
            let expected = try #require(golden.rows[row])
            #expect(ours.normals == expected.normals && ours.anomalies == expected.anomalies)
            let pairs = [
                (ours.auroc, expected.auroc), (ours.partialAUROC, expected.auroc_to_fpr_10_percent),
                (ours.averagePrecision, expected.average_precision), (ours.bestF1, expected.best_f1),
                (ours.tprAtOnePercentFPR, expected.tpr_at_fpr_1_percent), (ours.tprAtOnePermilleFPR, expected.tpr_at_fpr_1_permille),
                (ours.fprAt95PercentTPR, expected.fpr_at_tpr_95_percent),
            ]
            for (index, (found, wanted)) in pairs.enumerated() {
                #expect(abs(found - wanted) <= 1e-12, "row \(row), metric \(index): \(found), expected \(wanted)")
            }
            #expect(ours.bestF1Threshold == expected.best_f1_threshold, "row \(row)")
            #expect((ours.aurocInterval == nil) == (expected.auroc_interval == nil), "row \(row)")
            if let found = ours.aurocInterval, let wanted = expected.auroc_interval {
                #expect(
                    abs(found.lowerBound - wanted[0]) <= 1e-12 && abs(found.upperBound - wanted[1]) <= 1e-12,
                    "row \(row): \(found), expected \(wanted)")
            }
        }
    }

    /// Every set of up to five samples with three values and two classes, against the definitions by pairs and by thresholds.
    @Test func exhaustive() throws {
        for size in 2 ... 5 {
            for code in 0 ..< Int(pow(6.0, Double(size))) {
                let digits = (0 ..< size).map { code / Int(pow(6.0, Double($0))) % 6 }
                let (scores, classes) = (digits.map { Double($0 / 2) - 1 }, digits.map { $0 % 2 })
                let (normals, anomalies) = (zip(scores, classes).filter { $1 == 0 }.map(\.0), zip(scores, classes).filter { $1 == 1 }.map(\.0))
                guard !normals.isEmpty, !anomalies.isEmpty else { continue }
                let found = try evaluate(scores, classes).all
                let wins = anomalies.flatMap { anomaly in normals.map { anomaly > $0 ? 2 : anomaly == $0 ? 1 : 0 } }.reduce(0, +)
                #expect(found.auroc == Double(wins) / Double(2 * normals.count * anomalies.count))

                let points = Set(scores).sorted(by: >).map { t in (t, anomalies.count { $0 >= t }, normals.count { $0 >= t }) }
                let f1 = points.map { 2 * Double($0.1) / Double($0.1 + $0.2 + anomalies.count) }
                #expect(found.bestF1 == f1.max()! && found.bestF1Threshold == points[f1.firstIndex(of: f1.max()!)!].0)
                let steps = zip(points, [0] + points.map(\.1)).map { Double($0.1 - $1) * Double($0.1) / Double($0.1 + $0.2) }
                #expect(abs(found.averagePrecision - steps.reduce(0, +) / Double(anomalies.count)) < 1e-15)
                #expect(found.tprAtOnePercentFPR == Double(points.filter { $0.2 == 0 }.map(\.1).max() ?? 0) / Double(anomalies.count))
                #expect(found.fprAt95PercentTPR == Double(points.filter { $0.1 == anomalies.count }.map(\.2).min()!) / Double(normals.count))
            }
        }
    }

    @Test func scoresAreOnlyRanked() throws {
        let golden = try #require(Goldens.all.cases.first { $0.name == "1000 random with ties" })
        let (plain, cubed) = (try evaluate(golden.scores, golden.classes), try evaluate(golden.scores.map { $0 * $0 * $0 }, golden.classes))
        #expect(plain.all.auroc == cubed.all.auroc && plain.all.aurocInterval == cubed.all.aurocInterval)
        #expect(plain.all.averagePrecision == cubed.all.averagePrecision)
        // Turned around, every pair is lost that was won.
        let turned = try evaluate(golden.scores.map { -$0 }, golden.classes)
        #expect(abs(turned.all.auroc + plain.all.auroc - 1) < 1e-15)
    }

    /// The largest sums that `Counting.limit` promises to hold.
    @Test func countsAtTheLimit() {
        let (normals, anomalies) = (1 << 31, 1 << 31 - 1)
        var tally = Tally(normals: normals, anomalies: anomalies, above: .init())
        tally.lower(to: 1, anomalies: anomalies, normals: 0, falseAlarms: 0)
        tally.pass(falseAlarms: normals)
        let perfect = RankMetrics(tally)
        #expect(perfect.auroc == 1 && perfect.aurocInterval == 1 ... 1 && perfect.averagePrecision == 1 && perfect.bestF1 == 1)
        #expect(perfect.tprAtOnePermilleFPR == 1 && perfect.fprAt95PercentTPR == 0)

        tally = Tally(normals: normals, anomalies: anomalies, above: .init())
        tally.lower(to: 1, anomalies: anomalies, normals: normals, falseAlarms: 0)
        tally.pass(falseAlarms: normals)
        let tied = RankMetrics(tally)
        #expect(tied.auroc == 0.5 && tied.aurocInterval == 0.5 ... 0.5 && tied.tprAtOnePercentFPR == 0 && tied.fprAt95PercentTPR == 1)
        #expect(abs(tied.averagePrecision - Double(anomalies) / Double(normals + anomalies)) < 1e-15)
    }
}

@Suite struct MetricErrors {
    private func message(_ scores: [Double], _ classes: [Int], numbers: [Int]? = nil) -> String? {
        let local = LocalScores(numbers: numbers ?? Array(scores.indices), classes: classes, columns: [ScoreColumn("residual", scores)])
        do {
            _ = try Evaluation(of: local, classes: goldenClasses, defaultScore: "residual", over: .alone())
            return nil
        } catch { return "\(error)" }
    }

    @Test func messages() {
        #expect(
            message([1, 2], [1, 2])
                == "none of the 2 samples is normal, and every metric compares anomalies with normals: choose a split that has both")
        #expect(
            message([1], [0]) == "none of the 1 samples is an anomaly, and every metric compares anomalies with normals: choose a split that has both"
        )
        #expect(message([], []) == "none of the 0 samples is normal, and every metric compares anomalies with normals: choose a split that has both")
        #expect(
            message([0, 1, .nan, .infinity], [0, 1, 0, 1], numbers: [4, 5, 9, 8])
                == "sample 8 has the value inf of score \"residual\", expected a finite number: check the sample and the model's weights")
        #expect(
            message([0, .nan], [0, 1])
                == "sample 1 has the value nan of score \"residual\", expected a finite number: check the sample and the model's weights"
        )
        #expect(
            message([0, 1], [0, 4], numbers: [3, 7])
                == "sample 7 has class 4, but the set lists 4 classes, numbered from 0: check its labels against its manifest")
        #expect(
            message([0, 1], [-1, 1]) == "sample 0 has class -1, but the set lists 4 classes, numbered from 0: check its labels against its manifest")
        #expect(
            message([0, 1, 0, 1, 1], [0, 1, 0, 1, 1], numbers: [9, 6, 9, 6, 6])
                == "sample 6 was scored 3 times, expected once: merge score files of disjoint splits only")
        #expect(
            "\(MetricsError.tooMany(samples: 1 << 32))"
                == "4294967296 samples are more than the 4294967295 that rank statistics count: evaluate a smaller split")
        #expect(
            "\(MetricsError.tooManyGroups(groups: 1 << 31, limit: 1 << 30))"
                == "2147483648 groups are more than the 1073741824 that intervals can be drawn over: evaluate a smaller split, or one without groups")
        #expect(message([0, 1], [0, 1]) == nil)
        #expect(MetricsError.noNormals(samples: 1).exitCode == 65)
    }
}

@Suite struct HeldOutErrors {
    /// What is wrong with the held-out normals says so, and is looked for after what is wrong with the samples.
    @Test func messages() {
        func message(_ sample: Double, _ normals: [Double], numbers: [Int]) -> String? {
            let local = LocalScores(numbers: [0, 1], classes: [0, 1], columns: [ScoreColumn("residual", [0, sample])])
            let heldOut = LocalScores(numbers: numbers, classes: normals.map { _ in 0 }, columns: [ScoreColumn("residual", normals)])
            do {
                _ = try Evaluation(of: local, heldOut: heldOut, classes: goldenClasses, defaultScore: "residual", over: .alone())
                return nil
            } catch { return "\(error)" }
        }
        #expect(
            message(1, [0, .nan], numbers: [4, 7])
                == "held-out normals of the training split: sample 7 has the value nan of score \"residual\", expected a finite number: "
                + "check the sample and the model's weights")
        #expect(
            message(1, [0, 1], numbers: [4, 4])
                == "held-out normals of the training split: sample 4 was scored 2 times, expected once: merge score files of disjoint splits only")
        #expect(
            message(.nan, [.nan], numbers: [4])
                == "sample 1 has the value nan of score \"residual\", expected a finite number: check the sample and the model's weights")
        #expect(message(1, [], numbers: []) == nil && message(1, [3], numbers: [0]) == nil)
    }
}

@Suite struct Sorting {
    @Test func keysKeepTheOrderOfNumbers() {
        let ascending: [Double] = [-1.7e308, -1, -1e-300, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 1e-300, 1, 1.7e308]
        let keys = ascending.map { Run(score: $0, tag: 0).key }
        #expect(keys == keys.sorted() && Set(keys).count == keys.count)
        #expect(ascending.map { Run(score: $0, tag: 0).score } == ascending)
        #expect(Run(score: -0.0, tag: 0).key == Run(score: 0, tag: 0).key)
    }

    @Test func bytesAndBack() {
        let runs = [Run(key: .max, tag: 3, count: 7), Run(key: 0, tag: 0, count: .max)]
        #expect(values(of: bytes(of: runs), as: Run.self) == runs)
        #expect(values(of: bytes(of: runs[1...]), as: Run.self) == [runs[1]])
        #expect(values(of: [], as: Run.self).isEmpty)
    }

    /// Ranks' shares after the sort, played through without MPI: nothing lost, ranges disjoint and ascending, no rank overloaded.
    @Test(arguments: [2, 3, 4, 7, 16], ["distinct", "sorted", "all equal", "one heavy score", "256 levels", "one rank has all"])
    func shares(ranks: Int, placing: String) {
        let samples = 20_000
        var state: UInt64 = 1
        func draw() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }
        var locals = [[Run]](repeating: [], count: ranks)
        for sample in 0 ..< samples {
            let score =
                switch placing {
                case "sorted": Double(sample)
                case "all equal": 1.5
                case "one heavy score": draw() < 0.9 ? 0.5 : draw()
                case "256 levels": (draw() * 256).rounded(.down)
                default: draw()
                }
            locals[placing == "one rank has all" ? ranks / 2 : sample * ranks / samples].append(Run(score: score, tag: sample % 2))
        }
        for rank in locals.indices { locals[rank].sortAndJoin() }
        let total = locals.reduce(0) { $0 + $1.count }
        let cuts = dividing(locals.flatMap { $0.samples(total: total, ranks: ranks) }, ranks: ranks)
        let pieces = locals.map { $0.cut(at: cuts) }
        #expect(pieces.allSatisfy { $0.count == ranks })
        let received = (0 ..< ranks).map { rank in pieces.flatMap { $0[rank] } }
        #expect(received.reduce(0) { $0 + $1.reduce(0) { $0 + Int($1.count) } } == samples)
        for (rank, runs) in received.enumerated() {
            #expect(runs.count <= 2 * total / ranks + 2 * ranks, "rank \(rank) holds \(runs.count) of \(total)")
            let lower = received[..<rank].joined().map(\.key).max()
            if let lower, let lowest = runs.map(\.key).min() { #expect(lower < lowest) }
        }
    }
}
