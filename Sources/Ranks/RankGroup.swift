import Glibc
internal import MPI

/// The processes that train together. One process without MPI is a case of it.
///
/// All ranks call the same functions in the same order, one thread at a time; sums over lanes keep an order of their own.
public final class RankGroup: @unchecked Sendable {
    /// This process's place, 0 ..< count. Rank 0 alone logs and writes.
    public let rank: Int
    public let count: Int
    /// Whether MPI allows calls from several threads at once: a sum over lanes on a thread of its own, beside the group's calls.
    public let allowsThreads: Bool
    /// What the ranks talk through; nil where there is no MPI.
    let communicator: Communicator?
    /// The same ranks, for sums over lanes, whose messages do not meet those of the group's calls.
    let laneCommunicator: Communicator?
    /// Says on stderr when a rank waits for others too long, and for which.
    let watchdog: Watchdog
    let rollCall: RollCall?
    /// The ranks of this node, once they were looked for: nil where they share nothing.
    var ownNode: Node??

    init(_ communicator: Communicator?, lanes: Communicator?, rollCall: RollCall?, allowsThreads: Bool) {
        (self.communicator, laneCommunicator, self.rollCall, self.allowsThreads) = (communicator, lanes, rollCall, allowsThreads)
        (rank, count) = (communicator?.rank ?? 0, communicator?.count ?? 1)
        watchdog = Watchdog(rank: rank, rollCall: rollCall)
        if count > 1 { watchdog.start() }
    }

    /// One process, no MPI.
    public static func alone() -> RankGroup { RankGroup(nil, lanes: nil, rollCall: nil, allowsThreads: true) }

    /// Starts MPI where a launcher started this process, else makes a group of one.
    ///
    /// Throws where the launcher or Slurm says that more processes were started than MPI has brought together: each would believe to be
    /// rank 0 of 1 and write over the others' files.
    public static func start() throws -> RankGroup {
        let launch = Launch.here
        guard launch.startsMPI else {
            try launch.check(count: 1)
            return alone()
        }
        let allowsThreads = try Environment.start()
        let world = try Communicator.world()
        try launch.check(count: world.count)
        return RankGroup(
            try world.duplicate(), lanes: try world.duplicate(), rollCall: allowsThreads ? RollCall(try world.duplicate()) : nil,
            allowsThreads: allowsThreads)
    }

    /// Ends MPI, after all ranks have come here; without MPI does nothing. The group is of no use afterwards.
    public func finish() throws {
        guard communicator != nil else { return }
        try watchdog.during(.end) { try rollCall?.meet() }  // so that who leaves too early still answers, and is found here
        watchdog.end()
        if case .some(.some(let node)) = ownNode { try node.free() }
        try rollCall?.end()
        try Environment.finish()
    }

    /// The ranks of this node, where they can add in memory that they share. All ranks call this.
    func node() throws -> Node? {
        if let ownNode { return ownNode }
        guard let laneCommunicator, count > 1 else { return nil }
        let found = try watchdog.during(.sharing) { try Node.shared(by: laneCommunicator, watchdog) }
        ownNode = .some(found)
        return found
    }

    /// Ends all ranks at once, with this exit code.
    public func abort(_ code: Int32) -> Never {
        fflush(nil)
        if communicator != nil { Environment.abort(code) }
        exit(code)
    }

    /// Seconds (more than 0) that this rank may wait for others in one call before it is said on stderr, once, for whom (default 120).
    public func setStall(seconds: Double) { watchdog.setStall(seconds: seconds) }

    /// Returns when all ranks have come here.
    public func barrier() throws {
        guard let communicator else { return }
        try watchdog.during(.barrier) { try communicator.barrier() }
    }

    /// The sums of the ranks' values, element by element, on every rank. All give the same count. Overflow wraps.
    public func sum(_ values: [Int64]) throws -> [Int64] { try reduce(values, .sum, .sum) }

    /// The largest of the ranks' values, element by element, on every rank; not for NaN.
    public func maximum(_ values: [Double]) throws -> [Double] { try reduce(values, .maximum, .maximum) }

    private func reduce<T: Transferable>(_ values: [T], _ reduction: Reduction, _ call: Call) throws -> [T] {
        guard let communicator else { return values }
        var result = values
        try watchdog.during(call) { try result.withUnsafeMutableBufferPointer { try communicator.allReduce($0, reduction) } }
        return result
    }
}
