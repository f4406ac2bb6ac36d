import Glibc
internal import MPI

/// A sum over lanes on memory that stays: formed again and again, and carried forward between other work.
///
/// Made by `TreeSum.prepare`, by all ranks in the same order.
public final class LaneSum: @unchecked Sendable {
    let isDouble: Bool
    /// Of this rank's subtrees, and where the total goes.
    let partials: [UnsafeMutableRawPointer], result: UnsafeMutableRawPointer
    let count: Int
    private let rounds: [Round], scratch: UnsafeMutableRawPointer
    private let communicator: Communicator?, tag: Int32
    /// Of the ranks of the node, where they add in memory that they share; and this rank's.
    private let flags: [SharedFlag], own: SharedFlag?
    /// How often it was begun.
    private var turns: UInt64 = 0
    /// The next round, and the messages of the one before.
    private var next: Int, requests: [Request] = []

    /// - Parameters:
    ///   - wholeBytes: as in `TreeSum`.
    ///   - node: where the ranks of a node add in memory that they share.
    init(
        _ partials: [UnsafeMutableRawPointer], count: Int, isDouble: Bool, into result: UnsafeMutableRawPointer, in meeting: Meeting,
        within node: NodeMeeting?, wholeBytes: Int, by communicator: Communicator?, tag: Int32
    ) throws {
        (self.partials, self.result, self.count, self.isDouble) = (partials, result, count, isDouble)
        (self.communicator, self.tag) = (communicator, tag)
        let size = isDouble ? 8 : 4, isWhole = count * size <= wholeBytes
        if let node, count > 0 {
            let work = try node.work(partials, count: count, size: size, into: result, isWhole: isWhole)
            (rounds, flags, own, scratch) = (work.rounds, work.flags, work.own, work.scratch)
        } else if communicator != nil, meeting.ranks > 1 {
            let floats = Vector.scratchCount(min(count, Vector.block), isWhole: isWhole, in: meeting)
            scratch = .allocate(byteCount: floats * size, alignment: 64)
            rounds = Vector(partials: partials, result: result, count: count, size: size, scratch: scratch).allRounds(isWhole: isWhole, in: meeting)
            (flags, own) = ([], nil)
        } else {
            rounds = result == partials[0] ? [] : [Round(copies: [Round.Copy(from: partials[0], to: result, bytes: count * size)])]
            (flags, own, scratch) = ([], nil, .allocate(byteCount: 0, alignment: 64))
        }
        next = rounds.count
        requests.reserveCapacity(rounds.map { $0.receives.count + $0.sends.count }.max() ?? 0)
    }

    deinit { scratch.deallocate() }

    /// Whether the total stands. The last messages have also left.
    var isOver: Bool { next == rounds.count && requests.isEmpty }

    func begin() throws {
        precondition(isOver, "a sum over lanes is begun before it is over")
        (next, turns) = (0, turns + 1)
        try advance()
    }

    /// Does all that can be done without waiting.
    func advance() throws {
        while try requests.areDone(), next < rounds.count, isOpen { try start() }
    }

    /// Returns when it is over.
    func wait() throws {
        while true {
            try requests.waitForAll()
            guard next < rounds.count else { return }
            if isOpen { try start() } else { sched_yield() }
        }
    }

    /// A flag's value in a phase: it only grows, from turn to turn. The end of one turn is the beginning of the next.
    private func value(_ phase: Round.Phase) -> UInt64 { (turns - 1) * Round.Phase.over.rawValue + phase.rawValue }

    /// Whether the ranks of the node have done what the next round needs.
    private var isOpen: Bool {
        guard let gate = rounds[next].gate else { return true }
        let least = value(gate.phase)
        for rank in gate.ranks where flags[rank].value < least { return false }
        return true
    }

    private func start() throws {
        let round = rounds[next]
        next += 1
        for copy in round.copies { copy.to.copyMemory(from: copy.from, byteCount: copy.bytes) }
        for addition in round.additions { isDouble ? add(addition, Double.self) : add(addition, Float.self) }
        if let phase = round.raises { own?.raise(to: value(phase)) }
        guard let communicator else { return }
        for message in round.receives { try requests.receive(into: bytes(message), from: message.peer, tag: tag, by: communicator) }
        for message in round.sends {
            try requests.send(UnsafeBufferPointer(bytes(message)), to: message.peer, tag: tag, by: communicator)
        }
    }

    private func bytes(_ message: Round.Message) -> UnsafeMutableBufferPointer<UInt8> { message.memory.assumingMemoryBound(to: UInt8.self) }

    // MARK: For comparison

    /// Adds this rank's subtrees as they come, and has MPI add over the ranks: at once, or while other work goes on.
    func askLibrary(atOnce: Bool) throws {
        if result != partials[0] { result.copyMemory(from: partials[0], byteCount: count * (isDouble ? 8 : 4)) }
        for partial in partials.dropFirst() {
            let addition = Round.Addition(left: result, right: partial, sum: result, count: count)
            isDouble ? add(addition, Double.self) : add(addition, Float.self)
        }
        guard let communicator else { return }
        if isDouble { try reduce(Double.self, communicator, atOnce) } else { try reduce(Float.self, communicator, atOnce) }
    }

    private func reduce<T: Transferable>(_: T.Type, _ communicator: Communicator, _ atOnce: Bool) throws {
        let total = UnsafeMutableBufferPointer(start: result.assumingMemoryBound(to: T.self), count: count)
        if atOnce { try communicator.allReduce(total, .sum) } else { requests.append(try communicator.startAllReduce(total, .sum)) }
    }
}

@inline(__always)
private func add<T: FloatingPoint & BitwiseCopyable>(_ addition: Round.Addition, _: T.Type) {
    let left = addition.left.assumingMemoryBound(to: T.self), right = addition.right.assumingMemoryBound(to: T.self)
    let sum = addition.sum.assumingMemoryBound(to: T.self)
    for index in 0 ..< addition.count { sum[index] = left[index] + right[index] }
}
