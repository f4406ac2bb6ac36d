import Testing

/// The numbers of the probe's lanes, as it makes them.
private func laneValue(_ lane: Int, _ index: Int) -> Double {
    var z = UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(lane + 1) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 30) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Double(Int64(bitPattern: z)) * 0x1p-63 * Double(1 + z & 7)
}

private func hash(_ words: some Sequence<UInt64>) -> String {
    String(words.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ $1) &* 0x0000_0100_0000_01B3 }, radix: 16)
}

/// One element's total by the tree's definition.
private func treeSum<T: BinaryFloatingPoint>(_ lower: Int, _ upper: Int, _ index: Int, _: T.Type) -> T {
    if upper - lower == 1 { return T(laneValue(lower, index)) }
    var middle = 1
    while middle * 2 < upper - lower { middle *= 2 }
    return treeSum(lower, lower + middle, index, T.self) + treeSum(lower + middle, upper, index, T.self)
}

private func linearSum<T: BinaryFloatingPoint>(_ lanes: Int, _ index: Int, _: T.Type) -> T {
    (1 ..< lanes).reduce(T(laneValue(0, index))) { $0 + T(laneValue($1, index)) }
}

private let cases: [(lanes: Int, counts: [Int])] = [
    (1, [3]), (3, [7]), (5, [1, 7, 1000]), (8, [1000]), (16, [1, 7, 10, 1000, 100_003]), (37, [10, 1000]),
]

/// Each line that the probe should print, by the plain evaluation of the tree.
private let expected: Set<String> = Set(
    cases.flatMap { lanes, counts in
        counts.flatMap { count in
            [
                "\(lanes) lanes, \(count) floats \(hash((0 ..< count).lazy.map { UInt64(treeSum(0, lanes, $0, Float.self).bitPattern) }))",
                "\(lanes) lanes, \(count) doubles \(hash((0 ..< count).lazy.map { treeSum(0, lanes, $0, Double.self).bitPattern }))",
            ]
        }
    })

extension OnRanks {
    @Test(arguments: 1 ... 8) func theTotalHasTheSameBitsOnAnyRankCount(_ ranks: Int) throws {
        let possible = cases.filter { $0.lanes >= ranks }
        for way in ["tree", "windows"] {
            let job = try mpirun(ranks, ["tree", way] + possible.map { "\($0.lanes):\($0.counts.map(String.init).joined(separator: ","))" })
            #expect(job.code == 0, "\(way): \(job.errors)")
            #expect(job.lines.count == possible.reduce(0) { $0 + 8 * $1.counts.count })
            #expect(Set(job.lines).subtracting(expected) == [], "\(way)")
        }
    }

    /// Several under way at the same time, each carried forward when its rank gets to it.
    @Test(arguments: [1, 2, 3, 4, 7, 8]) func sumsThatOverlapHaveTheSameBits(_ ranks: Int) throws {
        for words in [
            ["tree", "16", "1", "7", "1000", "100003"], ["windows", "16", "1", "7", "1000", "100003"], ["tree", "37", "10", "1000", "1000", "1000"],
        ] {
            let job = try mpirun(ranks, ["overlap"] + words)
            #expect(job.code == 0, "\(job.errors)")
            #expect(job.lines.count == 2 * (16 + 5))
            #expect(Set(job.lines).subtracting(expected) == [])
        }
    }

    /// So it is the tree that does it: added in a line, the same lanes give other bits on almost every number of ranks.
    @Test func aLinearOrderHasOtherBitsOnOtherRankCounts() throws {
        let hashes = try (1 ... 8).map { ranks in
            let job = try mpirun(ranks, ["linear", "16", "1000"])
            #expect(job.code == 0, "\(job.errors)")
            return job.output
        }
        let tree = hash((0 ..< 1000).lazy.map { UInt64(treeSum(0, 16, $0, Float.self).bitPattern) })
        #expect(Set(hashes).count == 8 && !hashes.contains(tree + "\n"))
    }

    @Test func anotherOrderHasOtherBits() {
        for count in [1000, 100_003] {
            let line = "16 lanes, \(count) floats \(hash((0 ..< count).lazy.map { UInt64(linearSum(16, $0, Float.self).bitPattern) }))"
            #expect(!expected.contains(line))
        }
    }

    /// Two ranks of the library add what the tree's root adds, whatever its algorithm.
    @Test func theLibraryIsAtHandForComparison() throws {
        let job = try mpirun(2, ["tree", "library", "16:1000"])
        #expect(job.code == 0, "\(job.errors)")
        #expect(job.lines.count == 8)
        #expect(Set(job.lines).subtracting(expected) == [])
        let overlapping = try mpirun(2, ["overlap", "library", "16", "1", "1000"])
        #expect(overlapping.code == 0, "\(overlapping.errors)")
        #expect(Set(overlapping.lines).subtracting(expected) == [])
    }

    @Test func moreRanksThanLanesEndsTheJob() throws {
        let job = try mpirun(4, ["tree", "tree", "3:5"])
        #expect(job.code == 64)
        #expect(
            job.messages == [
                "rank-probe: 4 ranks cannot share 3 lanes (one lane a microbatch of the minibatch); start at most 3 ranks, "
                    + "or choose a larger minibatch or a smaller microbatch"
            ])
    }
}
