import Randomness

extension Split {
    /// The normals that training does not see, for thresholds and early stopping: each with probability `fraction` by a hash
    /// of its number under the seed; where the set has groups, by the hash of its group, so that none is on both sides. Samples
    /// that are not labeled are never among them.
    public func heldOut(fraction: Double = 0.05, seed: UInt64) -> [Int] {
        let philox = Philox(seed: seed, key(of: "held-out"), key(of: name))
        return (0 ..< count).filter { sample in
            sign(sample) > 0 && philox.uniform(groups.map { UInt64(bitPattern: $0[sample]) } ?? UInt64(sample)) < fraction
        }
    }

    /// The numbers of the samples that are trained on, by chunk, as `Order` takes them: the normals, those not labeled among
    /// them, but those held out and whatever shares a group with one. Detectors that learn from anomalies ask for these too. Of a scene
    /// all pixels are trained on, since which are abnormal is what is asked.
    public func training(without heldOut: [Int] = [], includingAbnormal: Bool = false) -> [[Int]] {
        let includingAbnormal = includingAbnormal || set.manifest.scene != nil
        let left = Set(heldOut), leftGroups = Set(groups.map { groups in heldOut.map { groups[$0] } } ?? [])
        return chunks.map { chunk in
            chunk.filter { sample in
                (includingAbnormal || isNormal(sample)) && !left.contains(sample) && groups.map { !leftGroups.contains($0[sample]) } ?? true
            }
        }
    }
}
