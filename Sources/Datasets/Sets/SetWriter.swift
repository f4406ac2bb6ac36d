import Foundation
import HDF5

/// What a set is to be, before any sample is there.
public struct SetDescription: Codable, Equatable, Sendable {
    public var name: String
    /// [height, width, channels] or [features].
    public var shape: [Int]
    public var type: SampleType
    /// The smallest and largest possible stored number.
    public var range: ClosedRange<Double>
    /// What a stored number means, with its unit.
    public var meaning: String
    public var classes: [String]
    /// The names of those classes that are normal.
    public var normalClasses: Set<String>
    /// Those of them whose samples nobody has looked at, if there are such.
    public var unlabeledClasses: Set<String>?
    /// Where the samples come from: whatever decides their content (seed, settings, digests of source files) must be here, as
    /// a restarted job keeps the shards of one with an equal description.
    public var provenance: [String: String]
    /// Where they lie, where they are the pixels of a scene.
    public var scene: Manifest.Scene?

    public init(
        name: String, shape: [Int], type: SampleType, range: ClosedRange<Double>, meaning: String, classes: [String],
        normalClasses: Set<String>, unlabeledClasses: Set<String>? = nil, provenance: [String: String], scene: Manifest.Scene? = nil
    ) {
        (self.name, self.shape, self.type, self.range, self.meaning) = (name, shape, type, range, meaning)
        (self.classes, self.normalClasses, self.unlabeledClasses, self.provenance) = (classes, normalClasses, unlabeledClasses, provenance)
        self.scene = scene
    }
}

/// Writes a set on any number of ranks: every rank makes the same calls, rank i mod R writes shard i whole, and rank 0 the
/// manifest last. Shards appear under their names only when they are whole and on disk, so a job that was killed is simply
/// started again, on as many ranks as one likes: shards of the same description that are there are kept.
public final class SetWriter {
    private let folder: URL
    private let description: SetDescription
    private let ranks: Int
    private let rank: Int
    private let deflate: Int
    private let samplesPerShard: Int?
    private let samplesPerChunk: Int
    private var splits: [(name: String, count: Int, shards: Int)] = []

    /// Prepares the folder. `deflate` is the level of compression, 0 for none. The samples in a chunk, a power of two, are as
    /// many as stay within 1 MiB where they are not given; those in a shard follow from the split, and are rounded up to whole
    /// chunks and fingerprint blocks. A finished set in the folder is an error.
    public init(
        at folder: URL, description: SetDescription, ranks: Int = 1, rank: Int = 0, deflate: Int = 0, samplesPerChunk: Int? = nil,
        samplesPerShard: Int? = nil
    ) throws(DatasetError) {
        precondition((0 ..< ranks).contains(rank), "rank \(rank) of \(ranks)")
        precondition(samplesPerChunk.map { $0 > 0 && $0 & ($0 - 1) == 0 } ?? true, "chunks of \(samplesPerChunk ?? 0) samples")
        (self.folder, self.description, self.ranks, self.rank) = (folder, description, ranks, rank)
        (self.deflate, self.samplesPerShard) = (deflate, samplesPerShard)
        let fitting = max((1 << 20) / max(description.shape.reduce(description.type.byteCount, &*), 1), 1)
        self.samplesPerChunk = samplesPerChunk ?? 1 << (Int.bitWidth - 1 - fitting.leadingZeroBitCount)
        for (kind, classes) in [("normal", description.normalClasses), ("unlabeled", description.unlabeledClasses ?? [])] {
            guard let unknown = classes.subtracting(description.classes).min() else { continue }
            throw DatasetError(.usage, "\(description.name): the \(kind) class \"\(unknown)\" is none of \(description.classes)")
        }
        // a trial manifest without samples, so that an impossible description is refused before hours of work
        _ = try manifest(splits: [], counts: [:], fingerprint: "")
        // what FileManager says of a folder that it could not make does not name the cause
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard access(folder.path + "/", W_OK | X_OK) == 0 else {
            throw DatasetError(
                .cannotCreate, "\(folder.lastPathComponent) cannot be created: \(String(cString: strerror(errno))); choose another folder")
        }
        if FileManager.default.fileExists(atPath: folder.appendingPathComponent(Manifest.fileName).path) {
            throw DatasetError(.cannotCreate, "\(folder.lastPathComponent) already holds a finished set; remove it or choose another folder")
        }
    }

    private var sampleByteCount: Int { description.shape.reduce(description.type.byteCount, *) }

    /// The samples that are asked for at once: whole chunks, whole fingerprint blocks.
    private var samplesPerBatch: Int { max(samplesPerChunk, Fingerprint.samplesPerBlock) }

    /// Shard boundaries follow from the split alone: 64 shards where these have 4 to 128 MiB (each is built in
    /// memory), fewer or more where not.
    private func samplesPerShard(of count: Int) -> Int {
        let wanted = samplesPerShard ?? max(min((count + 63) / 64, (128 << 20) / sampleByteCount), (4 << 20) / sampleByteCount)
        return max((wanted + samplesPerBatch - 1) / samplesPerBatch, 1) * samplesPerBatch
    }

    /// Writes this rank's shards of a split of `count` samples. `produce` gives the samples of a range of the split's numbers;
    /// it must be a function of the range alone. The records of all ranks go to `finish` on rank 0.
    public func write(split: String, count: Int, _ produce: (Range<Int>) throws -> Samples) throws -> [ShardRecord] {
        let size = samplesPerShard(of: count), shards = (count + size - 1) / size
        let letters = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyz0123456789_")
        precondition(!split.isEmpty && split.unicodeScalars.allSatisfy(letters.contains) && !splits.contains { $0.name == split }, "split \(split)")
        splits.append((split, count, shards))
        return try stride(from: rank, to: shards, by: ranks).map { number in
            try writeShard(number, of: split, job: job(split, count, size), range: number * size ..< min((number + 1) * size, count), produce)
        }
    }

    /// Writes the manifest from the records of all ranks, in any order; on rank 0, when every rank has written.
    public func finish(records: [ShardRecord]) throws -> Manifest {
        var counts: [String: [Int]] = [:], finished: [Manifest.Split] = []
        var digests: [(name: String, count: Int, blocks: [Data])] = []
        for split in splits {
            let own = records.filter { $0.split == split.name }.sorted { $0.number < $1.number }
            guard own.map(\.number) == Array(0 ..< split.shards) else {
                throw DatasetError(.inputOutput, "split \(split.name) has \(split.shards) shards, but records came of \(own.map(\.number))")
            }
            counts[split.name] = own.reduce([Int](repeating: 0, count: description.classes.count)) { zip($0, $1.classCounts).map(+) }
            guard Set(own.map(\.grouped)).count <= 1 else {
                throw DatasetError(.badData, "only some shards of split \(split.name) have groups; give a group to every sample or to none")
            }
            let grouped = own.first?.grouped == true ? true : nil
            finished.append(Manifest.Split(name: split.name, count: split.count, shards: own.map(\.shard), grouped: grouped))
            digests.append((split.name, split.count, own.map(\.blocks)))
        }
        let fingerprint = Fingerprint.of(type: description.type, shape: description.shape, splits: digests)
        let manifest = try manifest(splits: finished, counts: counts, fingerprint: fingerprint)
        let url = folder.appendingPathComponent(Manifest.fileName), partial = folder.appendingPathComponent(".\(Manifest.fileName).partial")
        do {
            try manifest.encoded().write(to: partial)
            try publish(partial, as: url)
        } catch {
            try? FileManager.default.removeItem(at: partial)
            if let error = error as? DatasetError { throw error }
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError
            let reason = cause.map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
            throw DatasetError(.inputOutput, "\(Manifest.fileName) cannot be written: \(reason); free space, then run the same command again")
        }
        return manifest
    }

    private func manifest(splits: [Manifest.Split], counts: [String: [Int]], fingerprint: String) throws(DatasetError) -> Manifest {
        let classes = description.classes.enumerated().map { number, name in
            Manifest.Class(
                name: name, normal: description.normalClasses.contains(name), counts: counts.mapValues { $0[number] },
                labeled: description.unlabeledClasses?.contains(name) == true ? false : nil)
        }
        return try Manifest(
            name: description.name, shape: description.shape, type: description.type, range: description.range, meaning: description.meaning,
            classes: classes, splits: splits, provenance: description.provenance, fingerprint: fingerprint,
            scene: description.scene)
    }

    /// The key of a job: whatever decides the bytes of a split's shards.
    private func job(_ split: String, _ count: Int, _ size: Int) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var described = description
        // sets have no order of their own
        (described.normalClasses, described.unlabeledClasses) = ([], nil)
        let normals = description.classes.map { description.normalClasses.contains($0) }
        let unlabeled = description.unlabeledClasses.map { " \($0.sorted())" } ?? ""
        let text = String(decoding: try encoder.encode(described), as: UTF8.self)
        let hash = SHA256()
        hash.update("\(Manifest.currentFormat) \(split) \(count) \(size) \(samplesPerChunk) \(deflate) \(normals)\(unlabeled) \(text)")
        return hexadecimal(hash.digest())
    }

    private func writeShard(
        _ number: Int, of split: String, job: String, range: Range<Int>, _ produce: (Range<Int>) throws -> Samples
    ) throws -> ShardRecord {
        let digits = String(number)
        let name = "\(split)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).h5"
        let url = folder.appendingPathComponent(name), partial = folder.appendingPathComponent(".\(name).partial")
        var content = ShardContent(sampleByteCount: sampleByteCount, classCount: description.classes.count)
        if FileManager.default.fileExists(atPath: url.path) {
            try readKept(url, job: job, count: range.count, into: &content)
        } else {
            try? FileManager.default.removeItem(at: partial)
            do {
                try fill(partial, range, job: job, into: &content, produce)
                try publish(partial, as: url)
            } catch {
                try? FileManager.default.removeItem(at: partial)
                guard let error = error as? HDF5Error else { throw error }
                throw DatasetError(.inputOutput, "\(name): \(error); free space, then run the same command again")
            }
        }
        let (digest, byteCount) = try SHA256.ofFile(url)
        let shard = Manifest.Shard(file: name, count: range.count, bytes: byteCount, sha256: digest)
        return ShardRecord(
            split: split, number: number, shard: shard, classCounts: content.classCounts, grouped: content.grouped, blocks: content.digests())
    }

    /// A shard that an earlier run left, read whole.
    private func readKept(_ url: URL, job: String, count: Int, into content: inout ShardContent) throws {
        let shard = try Shard(url, count: count, type: description.type, shape: description.shape)
        guard shard.job == job else {
            throw DatasetError(.cannotCreate, "\(shard.name) is there already and belongs to another job; remove the folder or choose another")
        }
        try shard.add(to: &content)
    }

    private func fill(
        _ url: URL, _ range: Range<Int>, job: String, into content: inout ShardContent, _ produce: (Range<Int>) throws -> Samples
    ) throws {
        let file = try File.create(url.path)
        let output = try ShardOutput(file, count: range.count, samplesPerChunk: samplesPerChunk, deflate: deflate, description, job: job)
        for first in stride(from: range.lowerBound, to: range.upperBound, by: samplesPerBatch) {
            let numbers = first ..< min(first + samplesPerBatch, range.upperBound)
            let samples = try produce(numbers)
            try output.write(samples, at: first - range.lowerBound, count: numbers.count)
            content.add(samples)
        }
        try file.close()
    }

    /// Gives a whole file its name: what it holds is on disk before the name is, and the name before this returns.
    private func publish(_ partial: URL, as url: URL) throws(DatasetError) {
        func expect(_ code: Int32, _ what: String) throws(DatasetError) {
            if code < 0 {
                throw DatasetError(
                    .inputOutput,
                    "\(url.lastPathComponent) cannot be \(what): \(String(cString: strerror(errno))); see to the folder, then run the same command again"
                )
            }
        }
        func synchronize(_ path: String, _ flags: Int32) throws(DatasetError) {
            let descriptor = open(path, flags)
            try expect(descriptor, "opened again")
            defer { close(descriptor) }
            try expect(fsync(descriptor), "written to disk")
        }
        try synchronize(partial.path, O_RDWR)
        try expect(rename(partial.path, url.path), "renamed")
        try synchronize(folder.path, O_RDONLY | O_DIRECTORY)
    }
}
