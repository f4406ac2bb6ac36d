import Ranks

/// The groups of a split (scans, patients), the same on all ranks; a group's index is the place of its number among all, ascending.
struct Grouping: Sendable {
    let numbers: [Int]
    /// The index of each sample's group, on this rank.
    let indices: [UInt32]
    /// Samples over all ranks, by `tag(row, index)`.
    let samples: [Int]

    /// - Parameters:
    ///   - rows: of each sample the kind it counts for: 0 for normals, k for the k-th class of anomalies.
    ///   - rowCount: kinds there are.
    /// - Throws: `MetricsError.tooManyGroups` on all ranks, and what the group throws.
    /// - Cost: memory for `rowCount` numbers per group of the split on every rank.
    init?(_ local: LocalScores, rows: some Sequence<Int>, rowCount: Int, over group: RankGroup) throws {
        guard let groups = local.groups else { return nil }
        let own = Set(groups).sorted()
        let numbers = Set(try group.allGather(bytes(of: own)).flatMap { values(of: $0, as: Int.self) }).sorted()
        let limit = Counting.tags / rowCount
        guard numbers.count <= limit else { throw MetricsError.tooManyGroups(groups: numbers.count, limit: limit) }
        let places = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, UInt32($0)) })
        let indices = groups.map { places[$0]! }
        var samples = [Int64](repeating: 0, count: rowCount * numbers.count)
        for (row, index) in zip(rows, indices) { samples[row * numbers.count + Int(index)] += 1 }
        (self.numbers, self.indices, self.samples) = (numbers, indices, try group.sum(samples).map { Int($0) })
    }

    /// What runs of a row and a group are tagged with: at equal scores normals, which are row 0, come first.
    func tag(_ row: Int, _ index: UInt32) -> Int { row * numbers.count + Int(index) }

    /// Sorted runs with their rows as tags, groups put together.
    func joined(_ runs: [Run]) -> [Run] {
        var joined = runs.map { Run(key: $0.key, tag: $0.tag / UInt32(numbers.count), count: $0.count) }
        joined.sortAndJoin()
        return joined
    }

    /// How many groups have samples of any of some rows.
    func groups(with rows: Range<Int>) -> Int {
        numbers.indices.count { index in rows.contains { samples[tag($0, UInt32(index))] > 0 } }
    }
}

/// Normals met on the way up through sorted runs, in which those of a score come before its anomalies.
struct Ascent {
    /// Below the present score, and at it.
    private(set) var below = 0, equal = 0
    private var key: UInt64?

    /// Goes up to a run's score, or stays there.
    mutating func climb(to key: UInt64) {
        guard key != self.key else { return }
        (below, equal, self.key) = (below + equal, 0, key)
    }

    mutating func meet(normals: Int) { equal += normals }

    /// What an anomaly at the present score wins: 2 for each normal below, 1 for each equal.
    var wins: Int { 2 * below + equal }
    var normals: Int { below + equal }
}
