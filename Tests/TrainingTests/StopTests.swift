import Foundation
import Testing

@testable import Training

extension EndToEnd {
    /// Jobs that end before their work is done: they save, say so, and the same command goes on to the same bytes.
    @Suite struct Stops {
        private let place = Workspace.shared

        /// A small f-AnoGAN: two stages of 3 steps, several minibatches in each of the first.
        private func stages(_ out: String) -> [String] {
            let keys = ["minibatch=64", "microbatch=16", "settings.latent=4", "settings.width=2", "settings.criticSteps=2", "epochs=9", "steps=3"]
            return ["train", "--detector", "f-anogan", "--data", place.set, "--out", out] + keys.flatMap { ["--set", $0] }
        }

        private func digestOfWhole(_ arguments: (String) -> [String]) throws -> String {
            let run = Run(path: place.fresh("whole")), job = try vigil(arguments(run.path))
            try #require(job.code == 0, "\(job.errors)")
            return try run.digest()
        }

        /// A time that is nearly over lets each job make one step: cut after every one, on 4, 3, 1 and 2 ranks in turn.
        @Test func afterEveryStepOfEveryStage() throws {
            let whole = try digestOfWhole(stages), run = Run(path: place.fresh("cut"))
            var codes: [Int32] = []
            for ranks in [4, 3, 1, 2, 4, 3] where codes.last ?? 75 == 75 {
                let job = try vigil(stages(run.path) + ["--set", "run.until=0.001"], ranks: ranks)
                codes.append(job.code)
                try #require([0, 75].contains(job.code), "\(job.errors)")
                if job.code == 75 {
                    let said = job.errors.split(separator: "\n").last ?? ""
                    let digest = try run.digest()
                    #expect(
                        said.hasPrefix("stopped before the end of its time at step ")
                            && said.hasSuffix(", saved as SHA-256 \(digest); run the same command to go on"))
                }
            }
            // at the end of a stage the job goes on to the first step of the next
            #expect(codes == [75, 75, 75, 75, 0])
            #expect(try run.digest() == whole && run.leftovers.isEmpty)
            let resumes = run.log("resume").map { "\($0["stage"]!) \($0["step"]!) \($0["total_steps"]!)" }
            #expect(resumes == ["gan 1 1", "gan 2 2", "encoder 1 4", "encoder 2 5"])
            #expect(run.log("stop").map { $0["reason"] as? String } == ["time", "time", "time", "time"])
        }

        /// The job ends before its time: by the recipe's key, and by the limit of a Slurm job.
        @Test(arguments: [nil, 3]) func beforeTheEndOfItsTime(_ ranks: Int?) throws {
            let run = Run(path: place.fresh("timed"))
            let arguments = training(run.path, "epochs=100000", "run.checkpoint.every=1000000")
            for (more, shell) in [
                (["--set", "run.until=0.2"], nil), ([], #"SLURM_JOB_END_TIME=$(($(date +%s) + 12)) exec "$0" "$@""#),
            ] as [([String], String?)] {
                let start = ContinuousClock.now, job = try Running(arguments + more, ranks: ranks, shell: shell).wait()
                #expect(job.code == 75 && ContinuousClock.now - start < .seconds(12), "\(job.errors)")
            }
            let resumed = try #require(run.log("resume").last?["total_steps"] as? Int)
            #expect(resumed > 0 && run.log("stop").count == 2)
        }

        @Test func timesThatAreNone() throws {
            for (text, message) in [
                (
                    "soon",
                    "--set run.until: run.until is \"soon\"; it must be minutes from the start (90), a time of day (21:30) or a date with its zone "
                        + "(2026-11-22T21:30:00Z), or none"
                ),
                ("2001-01-01T00:00:00Z", "the time to stop, 2001-01-01T00:00:00Z, is past; give a later one, or minutes from the start"),
            ] {
                let out = place.fresh("none"), job = try vigil(training(out, "run.until=\(text)"), ranks: 2)
                #expect(job.code == 64 && job.errors == "vigil: \(message)\n")
                #expect(!FileManager.default.fileExists(atPath: out))
            }
        }

        @Test func timesAndWhatTheyMean() throws {
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
            let now = try #require(ISO8601DateFormatter().date(from: "2026-11-22T21:00:00Z"))
            for (text, seconds) in [
                ("90", 5400.0), ("90m", 5400), ("0.5", 30), ("21:30", 1800), ("20:59", 86340), ("9:05", 43500), ("2026-11-22T22:00:00Z", 3600),
                ("2026-11-22T22:00:00+02:00", -3600),
            ] { #expect(Until(setting: text)?.seconds(from: now, in: calendar) == seconds, "\(text)") }
            for text in ["", "0", "-5", "24:00", "21:60", "nan", "inf", "1e9", "2026-11-22", "m"] { #expect(Until(setting: text) == nil, "\(text)") }
        }

        /// A signal to one rank alone: all agree at the end of a step.
        @Test func aSignalToOneRank() throws {
            func long(_ out: String) -> [String] { training(out, "epochs=100", "steps=30", "settings.width=16", "run.checkpoint.every=3") }
            let whole = try digestOfWhole(long), run = Run(path: place.fresh("term"))
            let job = try Running(long(run.path), ranks: 3)
            while job.isRunning, run.checkpoints.last ?? "" < "step-00000003" { usleep(1000) }
            let ranks = job.ranks
            try #require(ranks.count == 3)
            kill(ranks[1], SIGTERM)
            let stopped = try job.wait()
            #expect(stopped.code == 75 && stopped.errors.contains("stopped as asked at step "), "\(stopped.errors)")
            #expect(run.log("stop").last?["reason"] as? String == "signal")
            try #require(try vigil(long(run.path), ranks: 2).code == 0)
            #expect(try run.digest() == whole && run.leftovers.isEmpty)
        }

        /// One rank of four is killed, then one of three: the job ends soon, and what goes on ends with the bytes of one that was not.
        @Test func aRankIsKilled() throws {
            func long(_ out: String) -> [String] {
                training(out, "epochs=100", "steps=40", "settings.width=16", "run.checkpoint.every=3", "run.checkpoint.keep=3")
            }
            let whole = try digestOfWhole(long), run = Run(path: place.fresh("lost"))
            for (ranks, victim, step) in [(4, 2, "step-00000003"), (3, 0, "step-00000012")] {
                let job = try Running(long(run.path), ranks: ranks)
                while job.isRunning, run.checkpoints.last ?? "" < step { usleep(1000) }
                let members = job.ranks
                try #require(members.count == ranks)
                kill(members[victim], SIGKILL)
                let start = ContinuousClock.now, lost = try job.wait()
                #expect(lost.code != 0 && lost.code != 75 && ContinuousClock.now - start < .seconds(30), "\(lost.code)")
                while members.contains(where: Running.isAlive), ContinuousClock.now - start < .seconds(30) { usleep(10_000) }
                #expect(!members.contains(where: Running.isAlive), "a rank outlived the job")
            }
            try #require(run.log("end").isEmpty, "it was over before it was killed")
            let last = try #require(run.checkpoints.last)
            let job = try vigil(long(run.path))
            #expect(job.code == 0 && job.errors.contains("resumed from \(last), step \(Int(last.suffix(8))!) of stage 1\n"), "\(job.errors)")
            #expect(run.log("resume").last?["step"] as? Int == Int(last.suffix(8)))
            #expect(try run.digest() == whole && run.leftovers.isEmpty)
        }

        /// A bit that flips in one rank's memory is found at the next comparison, which names the rank and the variable.
        @Test func aRankThatDiverges() throws {
            let out = place.fresh("diverging")
            let job = try Running(["diverge", place.set, out], ranks: 3, shell: #"exec "${0%/*}/rank-probe" "$@""#).wait()
            let said = job.errors.split(separator: "\n").filter { $0.hasPrefix("rank-probe: ") }
            #expect(job.code == 70 && said.count == 1, "\(job.errors)")
            let pattern =
                #/rank-probe: the ranks differ in encoder\.0\.weight: ranks 0, 2 have [0-9a-f]{16}…, rank 1 has [0-9a-f]{16}…; one of them computes wrongly or has bad memory; the same command goes on from the last checkpoint/#
            #expect(try pattern.wholeMatch(in: said.first ?? "") != nil, "\(job.errors)")
            #expect(Run(path: out).checkpoints.first == "step-00000000")
        }

        /// A fit that had to stop is as if it had not begun, and what a signal in it saves is the checkpoint before.
        @Test func inAFit() throws {
            func fit(_ out: String) -> [String] { ["train", "--detector", "pca", "--data", place.set, "--out", out, "--set", "settings.latent=4"] }
            let whole = try digestOfWhole(fit), run = Run(path: place.fresh("fit")), kept = run.path + "/fits/.components.kept"
            // each job makes one block a rank; five are seen twice
            var codes: [Int32] = []
            for ranks in [3, 1, 2, 1, 1, 1, 1, 1, 1, 1] where codes.last != 0 {
                let job = try vigil(fit(run.path) + ["--set", "run.until=0.001"], ranks: ranks)
                codes.append(job.code)
                #expect(job.code == 0 || job.code == 75, "\(job.errors)")
                #expect(FileManager.default.fileExists(atPath: kept) == (job.code == 75))
                if job.code == 75 { #expect(run.checkpoints == ["step-00000000"]) }
            }
            #expect(codes.count > 3 && codes.last == 0 && codes.dropLast().allSatisfy { $0 == 75 }, "\(codes)")
            #expect(try run.digest() == whole && run.log("resume").last?["total_steps"] as? Int == 0)
        }

        /// A damaged file of a fit's totals is not used, nor does it end the job.
        @Test func aDamagedFit() throws {
            func fit(_ out: String) -> [String] { ["train", "--detector", "pca", "--data", place.set, "--out", out, "--set", "settings.latent=4"] }
            let whole = try digestOfWhole(fit), run = Run(path: place.fresh("fit")), kept = URL(fileURLWithPath: run.path + "/fits/.components.kept")
            try #require(try vigil(fit(run.path) + ["--set", "run.until=0.001"]).code == 75)
            try Data(try Data(contentsOf: kept).dropLast()).write(to: kept)
            let job = try vigil(fit(run.path))
            #expect(job.code == 0 && job.errors.contains("vigil: \(kept.path) is damaged; the fit begins again\n"), "\(job.errors)")
            #expect(try run.digest() == whole)
        }

        /// An evaluation goes on from the scores that are there, on other ranks too, to the same text.
        @Test func inAnEvaluation() throws {
            let run = Run(path: place.fresh("scored"))
            try #require(try vigil(training(run.path, "steps=1")).code == 0)
            let whole = try vigil(["evaluate", run.path, "--json"]).output
            var job = try vigil(["evaluate", run.path, "--json", "--until", "0.001"])
            #expect(
                job.code == 75 && job.output == ""
                    && job.errors == "stopped before the end of its time with 16 of 124 samples of split test scored; run the same command to go on\n"
            )
            job = try vigil(["evaluate", run.path, "--json", "--until", "0.001"], ranks: 3)
            #expect(job.code == 75 && job.errors.contains("with 64 of 124 samples"), "\(job.errors)")
            let kept = URL(fileURLWithPath: run.path + "/scores/.test.kept"), bytes = try Data(contentsOf: kept)
            job = try vigil(["evaluate", run.path, "--json"], ranks: 2)
            #expect(job.code == 0 && job.errors == "" && job.output == whole)
            #expect(!FileManager.default.fileExists(atPath: kept.path))

            // damaged ones are not used
            try bytes.dropLast().write(to: kept)
            job = try vigil(["evaluate", run.path, "--json"], ranks: 2)
            #expect(job.code == 0 && job.errors == "vigil: \(kept.path) is damaged; all samples are scored again\n" && job.output == whole)
            // nor those of another checkpoint
            try bytes.write(to: kept)
            try #require(try vigil(training(run.path, "steps=2")).code == 0)
            let other = try vigil(["evaluate", run.path, "--json"])
            #expect(other.code == 0 && other.errors == "" && other.output != whole)
        }

        /// A pass over a scene that had to stop begins anew; its scores go on from the blocks of rows that are there, on other ranks too.
        @Test func inAScene() throws {
            let scene = place.fresh("scene")
            try #require(try vigil(["synthesize", "scene", "--out", scene, "--rows", "60", "--columns", "40", "--bands", "12"]).code == 0)
            func fit(_ out: String) -> [String] { ["train", "--detector", "rx", "--data", scene, "--out", out] }
            let whole = try digestOfWhole(fit), run = Run(path: place.fresh("rx"))
            var job = try vigil(fit(run.path) + ["--set", "run.until=0.001"], ranks: 2)
            #expect(job.code == 75 && job.errors.contains("stopped before the end of its time at "), "\(job.errors)")
            #expect(run.checkpoints == ["step-00000000"])
            job = try vigil(fit(run.path))
            #expect(job.code == 0, "\(job.errors)")
            #expect(try run.digest() == whole)

            let evaluation = ["evaluate", run.path, "--data", scene, "--json"], text = try vigil(evaluation).output
            job = try vigil(evaluation + ["--until", "0.001"])
            #expect(job.code == 75 && job.output == "" && job.errors.contains("with 640 of 2400 samples of split test scored"), "\(job.errors)")
            job = try vigil(evaluation + ["--until", "0.001"], ranks: 2)
            #expect(job.code == 75 && job.errors.contains("with 1920 of 2400 samples"), "\(job.errors)")
            job = try vigil(evaluation, ranks: 3)
            #expect(job.code == 0 && job.output == text, "\(job.errors)")
        }

        /// A folder is one job's at a time; a job that was killed leaves it free.
        @Test func twoJobsInOneFolder() throws {
            func long(_ out: String) -> [String] { training(out, "epochs=100", "steps=40", "settings.width=16", "run.checkpoint.every=3") }
            let run = Run(path: place.fresh("shared")), first = try Running(long(run.path), ranks: 2)
            while first.isRunning, run.checkpoints.isEmpty { usleep(1000) }
            // it must not end before the others, however fast the machine is
            first.suspend()
            let start = try #require(run.log("start").last), host = try #require((start["nodes"] as? [String])?.first)
            for ranks in [nil, 2] {
                let second = try vigil(long(run.path), ranks: ranks)
                #expect(
                    second.errors
                        == "vigil: \(run.path) belongs to another job, process \(start["pid"]!) on \(host) since \(start["date"]!); "
                        + "wait for its end or choose another folder with --out\n")
                #expect(second.code == 73)
            }
            #expect(first.isRunning && run.log("start").count == 1)
            first.kill9()
            _ = try first.wait()
            let job = try vigil(long(run.path))
            #expect(job.code == 0, "\(job.errors)")
            #expect(try run.digest() == digestOfWhole(long))
        }
    }
}
