import Foundation
import HDF5
import Metrics
import Ranks

/// `scores/SPLIT.h5` of a run: `numbers` and `labels` of the samples, their `groups` where the set has these, and a data set for each
/// score, in the order of the numbers.
///
/// All ranks make one, add what they have scored, in the order of their shares, and close it. Rank 0 alone writes; where it cannot, the
/// ranks go on together and `close` returns why.
final class ScoreFile {
    private let group: RankGroup, place: URL, beside: URL
    /// Samples of each rank.
    private let counts: [Int]
    private var file: File?
    private var error: (any Error)?
    /// Values that rank 0 receives at a time: it never holds all of them.
    private static let portion = 1 << 20

    init(for split: String, of run: RunFolder, samples: Int) throws {
        let folder = run.url.appendingPathComponent("scores")
        (group, place, beside) = (run.group, folder.appendingPathComponent("\(split).h5"), folder.appendingPathComponent(".\(split).h5.writing"))
        counts = try run.group.allGather(withUnsafeBytes(of: samples) { Array($0) }).map { $0.withUnsafeBytes { $0.loadUnaligned(as: Int.self) } }
        attempt {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try? FileManager.default.removeItem(at: beside)
            file = try File.create(beside.path)
        }
    }

    /// Everything that is known of scored samples.
    func add(_ local: LocalScores) throws {
        try add("numbers", local.numbers.lazy.map(Int64.init))
        try add("labels", local.classes.lazy.map(Int32.init))
        if let groups = local.groups { try add("groups", groups.lazy.map(Int64.init)) }
        for column in local.columns { try add(column.name, column.values) }
    }

    private func add<Values: RandomAccessCollection>(_ name: String, _ own: Values) throws where Values.Element: HDF5Element {
        let total = counts.reduce(0, +), share = max(1, Self.portion / group.count)
        var dataset: Dataset?
        attempt {
            let chunk = [min(max(total, 1), 1 << 17)]
            dataset = try file.map { try Dataset.create(name, of: Values.Element.self, shape: [total], chunk: chunk, deflate: 0, in: $0) }
        }
        for start in stride(from: 0, to: counts.max() ?? 0, by: share) {
            let parts = try group.gather(Array(own.dropFirst(start).prefix(share)).withUnsafeBytes { Array($0) })
            var first = 0
            for (part, count) in zip(parts, counts) {
                attempt {
                    let values = Self.values(of: part, as: Values.Element.self)
                    if !values.isEmpty { try dataset?.write(values, rows: first + start ..< first + start + values.count) }
                }
                first += count
            }
        }
    }

    /// Gives the file its name. Returns, on rank 0, why there is none.
    func close() -> Failure? {
        attempt {
            try file?.close()
            guard rename(beside.path, place.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
        guard let error else { return nil }
        try? FileManager.default.removeItem(at: beside)
        return Failure(.inputOutput, "\(place.path) cannot be written: \(error); free space, then evaluate again")
    }

    /// What rank 0 does as long as nothing has failed.
    private func attempt(_ body: () throws -> Void) {
        guard group.rank == 0, error == nil else { return }
        do { try body() } catch { self.error = error }
    }

    private static func values<Element: BitwiseCopyable>(of bytes: [UInt8], as: Element.Type) -> [Element] {
        bytes.withUnsafeBytes { raw in
            (0 ..< raw.count / MemoryLayout<Element>.stride).map {
                raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
            }
        }
    }
}
