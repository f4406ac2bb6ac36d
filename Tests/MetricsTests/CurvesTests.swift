import Metrics
import Testing

@Suite struct CurvesTests {
    /// By hand: 5 normals and 4 anomalies, with a tie across the two.
    @Test func points() {
        let scores = [1.0, 2, 3, 4, 5, 3, 6, 7, 2.5], areAnomalies = [false, false, false, false, false, true, true, true, true]
        let points = Curves(scores: scores, areAnomalies: areAnomalies).points
        #expect(points.map(\.threshold) == [7, 6, 5, 4, 3, 2.5, 2, 1])
        #expect(points.map(\.falseAlarmRate) == [0, 0, 0.2, 0.4, 0.6, 0.6, 0.8, 1])
        #expect(points.map(\.detectionRate) == [0.25, 0.5, 0.5, 0.5, 0.75, 1, 1, 1])
        let precisions: [Double] = [1, 1, 2 / 3, 0.5, 0.5, 4 / 7, 0.5, 4 / 9]
        #expect(points.map(\.precision) == precisions)
    }

    /// The same scores at a few places, by hand; every place is a point of the whole curve.
    @Test func fewPoints() throws {
        let scores = [1.0, 2, 3, 4, 5, 3, 6, 7, 2.5], classes = [0, 0, 0, 0, 0, 1, 1, 1, 1]
        let local = LocalScores(numbers: Array(scores.indices), classes: classes, columns: [ScoreColumn("score", scores)])
        let sides = [SampleClass("benign", isNormal: true), SampleClass("threat", isNormal: false)]
        let few = try CurvePoints(of: local, score: "score", classes: sides, count: 4, perMille: [0, 199, 200, 599, 600, 1000], over: .alone())
        #expect(few.byMisses == [(4, 3), (3, 3), (2, 0), (1, 0)].map(CurvePoints.Alarms.init))
        #expect(few.byFalseAlarms.map(\.detected) == [2, 2, 2, 2, 4, 4] && (few.normals, few.anomalies) == (5, 4))
        // more places than anomalies, and each of them
        let many = try CurvePoints(of: local, score: "score", classes: sides, count: 8, perMille: [], over: .alone())
        #expect(many.byMisses.map(\.detected) == [4, 4, 3, 3, 2, 2, 1, 1])
    }

    /// The area under the curve is the AUROC: the share of pairs in the right order, ties half.
    @Test func area() {
        let scores = (0 ..< 300).map { (number: Int) -> Double in Double((number * 7919) % 61 + (number % 3 == 0 ? 9 : 0)) }
        let areAnomalies = scores.indices.map { $0 % 3 == 0 }
        var area = 0.0, before = (x: 0.0, y: 0.0)
        for point in Curves(scores: scores, areAnomalies: areAnomalies).points {
            area += (point.falseAlarmRate - before.x) * (point.detectionRate + before.y) / 2
            before = (point.falseAlarmRate, point.detectionRate)
        }
        var pairs = 0.0
        for a in scores.indices where areAnomalies[a] {
            for n in scores.indices where !areAnomalies[n] { pairs += scores[a] > scores[n] ? 1 : scores[a] == scores[n] ? 0.5 : 0 }
        }
        #expect(abs(area - pairs / (100 * 200)) < 1e-12)
    }

    /// Around a curve whose false alarms are few the detection rate varies like a share of the anomalies: ± 1.96 √(p (1 − p) / n).
    @Test func bandOfKnownWidth() throws {
        // 40 % of 400 anomalies are above all normals, the others below all
        let scores = (0 ..< 800).map { (number: Int) -> Double in
            let base: Double = number < 400 ? 1 : number < 560 ? 2 : 0
            return base + Double(number) / 1000
        }
        let curves = MeanCurves(scores: [scores], areAnomalies: (0 ..< 800).map { (number: Int) -> Bool in number >= 400 })
        let band = try #require(curves.roc.intervals), place = try #require(curves.roc.places.firstIndex(of: 0.5)), middle = band[place]
        let half: Double = 1.96 * (0.4 * 0.6 / 400.0).squareRoot()
        #expect(curves.roc.means[place] == 0.4 && curves.roc.deviations == nil && middle.contains(0.4))
        #expect(abs((middle.upperBound - middle.lowerBound) / (2 * half) - 1) < 0.3, "\(middle), expected ± \(half)")
        #expect(band.last == 1 ... 1, "at the end everything is detected")
        let precision = try #require(curves.precision.intervals)
        #expect(curves.precision.places.count == precision.count && precision[9] == 1 ... 1)
    }

    /// The same each time; groups make it wider, where their members agree.
    @Test func groups() throws {
        let scores = (0 ..< 400).map { (number: Int) -> Double in Double((number / 20 * 37) % 23 + (number % 2 == 0 ? 2 : 0)) }
        let areAnomalies = scores.indices.map { $0 % 2 == 0 }
        func width(_ curves: MeanCurves) throws -> Double {
            try #require(curves.roc.intervals).reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        }
        let alone = try width(MeanCurves(scores: [scores], areAnomalies: areAnomalies))
        let grouped = try width(MeanCurves(scores: [scores], areAnomalies: areAnomalies, groups: scores.indices.map { $0 / 20 }))
        let again = try width(MeanCurves(scores: [scores], areAnomalies: areAnomalies))
        #expect(alone == again && grouped > 1.2 * alone, "\(alone), \(grouped)")
        #expect(MeanCurves(scores: [scores], areAnomalies: areAnomalies, groups: scores.indices.map { _ in 0 }).roc.intervals == nil)
        #expect(MeanCurves(scores: [[1, 2, 3]], areAnomalies: [false, false, true]).roc.intervals == nil, "a single anomaly")
    }

    /// Two seeds by hand: their mean, their deviation, and a band of the mean that both take part in.
    @Test func meanOfSeeds() throws {
        // all anomalies above all normals; and half of them
        let areAnomalies = (0 ..< 200).map { $0 >= 100 }
        let found = areAnomalies.indices.map { areAnomalies[$0] ? 1.0 : 0 }, half = areAnomalies.indices.map { $0 >= 150 ? 1.0 : 0 }
        let curves = MeanCurves(scores: [found, half], areAnomalies: areAnomalies)
        let deviations = try #require(curves.roc.deviations), band = try #require(curves.roc.intervals)
        let middle = try #require(curves.roc.places.firstIndex(of: 0.5))
        #expect(curves.roc.means[0] == 0.75 && curves.roc.means[middle] == 0.875 && curves.roc.means.last == 1)
        #expect(abs(deviations[0] - 0.5 / 2.0.squareRoot()) < 1e-12 && deviations.last == 0)
        let width = band[0].upperBound - band[0].lowerBound
        // the mean of 1 and a share of one half of 100
        #expect(abs(width / (1.96 * 0.05) - 1) < 0.3 && band[0].contains(0.75), "\(band[0])")
        let precisions: [Double] = [1, 1, (1 + 0.5) / 2, 0.5 + 0.25]
        #expect([0, 49, 50, 99].map { curves.precision.means[$0] } == precisions)
    }

    /// The area below the stairs of precision is the average precision as scikit-learn defines it; that below straight lines is not.
    @Test func stairs() {
        let scores = (0 ..< 90).map { (number: Int) -> Double in Double((number * 37) % 41 + (number % 3 == 0 ? 9 : 0)) }
        let points = Curves(scores: scores, areAnomalies: scores.indices.map { $0 % 3 == 0 }).points
        func area(_ line: [(x: Double, y: Double)]) -> Double {
            zip(line, line.dropFirst()).reduce(0) { $0 + ($1.1.x - $1.0.x) * ($1.0.y + $1.1.y) / 2 }
        }
        var expected = 0.0, recall = 0.0
        for point in points {
            expected += (point.detectionRate - recall) * point.precision
            recall = point.detectionRate
        }
        let corners = points.map { (recall: $0.detectionRate, precision: $0.precision) }
        #expect(abs(area(Curves.stairs(corners)) - expected) < 1e-12)
        #expect(abs(area(corners.map { (x: $0.recall, y: $0.precision) }) - expected) > 1e-3)
        #expect(
            Curves.stairs([(0.5, 1), (1, 0.75)]).map(\.x) == [0, 0.5, 0.5, 1] && Curves.stairs([(0.5, 1), (1, 0.75)]).map(\.y) == [1, 1, 0.75, 0.75])
    }

    /// What is drawn has both ends, and no more points than can be seen.
    @Test func fewAreDrawn() {
        let count = 20000, curves = Curves(scores: (0 ..< count).map(Double.init), areAnomalies: (0 ..< count).map { $0 % 2 == 0 })
        let drawn = curves.drawn
        #expect(curves.points.count == count && drawn.count < 2500 && drawn.first?.threshold == Double(count - 1) && drawn.last?.threshold == 0)
    }
}
