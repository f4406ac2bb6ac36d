internal import MPI

/// Groups within a group, which work side by side.
extension RankGroup {
    /// The part of `size` consecutive ranks that this rank is in: a group of its own, whose calls do not meet those of other parts. All
    /// ranks call this with the same size, which divides their number; and all ranks of the part `leave` it, before the whole ends.
    public func part(of size: Int) throws -> RankGroup {
        precondition(size > 0 && count % size == 0, "\(count) ranks do not divide into parts of \(size)")
        guard let communicator, size > 1 else { return .alone() }
        return try watchdog.during(.sharing) {
            let own = try communicator.split(color: rank / size, key: rank)
            return RankGroup(
                own, lanes: try own.duplicate(), rollCall: allowsThreads ? RollCall(try own.duplicate()) : nil, allowsThreads: allowsThreads)
        }
    }

    /// Gives back what a part has. Nothing that adds over its ranks may be used afterwards.
    public func leave() throws {
        guard let communicator else { return }
        try watchdog.during(.end) { try rollCall?.meet() }  // so that who leaves too early still answers
        watchdog.end()
        if case .some(.some(let node)) = ownNode { try node.free() }
        try rollCall?.end()
        try rollCall?.free()
        try laneCommunicator?.free()
        try communicator.free()
    }
}
