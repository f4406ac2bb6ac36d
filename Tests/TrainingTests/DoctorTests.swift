import Foundation
import Testing

extension EndToEnd {
    /// `vigil doctor`: each trouble has its line and its remedy.
    @Suite struct Doctor {
        private let place = Workspace.shared

        private func lines(_ job: Job) -> [Substring] { job.output.split(separator: "\n") }

        @Test func allIsWell() throws {
            let alone = try vigil(["doctor", place.folder.path])
            #expect(alone.code == 0 && alone.errors == "", "\(alone.output)\(alone.errors)")
            #expect(lines(alone).count == 5 && lines(alone).allSatisfy { $0.hasPrefix("ok     ") }, "\(alone.output)")
            #expect(alone.output.hasPrefix("ok     launch: 1 rank on 1 node\nok     cores: 1 thread a rank, "))
            #expect(alone.output.contains("file system: \(place.folder.path) takes, renames and shows files, "))
            let json = try vigil(["doctor", place.folder.path, "--json"]).output
            let findings = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
            #expect(findings.map { $0["subject"] as? String } == ["launch", "cores", "instruction set", "memory", "file system"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder.path).allSatisfy { !$0.contains("doctor") })
        }

        @Test func amongRanks() throws {
            let job = try vigil(["doctor", place.folder.path], ranks: 2)
            #expect(job.errors == "" && job.output.hasPrefix("ok     launch: 2 ranks on 1 node\n"), "\(job.output)\(job.errors)")
            #expect(job.output.contains("network: ") && job.output.contains(" between ranks 0 and 1, the farthest apart, "))
        }

        /// Processes that each believe to be alone.
        @Test func wrongLaunch() throws {
            let job = try Running(["doctor"], shell: #"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 exec "$0" "$@""#).wait()
            #expect(job.code == 64 && job.output == "")
            #expect(job.errors.hasPrefix("vigil: 2 processes were started (SLURM_STEP_NUM_TASKS), but MPI has brought together 1, "), "\(job.errors)")
            #expect(job.errors.contains("; start it by mpirun, or by srun with the --mpi= type of this MPI"))
            let script = try Running(["doctor"], shell: #"SLURM_PROCID=0 SLURM_NTASKS=2 exec "$0" "$@""#).wait()
            #expect(script.code == 64 && script.output == "")
            #expect(script.errors.hasPrefix("vigil: Slurm gave this job 2 tasks (SLURM_NTASKS), but its script has started one"), "\(script.errors)")
        }

        @Test func ranksOnOneCore() throws {
            let job = try Running(["doctor", place.folder.path, "--threads", "2"], shell: #"exec taskset -c 0 "$0" "$@""#).wait()
            #expect(job.code == 64, "\(job.output)")
            let line = try #require(lines(job).first { $0.hasPrefix("WRONG") })
            #expect(line.hasPrefix("WRONG  cores: rank 0 runs 2 threads on 1 core of ") && line.contains("; bind more to a rank (mpirun "), "\(line)")
            let two = try Running(["doctor", place.folder.path], ranks: 2, shell: #"exec taskset -c 0 "$0" "$@""#).wait()
            #expect(two.code == 64 && two.output.contains("WRONG  cores: "), "\(two.output)\(two.errors)")
            #expect(two.output.contains("2 threads on 1 core of ") && two.output.contains("; give each rank cores of its own "), "\(two.output)")
        }

        @Test(arguments: [nil, 2]) func foldersThatCannotBeUsed(ranks: Int?) throws {
            let missing = place.fresh("missing"), none = try vigil(["doctor", missing], ranks: ranks)
            #expect(none.code == 66 && none.output.contains("WRONG  file system: \(missing) is not there; make it, or name another folder\n"))
            // a full file system, as a limit on the size of files makes it
            let folder = place.fresh("full")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let full = try Running(["doctor", folder], shell: #"ulimit -f 64; exec "$0" "$@""#).wait()
            #expect(full.code == 74, "\(full.output)\(full.errors)")
            #expect(full.output.contains("WRONG  file system: \(folder) cannot be written: "))
            #expect(full.output.contains("; free space or quota there, ask for access, or name another folder\n"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
