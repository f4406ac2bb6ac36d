import Detectors
import Ranks

extension Scene.Gathering {
    /// The ranks of a group share a scene by blocks of rows; the blocks do not depend on how many ranks there are.
    /// - Parameter blockRows: of a block; the last may have fewer.
    public init(_ group: RankGroup, rows: Int, blockRows: Int = 16) {
        let count = rows.quotientRoundedUp(blockRows), own = Self.ownBlocks(of: count, group)
        func each(_ body: (Range<Int>) throws -> Void) rethrows {
            for block in own { try body(block * blockRows ..< min((block + 1) * blockRows, rows)) }
        }
        self.init(
            sum: { elements, block in
                var sum = WholeSum(group, count: elements, blocks: count)
                // each block is seen twice: to bound it, and to add it
                try each { sum.bound(try block($0)) }
                try sum.agree { "total \($0)" }
                try each { sum.add(try block($0)) }
                return try sum.totals()
            },
            maximum: { elements, block in
                var largest = Array(repeating: -Double.infinity, count: elements)
                try each { rows in largest = zip(largest, try block(rows)).map(max) }
                return try group.maximum(largest)
            })
    }

    /// The rows of a scene whose scores a rank forms.
    public static func ownRows(of rows: Int, _ group: RankGroup, blockRows: Int = 16) -> Range<Int> {
        let own = ownBlocks(of: rows.quotientRoundedUp(blockRows), group)
        return min(own.lowerBound * blockRows, rows) ..< min(own.upperBound * blockRows, rows)
    }

    private static func ownBlocks(of count: Int, _ group: RankGroup) -> Range<Int> {
        group.rank * count / group.count ..< (group.rank + 1) * count / group.count
    }
}
