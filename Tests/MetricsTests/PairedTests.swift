import Metrics
import Ranks
import Testing

@Suite struct Paired {
    private func test(_ first: [Double], _ second: [Double], _ classes: [Int]) throws -> PairedTest {
        let columns = [ScoreColumn("first", first), ScoreColumn("second", second)]
        let local = LocalScores(numbers: Array(first.indices), classes: classes, columns: columns)
        return try PairedTest(of: local, first: "first", second: "second", classes: goldenClasses, over: .alone())
    }

    @Test(arguments: Goldens.all.paired.map(\.name)) func definition(_ name: String) throws {
        let golden = try #require(Goldens.all.paired.first { $0.name == name })
        let found = try test(golden.first, golden.second, golden.classes)
        let interval = try #require(found.interval), pValue = try #require(found.pValue)
        #expect(abs(found.difference - golden.difference) <= 1e-12)
        #expect(abs(interval.lowerBound - golden.interval[0]) <= 1e-12 && abs(interval.upperBound - golden.interval[1]) <= 1e-12)
        #expect(abs(pValue - golden.p_value) <= 1e-12)
        let turned = try test(golden.second, golden.first, golden.classes)
        #expect(turned.difference == -found.difference && turned.pValue == pValue && turned.interval == -interval.upperBound ... -interval.lowerBound)
    }

    /// Where the difference has no variance, or there is none.
    @Test func edges() throws {
        let same = try test([0, 1, 2, 3], [0, 10, 20, 30], [0, 1, 0, 1])
        #expect(same.difference == 0 && same.pValue == 1 && same.interval == 0 ... 0)
        let opposite = try test([0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1])
        #expect(opposite.difference == 1 && opposite.pValue == 0 && opposite.interval == 1 ... 1)
        let single = try test([0, 0, 1], [1, 0, 1], [0, 0, 1])
        #expect(single.difference == 0.25 && single.pValue == nil && single.interval == nil)
    }

    @Test func errors() {
        #expect(throws: MetricsError.noAnomalies(samples: 2)) { try test([0, 1], [0, 1], [0, 0]) }
        #expect(throws: MetricsError.noNormals(samples: 2)) { try test([0, 1], [0, 1], [1, 2]) }
        #expect(throws: MetricsError.notFinite(sample: 1, score: "second", value: .infinity)) { try test([0, 1], [0, .infinity], [1, 0]) }
    }
}
