import Detectors
import Ranks

extension Scene.Gathering {
    /// The ranks of a group share a scene by blocks of rows; the blocks do not depend on how many ranks there are.
    /// - Parameters:
    ///   - blockRows: of a block; the last may have fewer.
    ///   - stopping: of the job, if it may end before the scene does: then what ranks form together throws `SceneInterrupted`, on all of them.
    public init(_ group: RankGroup, rows: Int, blockRows: Int = 16, until stopping: Stopping? = nil) {
        let count = rows.quotientRoundedUp(blockRows)
        let own = Self.blocks(of: group.rank, among: group.count, count: count).map { $0 * blockRows ..< min(($0 + 1) * blockRows, rows) }
        /// Works on this rank's blocks, unless a rank is to stop.
        func each(_ body: (_ place: Int, _ rows: Range<Int>) throws -> Void) throws {
            for (place, rows) in own.enumerated() {
                guard let stopping else {
                    try body(place, rows)
                    continue
                }
                try stopping.work { try body(place, rows) }
                if stopping.reason != nil { break }
            }
            if let reason = try stopping?.agree(over: group) { throw SceneInterrupted(reason: reason) }
        }
        self.init(
            sum: { elements, block in
                var sum = WholeSum(group, count: elements, blocks: count), kept: [[Double]] = []
                // each block is seen twice: to bound it, and to add it
                try each { _, rows in
                    let part = try block(rows)
                    sum.bound(part)
                    if (kept.count + 1) * elements <= Self.mostKept { kept.append(part) }
                }
                try sum.agree { "total \($0)" }
                try each { place, rows in sum.add(place < kept.count ? kept[place] : try block(rows)) }
                return try sum.totals()
            },
            maximum: { elements, block in
                var largest = Array(repeating: -Double.infinity, count: elements)
                try each { _, rows in largest = zip(largest, try block(rows)).map(max) }
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
    static func rows(of rank: Int, among ranks: Int, rows: Int, blockRows: Int) -> Range<Int> {
        let own = blocks(of: rank, among: ranks, count: rows.quotientRoundedUp(blockRows))
        return min(own.lowerBound * blockRows, rows) ..< min(own.upperBound * blockRows, rows)
    }

    private static func blocks(of rank: Int, among ranks: Int, count: Int) -> Range<Int> { rank * count / ranks ..< (rank + 1) * count / ranks }
}

/// A rank is to stop in the middle of a pass over a scene. The pass begins anew in the next job.
struct SceneInterrupted: Error { let reason: StopReason }
