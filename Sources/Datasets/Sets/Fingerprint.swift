import Foundation

/// The fingerprint of a set: SHA-256 over the decoded samples and labels in order, however they lie in files.
///
/// So that it can be formed in parallel it is a tree of two levels. Each split is cut into blocks of 64 samples from its
/// first (the last may be short); a block's digest is SHA-256 of its samples' numbers, then its labels as Int32, then, where
/// there are groups, these as Int64, all little-endian. The fingerprint is SHA-256 of the line "vigil 1 TYPE EXTENTS\n", as
/// "vigil 1 u8 32,32,1\n", and for each split in order of the line "NAME COUNT\n" and its blocks' digests. It depends on
/// neither chunks nor shards, filters, file format nor who wrote what.
enum Fingerprint {
    static let samplesPerBlock = 64

    static func of(type: SampleType, shape: [Int], splits: [(name: String, count: Int, blocks: [Data])]) -> String {
        let hash = SHA256()
        hash.update("vigil 1 \(type) \(shape.map(String.init).joined(separator: ","))\n")
        for split in splits {
            hash.update("\(split.name) \(split.count)\n")
            for blocks in split.blocks { blocks.withUnsafeBytes(hash.update) }
        }
        return hexadecimal(hash.digest())
    }
}
