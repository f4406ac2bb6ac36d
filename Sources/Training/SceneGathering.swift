import Detectors
import Ranks

extension Scene.Gathering {
    /// The ranks of a group share a scene by blocks of rows; the blocks do not depend on how many ranks there are.
    /// - Parameter blockRows: of a block; the last may have fewer.
    public init(_ group: RankGroup, rows: Int, blockRows: Int = 16) {
        let count = rows.quotientRoundedUp(blockRows)
        let own = Self.ownBlocks(of: count, group).map { $0 * blockRows ..< min(($0 + 1) * blockRows, rows) }
        self.init(
            sum: { elements, block in
                var sum = WholeSum(group, count: elements, blocks: count), kept: [[Double]] = []
                // each block is seen twice: to bound it, and to add it
                for rows in own {
                    let part = try block(rows)
                    sum.bound(part)
                    if (kept.count + 1) * elements <= Self.mostKept { kept.append(part) }
                }
                try sum.agree { "total \($0)" }
                for (place, rows) in own.enumerated() { sum.add(place < kept.count ? kept[place] : try block(rows)) }
                return try sum.totals()
            },
            maximum: { elements, block in
                var largest = Array(repeating: -Double.infinity, count: elements)
                for rows in own { largest = zip(largest, try block(rows)).map(max) }
                return try group.maximum(largest)
            },
            collect: { numbers in
                try group.allGather(numbers.withUnsafeBytes { Array($0) }).flatMap { bytes in
                    bytes.withUnsafeBytes { raw in (0 ..< raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } }
                }
            }, own: own)
    }

    /// Numbers of blocks' sums that are kept rather than formed a second time: 64 MiB.
    private static let mostKept = 1 << 23

    /// The rows of a scene whose scores a rank forms.
    public static func ownRows(of rows: Int, _ group: RankGroup, blockRows: Int = 16) -> Range<Int> {
        let own = ownBlocks(of: rows.quotientRoundedUp(blockRows), group)
        return min(own.lowerBound * blockRows, rows) ..< min(own.upperBound * blockRows, rows)
    }

    private static func ownBlocks(of count: Int, _ group: RankGroup) -> Range<Int> {
        group.rank * count / group.count ..< (group.rank + 1) * count / group.count
    }
}
