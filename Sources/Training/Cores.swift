import Foundation
import Ranks

/// A rank's threads, and the cores that its binding lets them run on.
struct Cores: Codable {
    /// The host's name.
    let node: String
    /// As Linux numbers them: hardware threads of one core count one each.
    let granted: Set<Int>
    /// All that the node has.
    let online: Int
    let threads: Int

    /// Of every rank, on every rank. All ranks call this.
    static func ofRanks(of group: RankGroup, threads: Int) throws -> [Cores] {
        let own = Cores(node: ProcessInfo.processInfo.hostName, granted: affinity(), online: sysconf(Int32(_SC_NPROCESSORS_ONLN)), threads: threads)
        return try group.allGather(Array(JSONEncoder().encode(own))).map { try JSONDecoder().decode(Cores.self, from: Data($0)) }
    }

    /// The cores that this thread may run on (what sched_getaffinity says, which Swift does not see); none where the system does not tell.
    private static func affinity() -> Set<Int> {
        let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? "", key = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return [] }
        return cores(inList: line.dropFirst(key.count).trimmingCharacters(in: .whitespaces))
    }

    /// Of a list as Linux writes it: "0-3,8".
    static func cores(inList list: String) -> Set<Int> {
        list.split(separator: ",").reduce(into: []) { cores, part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            if let first = ends.first, let last = ends.last, first <= last { cores.formUnion(first ... last) }
        }
    }

    /// What is wrong, and what to do, where threads have to share cores; nil where none has to. Entry r is of rank r.
    static func warning(_ ranks: [Cores]) -> String? {
        let nodes = Dictionary(grouping: ranks.indices) { ranks[$0].node }.values.sorted { $0[0] < $1[0] }
        let found = nodes.compactMap { warning(ofNode: $0, ranks) }
        guard let first = found.first else { return nil }
        return first + (found.count > 1 ? " (so it is on \(found.count) of \(nodes.count) nodes)" : "")
    }

    /// - Parameter here: the ranks of one node.
    private static func warning(ofNode here: [Int], _ ranks: [Cores]) -> String? {
        let node = ranks[here[0]].node, online = ranks[here[0]].online
        guard here.allSatisfy({ !ranks[$0].granted.isEmpty }) else { return nil }
        let wanted = here.reduce(0) { $0 + ranks[$1].threads }, granted = here.reduce(into: Set<Int>()) { $0.formUnion(ranks[$1].granted) }
        if wanted > online {  // no binding helps
            let share = online / here.count, threads = "set run.threads to \(max(1, share))", isOne = !here.contains { ranks[$0].threads > 1 }
            let ranks = "start at most \(online) rank\(online == 1 ? "" : "s") there"
            let advice =
                if share == 0 { isOne ? ranks : "\(threads) and \(ranks)" } else {
                    here.count == 1 ? threads : "\(threads), or start fewer ranks there"
                }
            return "\(sentence(here, wanted, online, node)); \(advice)"
        }
        let crowded = here.filter { ranks[$0].threads > ranks[$0].granted.count }
        if let first = crowded.first {
            let most = crowded.reduce(0) { max($0, ranks[$1].threads) }, fewest = crowded.reduce(Int.max) { min($0, ranks[$1].granted.count) }
            let alike = crowded.filter { ranks[$0].threads == ranks[first].threads && ranks[$0].granted.count == ranks[first].granted.count }
            return "\(sentence(alike, ranks[first].threads, ranks[first].granted.count, node, each: true)); bind more to a rank "
                + "(mpirun --map-by slot:PE=\(most), srun --cpus-per-task=\(most)) or nothing (mpirun --bind-to none, srun --cpu-bind=none), "
                + "or set run.threads to \(fewest)"
        }
        guard wanted > granted.count else { return nil }
        let threads = ranks[here[0]].threads
        return "\(sentence(here, wanted, granted.count, node)); give each rank cores of its own "
            + "(mpirun --map-by slot:PE=\(threads), srun --cpus-per-task=\(threads)), or bind none (mpirun --bind-to none, srun --cpu-bind=none)"
    }

    private static func sentence(_ who: [Int], _ threads: Int, _ cores: Int, _ node: String, each: Bool = false) -> String {
        let isOne = who.count == 1, each = each && !isOne ? " each" : ""
        return "\(RankGroup.list(who)) run\(isOne ? "s" : "") \(threads) threads\(each) on \(cores) core\(cores == 1 ? "" : "s")\(each) of \(node), "
            + "where they wait for one another"
    }
}
