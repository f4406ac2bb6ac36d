@testable import Datasets
import Foundation
import Testing

/// Samples that hold nothing but their number and have class number mod classes.
struct Numbers: SampleSource {
    var shape = [1], type = SampleType.u16, range = 0.0 ... 65535, meaning = "number", classes = ["a", "b", "c"]
    var labels: [Int32]
    var testStart: Int?
    var groups: [Int64]?
    var provenance: [String: String] = [:]

    init(_ count: Int, testStart: Int? = nil, groups: [Int64]? = nil) {
        labels = (0 ..< count).map { Int32($0 % 3) }
        (self.testStart, self.groups) = (testStart, groups)
    }

    func values(of samples: ArraySlice<Int>) -> StoredValues { .u16(samples.map(UInt16.init)) }
}

/// Writes a set as so many ranks would, and reads it back.
func imported(_ job: SetImport, to folder: URL, ranks: Int = 1) throws -> SampleSet {
    let writers = try (0 ..< ranks).map { try SetWriter(at: folder, description: job.description, ranks: ranks, rank: $0) }
    _ = try writers[0].finish(records: writers.flatMap { try job.write(to: $0) })
    return try SampleSet(at: folder)
}

@Suite struct SplitProtocolTests {
    private func division(_ source: Numbers, _ splitProtocol: SplitProtocol) throws -> SplitProtocol.Division {
        try splitProtocol.division(of: source)
    }

    @Test func publishedDivision() throws {
        let source = Numbers(12, testStart: 6)
        let leftOut = try division(source, SplitProtocol(.abnormal(["b"])))
        #expect(leftOut == .init(normalClasses: ["a", "c"], train: [0, 2, 3, 5], test: [6, 7, 8, 9, 10, 11]))
        let oneClass = try division(source, SplitProtocol(.normal(["b"])))
        #expect(oneClass == .init(normalClasses: ["b"], train: [1, 4], test: [6, 7, 8, 9, 10, 11]))
        // GANomaly's split: the abnormal samples of the training side are tested on too, those kept for training aside
        let all = try division(source, SplitProtocol(.abnormal(["b"]), trainAbnormal: 1, testsAllAbnormal: true))
        #expect(all.train == [0, 1, 2, 3, 5] && all.test == [4, 6, 7, 8, 9, 10, 11])
    }

    /// A random half of all, the anomalies of the other half to at most a fifth: KDD99's protocol.
    @Test func drawnDivision() throws {
        let source = Numbers(3000), splitProtocol = SplitProtocol(.abnormal(["c"]), trainShare: 0.5, seed: 7, abnormalShare: 0.2)
        let drawn = try division(source, splitProtocol)
        #expect(try drawn == division(source, splitProtocol))
        let anomalies = drawn.test.count { $0 % 3 == 2 }
        #expect(drawn.train.allSatisfy { $0 % 3 != 2 } && drawn.train == drawn.train.sorted() && drawn.test == drawn.test.sorted())
        #expect(Set(drawn.train).isDisjoint(with: drawn.test))
        #expect(drawn.train.count + drawn.test.count - anomalies == 2000 && abs(drawn.train.count - 1000) < 100)
        #expect(anomalies == (drawn.test.count - anomalies) / 4)
        var other = splitProtocol
        other.seed = 8
        #expect(try division(source, other) != drawn)
        // a limit takes some from everywhere, not the first
        other.trainLimit = 100
        let few = try division(source, other).train
        #expect(few.count == 100 && few.last! > 2000 && few[50] > 500)
    }

    /// As many of both, of each the first: searches that take seconds a sample are scored on a few hundred.
    @Test func balancedTest() throws {
        let source = Numbers(30, testStart: 6)
        #expect(try division(source, SplitProtocol(.abnormal(["b"]), testLimit: 7, testsBalanced: true)).test == [6, 7, 8, 9, 10, 13])
        #expect(try division(source, SplitProtocol(.abnormal(["b"]), testsBalanced: true)).test.map { $0 % 3 == 1 }.filter(\.self).count == 8)
        #expect(try division(source, SplitProtocol(.abnormal(["b"]), testsBalanced: true)).test.count == 16)
    }

    /// No group is on both sides.
    @Test func groupsStayTogether() throws {
        let groups = (0 ..< 600).map { Int64($0 / 20 * 11) }
        let drawn = try division(Numbers(600, groups: groups), SplitProtocol(.abnormal(["a"]), trainShare: 0.4))
        let sides = [drawn.train, drawn.test].map { Set($0.map { groups[$0] }) }
        #expect(sides[0].isDisjoint(with: sides[1]) && sides[0].count == 12 && sides[1].count == 18)
    }

    @Test func whatTheSetSays() throws {
        let splitProtocol = SplitProtocol(
            .normal(["b"]), trainShare: 0.5, seed: 3, trainLimit: 9, testLimit: 8, trainAbnormal: 2, testsAllAbnormal: true, abnormalShare: 0.25,
            testsBalanced: true)
        try withFolder { folder in
            let set = try imported(SetImport(Numbers(300), named: "numbers", by: splitProtocol), to: folder.appendingPathComponent("set"))
            #expect(
                set.manifest.provenance == [
                    "normal": "b", "train_share": "0.5", "seed": "3", "train_limit": "9", "test_limit": "8", "train_abnormal": "2",
                    "test_all_abnormal": "true", "abnormal_share": "0.25", "test_balanced": "true",
                ])
            let train = try set.split("train"), sources = try #require(train.sources)
            #expect(set.manifest.splits.map(\.count) == [11, 8] && train.labels == sources.map { Int32($0 % 3) })
            #expect(try SplitReader(train).values(0 ..< 11) == .u16(sources.map(UInt16.init)))
        }
    }

    @Test func flaws() throws {
        func text(_ splitProtocol: SplitProtocol, _ source: Numbers = Numbers(12, testStart: 6)) -> String {
            message { _ = try SetImport(source, named: "numbers", by: splitProtocol) }
        }
        #expect(text(SplitProtocol(.normal(["x"]))) == "there is no class \"x\"; the classes are a, b, c")
        #expect(text(SplitProtocol(.normal([]))) == "name some classes as normal, and not all, of a, b, c")
        #expect(
            text(SplitProtocol(.normal(["a"])), Numbers(12))
                == "the files do not say what is trained on and what is tested on; give the share to train on (--train-share)")
        for share in [0, 1, -0.5, .nan] {
            #expect(text(SplitProtocol(.normal(["a"]), trainShare: share)) == "training's share is \(share); expected a number between 0 and 1")
        }
        #expect(text(SplitProtocol(.normal(["a"]), testLimit: -1)) == "-1 test samples cannot be taken; give 0 or more")
        #expect(
            text(SplitProtocol(.normal(["c"])), Numbers(12, testStart: 2))
                == "no normal sample is left to train on, of 12; name other classes or another division")
    }
}
