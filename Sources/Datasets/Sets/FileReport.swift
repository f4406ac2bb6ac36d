import Foundation
import HDF5

/// What an HDF5 file holds, a shard's or that of scores. To make it all of the file is read, so the checksums in it hold.
public struct FileReport: Sendable {
    public struct Column: Sendable {
        public let name: String, type: String
        public let shape: [Int], chunk: [Int]?
        /// What chunks go through; "fletcher32" is a checksum.
        public let filters: [String]
        public let storedBytes: Int
    }
    public let columns: [Column]
    /// Samples of each label, where the file has labels.
    public let labels: [Int: Int]
    /// How many different groups samples belong to, where the file says.
    public let groups: Int?
    public let bytes: Int, sha256: String
    /// The set beside it whose manifest names this file and agrees with it: the set's name, and the split.
    public let set: (name: String, split: String)?

    /// - Throws: what is wrong with the file, or where it differs from the manifest beside it.
    public init(of url: URL) throws(DatasetError) {
        (sha256, bytes) = try SHA256.ofFile(url)
        set = try Self.set(of: url, digest: sha256)
        var columns: [Column] = [], labels: [Int: Int] = [:], groups: Int?
        do {
            let file = try File.open(url.path)
            for name in try file.names() {
                let column = try Dataset.open(name, in: file)
                let numbers = try Self.read(column, keeping: ["labels", "groups"].contains(name))
                if name == "labels" { labels = Dictionary(numbers.map { ($0, 1) }, uniquingKeysWith: +) }
                if name == "groups" { groups = Set(numbers).count }
                columns.append(
                    Column(
                        name: name, type: "\(column.elementType)", shape: column.shape, chunk: column.chunk, filters: try column.filters(),
                        storedBytes: column.storedByteCount))
            }
        } catch { throw (error as? DatasetError) ?? Shard.flaw("\(error)") }
        (self.columns, self.labels, self.groups) = (columns, labels, groups)
    }

    private static func set(of url: URL, digest: String) throws(DatasetError) -> (name: String, split: String)? {
        let folder = url.deletingLastPathComponent()
        guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(Manifest.fileName).path) else { return nil }
        let manifest = try Manifest(of: folder)
        for split in manifest.splits {
            guard let record = split.shards.first(where: { $0.file == url.lastPathComponent }) else { continue }
            guard record.sha256 == digest else {
                throw Shard.flaw("\(record.file) has SHA-256 \(digest), expected \(record.sha256) by the manifest")
            }
            return (manifest.name, split.name)
        }
        return nil
    }

    /// Reads a column piece by piece; gives its numbers where they are whole and wanted.
    private static func read(_ column: Dataset, keeping: Bool) throws -> [Int] {
        guard try column.isComplete() else { throw Shard.flaw("\(column.name): some of it was never written") }
        guard let rows = column.shape.first else { return [] }
        // in Double, since extents beside one of 0 may be as large as they like
        let rowBytes = max(1, column.shape.dropFirst().reduce(8.0) { $0 * Double($1) })
        let step = column.chunk?[0] ?? max(1, Int(0x1p24 / rowBytes))
        guard Double(step) * rowBytes <= 8 * Double(Shard.largestChunk) || rows == 0 else {
            throw Shard.flaw("\(column.name): chunks of \(column.chunk ?? []) are larger than \(Shard.largestChunk) bytes")
        }
        var kept: [Int] = []
        for first in stride(from: 0, to: rows, by: step) {
            let rows = first ..< min(first + step, rows)
            func numbers<Element: HDF5Element & BinaryInteger>(_: Element.Type) throws -> [Int] {
                let values = try column.read(Element.self, rows: rows)
                return keeping ? values.map { Int(truncatingIfNeeded: $0) } : []
            }
            switch column.elementType {
            case .uint8: kept += try numbers(UInt8.self)
            case .uint16: kept += try numbers(UInt16.self)
            case .int16: kept += try numbers(Int16.self)
            case .int32: kept += try numbers(Int32.self)
            case .int64: kept += try numbers(Int64.self)
            case .float32: _ = try column.read(Float.self, rows: rows)
            case .float64: _ = try column.read(Double.self, rows: rows)
            case .int8, .uint32, .uint64, .float16: throw Shard.flaw("\(column.name) is \(column.elementType), which no set of Vigil has")
            }
        }
        return kept
    }
}
