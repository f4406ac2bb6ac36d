@testable import Datasets
import Foundation
import Testing

@Suite struct CIFARImportTests {
    /// Plane p of record n holds 10 n + p, but the first pixel of it 200 + p.
    private func records(_ labels: [[UInt8]]) -> Data {
        var data = Data()
        for (n, label) in labels.enumerated() {
            data.append(contentsOf: label)
            for plane in 0 ..< 3 {
                data.append(UInt8(200 + plane))
                data.append(Data(repeating: UInt8(10 * n + plane), count: 1023))
            }
        }
        return data
    }

    @Test func planesBecomeChannels() throws {
        try withFolder { folder in
            let train = folder.appendingPathComponent("train"), test = folder.appendingPathComponent("test")
            try records([[2], [8], [0]]).write(to: train)
            try records([[2], [9]]).write(to: test)
            let source = try CIFARSource([train], testFiles: [test])
            #expect(source.labels == [2, 8, 0, 2, 9] && source.testStart == 3 && source.classes[2] == "bird")
            guard case .u8(let values) = source.values(of: [1, 4]) else { return }
            #expect(
                values.count == 2 * 3072 && Array(values[..<6]) == [200, 201, 202, 10, 11, 12]
                    && Array(values[3072 + 3 ..< 3072 + 6]) == [10, 11, 12])
            let job = try SetImport(source, named: "cifar", by: SplitProtocol(.abnormal(["bird"])))
            let sets = try [1, 2].map { try imported(job, to: folder.appendingPathComponent("set\($0)"), ranks: $0).manifest }
            #expect(sets[0].fingerprint == sets[1].fingerprint && sets[0].splits.map(\.count) == [2, 2])
        }
    }

    @Test func hundredClasses() throws {
        try withFolder { folder in
            let file = folder.appendingPathComponent("train")
            try records([[19, 99], [0, 1]]).write(to: file)
            #expect(try CIFARSource([file], labeling: .coarse).labels == [19, 0])
            let fine = try CIFARSource([file], labeling: .fine)
            #expect(fine.labels == [99, 1] && fine.classes.count == 100 && fine.testStart == nil)
            guard case .u8(let values) = fine.values(of: [1]) else { return }
            #expect(Array(values[..<6]) == [200, 201, 202, 10, 11, 12])
        }
    }

    @Test func flaws() throws {
        try withFolder { folder throws in
            let file = folder.appendingPathComponent("data")
            func text(_ data: Data, _ labeling: CIFARSource.Labeling = .ten, names: [String]? = nil) throws -> String {
                try data.write(to: file)
                return message { _ = try CIFARSource([file], labeling: labeling, classNames: names) }
            }
            let form = "it is cut off or of another form"
            #expect(try text(records([[1]]).dropLast()) == "data has 3072 bytes, which are not records of 3073; \(form)")
            #expect(try text(Data()) == "data has 0 bytes, which are not records of 3073; \(form)")
            #expect(try text(records([[1]]), .fine) == "data has 3073 bytes, which are not records of 3074; \(form)")
            #expect(try text(records([[1], [10]])) == "record 1 has label 10, expected 0 to 9; the files are of another form")
            #expect(try text(records([[1]]), names: ["a"]) == "there are 10 classes and 1 names; give one for each")
            #expect(message { _ = try CIFARSource([folder.appendingPathComponent("none")]) } == "none cannot be read: No such file or directory")
        }
    }

    private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

    /// The part at hand: its classes' counts, and the first pixel of the first image.
    @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func realImages() throws {
        let folder = URL(fileURLWithPath: Self.data ?? "").appendingPathComponent("images/cifar10")
        let source = try CIFARSource(
            [folder.appendingPathComponent("cifar10_0000-2999.bin.gz")], testFiles: [folder.appendingPathComponent("cifar10_3000-3999.bin.gz")])
        #expect((0 ..< 10).map { label in source.labels[..<3000].count { $0 == label } } == [299, 287, 322, 285, 311, 279, 312, 297, 308, 300])
        #expect((0 ..< 10).map { label in source.labels[3000...].count { $0 == label } } == [97, 79, 98, 99, 111, 114, 102, 88, 99, 113])
        guard case .u8(let values) = source.values(of: [0]) else { return }
        #expect(Array(values[..<3]) == [59, 62, 63] && source.classes[Int(source.labels[0])] == "frog")
    }
}
