import Datasets
import Foundation
import Ranks

/// Writes a set with all ranks: each its shards, rank 0 the manifest last.
public func writeSet(_ description: SetDescription, to path: String, _ group: RankGroup, _ write: (SetWriter) throws -> [ShardRecord]) throws
    -> Manifest
{
    do {
        let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description, ranks: group.count, rank: group.rank)
        let own = try JSONEncoder().encode(try write(writer))
        let records = try group.gather(Array(own)).flatMap { try JSONDecoder().decode([ShardRecord].self, from: Data($0)) }
        let bytes = try group.broadcast(group.rank == 0 ? Array(writer.finish(records: records).encoded()) : [])
        return try Manifest(decoding: Data(bytes))
    } catch let error as DatasetError { throw Failure(error, in: path) }
}

/// A set in a few lines: shape, splits, classes.
public func summary(of manifest: Manifest, at path: String) -> String {
    let shape = manifest.shape.map(String.init).joined(separator: "×")
    let splits = manifest.splits.map { split in
        let classes = manifest.classes.filter { $0.counts[split.name, default: 0] > 0 }
        let counts = classes.map { "\($0.name) \($0.counts[split.name]!)\($0.labeled == false ? " (not labeled)" : $0.normal ? " (normal)" : "")" }
        let groups = split.grouped == true ? ", with groups" : ""
        return "  \(split.name): \(split.count) samples in \(split.shards.count) shards\(groups): \(counts.joined(separator: ", "))"
    }
    return (["\(path): \(manifest.name), samples of \(shape) \(manifest.type.rawValue), fingerprint \(manifest.fingerprint.prefix(16))…"] + splits)
        .joined(separator: "\n")
}

/// A set of synthetic baggage: its splits and what stands where.
public struct BaggageSet {
    public let description: SetDescription
    private let synthesizer: BaggageSynthesizer
    private let normals: Int, testNormals: Int
    private let threats: [(content: BaggageSynthesizer.Content, count: Int)]

    /// - Throws: `Failure` where the side or the channels are not what the synthesizer makes.
    public init(side: Int, channels: Int, normals: Int, testNormals: Int, threats: Int, seed: UInt64) throws {
        do { synthesizer = try BaggageSynthesizer(side: side, channels: channels, seed: seed) } catch { throw Failure(.usage, "\(error)") }
        (self.normals, self.testNormals, self.threats) = (normals, testNormals, baggageCounts(threats: threats))
        let contents = BaggageSynthesizer.Content.allCases
        description = SetDescription(
            name: "baggage-\(side)", shape: [side, side, channels], type: .u8, range: 0 ... 255,
            meaning: "displayed transmission; 255 is no absorption", classes: contents.map(\.name), normalClasses: ["benign"],
            provenance: ["made by": "vigil synthesize baggage", "seed": "\(seed)", "side": "\(side)", "channels": "\(channels)"])
    }

    /// Writes this rank's shards: training normals; then test normals and threats, class after class.
    public func write(to writer: SetWriter) throws -> [ShardRecord] {
        let train = try writer.write(split: "train", count: normals) { range in samples(range.map { ($0, .benign) }) }
        let test = [(content: BaggageSynthesizer.Content.benign, count: testNormals)] + threats
        let places = test.flatMap { content, count in (0 ..< count).map { ($0 + normals, content) } }
        return train + (try writer.write(split: "test", count: places.count) { range in samples(Array(places[range])) })
    }

    private func samples(_ patches: [(number: Int, content: BaggageSynthesizer.Content)]) -> Samples {
        Samples(
            values: .u8(patches.flatMap { synthesizer.patch(UInt64($0.number), $0.content) }), labels: patches.map { Int32($0.content.rawValue) },
            sources: patches.map { Int64($0.number) })
    }
}
