import Foundation
import Ranks

/// Latency and bandwidth between ranks and the time of sums over them, for programs and for people.
public struct NetworkReport: Encodable {
    let version = Vigil.version, date = ISO8601DateFormatter().string(from: Date()), processor = Environment.processor
    let ranks: Int
    /// Of each rank.
    let nodes: [String]
    let pairs: [NetworkFigures.Pair], sums: [NetworkFigures.Sum]

    /// Measures. All ranks call it together.
    public init(_ group: RankGroup) throws {
        guard group.count > 1 else {
            throw Failure(.usage, "--network measures between ranks and there is one; start several, as mpirun -n 2 vigil bench --network")
        }
        ranks = group.count
        nodes = try group.allGather(Array(ProcessInfo.processInfo.hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let figures = try group.measureNetwork()
        (pairs, sums) = (figures.pairs, figures.sums)
    }

    public var json: String { get throws { try snakeCase(self) } }

    public var text: String {
        let hosts = nodes.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let heading = "\(ranks) ranks on \(hosts.count) node\(hosts.count == 1 ? "" : "s") (\(hosts.joined(separator: ", "))), \(processor)"
        let between = pairs.map { pair in
            String(
                format: "%5d – %-5d %10.1f µs %10.3f GB/s  %@", pair.first, pair.second, 1e6 * pair.latencySeconds, 1e-9 * pair.bytesPerSecond,
                nodes[pair.first] == nodes[pair.second] ? "one node" : "two nodes")
        }
        let over = sums.map { String(format: "%10d bytes %10.1f µs %10.1f µs", $0.bytes, 1e6 * $0.treeSeconds, 1e6 * $0.librarySeconds) }
        return
            ([heading, "        ranks    latency     bandwidth"] + between + ["  a sum over ranks      tree       library"] + over).joined(
                separator: "\n")
    }
}
