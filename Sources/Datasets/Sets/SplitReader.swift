/// Reads the samples of a split by number. Chunks are read and decoded whole, and the last ones used stay in memory.
/// Used by one thread at a time.
public final class SplitReader {
    public let split: Split
    /// Bytes read from shards.
    public private(set) var bytesRead = 0
    /// The most that decoded chunks may take; one chunk is held in any case.
    private let memoryLimit: Int
    private var chunks: [Int: (values: StoredValues, lastUse: Int)] = [:]
    private var bytesHeld = 0
    private var uses = 0
    /// Shards that are open, the last one used at the end.
    private var shards: [Shard] = []
    /// As many as splits have by default: to open one takes a dozen calls, which a file system far away is slow to answer.
    private static let openShards = 64

    public init(_ split: Split, memoryLimit: Int = 1 << 30) { (self.split, self.memoryLimit) = (split, memoryLimit) }

    /// The samples of a range as they are stored.
    public func values(_ range: Range<Int>) throws(DatasetError) -> StoredValues {
        var pieces: [StoredValues] = []
        var sample = range.lowerBound
        while sample < range.upperBound {
            let number = chunk(of: sample), chunk = split.chunks[number], last = min(chunk.upperBound, range.upperBound)
            pieces.append(
                try values(ofChunk: number).samples(sample - chunk.lowerBound ..< last - chunk.lowerBound, of: split.set.manifest.sampleCount))
            sample = last
        }
        return StoredValues.joined(pieces, as: split.set.manifest.type)
    }

    /// Reads samples by number, in this order, scaled, one after the other into `places`, which have room for them all.
    public func read(_ samples: some Sequence<Int>, scaling: Scaling, into places: UnsafeMutableBufferPointer<Float>) throws(DatasetError) {
        let size = split.set.manifest.sampleCount
        var place = 0
        for sample in samples {
            precondition(
                place + size <= places.count && (0 ..< split.count).contains(sample),
                "sample \(sample) of \(split.count) at \(place) of \(places.count)")
            let number = chunk(of: sample), first = (sample - split.chunks[number].lowerBound) * size
            try values(ofChunk: number).scale(first ..< first + size, by: scaling, into: places.baseAddress! + place)
            place += size
        }
    }

    /// The chunk that a sample lies in, by bisection.
    private func chunk(of sample: Int) -> Int {
        var (low, high) = (0, split.chunks.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if split.chunks[middle].lowerBound <= sample { low = middle } else { high = middle }
        }
        return low
    }

    private func values(ofChunk number: Int) throws(DatasetError) -> StoredValues {
        uses += 1
        if let held = chunks[number]?.values {
            chunks[number]?.lastUse = uses
            return held
        }
        let place = split.places[number], byteCount = split.chunks[number].count * split.set.manifest.sampleByteCount
        while bytesHeld + byteCount > memoryLimit, let oldest = chunks.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
            chunks[oldest] = nil
            bytesHeld -= split.chunks[oldest].count * split.set.manifest.sampleByteCount
        }
        let read = try shard(place.record).values(ofChunk: place.number, first: place.first)
        bytesRead += read.byteCount
        bytesHeld += byteCount
        chunks[number] = (read.values, uses)
        return read.values
    }

    private func shard(_ record: Manifest.Shard) throws(DatasetError) -> Shard {
        if let place = shards.firstIndex(where: { $0.name == record.file }) {
            shards.append(shards.remove(at: place))
        } else {
            if shards.count == Self.openShards { shards.removeFirst() }
            shards.append(try split.set.open(record))
        }
        return shards[shards.count - 1]
    }
}

extension StoredValues {
    /// The numbers of some samples of `size` numbers.
    func samples(_ range: Range<Int>, of size: Int) -> StoredValues {
        let places = range.lowerBound * size ..< range.upperBound * size
        return switch self {
        case .u8(let values): .u8(Array(values[places]))
        case .u16(let values): .u16(Array(values[places]))
        case .i16(let values): .i16(Array(values[places]))
        case .f32(let values): .f32(Array(values[places]))
        }
    }

    /// Pieces of a type, one after the other.
    static func joined(_ pieces: [StoredValues], as type: SampleType) -> StoredValues {
        switch type {
        case .u8: .u8(pieces.flatMap { piece -> [UInt8] in if case .u8(let values) = piece { values } else { [] } })
        case .u16: .u16(pieces.flatMap { piece -> [UInt16] in if case .u16(let values) = piece { values } else { [] } })
        case .i16: .i16(pieces.flatMap { piece -> [Int16] in if case .i16(let values) = piece { values } else { [] } })
        case .f32: .f32(pieces.flatMap { piece -> [Float] in if case .f32(let values) = piece { values } else { [] } })
        }
    }
}
