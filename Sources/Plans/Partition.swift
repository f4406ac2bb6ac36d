import Ranks

/// Which samples of a minibatch a rank computes: those of its lanes, side by side in its memory.
struct Partition {
    let minibatch: Int, microbatch: Int
    /// The lanes of this rank, out of all.
    let lanes: Range<Int>
    /// This rank's subtrees of the summation tree, as lanes.
    let subtrees: [Range<Int>]

    /// How many samples lie in this rank's memory.
    var samples: Int { end(lanes.upperBound) - lanes.lowerBound * microbatch }

    /// A lane's samples, counted from this rank's first.
    func samples(of lane: Int) -> Range<Int> {
        let first = lanes.lowerBound * microbatch
        return lane * microbatch - first ..< end(lane + 1) - first
    }

    /// The same for several lanes side by side.
    func samples(of lanes: Range<Int>) -> Range<Int> {
        samples(of: lanes.lowerBound).lowerBound ..< samples(of: lanes.upperBound - 1).upperBound
    }

    private func end(_ lane: Int) -> Int { min(lane * microbatch, minibatch) }

    /// Copies of partial sums that folding a subtree needs beside its result.
    var foldingDepth: Int { subtrees.map(\.count.foldingDepth).max() ?? 0 }
}

extension Int {
    /// Copies that folding so many lanes needs beside the result: the depth of their tree.
    var foldingDepth: Int { Int.bitWidth - (self - 1).leadingZeroBitCount }

    /// The quotient, rounded up.
    func divided(up divisor: Int) -> Int { (self + divisor - 1) / divisor }
}
