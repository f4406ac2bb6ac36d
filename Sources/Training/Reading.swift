import Ranks

/// Bytes and samples that a rank's loaders have read and given out.
struct Reading {
    var bytes = 0, samples = 0

    static func + (a: Reading, b: Reading) -> Reading { Reading(bytes: a.bytes + b.bytes, samples: a.samples + b.samples) }

    /// That of each rank. All ranks call this.
    func ofRanks(_ group: RankGroup) throws -> [Reading] {
        let own = withUnsafeBytes(of: (Int64(bytes), Int64(samples))) { Array($0) }
        return try group.allGather(own).map { part in
            part.withUnsafeBytes {
                Reading(bytes: Int($0.loadUnaligned(as: Int64.self)), samples: Int($0.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
            }
        }
    }
}
