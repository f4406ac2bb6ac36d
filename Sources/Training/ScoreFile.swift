import Foundation
import HDF5
import Metrics

/// `scores/SPLIT.h5` of a run: `numbers` and `labels` of the samples, and a data set for each score, in the order of the numbers.
enum ScoreFile {
    /// All ranks give what they have scored, in the order of their shares; rank 0 writes, and tells `warn` where it cannot.
    static func write(_ local: LocalScores, split: String, to run: RunFolder, warn: (Failure) -> Void) throws {
        let numbers = try gather(local.numbers.map(Int64.init), run), labels = try gather(local.classes.map(Int32.init), run)
        let columns = try local.columns.map { (name: $0.name, values: try gather($0.values, run)) }
        guard run.group.rank == 0 else { return }
        let folder = run.url.appendingPathComponent("scores"), place = folder.appendingPathComponent("\(split).h5")
        let beside = folder.appendingPathComponent(".\(split).h5.writing")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try? FileManager.default.removeItem(at: beside)
            let file = try File.create(beside.path)
            try add(numbers, "numbers", to: file)
            try add(labels, "labels", to: file)
            for column in columns { try add(column.values, column.name, to: file) }
            try file.close()
            guard rename(beside.path, place.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            try? FileManager.default.removeItem(at: beside)
            warn(Failure(.inputOutput, "\(place.path) cannot be written: \(error); free space, then evaluate again"))
        }
    }

    private static func add<Element: HDF5Element>(_ values: [Element], _ name: String, to file: File) throws {
        let dataset = try Dataset.create(
            name, of: Element.self, shape: [values.count], chunk: [min(max(values.count, 1), 1 << 17)], deflate: 0, in: file)
        try dataset.write(values, rows: 0 ..< values.count)
    }

    private static func gather<Element: BitwiseCopyable>(_ own: [Element], _ run: RunFolder) throws -> [Element] {
        try run.group.gather(own.withUnsafeBytes { Array($0) }).flatMap { bytes in
            bytes.withUnsafeBytes { raw in
                (0 ..< raw.count / MemoryLayout<Element>.stride).map {
                    raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
                }
            }
        }
    }
}
