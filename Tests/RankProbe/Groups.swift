import Ranks

/// `group`: every exchange of bytes and numbers, with parts of all sizes, checked on every rank.
func probeGroup(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let rank = group.rank, count = group.count
    /// What rank `from` has for rank `to`: nothing on the diagonal, up to some thousand bytes.
    func bytes(_ from: Int, _ to: Int, _ scale: Int) -> [UInt8] {
        (0 ..< abs(from - to) * scale).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ from &* 7 &+ to) }
    }

    for scale in [0, 1, 5000] {
        try expect(group.broadcast(rank == 0 ? bytes(0, 3, scale) : [9]), bytes(0, 3, scale), "broadcast")
        try expect(group.gather(bytes(rank, 0, scale)), rank == 0 ? (0 ..< count).map { bytes($0, 0, scale) } : [], "gather")
        try expect(group.allGather(bytes(rank, 2, scale)), (0 ..< count).map { bytes($0, 2, scale) }, "allGather")
        try expect(group.exchange((0 ..< count).map { bytes(rank, $0, scale) }), (0 ..< count).map { bytes($0, rank, scale) }, "exchange")
    }
    try expect(group.sum([Int64(rank), -1, 1 << 40]), [Int64(count * (count - 1) / 2), Int64(-count), Int64(count) << 40], "sum")
    try expect(group.maximum([Double(rank), -Double(rank)]), [Double(count - 1), 0], "maximum")
    try expect(group.sum([]), [], "sum of nothing")
    try expect(group.allowsThreads, true, "allowsThreads")
    try group.barrier()
    if group.rank == 0 { print("\(count) ranks exchanged") }
    return 0
}

/// `whole BLOCKS COUNT [INDEX]`: the totals of blocks that are dealt to the ranks in turn; block 1's element INDEX is not a number.
func probeWholeSum(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let blocks = Int(arguments[0])!, count = Int(arguments[1])!, bad = arguments.count > 2 ? Int(arguments[2]) : nil
    let own = (0 ..< blocks).filter { $0 % group.count == group.rank }.reversed().map { block in
        (0 ..< count).map { index in block == 1 && index == bad ? .nan : wholeValue(block, index) }
    }
    let totals = try WholeSum.totals(own, count: count, in: group, naming: { "moment \($0)" })
    if group.rank == 0 { print(String(bitsHash(totals), radix: 16)) }
    return 0
}

/// Magnitudes from 10⁻³⁰⁸ to 10³⁰⁵ among the elements, some 2⁶⁰ between the blocks of one.
func wholeValue(_ block: Int, _ index: Int) -> Double {
    let scale = Double(sign: .plus, exponent: index % 8 * 290 - 1020 + block % 7 * -10, significand: 1)
    return laneValue(block, index) * scale
}
