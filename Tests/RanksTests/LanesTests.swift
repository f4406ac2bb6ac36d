import Testing

@testable import Ranks

@Suite struct LanesTests {
    /// The tree by its definition: the subtrees of a range of lanes, itself first.
    func tree(_ range: Range<Int>) -> [Range<Int>] {
        guard range.count > 1 else { return [range] }
        var middle = 1
        while middle * 2 < range.count { middle *= 2 }
        return [range] + tree(range.lowerBound ..< range.lowerBound + middle) + tree(range.lowerBound + middle ..< range.upperBound)
    }

    @Test func ranksOwnAllLanesInOrder() throws {
        for count in 1 ... 40 {
            for ranks in 1 ... count {
                let lanes = try Lanes(count: count, ranks: ranks)
                let ranges = (0 ..< ranks).map { lanes.range(of: $0) }
                #expect(ranges.flatMap { Array($0) } == Array(0 ..< count))
                #expect(ranges.allSatisfy { $0.count == count / ranks || $0.count == count / ranks + 1 })
            }
        }
    }

    @Test func moreRanksThanLanesIsRefused() {
        #expect(throws: RankError.self) { try Lanes(count: 3, ranks: 4) }
        do { _ = try Lanes(count: 3, ranks: 4) } catch {
            #expect(
                error.description == "4 ranks cannot share 3 lanes (one lane a microbatch of the minibatch); start at most 3 ranks, "
                    + "or choose a larger minibatch or a smaller microbatch")
            #expect(error.exitCode == 64)
        }
    }

    @Test func subtreesAreTheMaximalOnes() {
        for count in 1 ... 20 {
            let all = tree(0 ..< count)
            for lower in 0 ..< count {
                for upper in lower + 1 ... count {
                    let inside = all.filter { lower <= $0.lowerBound && $0.upperBound <= upper }
                    let maximal = inside.filter { one in
                        !inside.contains { $0 != one && $0.lowerBound <= one.lowerBound && one.upperBound <= $0.upperBound }
                    }
                    #expect(Lanes.subtrees(of: lower ..< upper, in: count) == maximal.sorted { $0.lowerBound < $1.lowerBound })
                }
            }
        }
    }

    /// Formulas instead of numbers: which additions were made, not only what came out.
    func formula(_ range: Range<Int>) -> String {
        guard range.count > 1 else { return "\(range.lowerBound)" }
        let middle = tree(range)[1].upperBound
        return "(\(formula(range.lowerBound ..< middle))+\(formula(middle ..< range.upperBound)))"
    }

    @Test func schedulesAddAlongTheTree() throws {
        for count in 1 ... 24 {
            for ranks in 1 ... count {
                let lanes = try Lanes(count: count, ranks: ranks)
                let subtrees = (0 ..< ranks).flatMap { Lanes.subtrees(of: lanes.range(of: $0), in: count) }
                var sums = subtrees.map(formula)
                for fold in Lanes.schedule(of: subtrees, in: count) { sums[fold.left] = "(\(sums[fold.left])+\(sums[fold.right]))" }
                #expect(sums[0] == formula(0 ..< count))
            }
        }
    }

    @Test func foldsLaneByLaneAddAlongTheTree() {
        for first in [0, 3, 16] {
            for count in 1 ... 70 {
                let subtree = first ..< first + count
                var stack: [String] = [], deepest = 0
                for lane in subtree {
                    stack.append("\(lane)")
                    deepest = max(deepest, stack.count)
                    for _ in 0 ..< Lanes.folds(after: lane, in: subtree) {
                        let upper = stack.removeLast()
                        stack[stack.count - 1] = "(\(stack.last!)+\(upper))"
                    }
                }
                #expect(stack == [formula(subtree)])
                #expect(deepest <= Int.bitWidth - (count - 1).leadingZeroBitCount + 1)
            }
        }
    }
}
