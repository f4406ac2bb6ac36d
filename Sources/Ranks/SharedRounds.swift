internal import MPI

/// How the ranks of a node add their subtrees in memory that they share, and one of them meets the other nodes.
struct NodeMeeting {
    let node: Node
    /// This rank's place in the node; the first speaks for all.
    private let place: Int
    /// What a rank brings at most, on any node.
    private let most: Int
    /// Subtrees of the node's ranks, before each and at the end.
    private let firstSubtree: [Int]
    /// The additions that make the node's subtrees out of its ranks', and where these end.
    private let folds: [Lanes.Fold], ends: [Int]
    private let nodes: Meeting

    init(_ node: Node, rank: Int, subtrees: [[Range<Int>]], lanes: Int) {
        (self.node, place, most) = (node, rank - node.ranks.lowerBound, subtrees.map(\.count).max()!)
        let owned = node.nodes.map { ranks in
            Lanes.subtrees(of: subtrees[ranks.lowerBound].first!.lowerBound ..< subtrees[ranks.upperBound - 1].last!.upperBound, in: lanes)
        }
        firstSubtree = node.ranks.reduce(into: [0]) { $0.append($0.last! + subtrees[$1].count) }
        (folds, ends) = Lanes.schedule(of: node.ranks.flatMap { subtrees[$0] }, to: owned[node.index])
        nodes = Meeting(rank: node.index, subtrees: owned, lanes: lanes)
    }

    private var ranks: Int { firstSubtree.count - 1 }

    /// What a sum does on this rank, in memory of the node that is its own.
    struct Work {
        let rounds: [Round], flags: [SharedFlag], own: SharedFlag
        /// For messages between nodes.
        let scratch: UnsafeMutableRawPointer
    }

    /// Each rank copies its partial sums into the shared memory; each adds a piece of all, along the tree; the first rank adds those of all
    /// nodes; each copies the total.
    ///
    /// - Parameter isWhole: as in `Vector.rounds`, between nodes.
    func work(
        _ partials: [UnsafeMutableRawPointer], count: Int, size: Int, into result: UnsafeMutableRawPointer, isWhole: Bool
    ) throws -> Work {
        let line = 64, vector = (count * size + line - 1) / line * line
        let parts = try node.take(line + most * vector)
        let places = (0 ..< ranks).flatMap { rank in
            (0 ..< firstSubtree[rank + 1] - firstSubtree[rank]).map { parts[rank] + line + $0 * vector }
        }
        let piece = count * place / ranks ..< count * (place + 1) / ranks, all = 0 ..< ranks
        let bring = partials.enumerated().map { Round.Copy(from: $1, to: places[firstSubtree[place] + $0], bytes: count * size) }
        let additions = folds.map { fold in
            let left = places[fold.left] + piece.lowerBound * size, right = places[fold.right] + piece.lowerBound * size
            return Round.Addition(left: left, right: right, sum: left, count: piece.count)
        }
        let take = [Round.Copy(from: places[0], to: result, bytes: count * size)]
        var rounds = [
            Round(gate: .init(ranks: all, phase: .begun), copies: bring, raises: .copied),
            Round(gate: .init(ranks: all, phase: .copied), additions: additions, raises: .folded),
        ]
        let speaks = place == 0 && nodes.ranks > 1, longest = speaks ? Vector.scratchCount(min(count, Vector.block), isWhole: isWhole, in: nodes) : 0
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: longest * size, alignment: 64)
        if speaks {
            rounds.append(Round(gate: .init(ranks: all, phase: .folded)))
            let sum = Vector(partials: ends.map { places[$0] }, result: places[0], count: count, size: size, scratch: scratch)
            rounds += sum.allRounds(isWhole: isWhole, in: nodes).map(amongFirstRanks)
            rounds += [Round(raises: .total), Round(copies: take, raises: .over)]
        } else {
            let gate = nodes.ranks > 1 ? Round.Gate(ranks: 0 ..< 1, phase: .total) : Round.Gate(ranks: all, phase: .folded)
            rounds.append(Round(gate: gate, copies: take, raises: .over))
        }
        let flags = parts.map { SharedFlag(at: $0) }
        return Work(rounds: rounds, flags: flags, own: flags[place], scratch: scratch)
    }

    /// Nodes are numbered in messages by their first ranks.
    private func amongFirstRanks(_ round: Round) -> Round {
        var round = round
        for index in round.receives.indices { round.receives[index].peer = node.nodes[round.receives[index].peer].lowerBound }
        for index in round.sends.indices { round.sends[index].peer = node.nodes[round.sends[index].peer].lowerBound }
        return round
    }
}
