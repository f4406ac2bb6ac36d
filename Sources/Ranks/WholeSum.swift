/// Sums over the whole data: the partial sums of fixed blocks of the set, in Double, whoever formed them, in any order. The same bits on
/// any number of ranks.
///
/// The blocks are added as fixed-point integers, whose order does not matter, under an exponent per element that all ranks agree on first.
/// So every block is seen twice: all ranks `bound` each of their blocks, then `agree`, then `add` each again, then form the `totals`. A
/// total is exact but for terms smaller than the largest by a factor of 2¹⁰⁵ / (2 · blocks); it is rounded once.
public struct WholeSum {
    /// Elements of a block's partial sum.
    public let count: Int
    /// Blocks of the whole set, over all ranks.
    public let blocks: Int

    private let group: RankGroup
    private var largest: [Double]
    /// Binary places of each element's integer: it counts units of 2^-places.
    private var places: [Int] = []
    private var sums: [Int128] = []

    public init(_ group: RankGroup, count: Int, blocks: Int) {
        precondition(count >= 0 && blocks >= 0 && blocks < 1 << 40, "\(blocks) blocks of \(count) elements")
        (self.group, self.count, self.blocks) = (group, count, blocks)
        largest = Array(repeating: 0, count: count)
    }

    /// Notes how large a block's elements are.
    public mutating func bound(_ block: [Double]) {
        precondition(block.count == count, "a block of \(block.count) elements among those of \(count)")
        for index in 0 ..< count {
            let size = block[index].magnitude
            if !(size <= largest[index]) { largest[index] = size.isNaN ? .infinity : size }  // a NaN would be lost in a maximum
        }
    }

    /// All ranks agree on the exponents, after all have bounded their blocks. Throws, on every rank, where an element of any block is not
    /// finite; `name` says what an element is.
    public mutating func agree(naming name: (Int) -> String = { "element \($0)" }) throws {
        let maximum = try group.maximum(largest)
        if let index = maximum.firstIndex(where: { !$0.isFinite }) {
            throw RankError("\(name(index)) of a sum over the whole data is not finite; look for samples that are not", exitCode: 65)
        }
        // Below 2^(valueBits - headroom) each: as many as there are blocks stay below 2^valueBits, with a bit for rounding.
        let headroom = Int.bitWidth - max(blocks - 1, 0).leadingZeroBitCount + 1
        places = maximum.map { $0 == 0 ? 0 : Self.valueBits - headroom - (Int($0.exponent) + 1) }
        sums = Array(repeating: 0, count: count)
    }

    /// Adds a block; each of those bounded, once.
    public mutating func add(_ block: [Double]) {
        precondition(block.count == count && sums.count == count, "a block is added after the ranks agreed")
        for index in 0 ..< count { sums[index] += Int128(Self.scaled(block[index], by: places[index]).rounded(.toNearestOrEven)) }
    }

    /// The totals, on every rank.
    public func totals() throws -> [Double] {
        precondition(sums.count == count, "totals are formed after the ranks agreed")
        return zip(try sumsOverRanks(), places).map { Self.scaled(Double($0), by: -$1) }
    }

    private func sumsOverRanks() throws -> [Int128] {
        // Two words an element. The lower keeps `lowBits`, so that the sums of up to 2^(63 - lowBits) ranks need no carry on the way.
        let words = sums.flatMap { [Int64($0 >> Self.lowBits), Int64($0 & (1 << Self.lowBits - 1))] }
        let all = try group.sum(words)
        return stride(from: 0, to: all.count, by: 2).map { Int128(all[$0]) << Self.lowBits + Int128(all[$0 + 1]) }
    }

    // MARK: Going on later

    /// What all ranks have bounded and added so far.
    public struct Progress: Equatable, Sendable {
        /// By element, how large those bounded are.
        public var largest: [Double]
        /// After the ranks agreed: the binary places of each element's integer, and the integers. Else empty.
        public var places: [Int], sums: [Int128]

        public init(largest: [Double], places: [Int], sums: [Int128]) { (self.largest, self.places, self.sums) = (largest, places, sums) }
    }

    /// What all ranks have done, on every rank. All ranks call this together.
    public func progress() throws -> Progress {
        Progress(largest: try group.maximum(largest), places: places, sums: sums.isEmpty ? [] : try sumsOverRanks())
    }

    /// Goes on from what earlier ranks, however many, have done. All ranks call this together, with the same.
    public init(_ group: RankGroup, from progress: Progress, blocks: Int) {
        self.init(group, count: progress.largest.count, blocks: blocks)
        (largest, places) = (progress.largest, progress.places)
        // what was added counts once
        sums = group.rank == 0 ? progress.sums : progress.sums.map { _ in 0 }
    }

    /// The totals of blocks that are all at hand: this rank's, of `count` elements each.
    public static func totals(_ own: [[Double]], count: Int, in group: RankGroup, naming name: (Int) -> String = { "element \($0)" }) throws
        -> [Double]
    {
        let blocks = try group.sum([Int64(own.count)])[0]
        var sum = WholeSum(group, count: count, blocks: Int(blocks))
        for block in own { sum.bound(block) }
        try sum.agree(naming: name)
        for block in own { sum.add(block) }
        return try sum.totals()
    }

    private static let lowBits = 44
    private static let valueBits = lowBits + 62

    /// value · 2^exponent for exponents beyond a Double's own, too: in two steps, of which only the last may round.
    private static func scaled(_ value: Double, by exponent: Int) -> Double {
        let step = min(max(exponent, -1000), 1000)
        return Double(sign: .plus, exponent: exponent - step, significand: Double(sign: .plus, exponent: step, significand: value))
    }
}
