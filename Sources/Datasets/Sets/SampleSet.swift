import Foundation

/// A set that is open for reading.
public final class SampleSet: Sendable {
    public let folder: URL
    public let manifest: Manifest
    /// Samples in a chunk, for every shard of every split.
    private let samplesPerChunk: [String: [Int]]

    /// Opens the set in a folder and compares its shards with the manifest by length, extents and type, without reading them.
    /// `manifest` is given where rank 0 has read it for all.
    public init(at folder: URL, manifest: Manifest? = nil) throws(DatasetError) {
        let manifest = if let manifest { manifest } else { try Manifest(of: folder) }
        (self.folder, self.manifest) = (folder, manifest)
        var chunks: [String: [Int]] = [:]
        for split in manifest.splits {
            for record in split.shards {
                chunks[split.name, default: []].append(try Self.open(record, in: folder, manifest).samplesPerChunk)
            }
        }
        samplesPerChunk = chunks
    }

    /// A split by its name; a scene has but one.
    public func split(_ name: String) throws(DatasetError) -> Split {
        let name = manifest.scene != nil && ["train", "test"].contains(name) ? Manifest.Scene.split : name
        guard let record = manifest.splits.first(where: { $0.name == name }) else {
            let names = manifest.splits.map(\.name).joined(separator: ", ")
            throw DatasetError(.usage, "\(manifest.name) has no split \"\(name)\"; it has \(names)")
        }
        return try Split(of: self, record, samplesPerChunk: samplesPerChunk[name, default: []])
    }

    /// Reads the whole set and compares it with every digest and count of the manifest.
    public func verify() throws(DatasetError) {
        var digests: [(name: String, count: Int, blocks: [Data])] = []
        for split in manifest.splits {
            var content = ShardContent(sampleByteCount: manifest.sampleByteCount, classCount: manifest.classes.count), first = 0
            for record in split.shards {
                let shard = try open(record)
                let (digest, _) = try SHA256.ofFile(try Self.location(of: record, in: folder))
                guard digest == record.sha256 else {
                    throw Shard.flaw("\(record.file) has SHA-256 \(digest), expected \(record.sha256) by the manifest")
                }
                try shard.add(to: &content, first: first)
                first += shard.count
            }
            for (item, count) in zip(manifest.classes, content.classCounts) where count != item.counts[split.name, default: 0] {
                let stated = item.counts[split.name, default: 0]
                throw Shard.flaw("split \(split.name) has \(count) samples of class \(item.name), expected \(stated) by the manifest")
            }
            digests.append((split.name, split.count, [content.digests()]))
        }
        let fingerprint = Fingerprint.of(type: manifest.type, shape: manifest.shape, splits: digests)
        guard fingerprint == manifest.fingerprint else {
            throw Shard.flaw("the samples have fingerprint \(fingerprint), expected \(manifest.fingerprint) by the manifest")
        }
    }

    func open(_ record: Manifest.Shard) throws(DatasetError) -> Shard { try Self.open(record, in: folder, manifest) }

    private static func open(_ record: Manifest.Shard, in folder: URL, _ manifest: Manifest) throws(DatasetError) -> Shard {
        let url = try location(of: record, in: folder)
        var status = stat()
        guard stat(url.path, &status) == 0 else {
            throw DatasetError(
                .missingInput,
                "\(record.file) cannot be read: \(String(cString: strerror(errno))); restore the file from a copy or make the set again")
        }
        guard Int(status.st_size) == record.bytes else {
            throw Shard.flaw("\(record.file) has \(status.st_size) bytes, expected \(record.bytes) by the manifest")
        }
        return try Shard(url, count: record.count, type: manifest.type, shape: manifest.shape)
    }

    /// Where a shard lies; symbolic links must not lead out of the set's folder.
    private static func location(of record: Manifest.Shard, in folder: URL) throws(DatasetError) -> URL {
        let url = folder.appendingPathComponent(record.file), root = folder.resolvingSymlinksInPath().path
        guard url.resolvingSymlinksInPath().path.hasPrefix(root + "/") else {
            throw DatasetError(.badData, "\(record.file) is a symbolic link out of the set's folder; put the file itself there")
        }
        return url
    }
}

/// The samples of a split by number, and what is known about each without reading it.
public struct Split: Sendable {
    public let set: SampleSet
    public let name: String
    public let count: Int
    /// The class of each sample: its place in the manifest's list.
    public let labels: [Int32]
    /// What belongs together, and the number in the source; nil where the set does not say.
    public let groups: [Int64]?
    public let sources: [Int64]?
    /// The samples of each chunk, in order: what is read and decoded as a whole.
    public let chunks: [Range<Int>]
    /// The bytes that were read for all this.
    public let bytesRead: Int
    let places: [ChunkPlace]

    /// Where a chunk lies.
    struct ChunkPlace: Sendable {
        let record: Manifest.Shard
        /// The chunk's number in the shard, and the number of the shard's first sample in the split.
        let number: Int
        let first: Int
    }

    init(of set: SampleSet, _ record: Manifest.Split, samplesPerChunk: [Int]) throws(DatasetError) {
        (self.set, name, count) = (set, record.name, record.count)
        var labels: [Int32] = [], groups: [Int64] = [], sources: [Int64] = [], bytesRead = 0
        var chunks: [Range<Int>] = [], places: [ChunkPlace] = [], first = 0
        for (record, size) in zip(record.shards, samplesPerChunk) {
            let shard = try set.open(record)
            let own = try shard.labels(classCount: set.manifest.classes.count)
            let (group, source) = (try shard.numbers("groups"), try shard.numbers("sources"))
            labels += own.labels
            groups += group?.values ?? []
            sources += source?.values ?? []
            bytesRead += own.byteCount + (group?.byteCount ?? 0) + (source?.byteCount ?? 0)
            for (number, start) in stride(from: 0, to: record.count, by: size).enumerated() {
                chunks.append(first + start ..< first + min(start + size, record.count))
                places.append(ChunkPlace(record: record, number: number, first: first))
            }
            first += record.count
        }
        for (what, values) in [("groups", groups), ("sources", sources)] where !values.isEmpty && values.count != record.count {
            throw Shard.flaw("only some shards of split \(record.name) have \(what)")
        }
        guard groups.isEmpty != (record.grouped == true) || record.count == 0 else {
            let (found, stated) = groups.isEmpty ? ("no groups", "some") : ("groups", "none")
            throw Shard.flaw("the shards of split \(record.name) have \(found), expected \(stated) by the manifest")
        }
        (self.labels, self.bytesRead, self.chunks, self.places) = (labels, bytesRead, chunks, places)
        (self.groups, self.sources) = (groups.isEmpty ? nil : groups, sources.isEmpty ? nil : sources)
    }

    /// Whether a sample's class is normal.
    public func isNormal(_ sample: Int) -> Bool { set.manifest.classes[Int(labels[sample])].normal }

    /// What is known of a sample: see `Manifest.Class.sign`.
    public func sign(_ sample: Int) -> Float { set.manifest.classes[Int(labels[sample])].sign }

    /// Refuses a split that cannot be evaluated on.
    public func expectLabels() throws(DatasetError) {
        guard let odd = set.manifest.classes.first(where: { $0.labeled == false && $0.counts[name, default: 0] > 0 }) else { return }
        let count = odd.counts[name, default: 0]
        throw DatasetError(.usage, "split \(name) has \(count) samples of class \(odd.name), which is not labeled; evaluate a split that is")
    }
}
