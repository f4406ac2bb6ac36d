internal import MPI

/// The ranks of a node, and memory that they share.
final class Node {
    /// The ranks of every node, in order; this rank's is `nodes[index]`.
    let nodes: [Range<Int>], index: Int
    var ranks: Range<Int> { nodes[index] }
    private let communicator: Communicator, watchdog: Watchdog
    private var windows: [SharedWindow] = []
    /// What is left of the newest window: where it begins in each rank's part, and bytes.
    private var parts: [UnsafeMutableRawPointer] = [], left = 0

    /// Nil where a sum gains nothing by it, each rank having a node of its own, or where a node's ranks are not consecutive and so hold no
    /// whole subtrees. All ranks call this.
    static func shared(by world: Communicator, _ watchdog: Watchdog) throws -> Node? {
        let own = try world.splitBySharedMemory()
        // a node is known by its lowest rank
        let lowest = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 1)
        defer { lowest.deallocate() }
        lowest[0] = Int64(world.rank)
        try own.allReduce(lowest, .minimum)
        let all = try world.allGather(lowest[0]).map { Int($0) }
        let begins = all.indices.filter { all[$0] == $0 }
        let nodes = zip(begins, begins.dropFirst() + [world.count]).map { $0 ..< $1 }
        guard nodes.count < world.count, nodes.allSatisfy({ node in node.allSatisfy { all[$0] == node.lowerBound } }) else {
            try own.free()
            return nil
        }
        return Node(nodes, nodes.firstIndex { $0.contains(world.rank) }!, own, watchdog)
    }

    private init(_ nodes: [Range<Int>], _ index: Int, _ communicator: Communicator, _ watchdog: Watchdog) {
        (self.nodes, self.index, self.communicator, self.watchdog) = (nodes, index, communicator, watchdog)
    }

    /// Bytes of a window, at least: each takes a call of all ranks.
    private static let windowBytes = 4 << 20

    /// So many bytes of zeros in each rank's part, seen by all, until `free`. All ranks call this with the same count.
    func take(_ byteCount: Int) throws -> [UnsafeMutableRawPointer] {
        let bytes = (byteCount + 63) / 64 * 64
        if bytes > left { try watchdog.during(.sharing) { try share(max(bytes, Self.windowBytes)) } }
        defer {
            for rank in parts.indices { parts[rank] += bytes }
            left -= bytes
        }
        return parts
    }

    private func share(_ byteCount: Int) throws {
        do {
            let window = try SharedWindow(byteCount: byteCount, on: communicator)
            windows.append(window)
            parts = try (0 ..< communicator.count).map { try window.part(of: $0).baseAddress! }
            parts[communicator.rank].initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            try window.meet()
        } catch {
            throw RankError(
                "the ranks of a node cannot share \(byteCount >> 20) MiB of memory each (\(error)); make its /dev/shm larger, or set run.windows to false",
                exitCode: 73)
        }
        left = byteCount
    }

    /// Gives all memory back. All ranks of the node call this.
    func free() throws {
        for window in windows { try window.free() }
        windows = []
        left = 0
    }
}
