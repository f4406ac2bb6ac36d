import Foundation

/// What the writer of a shard tells the rank that writes the manifest. Codable, to be sent between ranks.
public struct ShardRecord: Codable, Equatable, Sendable {
    public var split: String
    /// The shard's place in its split.
    public var number: Int
    public var shard: Manifest.Shard
    /// Samples of each class.
    public var classCounts: [Int]
    public var grouped: Bool
    /// The digests of the fingerprint's blocks, 32 bytes each, one after the other.
    public var blocks: Data
}

/// Takes consecutive samples in any pieces, the first of which begins a block, and forms what a record says of them.
struct ShardContent {
    private(set) var classCounts: [Int]
    /// Whether the samples have groups.
    private(set) var grouped = false
    private var blocks = Data()
    private let sampleByteCount: Int
    /// The block that is being filled: its numbers are hashed already, its labels and groups come last.
    private var block = SHA256()
    private var labels: [Int32] = []
    private var groups: [Int64] = []

    init(sampleByteCount: Int, classCount: Int) {
        (self.sampleByteCount, classCounts) = (sampleByteCount, [Int](repeating: 0, count: classCount))
    }

    mutating func add(_ samples: Samples) {
        for label in samples.labels { classCounts[Int(label)] += 1 }
        grouped = samples.groups != nil
        var first = 0
        while first < samples.labels.count {
            let last = min(first + Fingerprint.samplesPerBlock - labels.count, samples.labels.count)
            let bytes = first * sampleByteCount ..< last * sampleByteCount
            samples.values.withUnsafeBytes { block.update(UnsafeRawBufferPointer(rebasing: $0[bytes])) }
            labels += samples.labels[first ..< last]
            groups += samples.groups?[first ..< last] ?? []
            if labels.count == Fingerprint.samplesPerBlock { closeBlock() }
            first = last
        }
    }

    /// The digests of all blocks; the last may be short.
    mutating func digests() -> Data {
        if !labels.isEmpty { closeBlock() }
        return blocks
    }

    private mutating func closeBlock() {
        labels.withUnsafeBytes(block.update)
        groups.withUnsafeBytes(block.update)
        blocks.append(contentsOf: block.digest())
        (block, labels, groups) = (SHA256(), [], [])
    }
}
