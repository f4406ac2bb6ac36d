import Foundation
import Ranks
import Testing
@testable import Training

/// Threads are compared with the cores that binding grants; what is said where they have to share some, as whole text.
@Suite struct CoresTests {
    /// Ranks of one node of eight cores, from what each is granted.
    private func node(_ name: String = "a", threads: Int, _ granted: Set<Int>...) -> [Cores] {
        granted.map { Cores(node: name, granted: $0, online: 8, threads: threads) }
    }

    @Test func enough() {
        #expect(Cores.warning(node(threads: 8, Set(0 ..< 8))) == nil)
        #expect(Cores.warning(node(threads: 4, Set(0 ..< 8), Set(0 ..< 8))) == nil)
        #expect(Cores.warning(node(threads: 2, [0, 1], [2, 3], [4, 5])) == nil)
        #expect(Cores.warning(node("a", threads: 8, Set(0 ..< 8)) + node("b", threads: 8, Set(0 ..< 8))) == nil)
        #expect(Cores.warning(node(threads: 2, [])) == nil)  // where the system does not say
    }

    @Test func moreThreadsThanTheNodeHasCores() {
        let all = Set(0 ..< 8), shared = "where they wait for one another"
        #expect(Cores.warning(node(threads: 9, all)) == "rank 0 runs 9 threads on 8 cores of a, \(shared); set run.threads to 8")
        #expect(
            Cores.warning(node(threads: 4, all, all, all))
                == "ranks 0-2 run 12 threads on 8 cores of a, \(shared); set run.threads to 2, or start fewer ranks there")
        for (threads, advice) in [(1, "start at most 8 ranks there"), (2, "set run.threads to 1 and start at most 8 ranks there")] {
            #expect(
                Cores.warning((0 ..< 9).map { _ in Cores(node: "a", granted: all, online: 8, threads: threads) })
                    == "ranks 0-8 run \(9 * threads) threads on 8 cores of a, \(shared); \(advice)")
        }
    }

    @Test func moreThreadsThanTheBindingGrants() {
        #expect(
            Cores.warning(node(threads: 4, [0], [1]))
                == "ranks 0-1 run 4 threads each on 1 core each of a, where they wait for one another; "
                + "bind more to a rank (mpirun --map-by slot:PE=4, srun --cpus-per-task=4) or nothing (mpirun --bind-to none, srun --cpu-bind=none), "
                + "or set run.threads to 1")
        #expect(
            Cores.warning(node(threads: 3, [0, 1, 2], [3, 4]))
                == "rank 1 runs 3 threads on 2 cores of a, where they wait for one another; "
                + "bind more to a rank (mpirun --map-by slot:PE=3, srun --cpus-per-task=3) or nothing (mpirun --bind-to none, srun --cpu-bind=none), "
                + "or set run.threads to 2")
        #expect(
            Cores.warning(node(threads: 1, [0], [0]))
                == "ranks 0-1 run 2 threads on 1 core of a, where they wait for one another; "
                + "give each rank cores of its own (mpirun --map-by slot:PE=1, srun --cpus-per-task=1), or bind none (mpirun --bind-to none, srun --cpu-bind=none)"
        )
    }

    @Test func severalNodes() {
        let crowded =
            "run 2 threads on 1 core of b, where they wait for one another; "
            + "give each rank cores of its own (mpirun --map-by slot:PE=1, srun --cpus-per-task=1), or bind none (mpirun --bind-to none, srun --cpu-bind=none)"
        let ranks = node("a", threads: 1, [0]) + node("b", threads: 1, [0], [0])
        #expect(Cores.warning(ranks) == "ranks 1-2 \(crowded)")
        #expect(Cores.warning(ranks + node("c", threads: 2, [0])) == "ranks 1-2 \(crowded) (so it is on 2 of 3 nodes)")
    }

    @Test func lists() {
        #expect(Cores.cores(inList: "0-3,8") == [0, 1, 2, 3, 8] && Cores.cores(inList: "5") == [5] && Cores.cores(inList: "") == [])
    }

    /// What the system says of this process.
    @Test func here() throws {
        let own = try #require(try Cores.ofRanks(of: .alone(), threads: 1).first)
        #expect(!own.granted.isEmpty && own.granted.count <= own.online && own.node == ProcessInfo.processInfo.hostName)
        #expect(own.granted.count == ProcessInfo.processInfo.activeProcessorCount)
    }
}

extension EndToEnd {
    @Suite struct BoundRanks {
        /// Bound to one core by the system, a run with two threads says so once it has begun, and its log keeps it.
        @Test func threadsThatShareACoreAreToldOf() throws {
            let run = Run(path: Workspace.shared.fresh("run"))
            let job = try Running(training(run.path, "steps=1", "run.threads=2"), shell: #"exec taskset -c 0 "$0" "$@""#).wait()
            let start = try #require(run.log("start").first), warning = try #require(start["threads_share_cores"] as? String)
            #expect(warning.hasPrefix("rank 0 runs 2 threads on 1 core of ") && job.code == 0)
            #expect(job.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") } == ["warning: \(warning)"])
        }
    }
}
