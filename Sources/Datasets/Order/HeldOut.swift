import Randomness

extension Split {
    /// The normals that training does not see, for thresholds and early stopping: each with probability `fraction` by a hash
    /// of its number under the seed; where the set has groups, by the hash of its group, so that none is on both sides.
    public func heldOut(fraction: Double = 0.05, seed: UInt64) -> [Int] {
        let philox = Philox(seed: seed, key(of: "held-out"), key(of: name))
        return (0 ..< count).filter { sample in
            isNormal(sample) && philox.uniform(groups.map { UInt64(bitPattern: $0[sample]) } ?? UInt64(sample)) < fraction
        }
    }

    /// The numbers of the normals that are trained on, by chunk, as `Order` takes them: all but those held out.
    public func training(without heldOut: [Int] = []) -> [[Int]] {
        let left = Set(heldOut)
        return chunks.map { chunk in chunk.filter { isNormal($0) && !left.contains($0) } }
    }
}
