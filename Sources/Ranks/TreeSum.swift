internal import MPI

/// A sum over lanes along the tree of `Lanes`: every rank brings the partial sums of its subtrees and gets the total, with the same bits
/// on any number of ranks.
///
/// Made and used by all ranks in the same order. A sum allocates nothing once the largest was done.
public final class TreeSum: @unchecked Sendable {
    /// Who adds. `library` is `MPI_Allreduce`, for comparison: its bits are equal for equal rank counts at best.
    public enum Way: Sendable { case tree, library }

    /// This rank's subtrees, in order: whose partial sums it brings.
    public let subtrees: [Range<Int>]
    /// Up to this many bytes a vector goes whole from rank to rank, which takes the fewest messages; above, in pieces, which moves the
    /// fewest bytes. The same on all ranks; no bit of a result depends on it. The defaults are where the times of the two met on 2 to 8
    /// ranks of one node (`rank-probe bench`): 128 KiB where ranks meet in pairs, 8 KiB where each hears all others.
    public var wholeBytes: Int

    private let group: RankGroup, way: Way
    /// Where each rank's subtrees begin among those of all ranks in order, with their number as the last entry.
    private let firstSubtree: [Int]
    private let schedule: [Lanes.Fold]
    /// Whether ranks pair up as the tree's nodes do: each holds one subtree, and so do each two neighbors, each four, ...
    private let isButterfly: Bool

    private let scratch = Scratch()
    private let places: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>  // of all subtrees' sums while they are folded
    private var parts: Parts, requests: [Request] = [], levels: [Range<Int>]

    /// Throws where there are more ranks than lanes.
    public init(group: RankGroup, lanes: Int, way: Way = .tree) throws {
        let ranks = group.count, owned = try Lanes(count: lanes, ranks: ranks)
        let all = (0 ..< ranks).map { Lanes.subtrees(of: owned.range(of: $0), in: lanes) }
        (self.group, self.way, subtrees) = (group, way, all[group.rank])
        firstSubtree = all.reduce(into: [0]) { $0.append($0.last! + $1.count) }
        schedule = Lanes.schedule(of: all.flatMap { $0 }, in: lanes)
        isButterfly = ranks.nonzeroBitCount == 1 && Self.pairUp(all[...])
        places = .allocate(capacity: firstSubtree.last!)
        places.initialize(repeating: nil)
        wholeBytes = isButterfly ? 128 << 10 : 8 << 10
        parts = Parts(ranks: ranks)
        levels = Array(repeating: 0 ..< 0, count: ranks.trailingZeroBitCount)
    }

    deinit { places.deallocate() }

    private static func pairUp(_ ranks: ArraySlice<[Range<Int>]>) -> Bool {
        guard ranks.count > 1 else { return ranks.first!.count == 1 }
        let middle = ranks.startIndex + ranks.count / 2
        let whole = ranks.first!.first!.lowerBound ..< ranks.last!.last!.upperBound
        return pairUp(ranks[..<middle]) && pairUp(ranks[middle...]) && Lanes.split(whole) == ranks[middle][0].lowerBound
    }

    /// `partials[i]` points to `count` partial sums over `subtrees[i]`, which may be overwritten; the total is written to `result` on every
    /// rank. `result` may be `partials[0]`. All ranks give the same count.
    public func sum(_ partials: [UnsafeMutablePointer<Float>], count: Int, into result: UnsafeMutablePointer<Float>) throws {
        try group.watchdog.during(.laneSum) { try form(partials, count, into: result) }
    }

    /// As above, in Double.
    public func sum(_ partials: [UnsafeMutablePointer<Double>], count: Int, into result: UnsafeMutablePointer<Double>) throws {
        try group.watchdog.during(.laneSum) { try form(partials, count, into: result) }
    }

    /// Elements that are summed at a time: what bounds scratch memory and keeps MPI's counts small.
    private static let block = 1 << 22

    private func form<T: Transferable & FloatingPoint>(_ partials: [UnsafeMutablePointer<T>], _ count: Int, into result: UnsafeMutablePointer<T>)
        throws
    {
        precondition(partials.count == subtrees.count, "\(partials.count) partial sums for \(subtrees.count) subtrees")
        guard let communicator = group.laneCommunicator, group.count > 1 else {
            if result != partials[0] { result.update(from: partials[0], count: count) }
            return
        }
        var start = 0
        while start < count {
            let length = min(Self.block, count - start)
            for (place, partial) in zip(firstSubtree[group.rank]..., partials) { places[place] = UnsafeMutableRawPointer(partial + start) }
            let isWhole = count * MemoryLayout<T>.stride <= wholeBytes
            switch (way, isButterfly, isWhole) {
            case (.library, _, _): try askLibrary(length, into: result + start, communicator)
            case (.tree, true, true): try double(length, into: result + start, communicator)
            case (.tree, true, false): try halve(length, into: result + start, communicator)
            case (.tree, false, true): try gatherAll(length, into: result + start, communicator)
            case (.tree, false, false): try own(length, into: result + start, communicator)
            }
            start += length
        }
    }

    private func place<T>(_ index: Int, _: T.Type = T.self) -> UnsafeMutablePointer<T> { places[index]!.assumingMemoryBound(to: T.self) }

    // MARK: Pairs of ranks, each pair a node of the tree. left + right and right + left have the same bits.

    /// Recursive doubling: at distance 1, 2, 4, ... two ranks exchange the whole vector.
    private func double<T: Transferable & FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>, _ communicator: Communicator) throws {
        var sum: UnsafeMutablePointer<T> = place(firstSubtree[group.rank])
        let received = scratch.hold(count, T.self)
        for level in levels.indices {
            try swap(sum, 0 ..< count, received, 0 ..< count, with: group.rank ^ 1 << level, communicator)
            add(sum, received, into: result, count)
            sum = result
        }
    }

    /// Recursive halving: at distance 1, 2, 4, ... two ranks exchange halves of what they share, so that each adds one; then the same way
    /// back with the finished pieces. Moves 2n(R-1)/R elements.
    private func halve<T: Transferable & FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>, _ communicator: Communicator) throws {
        var sum: UnsafeMutablePointer<T> = place(firstSubtree[group.rank])
        let received = scratch.hold(count / 2 + 1, T.self)
        var kept = 0 ..< count
        for level in levels.indices {
            levels[level] = kept
            let middle = (kept.lowerBound + kept.upperBound) / 2, low = kept.lowerBound ..< middle, high = middle ..< kept.upperBound
            let given = group.rank >> level & 1 == 0 ? high : low
            kept = group.rank >> level & 1 == 0 ? low : high
            try swap(sum, given, received, 0 ..< kept.count, with: group.rank ^ 1 << level, communicator)
            add(sum + kept.lowerBound, received, into: result + kept.lowerBound, kept.count)
            sum = result
        }
        for level in levels.indices.reversed() {
            let whole = levels[level]
            let missing = kept.lowerBound == whole.lowerBound ? kept.upperBound ..< whole.upperBound : whole.lowerBound ..< kept.lowerBound
            try swap(result, kept, result, missing, with: group.rank ^ 1 << level, communicator)
            kept = whole
        }
    }

    private func swap<T: Transferable>(
        _ sent: UnsafeMutablePointer<T>, _ given: Range<Int>, _ received: UnsafeMutablePointer<T>, _ taken: Range<Int>,
        with peer: Int, _ communicator: Communicator
    ) throws {
        try communicator.sendReceive(
            UnsafeBufferPointer(start: sent + given.lowerBound, count: given.count), to: peer,
            UnsafeMutableBufferPointer(start: received + taken.lowerBound, count: taken.count), from: peer)
    }

    // MARK: Any number of ranks

    /// Every rank gets all partial sums and adds them itself.
    private func gatherAll<T: Transferable & FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>, _ communicator: Communicator) throws {
        let all = scratch.hold(places.count * count, T.self)
        for index in firstSubtree[group.rank] ..< firstSubtree[group.rank + 1] {
            (all + index * count).update(from: place(index, T.self), count: count)
        }
        try parts.set { (firstSubtree[$0 + 1] - firstSubtree[$0]) * count }
        try communicator.allGather(inPlace: all, parts)
        for index in places.indices { places[index] = UnsafeMutableRawPointer(all + index * count) }
        fold(count, into: result)
    }

    /// Owner computes: piece s of every partial sum goes to rank s, which adds them; then all gather the finished pieces.
    private func own<T: Transferable & FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>, _ communicator: Communicator) throws {
        let ranks = group.count, rank = group.rank, mine = firstSubtree[rank] ..< firstSubtree[rank + 1]
        func piece(_ owner: Int) -> Range<Int> { count * owner / ranks ..< count * (owner + 1) / ranks }
        let owned = piece(rank)
        var free = scratch.hold((places.count - mine.count) * owned.count, T.self)
        for from in 0 ..< ranks where from != rank {
            for index in firstSubtree[from] ..< firstSubtree[from + 1] {
                try requests.receive(into: UnsafeMutableBufferPointer(start: free, count: owned.count), from: from, by: communicator)
                places[index] = UnsafeMutableRawPointer(free)
                free += owned.count
            }
        }
        for distance in 1 ..< ranks {
            let to = (rank + distance) % ranks, given = piece(to)
            for index in mine {
                try requests.send(UnsafeBufferPointer(start: place(index, T.self) + given.lowerBound, count: given.count), to: to, by: communicator)
            }
        }
        try requests.waitForAll()
        for index in mine { places[index] = UnsafeMutableRawPointer(place(index, T.self) + owned.lowerBound) }
        fold(owned.count, into: result + owned.lowerBound)
        try parts.set { piece($0).count }
        try communicator.allGather(inPlace: result, parts)
    }

    /// Adds what stands at the places along the tree. The last addition writes the result.
    private func fold<T: FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>) {
        for (step, fold) in schedule.enumerated() {
            let left: UnsafeMutablePointer<T> = place(fold.left)
            add(left, place(fold.right), into: step == schedule.count - 1 ? result : left, count)
        }
    }

    // MARK: For comparison

    private func askLibrary<T: Transferable & FloatingPoint>(_ count: Int, into result: UnsafeMutablePointer<T>, _ communicator: Communicator) throws
    {
        let mine = firstSubtree[group.rank] ..< firstSubtree[group.rank + 1]
        if result != place(mine.lowerBound) { result.update(from: place(mine.lowerBound), count: count) }
        for index in mine.dropFirst() { add(result, place(index), into: result, count) }
        try communicator.allReduce(UnsafeMutableBufferPointer(start: result, count: count), .sum)
    }
}

/// Element by element; `sum` may be `left` or `right`.
@inline(__always)
private func add<T: FloatingPoint>(_ left: UnsafeMutablePointer<T>, _ right: UnsafeMutablePointer<T>, into sum: UnsafeMutablePointer<T>, _ count: Int)
{
    for index in 0 ..< count { sum[index] = left[index] + right[index] }
}

/// Memory that grows to the largest request and stays. Its content is lost when it grows.
private final class Scratch {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    func hold<T: BitwiseCopyable>(_ count: Int, _: T.Type) -> UnsafeMutablePointer<T> {
        let bytes = max(count, 1) * MemoryLayout<T>.stride
        if bytes > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: bytes, alignment: 64)
        }
        return memory.baseAddress!.assumingMemoryBound(to: T.self)
    }

    deinit { memory.deallocate() }
}
