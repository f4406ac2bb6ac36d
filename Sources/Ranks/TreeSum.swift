import Glibc
internal import MPI

/// Sums over lanes along the tree of `Lanes`: every rank brings the partial sums of its subtrees and gets the total, with the same bits
/// on any number of ranks.
///
/// Made and used by all ranks in the same order, by one thread of each. Sums may be under way while others are begun: their messages do not
/// meet. Nobody but the ranks themselves carries them forward (Open MPI has no thread that does), so between pieces of other work there are
/// calls of `advance`, and who waits for one sum carries all of them. A thread of its own would have to take turns with arithmetic where
/// ranks are as many as cores.
public final class TreeSum: @unchecked Sendable {
    /// Who adds. `library` is `MPI_Allreduce`, for comparison: its bits are equal for equal rank counts at best.
    public enum Way: Sendable { case tree, library }

    /// This rank's subtrees, in order: whose partial sums it brings.
    public let subtrees: [Range<Int>]
    /// Up to this many bytes a vector goes whole from rank to rank, which takes the fewest messages; above, in pieces, which moves the
    /// fewest bytes. The same on all ranks when a sum is prepared; no bit of a result depends on it. The defaults are where the times of the
    /// two met on 2 to 8 ranks of one node (`rank-probe bench`): 128 KiB where ranks meet in pairs, 8 KiB where each hears all others.
    public var wholeBytes: Int
    /// Whether there are others to wait for.
    public var meetsOthers: Bool { group.count > 1 }
    /// How long this rank's thread was busy with sums, or waited in them, since this was made.
    public private(set) var spent = Duration.zero

    private let group: RankGroup, way: Way, meeting: Meeting, node: NodeMeeting?
    /// How many sums were prepared: each has a tag of its own.
    private var prepared: Int32 = 0
    /// Begun and not over.
    private var active: [LaneSum] = []
    /// What went wrong where nobody could be told; the next call that can throws it.
    private var failure: (any Error)?
    private var lastAdvance = ContinuousClock.now

    /// - Parameter windows: whether the ranks of a node add in memory that they share, and one of them meets the other nodes; where a
    ///   node's ranks are not consecutive all meet all the same.
    ///
    /// Throws where there are more ranks than lanes.
    public init(group: RankGroup, lanes: Int, way: Way = .tree, windows: Bool = false) throws {
        let owned = try Lanes(count: lanes, ranks: group.count)
        let all = (0 ..< group.count).map { Lanes.subtrees(of: owned.range(of: $0), in: lanes) }
        (self.group, self.way, subtrees) = (group, way, all[group.rank])
        meeting = Meeting(rank: group.rank, subtrees: all, lanes: lanes)
        node = try windows && way == .tree ? group.node().map { NodeMeeting($0, rank: group.rank, subtrees: all, lanes: lanes) } : nil
        wholeBytes = meeting.isButterfly ? 128 << 10 : 8 << 10
        active.reserveCapacity(64)
    }

    // MARK: Sums on memory that stays

    /// `partials[i]` points to `count` partial sums over `subtrees[i]`, which may be overwritten; the total is written to `result` on every
    /// rank. `result` may be `partials[0]`. All ranks give the same count. The memory must outlive the sum.
    ///
    /// Throws where the ranks of a node cannot share memory. What they share for it is kept until the group ends.
    public func prepare(_ partials: [UnsafeMutablePointer<Float>], count: Int, into result: UnsafeMutablePointer<Float>) throws -> LaneSum {
        try prepare(partials.map { UnsafeMutableRawPointer($0) }, count, isDouble: false, into: result)
    }

    /// As above, in Double.
    public func prepare(_ partials: [UnsafeMutablePointer<Double>], count: Int, into result: UnsafeMutablePointer<Double>) throws -> LaneSum {
        try prepare(partials.map { UnsafeMutableRawPointer($0) }, count, isDouble: true, into: result)
    }

    private func prepare(_ partials: [UnsafeMutableRawPointer], _ count: Int, isDouble: Bool, into result: UnsafeMutableRawPointer) throws
        -> LaneSum
    {
        precondition(partials.count == subtrees.count, "\(partials.count) partial sums for \(subtrees.count) subtrees")
        prepared = prepared % Self.tags + 1
        return try LaneSum(
            partials, count: count, isDouble: isDouble, into: result, in: meeting, within: node, wholeBytes: wholeBytes,
            by: group.laneCommunicator, tag: prepared)
    }

    /// MPI knows at least so many tags.
    private static let tags: Int32 = 32767

    /// Begins a sum. Until it is finished its memory is left alone.
    /// - Parameter atOnce: whether `finish` follows without other work between.
    public func begin(_ sum: LaneSum, atOnce: Bool = false) throws {
        try timed {
            switch way {
            case .tree: try sum.begin()
            case .library where atOnce: try group.watchdog.during(.laneSum) { try sum.askLibrary(atOnce: true) }
            case .library: try sum.askLibrary(atOnce: false)
            }
            if !sum.isOver { active.append(sum) }
        }
    }

    /// Returns when the total of a sum that was begun stands. Nothing is allocated.
    public func finish(_ sum: LaneSum) throws {
        try timed {
            try group.watchdog.during(.laneSum) {
                while !sum.isOver {
                    if active.count == 1 {
                        try sum.wait()
                    } else {
                        try carry()
                        if !sum.isOver { sched_yield() }
                    }
                }
            }
            active.removeAll { $0.isOver }
        }
    }

    /// Carries the sums that are under way forward, without waiting; called as often as one likes, it looks every 20 microseconds.
    @inline(__always)
    public func advance() { if !active.isEmpty { lookAfter() } }

    private func lookAfter() {
        let began = ContinuousClock.now
        guard began - lastAdvance > .microseconds(20), failure == nil else { return }
        do { try carry() } catch { failure = error }
        lastAdvance = .now
        spent += lastAdvance - began
    }

    private func carry() throws {
        for sum in active { try sum.advance() }
        active.removeAll { $0.isOver }
    }

    private func timed(_ body: () throws -> Void) throws {
        if let failure { throw failure }
        let began = ContinuousClock.now
        try body()
        spent += .now - began
    }

    // MARK: One sum

    /// Forms a sum once, as `prepare` describes it.
    public func sum(_ partials: [UnsafeMutablePointer<Float>], count: Int, into result: UnsafeMutablePointer<Float>) throws {
        try form(try prepare(partials, count: count, into: result))
    }

    /// As above, in Double.
    public func sum(_ partials: [UnsafeMutablePointer<Double>], count: Int, into result: UnsafeMutablePointer<Double>) throws {
        try form(try prepare(partials, count: count, into: result))
    }

    private func form(_ sum: LaneSum) throws {
        try begin(sum, atOnce: true)
        try finish(sum)
    }
}
