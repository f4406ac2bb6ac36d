@testable import Datasets
import Foundation
import Testing

@Suite struct IDXImportTests {
    private struct Request {
        var files: IDXSource.Files
        var classNames: [String]?
        var size: [Int]?
        var splitProtocol = SplitProtocol(.abnormal(["1"]))

        func job() throws -> SetImport { try SetImport(IDXSource(files, classNames: classNames, size: size), named: "small", by: splitProtocol) }
    }

    private func idx(_ extents: [Int], _ bytes: [UInt8], magic: UInt8? = nil) -> Data {
        Data([0, 0, 8, magic ?? UInt8(extents.count)] + extents.flatMap { n in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: n >> $0) } } + bytes)
    }

    /// Files of 9 training and 4 test images of 2 × 3; image n holds 10 n + place and has label n mod 3.
    private func files(_ folder: URL, change: (inout [String: Data]) -> Void = { _ in }) throws -> Request {
        func images(_ count: Int) -> Data { idx([count, 2, 3], (0 ..< count).flatMap { n in (0 ..< 6).map { UInt8(10 * n + $0) } }) }
        func labels(_ count: Int) -> Data { idx([count], (0 ..< count).map { UInt8($0 % 3) }) }
        var files = ["images": images(9), "labels": labels(9), "t-images": images(4), "t-labels": labels(4)]
        change(&files)
        for (name, data) in files { try data.write(to: folder.appendingPathComponent(name)) }
        func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
        return Request(files: .init(images: url("images"), labels: url("labels"), testImages: url("t-images"), testLabels: url("t-labels")))
    }

    @Test func normalsTrainAndAllAreTested() throws {
        try withFolder { folder in
            let job = try files(folder).job(), root = folder.appendingPathComponent("set")
            var records: [ShardRecord] = []
            let writers = try (0 ..< 3).map { try SetWriter(at: root, description: job.description, ranks: 3, rank: $0) }
            for writer in writers { records += try job.write(to: writer) }
            let manifest = try writers[0].finish(records: records)
            #expect(manifest.shape == [2, 3, 1] && manifest.range == [0, 255])
            #expect(manifest.classes.map(\.normal) == [true, false, true])
            #expect(manifest.classes.map(\.counts) == [["train": 3, "test": 2], ["train": 0, "test": 1], ["train": 3, "test": 1]])
            let set = try SampleSet(at: root), train = try set.split("train"), test = try set.split("test")
            #expect(train.sources == [0, 2, 3, 5, 6, 8] && train.labels == [0, 2, 0, 2, 0, 2])
            #expect(test.sources == [9, 10, 11, 12] && test.labels == [0, 1, 2, 0] && (0 ..< 4).map(test.isNormal) == [true, false, true, true])
            #expect(try SplitReader(train).values(1 ..< 2) == .u8([20, 21, 22, 23, 24, 25]))
        }
    }

    @Test func limits() throws {
        try withFolder { folder in
            var request = try files(folder)
            request.splitProtocol = SplitProtocol(.abnormal(["0", "two"]), trainLimit: 2, testLimit: 3)
            request.classNames = ["0", "one", "two"]
            let job = try request.job(), writer = try SetWriter(at: folder.appendingPathComponent("set"), description: job.description)
            let manifest = try writer.finish(records: job.write(to: writer))
            #expect(manifest.classes.map(\.counts) == [["train": 0, "test": 1], ["train": 2, "test": 1], ["train": 0, "test": 1]])
        }
    }

    /// Abnormal images stay in the training split where they are asked for: the first, in the source's order.
    @Test func someAnomaliesAreKept() throws {
        try withFolder { folder in
            var request = try files(folder)
            (request.splitProtocol.trainLimit, request.splitProtocol.trainAbnormal) = (3, 2)
            let job = try request.job(), root = folder.appendingPathComponent("set")
            #expect(job.description.provenance["train_abnormal"] == "2")
            let writer = try SetWriter(at: root, description: job.description)
            _ = try writer.finish(records: job.write(to: writer))
            let train = try SampleSet(at: root).split("train")
            #expect(train.sources == [0, 1, 2, 3, 4] && (0 ..< 5).map(train.sign) == [1, -1, 1, 1, -1])
            #expect(train.training().joined().map { $0 } == [0, 2, 3])
        }
    }

    @Test func flaws() throws {
        func text(_ change: @escaping (inout [String: Data]) -> Void) throws -> String {
            try withFolder { folder in message { _ = try files(folder, change: change).job() } }
        }
        #expect(try text { _ in } == "no error")
        #expect(try text { $0["images"] = $0["labels"] } == "images begins with 0x00000801, expected 0x00000803 (IDX images of unsigned bytes)")
        #expect(try text { $0["t-labels"] = $0["t-images"] } == "t-labels begins with 0x00000803, expected 0x00000801 (IDX labels of unsigned bytes)")
        #expect(try text { $0["images"] = Data([0, 0]) } == "images begins with no magic number, expected 0x00000803 (IDX images of unsigned bytes)")
        #expect(try text { $0["images"] = $0["images"]!.dropLast() } == "images holds 53 bytes after its header, expected 54 bytes for 9 × 2 × 3")
        #expect(try text { $0["images"]!.append(0) } == "images holds more after its header, expected 54 bytes for 9 × 2 × 3")
        #expect(try text { $0["images"] = $0["images"]!.prefix(12) } == "images has extents 9 × 2, expected 3, none zero")
        #expect(
            try text { $0["images"] = idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []) }
                == "images holds 0 bytes after its header, expected 4294967295 × 4294967295 × 4294967295")
        #expect(
            try text { $0["labels"] = idx([8], [0, 1, 2, 0, 1, 2, 0, 1]) } == "labels has 8 labels, images has 9 images; they do not belong together")
        #expect(try text { $0["t-images"] = idx([4, 3, 2], [UInt8](repeating: 0, count: 24)) } == "test images are 3 × 2, training images 2 × 3")
    }

    @Test func requests() throws {
        try withFolder { folder in
            let whole = try files(folder)
            func text(_ change: (inout Request) -> Void) -> String {
                var request = whole
                change(&request)
                return message { _ = try request.job() }
            }
            #expect(text { $0.splitProtocol.roles = .abnormal(["7"]) } == "there is no class \"7\"; the classes are 0, 1, 2")
            #expect(text { $0.splitProtocol.roles = .abnormal([]) } == "name some classes as abnormal, and not all, of 0, 1, 2")
            #expect(text { $0.splitProtocol.roles = .abnormal(["0", "1", "2"]) } == "name some classes as abnormal, and not all, of 0, 1, 2")
            #expect(text { $0.classNames = ["a"] } == "there are 3 classes and only 1 names: a")
            #expect(text { $0.size = [0, 4] } == "images cannot have size [0, 4]; expected height and width of 1 to 16384")
            #expect(text { $0.files.images.appendPathExtension("gz") } == "images.gz cannot be read: No such file or directory")
        }
    }

    @Test func gzipIsReadAndItsDamageNoticed() throws {
        try withFolder { folder in
            let plain = try files(folder).job()
            for name in ["images", "labels", "t-images", "t-labels"] {
                let gzip = Process()
                gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                gzip.arguments = ["gzip", "-n", folder.appendingPathComponent(name).path]
                try gzip.run()
                gzip.waitUntilExit()
            }
            var request = try files(folder)
            for key in [\IDXSource.Files.images, \.labels, \.testImages, \.testLabels] { request.files[keyPath: key].appendPathExtension("gz") }
            let packed = try request.job()
            func values(_ job: SetImport, _ name: String) throws -> String {
                let writer = try SetWriter(at: folder.appendingPathComponent(name), description: job.description)
                return try writer.finish(records: job.write(to: writer)).fingerprint
            }
            #expect(try values(plain, "a") == values(packed, "b"))
            let whole = try Data(contentsOf: request.files.images)
            try whole.dropLast(12).write(to: request.files.images)
            #expect(message { _ = try request.job() } == "images.gz cannot be decompressed: the compressed data end too early")
        }
    }

    /// Computed with PyTorch 2: interpolate(image, size, mode="bilinear", align_corners=False), then rounded.
    @Test func resizing() {
        let image: [UInt8] = [0, 100, 200, 40, 80, 255]  // 2 × 3
        func resized(_ height: Int, _ width: Int) -> [UInt8] { Resize(from: (2, 3), to: (height, width), channels: 1)(image[...]) }
        #expect(resized(2, 3) == image)
        #expect(resized(4, 5) == [0, 40, 100, 160, 200, 10, 44, 95, 166, 214, 30, 52, 85, 179, 241, 40, 56, 80, 185, 255])
        #expect(resized(1, 2) == [38, 193])
        #expect(Resize(from: (1, 1), to: (2, 2), channels: 3)([7, 8, 9]) == [7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9])
    }

    private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

    @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func mnist() throws {
        let source = URL(fileURLWithPath: Self.data ?? "").appendingPathComponent("images/mnist")
        func url(_ name: String) -> URL { source.appendingPathComponent(name + "-ubyte.gz") }
        let files = IDXSource.Files(
            images: url("train-images-idx3"), labels: url("train-labels-idx1"), testImages: url("t10k-images-idx3"),
            testLabels: url("t10k-labels-idx1"))
        let job = try SetImport(IDXSource(files, size: [32, 32]), named: "mnist", by: SplitProtocol(.abnormal(["0"])))
        try withFolder { folder in
            let root = folder.appendingPathComponent("set"), writer = try SetWriter(at: root, description: job.description, deflate: 1)
            let manifest = try writer.finish(records: job.write(to: writer))
            let counts = [
                (0, 980), (6742, 1135), (5958, 1032), (6131, 1010), (5842, 982), (5421, 892), (5918, 958), (6265, 1028), (5851, 974), (5949, 1009),
            ]
            #expect(manifest.classes.map(\.counts) == counts.map { ["train": $0.0, "test": $0.1] })
            #expect(manifest.splits.map(\.count) == [60000 - 5923, 10000])
            try SampleSet(at: root).verify()
        }
    }
}
