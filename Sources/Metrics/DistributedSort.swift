import Ranks

/// How many samples have one key and one tag. Equal scores travel and are stored as one run, so that no rank is overloaded
/// however many samples share a score.
struct Run: BitwiseCopyable, Comparable, Sendable {
    var key: UInt64
    var tag: UInt32
    var count: UInt32 = 1

    static func < (a: Run, b: Run) -> Bool { a.key != b.key ? a.key < b.key : a.tag < b.tag }
}

extension Run {
    /// The run of one score: the bits of a finite Double, turned so that their order as an unsigned integer is that of the
    /// numbers. The two zeros are one.
    init(score: Double, tag: Int) {
        let bits = (score + 0).bitPattern
        self.init(key: bits >> 63 == 0 ? bits | 1 << 63 : ~bits, tag: UInt32(tag))
    }

    var score: Double { Double(bitPattern: key >> 63 == 1 ? key & ~(1 << 63) : ~key) }
}

extension [Run] {
    /// Sorts, then joins runs of equal key and tag, in place.
    mutating func sortAndJoin() {
        sort()
        guard var last = indices.first else { return }
        for next in indices.dropFirst() {
            if self[next].key == self[last].key && self[next].tag == self[last].tag {
                self[last].count += self[next].count
            } else {
                last += 1
                self[last] = self[next]
            }
        }
        removeLast(count - last - 1)
    }

    /// Sorts over all ranks by regular sampling (Shi & Schaeffer, J. Parallel Distrib. Comput. 14, 1992): afterward every rank
    /// holds a range of keys, sorted and joined, and all keys of a rank are below those of the next.
    ///
    /// A rank receives at most about twice its share of the (joined) runs: between two splitters lie 1/R of the samples, and
    /// each of R ranks may have one more stretch of total/R² runs there. A score that ranks share adds at most R · tags runs.
    mutating func sortOverRanks(of group: RankGroup) throws {
        sortAndJoin()
        guard group.count > 1 else { return }
        self = try Self.exchange(cut(at: try splitters(over: group)), over: group)
        sortAndJoin()
    }

    /// Runs on their way from and to a rank at a time.
    private static let portion = 1 << 20

    /// Piece r goes to rank r; what has come from all. By portions, since what is on its way is held several times over.
    private static func exchange(_ pieces: [ArraySlice<Run>], over group: RankGroup) throws -> [Run] {
        let coming = try group.exchange(pieces.map { bytes(of: [$0.count]) }).reduce(0) { $0 + values(of: $1, as: Int.self)[0] }
        let portion = Swift.max(1, portion / group.count)
        let rounds = try group.maximum([Double((pieces.reduce(0) { Swift.max($0, $1.count) } + portion - 1) / portion)])[0]
        var received: [Run] = []
        received.reserveCapacity(coming)
        for round in 0 ..< Int(rounds) {
            for part in try group.exchange(pieces.map { bytes(of: $0.dropFirst(round * portion).prefix(portion)) }) {
                received += values(of: part, as: Run.self)
            }
        }
        return received
    }

    /// The keys that divide the sorted lists of all ranks among them: rank r takes those from splitter r - 1 on and below splitter r.
    func splitters(over group: RankGroup) throws -> [UInt64] {
        let total = try group.sum([Int64(count)])[0]
        let samples = try group.allGather(bytes(of: samples(total: Int(total), ranks: group.count))).flatMap { values(of: $0, as: UInt64.self) }
        return dividing(samples, ranks: group.count)
    }

    /// The keys at regular places of this rank's sorted list, about R² over all ranks.
    func samples(total: Int, ranks: Int) -> [UInt64] {
        let spacing = Swift.max(1, total / (ranks * ranks))
        return stride(from: spacing / 2, to: count, by: spacing).map { self[$0].key }
    }

    /// The pieces of a sorted list between splitters; a key that equals a splitter belongs above it.
    func cut(at splitters: [UInt64]) -> [ArraySlice<Run>] {
        let ends = splitters.map { firstPlace(notBelow: Run(key: $0, tag: 0)) } + [count]
        return zip([0] + ends, ends).map { self[$0 ..< $1] }
    }

    /// Where a run stands, or would, in a sorted list.
    func firstPlace(notBelow run: Run) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < run { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The `ranks` - 1 keys that divide the samples evenly.
func dividing(_ samples: [UInt64], ranks: Int) -> [UInt64] {
    guard !samples.isEmpty else { return Array(repeating: 0, count: ranks - 1) }
    let sorted = samples.sorted()
    return (1 ..< ranks).map { sorted[$0 * sorted.count / ranks] }
}

// Ranks exchange bytes; these two are the only places where values become bytes and back.

func bytes<Values: Collection>(of values: Values) -> [UInt8] where Values.Element: BitwiseCopyable {
    values.withContiguousStorageIfAvailable { Array(UnsafeRawBufferPointer($0)) } ?? Array(values).withUnsafeBytes { Array($0) }
}

func values<Value: BitwiseCopyable>(of bytes: [UInt8], as type: Value.Type) -> [Value] {
    let size = MemoryLayout<Value>.stride
    precondition(bytes.count % size == 0, "\(bytes.count) bytes are no whole number of values of \(size) bytes")
    return [Value](unsafeUninitializedCapacity: bytes.count / size) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
        count = bytes.count / size
    }
}
