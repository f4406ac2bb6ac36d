import Datasets
import Foundation
import Testing

/// A folder for one test, gone afterwards.
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
}

/// A set whose numbers tell where they are: number e of sample n is n * 7 + e, in its type; labels are n mod 3.
struct Counting {
    var type = SampleType.u8
    var shape = [4, 4, 2]
    var counts = [("train", 500), ("test", 70)]
    var samplesPerShard: Int? = 128
    var samplesPerChunk: Int? = 64
    var groups = false
    var unlabeled: Set<String>? = nil
    var deflate = 0
    var seed = "1"

    var description: SetDescription {
        SetDescription(
            name: "counting", shape: shape, type: type, range: -32768 ... 65535, meaning: "count", classes: ["a", "b", "c"],
            normalClasses: ["a", "b"], unlabeledClasses: unlabeled,
            provenance: ["seed": seed])
    }

    func samples(_ range: Range<Int>) -> Samples {
        let size = shape.reduce(1, *), numbers = range.flatMap { n in (0 ..< size).map { n * 7 + $0 } }
        let values: StoredValues =
            switch type {
            case .u8: .u8(numbers.map { UInt8(truncatingIfNeeded: $0) })
            case .u16: .u16(numbers.map { UInt16(truncatingIfNeeded: $0) })
            case .i16: .i16(numbers.map { Int16(truncatingIfNeeded: -$0) })
            case .f32: .f32(numbers.map { Float($0) / 8 })
            }
        return Samples(
            values: values, labels: range.map { Int32($0 % 3) }, groups: groups ? range.map { Int64($0 / 10) } : nil,
            sources: range.map { Int64($0 + 1000) })
    }

    /// Writes the set as so many ranks would, one after the other, the last first.
    @discardableResult
    func write(at folder: URL, ranks: Int = 1) throws -> Manifest {
        var records: [ShardRecord] = []
        var first: SetWriter?
        for rank in (0 ..< ranks).reversed() {
            let writer = try SetWriter(
                at: folder, description: description, ranks: ranks, rank: rank, deflate: deflate, samplesPerChunk: samplesPerChunk,
                samplesPerShard: samplesPerShard)
            for (split, count) in counts { records += try writer.write(split: split, count: count, samples) }
            first = writer
        }
        return try first!.finish(records: records)
    }
}

/// Runs a Python script; false where Python or the module is missing, which is a failure where VIGIL_REQUIRE_PYTHON is 1.
func python(_ script: String, _ arguments: String..., needing module: String) throws -> Bool {
    func status(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c"] + arguments
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
    guard try status(["import importlib.util, sys; sys.exit(importlib.util.find_spec('\(module)') is None)"]) == 0 else {
        #expect(ProcessInfo.processInfo.environment["VIGIL_REQUIRE_PYTHON"] != "1", "python3 with \(module) is missing")
        return false
    }
    #expect(try status([script] + arguments) == 0)
    return true
}
