/// A piece of a sum over lanes: what a rank does when the messages of the piece before have come and gone, and what it tells others then.
struct Round {
    typealias Memory = UnsafeMutableRawPointer
    struct Copy { let from: Memory, to: Memory, bytes: Int }
    /// Element by element; `sum` may be `left` or `right`.
    struct Addition { let left: Memory, right: Memory, sum: Memory, count: Int }
    struct Message { var peer: Int, memory: UnsafeMutableRawBufferPointer }
    /// What ranks of the node have to have done before, by their places in it.
    struct Gate { let ranks: Range<Int>, phase: Phase }
    /// How far a rank of a node is in a sum.
    enum Phase: UInt64 { case begun, copied, folded, total, over }

    var gate: Gate?
    var copies: [Copy] = [], additions: [Addition] = []
    /// What the ranks of the node learn when that is done.
    var raises: Phase?
    var receives: [Message] = [], sends: [Message] = []
}

/// Who brings which subtrees, and how their sums are added.
struct Meeting {
    let rank: Int, ranks: Int
    /// Where each rank's subtrees begin among those of all ranks in order, with their number as the last entry.
    let firstSubtree: [Int]
    let schedule: [Lanes.Fold]
    /// Whether ranks pair up as the tree's nodes do: each holds one subtree, and so do each two neighbors, each four, ...
    let isButterfly: Bool

    init(rank: Int, subtrees: [[Range<Int>]], lanes: Int) {
        (self.rank, ranks) = (rank, subtrees.count)
        firstSubtree = subtrees.reduce(into: [0]) { $0.append($0.last! + $1.count) }
        schedule = Lanes.schedule(of: subtrees.flatMap { $0 }, in: lanes)
        isButterfly = ranks.nonzeroBitCount == 1 && Self.pairUp(subtrees[...])
    }

    private static func pairUp(_ ranks: ArraySlice<[Range<Int>]>) -> Bool {
        guard ranks.count > 1 else { return ranks.first!.count == 1 }
        let middle = ranks.startIndex + ranks.count / 2
        let whole = ranks.first!.first!.lowerBound ..< ranks.last!.last!.upperBound
        return pairUp(ranks[..<middle]) && pairUp(ranks[middle...]) && Lanes.split(whole) == ranks[middle][0].lowerBound
    }

    /// Which subtrees a rank brings, by their numbers among all.
    func subtrees(of rank: Int) -> Range<Int> { firstSubtree[rank] ..< firstSubtree[rank + 1] }
    var subtreeCount: Int { firstSubtree[ranks] }
}

/// A vector to be added over the ranks: where it lies, and the rounds that do it. Every way adds in the tree's order.
struct Vector {
    typealias Memory = Round.Memory
    /// Of this rank's subtrees, which may be overwritten; `result` may be the first.
    let partials: [Memory], result: Memory
    let count: Int
    /// Bytes of an element.
    let size: Int
    /// Room for `scratchCount` elements.
    let scratch: Memory

    private func at(_ memory: Memory, _ index: Int) -> Memory { memory + index * size }
    private func message(_ peer: Int, _ memory: Memory, _ range: Range<Int>) -> Round.Message {
        Round.Message(peer: peer, memory: UnsafeMutableRawBufferPointer(start: at(memory, range.lowerBound), count: range.count * size))
    }

    /// Elements of scratch that the rounds need.
    static func scratchCount(_ count: Int, isWhole: Bool, in meeting: Meeting) -> Int {
        switch (meeting.isButterfly, isWhole) {
        case (true, true): count
        case (true, false): count / 2 + 1
        case (false, true): meeting.subtreeCount * count
        case (false, false): (meeting.subtreeCount - meeting.subtrees(of: meeting.rank).count) * (count / meeting.ranks + 1)
        }
    }

    /// - Parameter isWhole: whether the vector goes whole from rank to rank, which takes the fewest messages, or in pieces, which moves the
    ///   fewest bytes.
    func rounds(isWhole: Bool, in meeting: Meeting) -> [Round] {
        switch (meeting.isButterfly, isWhole) {
        case (true, true): doubling(meeting)
        case (true, false): halving(meeting)
        case (false, true): gathering(meeting)
        case (false, false): owning(meeting)
        }
    }

    /// Elements that are summed at a time by messages: what bounds scratch memory and keeps MPI's counts small.
    static let block = 1 << 22

    /// The rounds of a vector of any length.
    func allRounds(isWhole: Bool, in meeting: Meeting) -> [Round] {
        stride(from: 0, to: count, by: Self.block).flatMap { start in
            Vector(
                partials: partials.map { at($0, start) }, result: at(result, start), count: min(Self.block, count - start), size: size,
                scratch: scratch
            ).rounds(isWhole: isWhole, in: meeting)
        }
    }

    // MARK: Pairs of ranks, each pair a node of the tree. left + right and right + left have the same bits.

    /// Recursive doubling: at distance 1, 2, 4, ... two ranks exchange the whole vector.
    private func doubling(_ meeting: Meeting) -> [Round] {
        var sum = partials[0], rounds = [Round()]
        for level in 0 ..< meeting.ranks.trailingZeroBitCount {
            let peer = meeting.rank ^ 1 << level
            rounds[level].receives = [message(peer, scratch, 0 ..< count)]
            rounds[level].sends = [message(peer, sum, 0 ..< count)]
            rounds.append(Round(additions: [Round.Addition(left: sum, right: scratch, sum: result, count: count)]))
            sum = result
        }
        return rounds
    }

    /// Recursive halving: at distance 1, 2, 4, ... two ranks exchange halves of what they share, so that each adds one; then the same way
    /// back with the finished pieces. Moves 2n(R-1)/R elements.
    private func halving(_ meeting: Meeting) -> [Round] {
        var sum = partials[0], rounds = [Round()], kept = 0 ..< count, levels: [Range<Int>] = []
        for level in 0 ..< meeting.ranks.trailingZeroBitCount {
            levels.append(kept)
            let middle = (kept.lowerBound + kept.upperBound) / 2, low = kept.lowerBound ..< middle, high = middle ..< kept.upperBound
            let isLow = meeting.rank >> level & 1 == 0, peer = meeting.rank ^ 1 << level
            kept = isLow ? low : high
            rounds[level].receives = [message(peer, scratch, 0 ..< kept.count)]
            rounds[level].sends = [message(peer, sum, isLow ? high : low)]
            let left = at(sum, kept.lowerBound), place = at(result, kept.lowerBound)
            rounds.append(Round(additions: [Round.Addition(left: left, right: scratch, sum: place, count: kept.count)]))
            sum = result
        }
        for (level, whole) in levels.enumerated().reversed() {
            let missing = kept.lowerBound == whole.lowerBound ? kept.upperBound ..< whole.upperBound : whole.lowerBound ..< kept.lowerBound
            let peer = meeting.rank ^ 1 << level
            rounds[rounds.count - 1].receives = [message(peer, result, missing)]
            rounds[rounds.count - 1].sends = [message(peer, result, kept)]
            rounds.append(Round())
            kept = whole
        }
        return rounds
    }

    // MARK: Any number of ranks

    /// Every rank gets all partial sums and adds them itself. They are gathered at distance 1, 2, 4, ... (Bruck et al. 1997): a rank holds
    /// those of itself and the ranks after it, and doubles them in each round.
    private func gathering(_ meeting: Meeting) -> [Round] {
        let (rank, ranks) = (meeting.rank, meeting.ranks)
        // where the partial sums of the rank at each distance begin
        var begin = [0]
        for distance in 0 ..< ranks { begin.append(begin[distance] + meeting.subtrees(of: (rank + distance) % ranks).count * count) }
        var rounds = [Round(copies: partials.enumerated().map { Round.Copy(from: $1, to: at(scratch, $0 * count), bytes: count * size) })]
        var held = 1
        while held < ranks {
            let more = min(held, ranks - held)
            rounds[rounds.count - 1].receives = [message((rank + held) % ranks, scratch, begin[held] ..< begin[held + more])]
            rounds[rounds.count - 1].sends = [message((rank + ranks - held) % ranks, scratch, 0 ..< begin[more])]
            rounds.append(Round())
            held += more
        }
        var places: [Memory] = []
        for from in 0 ..< ranks {
            let first = begin[(from + ranks - rank) % ranks]
            places += (0 ..< meeting.subtrees(of: from).count).map { at(scratch, first + $0 * count) }
        }
        rounds[rounds.count - 1].additions = folded(places, count, into: result, meeting)
        return rounds
    }

    /// Owner computes: piece s of every partial sum goes to rank s, which adds them; then all get the finished pieces.
    private func owning(_ meeting: Meeting) -> [Round] {
        let (rank, ranks) = (meeting.rank, meeting.ranks)
        func piece(_ owner: Int) -> Range<Int> { count * owner / ranks ..< count * (owner + 1) / ranks }
        let owned = piece(rank), others = (1 ..< ranks).map { (rank + $0) % ranks }
        var exchange = Round(), places: [Memory] = [], free = 0
        for from in 0 ..< ranks {
            for (own, _) in meeting.subtrees(of: from).enumerated() {
                if from == rank {
                    places.append(at(partials[own], owned.lowerBound))
                } else {
                    exchange.receives.append(message(from, scratch, free ..< free + owned.count))
                    places.append(at(scratch, free))
                    free += owned.count
                }
            }
        }
        exchange.sends = others.flatMap { to in partials.map { message(to, $0, piece(to)) } }
        let gather = Round(
            additions: folded(places, owned.count, into: at(result, owned.lowerBound), meeting),
            receives: others.map { message($0, result, piece($0)) }, sends: others.map { message($0, result, owned) })
        return [exchange, gather]
    }

    /// The additions of what stands at the places, along the tree. The last one writes the result.
    private func folded(_ places: [Memory], _ count: Int, into result: Memory, _ meeting: Meeting) -> [Round.Addition] {
        meeting.schedule.enumerated().map { step, fold in
            let left = places[fold.left]
            return Round.Addition(left: left, right: places[fold.right], sum: step == meeting.schedule.count - 1 ? result : left, count: count)
        }
    }
}
