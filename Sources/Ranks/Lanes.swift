/// The leaves of the summation tree and the ranks that own them.
///
/// The tree over a range of lanes splits at the largest power of two below its length. It is part of a model's definition: ranks and
/// threads only choose who adds what, so a total has the same bits on any number of them.
public struct Lanes: Sendable, Equatable {
    public let count: Int, ranks: Int

    /// Throws where there are more ranks than lanes.
    public init(count: Int, ranks: Int) throws(RankError) {
        guard ranks <= count else {
            throw RankError(
                "\(ranks) ranks cannot share \(count) lanes (one lane a microbatch of the minibatch); "
                    + "start at most \(count) ranks, or choose a larger minibatch or a smaller microbatch", exitCode: 64)
        }
        precondition(ranks > 0, "no ranks")
        (self.count, self.ranks) = (count, ranks)
    }

    /// The lanes of one rank: [⌊rL/R⌋, ⌊(r+1)L/R⌋), at least one.
    public func range(of rank: Int) -> Range<Int> { rank * count / ranks ..< (rank + 1) * count / ranks }

    /// Where the tree splits a range of at least two lanes.
    public static func split(_ range: Range<Int>) -> Int {
        precondition(range.count > 1, "a leaf has no split")
        return range.lowerBound + 1 << (Int.bitWidth - 1 - (range.count - 1).leadingZeroBitCount)
    }

    /// The maximal subtrees inside `range` of the tree over `lanes` lanes, in order.
    public static func subtrees(of range: Range<Int>, in lanes: Int) -> [Range<Int>] { cover(range, in: 0 ..< lanes) }

    private static func cover(_ range: Range<Int>, in tree: Range<Int>) -> [Range<Int>] {
        guard range.overlaps(tree) else { return [] }
        if range.lowerBound <= tree.lowerBound, tree.upperBound <= range.upperBound { return [tree] }
        let middle = split(tree)
        return cover(range, in: tree.lowerBound ..< middle) + cover(range, in: middle ..< tree.upperBound)
    }

    /// For who forms a subtree's partial sum lane by lane, in order, on a stack: how often the two topmost sums are added (lower + upper)
    /// into one after that of `lane` was pushed. After the subtree's last lane one sum is left. The stack never holds more than
    /// ⌈log₂ length⌉ + 1 sums.
    public static func folds(after lane: Int, in subtree: Range<Int>) -> Int {
        precondition(subtree.contains(lane), "lane \(lane) is not in \(subtree)")
        let pushed = lane - subtree.lowerBound + 1
        let carries = pushed.trailingZeroBitCount  // as a binary counter carries
        return lane == subtree.upperBound - 1 ? carries + pushed.nonzeroBitCount - 1 : carries
    }

    /// One addition of a fold: the left operand is replaced by left + right.
    struct Fold: Equatable { let left: Int, right: Int }

    /// The additions that make the total out of subtrees that together are the tree, in an order that is the tree's; the total ends in the
    /// first subtree's place.
    static func schedule(of subtrees: [Range<Int>], in lanes: Int) -> [Fold] { schedule(of: subtrees, to: [0 ..< lanes]).folds }

    /// The additions that make the sums over larger subtrees out of those that together are these; and the places where the sums end.
    static func schedule(of subtrees: [Range<Int>], to larger: [Range<Int>]) -> (folds: [Fold], ends: [Int]) {
        var folds: [Fold] = [], next = 0
        func fold(_ tree: Range<Int>) -> Int {  // returns where the sum of `tree` stands
            if subtrees[next] == tree {
                defer { next += 1 }
                return next
            }
            let middle = split(tree)
            let left = fold(tree.lowerBound ..< middle), right = fold(middle ..< tree.upperBound)
            folds.append(Fold(left: left, right: right))
            return left
        }
        let ends = larger.map(fold)
        return (folds, ends)
    }
}
