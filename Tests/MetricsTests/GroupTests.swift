import Metrics
import Ranks
import Testing

@Suite struct Groups {
    private func evaluate(_ scores: [Double], _ classes: [Int], groups: [Int]?) throws -> ScoreMetrics {
        let local = LocalScores(numbers: Array(scores.indices), classes: classes, columns: [ScoreColumn("score", scores)], groups: groups)
        return try Evaluation(of: local, classes: goldenClasses, defaultScore: "score", over: .alone())["score"]!
    }

    private func expectClose(_ found: ClosedRange<Double>?, _ wanted: [Double]?, _ what: String) {
        #expect((found == nil) == (wanted == nil), "\(what)")
        guard let found, let wanted else { return }
        #expect(abs(found.lowerBound - wanted[0]) <= 1e-12 && abs(found.upperBound - wanted[1]) <= 1e-12, "\(what): \(found), expected \(wanted)")
    }

    /// Intervals, the paired test and the rows of groups against scikit-learn with the draws as weights.
    @Test(arguments: Goldens.all.grouped.map(\.name)) func scikitLearn(_ name: String) throws {
        let golden = try #require(Goldens.all.grouped.first { $0.name == name })
        let evaluation = try Evaluation(of: golden.local, classes: goldenClasses, defaultScore: "first", over: .alone())
        let metrics = try #require(evaluation["first"])
        #expect(metrics.classes.count + 1 == golden.intervals.count)
        for (row, found) in [("all", metrics.all)] + metrics.classes.map({ ($0.name, $0.metrics) }) {
            expectClose(found.aurocInterval, try #require(golden.intervals[row]), row)
        }
        let alone = try PairedTest(of: golden.local, first: "first", second: "second", classes: goldenClasses, over: .alone())
        #expect(evaluation.paired == [alone])
        expectClose(alone.interval, golden.paired?.interval, "paired")
        #expect(alone.pValue == golden.paired?.p_value)

        let rows = try #require(metrics.groups)
        #expect(evaluation.groupCount == rows.count && rows.map(\.number) == golden.rows.keys.compactMap { Int($0) }.sorted())
        for row in rows {
            let wanted = try #require(golden.rows[String(row.number)])
            #expect(row.normals == wanted.normals && row.anomalies == wanted.anomalies && row.detected == nil && row.falseAlarms == nil)
            for (found, wanted) in [(row.auroc, wanted.auroc), (row.aurocWithin, wanted.auroc_within)] {
                #expect((found == nil) == (wanted == nil) && abs((found ?? 0) - (wanted ?? 0)) <= 1e-12, "group \(row.number)")
            }
        }
    }

    /// Copies of a sample in its group say nothing new, which DeLong's interval does not know.
    @Test func copiesNarrowNothing() throws {
        let golden = try #require(Goldens.all.cases.first { $0.name == "1000 random with ties" })
        let places = (0 ..< 300).map { $0 }, copies = places + places + places
        let (scores, classes) = (places.map { golden.scores[$0] }, places.map { golden.classes[$0] })
        let single = try evaluate(scores, classes, groups: places).all, delong = try evaluate(scores, classes, groups: nil).all
        let copied = try evaluate(copies.map { scores[$0] }, copies.map { classes[$0] }, groups: copies).all
        let naive = try evaluate(copies.map { scores[$0] }, copies.map { classes[$0] }, groups: nil).all
        #expect(copied.aurocInterval == single.aurocInterval && copied.auroc == single.auroc)
        func width(_ metrics: RankMetrics) throws -> Double {
            let interval = try #require(metrics.aurocInterval)
            return interval.upperBound - interval.lowerBound
        }
        // alone in their groups, samples are independent, and both ways agree but for the bootstrap's own error
        #expect(abs(try width(single) / width(delong) - 1) < 0.1)
        #expect(try width(naive) < 0.6 * width(copied))
    }

    /// Everything but the interval is that of the samples without their groups.
    @Test func groupsMoveNothingElse() throws {
        let golden = try #require(Goldens.all.grouped.first)
        let (with, without) = (
            try evaluate(golden.first, golden.classes, groups: golden.groups), try evaluate(golden.first, golden.classes, groups: nil)
        )
        #expect(without.groups == nil && with.thresholds == without.thresholds)
        for (a, b) in zip([with.all] + with.classes.map(\.metrics), [without.all] + without.classes.map(\.metrics)) {
            #expect(a.auroc == b.auroc && a.partialAUROC == b.partialAUROC && a.averagePrecision == b.averagePrecision && a.bestF1 == b.bestF1)
            #expect(a.bestF1Threshold == b.bestF1Threshold && a.fprAt95PercentTPR == b.fprAt95PercentTPR && a.aurocInterval != b.aurocInterval)
        }
    }

    /// One group of all samples says nothing of others; groups that only normals are in still are drawn.
    @Test func singleGroups() throws {
        #expect(try evaluate([0, 1, 2, 3], [0, 1, 0, 1], groups: [8, 8, 8, 8]).all.aurocInterval == nil)
        let split = try evaluate([0, 1, 2, 3], [0, 0, 1, 1], groups: [1, 2, 3, 4]).all
        #expect(split.aurocInterval == 1 ... 1)
    }

    @Test func alarms() throws {
        let local = LocalScores(
            numbers: [0, 1, 2, 3, 4], classes: [0, 0, 1, 1, 0], columns: [ScoreColumn("score", [1, 5, 4, 9, 4])], groups: [7, 7, 7, 3, 3])
        let normals = LocalScores(numbers: [5, 8, 9], classes: [0, 0, 0], columns: [ScoreColumn("score", [2, 3, 1])])
        let evaluation = try Evaluation(of: local, heldOut: normals, classes: goldenClasses, defaultScore: "score", over: .alone())
        let metrics = try #require(evaluation["score"]), threshold = try #require(metrics.thresholds.heldOut)
        #expect(evaluation.heldOutNormals == 3 && threshold.threshold == 3.0.nextUp)
        #expect(threshold.detected == 2 && threshold.falseAlarms == 2 && metrics.thresholds.minMax.threshold == 1 + (0.2 * 9 - 0.2 * 1))
        let rows = try #require(metrics.groups)
        #expect(rows.map(\.number) == [3, 7] && rows.map(\.detected) == [1, 1] && rows.map(\.falseAlarms) == [1, 1])
    }
}
