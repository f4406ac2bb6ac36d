internal import MPI

/// How fast messages go between ranks, and how long sums over all of them take.
public struct NetworkFigures: Encodable, Sendable {
    /// Two ranks, while all others wait.
    public struct Pair: Codable, Sendable {
        public let first: Int, second: Int
        /// Half the time of 8 bytes there and back.
        public let latencySeconds: Double
        /// Of 4 MiB there and back.
        public let bytesPerSecond: Double
    }
    /// A sum over all ranks of a vector that each has, as a step forms it of one lane a rank; the slowest rank's seconds.
    public struct Sum: Encodable, Sendable {
        public let bytes: Int
        /// In the order of the tree, and by `MPI_Allreduce`.
        public let treeSeconds: Double, librarySeconds: Double
    }
    public let pairs: [Pair], sums: [Sum]
}

extension RankGroup {
    /// Sizes of sums that are timed, in bytes.
    private static let sumSizes = [8, 1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 25]
    /// More ranks than this are not paired each with each.
    private static let mostPaired = 16

    /// Measures between all ranks: pairs, then sums over all. All ranks call it together.
    public func measureNetwork() throws -> NetworkFigures {
        NetworkFigures(
            pairs: try measurePairs(),
            sums: try Self.sumSizes.map {
                try NetworkFigures.Sum(bytes: $0, treeSeconds: seconds(of: .tree, $0), librarySeconds: seconds(of: .library, $0))
            })
    }

    /// Measures each pair for itself: every two, of more than 16 ranks those that are a power of two apart, as sums along the tree pair
    /// them. All ranks call it together.
    public func measurePairs() throws -> [NetworkFigures.Pair] {
        var own: [Double] = []
        let pairs = (0 ..< count).flatMap { first in
            (first + 1 ..< max(count, first + 1)).filter { count <= Self.mostPaired || ($0 - first).nonzeroBitCount == 1 }.map { (first, $0) }
        }
        for (first, second) in pairs {
            try barrier()
            if rank == first || rank == second {
                let peer = rank == first ? second : first
                let latency = try secondsToAndFro(peer, bytes: 8, times: 100), large = 4 << 20
                let time = try secondsToAndFro(peer, bytes: large, times: 8)
                own += rank == first ? [latency, Double(large) / time] : [0, 0]
            } else {
                own += [0, 0]
            }
        }
        let all = try maximum(own)
        return pairs.enumerated().map {
            NetworkFigures.Pair(first: $1.0, second: $1.1, latencySeconds: all[2 * $0], bytesPerSecond: all[2 * $0 + 1])
        }
    }

    /// The median of half the time of a message to a rank and one back.
    private func secondsToAndFro(_ peer: Int, bytes: Int, times: Int) throws -> Double {
        guard let communicator else { return 0 }
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes)
        buffer.initialize(repeating: 1)
        defer { buffer.deallocate() }
        var found: [Double] = []
        for _ in 0 ..< times + 3 {
            found.append(
                try Self.seconds {
                    if rank < peer {
                        try communicator.send(UnsafeBufferPointer(buffer), to: peer)
                        try communicator.receive(into: buffer, from: peer)
                    } else {
                        try communicator.receive(into: buffer, from: peer)
                        try communicator.send(UnsafeBufferPointer(buffer), to: peer)
                    }
                })
        }
        return found.dropFirst(3).sorted()[times / 2] / 2
    }

    /// The median time of a sum of floats, on the slowest rank.
    private func seconds(of way: TreeSum.Way, _ bytes: Int) throws -> Double {
        let tree = try TreeSum(group: self, lanes: count, way: way), floats = max(1, bytes / 4)
        let values = UnsafeMutablePointer<Float>.allocate(capacity: floats)
        values.initialize(repeating: 0, count: floats)
        defer { values.deallocate() }
        var found: [Double] = []
        for _ in 0 ..< (bytes > 1 << 20 ? 5 : 15) {
            try barrier()
            found.append(try Self.seconds { try tree.sum([values], count: floats, into: values) })
        }
        let slowest = try maximum(found).dropFirst(2).sorted()
        return slowest[slowest.count / 2]
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let time = try ContinuousClock().measure(body)
        return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    }
}
