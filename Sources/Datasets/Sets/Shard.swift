import Foundation
import HDF5

/// One file of a set, open for reading: `samples` [n, extents...], `labels` [n] and, where the set has them, `groups` and
/// `sources` [n].
final class Shard {
    let name: String
    let count: Int
    /// Samples in a chunk; the last chunk may have fewer.
    let samplesPerChunk: Int
    /// The key of the job that wrote the file.
    let job: String?
    let type: SampleType
    let shape: [Int]
    private let samples: Dataset
    private let file: File

    /// A decoded chunk is held in memory as a whole, so a larger one is refused.
    static let largestChunk = 1 << 30

    /// Opens a shard and compares it with what it must be; the content is not read.
    init(_ url: URL, count: Int, type: SampleType, shape: [Int]) throws(DatasetError) {
        let name = url.lastPathComponent
        (self.name, self.count, self.type, self.shape) = (name, count, type, shape)
        do {
            file = try File.open(url.path)
            samples = try Dataset.open("samples", in: file)
            if case .string(let job) = try file.attribute("vigil_job") { self.job = job } else { job = nil }
        } catch { throw Shard.flaw("\(error)") }
        guard samples.elementType == type.elementType, samples.shape == [count] + shape else {
            let found = "\(samples.elementType) \(samples.shape)"
            throw Shard.flaw("\(name): samples are \(found), expected \(type.elementType) \([count] + shape) by the manifest")
        }
        let chunk = samples.chunk ?? samples.shape
        samplesPerChunk = min(chunk[0], count)
        let byteCount = chunk.reduce((type.byteCount, false)) {
            let (product, overflow) = $0.0.multipliedReportingOverflow(by: $1)
            return (product, $0.1 || overflow)
        }
        guard !byteCount.1, byteCount.0 <= Shard.largestChunk, Array(chunk.dropFirst()) == shape else {
            throw Shard.flaw("\(name): chunks of \(chunk) are not whole samples of \(shape), \(Shard.largestChunk) bytes at most")
        }
        do {
            guard try samples.isComplete() else { throw Shard.flaw("\(name): some of the samples were never written") }
        } catch { throw (error as? DatasetError) ?? Shard.flaw("\(error)") }
    }

    /// A damaged file, and the way out.
    static func flaw(_ text: String) -> DatasetError { DatasetError(.badData, "\(text); restore the file from a copy or make the set again") }

    /// Samples of chunk `number`, by their places in the shard.
    func range(ofChunk number: Int) -> Range<Int> { number * samplesPerChunk ..< min((number + 1) * samplesPerChunk, count) }

    var chunkCount: Int { (count + samplesPerChunk - 1) / samplesPerChunk }

    /// Reads and decodes a chunk. `first` is the number of the shard's first sample in the split, for the error.
    func values(ofChunk number: Int, first: Int) throws(DatasetError) -> (values: StoredValues, byteCount: Int) {
        let range = range(ofChunk: number)
        do {
            let byteCount =
                samples.chunk == nil
                ? samples.storedByteCount
                : try samples.storedByteCount(ofChunkAt: [range.lowerBound] + shape.map { _ in 0 })
            return (try values(range), byteCount)
        } catch {
            throw Shard.flaw(
                "chunk \(number) of \(name) (samples \(first + range.lowerBound) to \(first + range.upperBound - 1)) cannot be read: \(error)")
        }
    }

    private func values(_ rows: Range<Int>) throws(HDF5Error) -> StoredValues {
        switch type {
        case .u8: .u8(try samples.read(UInt8.self, rows: rows))
        case .u16: .u16(try samples.read(UInt16.self, rows: rows))
        case .i16: .i16(try samples.read(Int16.self, rows: rows))
        case .f32: .f32(try samples.read(Float.self, rows: rows))
        }
    }

    /// The class of each sample, each one of `classCount`; and the bytes they take in the file.
    func labels(classCount: Int) throws(DatasetError) -> (labels: [Int32], byteCount: Int) {
        guard let column = try column("labels", of: Int32.self) else { throw Shard.flaw("\(name) has no labels") }
        if let place = column.values.firstIndex(where: { !(0 ..< Int32(classCount)).contains($0) }) {
            throw Shard.flaw("\(name): sample \(place) has label \(column.values[place]), expected 0 to \(classCount - 1)")
        }
        return (column.values, column.byteCount)
    }

    /// `groups` or `sources`; nil where the shard has none.
    func numbers(_ name: String) throws(DatasetError) -> (values: [Int64], byteCount: Int)? { try column(name, of: Int64.self) }

    private func column<Element: HDF5Element>(_ column: String, of _: Element.Type) throws(DatasetError) -> (values: [Element], byteCount: Int)? {
        do {
            guard try file.has(column) else { return nil }
            let dataset = try Dataset.open(column, in: file)
            guard dataset.shape == [count] else { throw Shard.flaw("\(name): \(column) are \(dataset.shape), expected \([count])") }
            guard try dataset.isComplete() else { throw Shard.flaw("\(name): some of the \(column) were never written") }
            return (try dataset.read(Element.self, rows: 0 ..< count), dataset.storedByteCount)
        } catch { throw (error as? DatasetError) ?? Shard.flaw("\(error)") }
    }
}

extension Shard {
    /// Reads everything and adds it to `content`.
    func add(to content: inout ShardContent, first: Int = 0) throws(DatasetError) {
        let (labels, _) = try labels(classCount: content.classCounts.count)
        let groups = try numbers("groups")?.values
        for chunk in 0 ..< chunkCount {
            let places = range(ofChunk: chunk)
            let values = try values(ofChunk: chunk, first: first).values
            content.add(Samples(values: values, labels: Array(labels[places]), groups: groups.map { Array($0[places]) }))
        }
    }
}
