import Foundation
import Testing

@testable import Ranks

/// What runs under mpirun, one job at a time. Each job checks its own values on every rank and says what it did.
@Suite(.serialized) struct OnRanks {
    @Test(arguments: 1 ... 4) func bytesAndNumbersReachTheirRanks(_ ranks: Int) throws {
        let job = try mpirun(ranks, ["group"])
        #expect(job.code == 0, "\(job.errors)")
        #expect(job.lines == ["\(ranks) ranks exchanged"])
    }

    @Test(arguments: 1 ... 4) func theLibraryDoesWhatItsWrapperSays(_ ranks: Int) throws {
        let job = try mpirun(ranks, ["mpi"])
        #expect(job.code == 0, "\(job.errors)")
        #expect(job.lines == ["\(ranks) ranks called"])
    }

    @Test func theLibrarysErrorsAreThrownInItsWords() throws {
        let job = try mpirun(2, ["refuse"])
        #expect(job.code == 0, "\(job.errors)")
        let words =
            mpichProbe == nil ? ["MPI_ERR_RANK: invalid rank", "MPI_ERR_TRUNCATE: message truncated"] : ["Invalid rank", "Message truncated"]
        #expect(
            job.lines == [
                "MPI_Send failed: \(words[0]).", "MPI_Sendrecv failed: \(words[1]).",
                "a gather of all ranks' parts failed: 2147483648 elements are more than one call takes (2147483647); send them in several calls.",
            ])
    }

    @Test func wholeSumsHaveTheSameBitsOnAnyRankCount() throws {
        let hashes = try (1 ... 4).map { ranks in
            let job = try mpirun(ranks, ["whole", "37", "24"])
            #expect(job.code == 0, "\(job.errors)")
            return job.output
        }
        #expect(Set(hashes).count == 1 && hashes[0].count > 8)
        #expect(try alone(["whole", "37", "24"]).output == hashes[0])
    }

    @Test func aScenesTotalsAndMapsHaveTheSameBitsOnAnyRankCount() throws {
        let outputs = try (1 ... 4).map { ranks in
            let job = try mpirun(ranks, ["scene", "70", "9"])
            #expect(job.code == 0, "\(job.errors)")
            return job.output
        }
        #expect(Set(outputs).count == 1 && outputs[0].hasSuffix(" 630\n"))
    }

    @Test func aValueThatIsNotFiniteEndsTheJob() throws {
        let job = try mpirun(3, ["whole", "5", "24", "17"])
        #expect(job.code == 65)
        #expect(job.messages == ["rank-probe: moment 17 of a sum over the whole data is not finite; look for samples that are not"])
    }

    @Test(arguments: ["all", "0", "1", "2", "1,2"]) func anErrorAnywhereEndsAllWithOneMessage(_ failing: String) throws {
        let job = try mpirun(3, ["fail", failing, "65"])
        #expect(job.code == 65)
        #expect(job.messages == ["rank-probe: shard 3 is damaged"])
    }

    @Test func codesOfGoodEndsAndOfErrorsWithoutOne() throws {
        let stopped = try mpirun(2, ["fail", "none", "75"])
        #expect(stopped.code == 75 && stopped.messages == [])
        let plain = try mpirun(2, ["uncoded"])
        #expect(plain.code == 70)
        #expect(plain.messages == ["rank-probe: plain"], "\(plain.errors)")
        let single = try alone(["fail", "all", "66"])
        #expect(single.code == 66 && single.errors == "rank-probe: shard 3 is damaged\n")
    }

    @Test func agreementNamesTheFirstDifference() throws {
        let advice = "all must run the same program on the same recipe and data"
        #expect(try mpirun(3, ["agree", "alike"]).output == "agreed\n")
        #expect(
            try mpirun(4, ["agree", "hash"]).messages == [
                "rank-probe: the ranks differ in recipe: ranks 0-2 have 0001020304050607…, rank 3 has ff01020304050607…; \(advice)"
            ])
        #expect(
            try mpirun(3, ["agree", "item"]).messages == [
                "rank-probe: the ranks differ in item 4 of what they compare: ranks 0, 2 have nothing, rank 1 has more; \(advice)"
            ])
        #expect(
            try mpirun(3, ["agree", "name"]).messages == [
                "rank-probe: the ranks differ in item 3 of what they compare: ranks 0, 2 have manifest, rank 1 has other; \(advice)"
            ])
    }

    @Test(
        arguments: [
            ("late", "has computed or read for N s", nil), ("stopped", "does not answer (it is stopped, or its node out of reach)", nil),
            ("gone", "is in the end of the job instead", "in the end of the job: ranks 0, 2-3 are in a barrier instead"),
            ("lanes", "is still in a sum over lanes", "in a sum over lanes: ranks 0, 2-3 are still in a barrier"),
        ] as [(String, String, String?)])
    func whoWaitsTooLongSaysForWhom(_ how: String, _ state: String, _ reverse: String?) throws {
        let job = try mpirun(4, ["stall", how]), advice = "if this lasts, end the job and start it again"
        #expect((job.code == 0) == (reverse == nil), "\(job.errors)")
        var expected = ["ranks 0, 2-3 have waited N s for rank 1 in a barrier: rank 1 \(state); \(advice)"]
        if let reverse { expected.insert("rank 1 has waited N s for ranks 0, 2-3 \(reverse); \(advice)", at: 0) }
        #expect(job.messages.map { $0.replacing(#/[1-9][0-9]* s/#, with: "N s") }.sorted() == expected)
    }

    /// In a sum that the others have begun and came back to.
    @Test func whoIsWaitedForInASumUnderWayIsNamed() throws {
        let job = try mpirun(4, ["stall", "begun"])
        #expect(job.code == 0, "\(job.errors)")
        #expect(
            job.messages.map { $0.replacing(#/[1-9][0-9]* s/#, with: "N s") } == [
                "ranks 0, 2-3 have waited N s for rank 1 in a sum over lanes: rank 1 has computed or read for N s; "
                    + "if this lasts, end the job and start it again"
            ])
    }

    @Test func processesThatDoNotFindEachOtherAreRefused() throws {
        let first = try alone(["group"], environment: ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"])
        #expect(first.code == 64 && first.output == "")
        #expect(
            first.errors
                == "rank-probe: 4 processes were started (SLURM_STEP_NUM_TASKS), but MPI has brought together 1, so each would train by itself; "
                + "start it by mpirun, or by srun with the --mpi= type of this MPI (srun --mpi=list), or with --ntasks=1 where one process is meant\n"
        )
        let second = try alone(["group"], environment: ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"])
        #expect(second.code == 64 && second.errors == "")
        #expect(try alone(["group"]).output == "1 ranks exchanged\n")
    }

    @Test(.enabled(if: mpichProbe != nil, "only where both MPIs are at hand (cluster/mpich)")) func anotherLauncherIsRefused() throws {
        let jobs = [
            (try mpirun(3, ["group"], launcher: openMPI), "OMPI_COMM_WORLD_SIZE"),
            (try mpirun(3, ["group"], launcher: "mpiexec.mpich", program: nil), "PMI_SIZE"),
        ]
        for (job, variable) in jobs {
            #expect(job.code == 64 && job.output == "")
            #expect(
                job.messages == [
                    "rank-probe: 3 processes were started (\(variable)), but MPI has brought together 1, so each would train by itself; "
                        + "start it by the mpirun of the MPI it was built with"
                ])
        }
    }
}
