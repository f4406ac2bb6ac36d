import Synchronization
import Testing

@testable import Ranks

@Suite struct WholeSumTests {
    func total(_ blocks: [[Double]]) throws -> [Double] { try WholeSum.totals(blocks, count: blocks.first?.count ?? 0, in: .alone()) }

    @Test func sumsAreExact() throws {
        #expect(try total([[1e16], [1], [-1e16]]) == [1])
        #expect(try total([[0.1], [0.2]]) == [0.1 + 0.2])
        #expect(try total([[1, -3], [2, 0.5], [4, 0]]) == [7, -2.5])
        #expect(try total([]) == [])
        #expect(try total([[0], [-0.0]]) == [0])
    }

    @Test func theEndsOfTheRangeHold() throws {
        let tiny = Double.leastNonzeroMagnitude, huge = Double.greatestFiniteMagnitude
        #expect(try total([[tiny], [tiny], [tiny]]) == [3 * tiny])
        #expect(try total([[huge], [-huge], [huge]]) == [huge])
        #expect(try total([[huge, tiny], [0, tiny]]) == [huge, 2 * tiny])
        #expect(try total([[huge], [huge]]) == [.infinity])
    }

    @Test func orderAndDealingDoNotMatter() throws {
        func value(_ block: Int, _ index: Int) -> Double {
            let mixed: Int = (block * 7919 + index * 104_729) % 10_007
            return Double(mixed - 5000) / Double(3 + block * index)
        }
        let blocks: [[Double]] = (0 ..< 60).map { block in (0 ..< 5).map { value(block, $0) } }
        let forward = try total(blocks)
        #expect(try total(blocks.reversed()) == forward)
        #expect(try total(blocks.sorted { $0[2] < $1[2] }) == forward)
        for index in 0 ..< 5 {
            let column = blocks.map { $0[index] }, plain = column.reduce(0, +), size = column.map(abs).reduce(0, +)
            #expect(abs(plain - forward[index]) <= 60 * size * 0x1p-53)
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func whatIsNotFiniteIsNamed(_ bad: Double) {
        #expect(throws: RankError("element 1 of a sum over the whole data is not finite; look for samples that are not", exitCode: 65)) {
            try total([[1, 2], [3, bad], [4, 5]])
        }
        #expect(throws: RankError.self) { try total([[bad], [1]]) }
    }
}

@Suite struct LaunchTests {
    func launch(_ variables: [String: String]) -> Launch { Launch { variables[$0] } }

    @Test func launchersAreKnown() throws {
        #expect(!launch([:]).startsMPI)
        #expect(launch([:]).started == nil)
        for name in ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"] { #expect(launch([name: "1"]).startsMPI) }
        #expect(!launch(["SLURM_NTASKS": "4", "SLURM_PROCID": "2"]).startsMPI)
        #expect(launch(["OMPI_COMM_WORLD_RANK": "3"]).rank == 3)
        try launch([:]).check(count: 1)
    }

    @Test func advice() {
        let lost = "processes were started", alone = "but MPI has brought together 1, so each would train by itself"
        #expect(
            throws: RankError(
                "4 \(lost) (SLURM_STEP_NUM_TASKS), \(alone); start it by mpirun, or by srun with the --mpi= type of this MPI (srun --mpi=list), "
                    + "or with --ntasks=1 where one process is meant", exitCode: 64)
        ) { try launch(["SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"]).check(count: 1) }
        // as Slurm 22.05 leaves it in a job's script
        #expect(
            throws: RankError(
                "Slurm gave this job 4 tasks (SLURM_NTASKS), but its script has started one process without a launcher, which would train by itself; "
                    + "start it by mpirun, or by srun with the --mpi= type of this MPI (srun --mpi=list), or by srun --ntasks=1 where one process is "
                    + "meant", exitCode: 64)
        ) { try launch(["SLURM_NTASKS": "4", "SLURM_PROCID": "0"]).check(count: 1) }
        #expect(throws: RankError("2 \(lost) (OMPI_COMM_WORLD_SIZE), \(alone); start it by the mpirun of the MPI it was built with", exitCode: 64)) {
            try launch(["OMPI_COMM_WORLD_SIZE": "2"]).check(count: 1)
        }
    }

    @Test(
        arguments: [
            (["SLURM_NTASKS": "4", "SLURM_PROCID": "0"], 1, false), (["SLURM_NTASKS": "4", "SLURM_PROCID": "0"], 4, true),
            (["SLURM_NTASKS": "4"], 1, true),  // in an allocation, not in a task
            (["SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"], 2, true),
            (["SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"], 1, false),
            (["SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"], 1, true),
            (["SLURM_NTASKS": "4", "SLURM_PROCID": "0", "OMPI_COMM_WORLD_SIZE": "2"], 2, true),  // mpirun inside a job
            (["OMPI_COMM_WORLD_SIZE": "2"], 1, false), (["PMI_SIZE": "3", "PMI_RANK": "1"], 1, false), (["PMI_SIZE": "3"], 3, true),
            (["SLURM_NTASKS": "2", "SLURM_PROCID": "0"], 4, true), (["SLURM_NTASKS": "many", "SLURM_PROCID": "0"], 1, true),
        ] as [([String: String], Int, Bool)])
    func countsAreCompared(_ variables: [String: String], _ count: Int, _ isFine: Bool) {
        if isFine {
            #expect(throws: Never.self) { try launch(variables).check(count: count) }
        } else {
            #expect(throws: RankError.self) { try launch(variables).check(count: count) }
        }
    }
}

@Suite struct WatchdogTests {
    let advice = "if this lasts, end the job and start it again"

    @Test func aLongCallIsToldOnce() {
        let said = Mutex<[String]>([])
        let watchdog = Watchdog(rank: 3) { line in said.withLock { $0.append(line) } }
        watchdog.setStall(seconds: 1000)
        watchdog.during(.barrier) { watchdog.look() }
        #expect(said.withLock { $0 } == [])
        watchdog.setStall(seconds: 1e-9)
        watchdog.look()
        #expect(said.withLock { $0 } == [])
        watchdog.during(.sum) {
            watchdog.during(.gather) {
                watchdog.look()
                watchdog.look()
            }
            #expect(watchdog.here().places.map(\.call) == [.sum, nil])
        }
        #expect(watchdog.here().places.map(\.begun) == [2, 0])
        watchdog.during(.laneSum) { watchdog.look() }
        watchdog.end()
        let rest = "and cannot ask for which, since this MPI does not let several threads call it; \(advice)"
        #expect(
            said.withLock { $0 } == [
                "rank 3 has waited 0 s for others in a sum of integers, \(rest)", "rank 3 has waited 0 s for others in a sum over lanes, \(rest)",
            ])
    }

    /// Where a rank is in the group's calls, and then in the sums over lanes.
    func at(_ begun: Int64, _ call: Call? = nil, _ seconds: Int64 = 0, lanes: Int64 = 0, _ laneCall: Call? = nil, _ laneSeconds: Int64 = 500)
        -> Whereabouts
    {
        Whereabouts([.init(begun: begun, call: call, seconds: seconds), .init(begun: lanes, call: laneCall, seconds: laneSeconds)])
    }

    @Test func thoseThatAreMissingAreNamed() {
        let wait = Wait(call: .gather, number: 7, seconds: 130), here = at(7, .gather, 130)
        func says(_ answers: [Whereabouts?], _ sentence: String) { #expect(wait.sentence(answers) == "\(sentence); \(advice)") }
        says([here, here], "ranks 0-1 have waited 130 s for each other in a gather: all have come, so the network between them is slow or cut")
        says([here, nil], "rank 0 has waited 130 s for rank 1 in a gather: rank 1 does not answer (it is stopped, or its node out of reach)")
        says([at(6, nil, 140), here], "rank 1 has waited 130 s for rank 0 in a gather: rank 0 has computed or read for 140 s")
        says([at(6, nil, 140, lanes: 9, nil, 3), here], "rank 1 has waited 130 s for rank 0 in a gather: rank 0 has computed or read for 3 s")
        says([here, at(6, .sum)], "rank 0 has waited 130 s for rank 1 in a gather: rank 1 is still in a sum of integers")
        says([here, at(7, .barrier)], "rank 0 has waited 130 s for rank 1 in a gather: rank 1 is in a barrier instead")
        says([here, at(6, lanes: 3, .laneSum)], "rank 0 has waited 130 s for rank 1 in a gather: rank 1 is still in a sum over lanes")
        // who has been here and left is not missing
        says(
            [here, at(7), at(8, .sum), nil],
            "rank 0 has waited 130 s for rank 3 in a gather: rank 3 does not answer (it is stopped, or its node out of reach)")
        says(
            [here, nil, nil, at(6, .exchange), at(6, nil, 8), here, at(5, nil, 9), at(2, .exchange)],
            "ranks 0, 5 have waited 130 s for ranks 1-4, 6-7 in a gather: ranks 1-2 do not answer (they are stopped, or their nodes out of reach), "
                + "ranks 4, 6 have computed or read for 8 s, ranks 3, 7 are still in an exchange")
        let lanes = Wait(call: .laneSum, number: 2, seconds: 5)
        #expect(
            lanes.sentence([at(9, lanes: 2, .laneSum), at(9, .broadcast, lanes: 1)])
                == "rank 0 has waited 5 s for rank 1 in a sum over lanes: rank 1 is still in a broadcast; \(advice)")
    }

    @Test func placesTravel() {
        let place = at(7, .broadcast, 12, lanes: 1 << 40, nil, 0)
        #expect(Whereabouts(words: place.words) == place && place.words.count == Whereabouts.wordCount)
    }

    @Test func ranksAreListed() {
        #expect(RankGroup.list([3]) == "rank 3")
        #expect(RankGroup.list([0, 1, 2]) == "ranks 0-2")
        #expect(RankGroup.list([0, 2, 3, 5]) == "ranks 0, 2-3, 5")
    }
}
