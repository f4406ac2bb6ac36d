import Datasets
import Foundation
import Testing
import Training

extension EndToEnd {
    /// A run that was stopped, in whatever way, ends with the bytes of one that was not.
    @Suite struct Resume {
        private let place = Workspace.shared

        /// 2 epochs of 5 steps, without a stop.
        private func undisturbed() throws -> String {
            let run = Run(path: place.fresh("undisturbed"))
            try succeed(training(run.path, "epochs=2"))
            return try run.digest()
        }

        private func succeed(_ arguments: [String], ranks: Int? = nil) throws {
            let job = try vigil(arguments, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
        }

        @Test func moreEpochsOfAFinishedRun() throws {
            let run = Run(path: place.fresh("more")), whole = try undisturbed()
            try succeed(training(run.path, "epochs=1"))
            #expect(try run.digest() != whole)
            try succeed(training(run.path, "epochs=2"), ranks: 3)
            #expect(try run.digest() == whole)
            // once more: nothing is left to do, and nothing changes
            try succeed(training(run.path, "epochs=2"), ranks: 2)
            #expect(try run.digest() == whole && run.log("end").last?["total_steps"] as? Int == 10)
            #expect(run.log("end").map { ($0["samples_read"] as! [Int]).reduce(0, +) } == [320, 320, 0])
            #expect(run.checkpoints == ["step-00000005", "step-00000010"] && run.leftovers.isEmpty)
        }

        /// Steps of some tens of milliseconds, so that a signal comes in between.
        private func slow(_ run: Run, _ overrides: String...) -> [String] {
            training(run.path, "epochs=3", "settings.width=32", "run.checkpoint.every=2", "run.checkpoint.keep=3")
                + overrides.flatMap { ["--set", $0] }
        }

        /// Waits until a checkpoint stands that `after` tells, or the job is over.
        private func wait(for job: Running, in run: Run, steps: Int) {
            while job.isRunning, run.checkpoints.last ?? "" < "step-0000000\(steps)" { usleep(1000) }
        }

        @Test(arguments: [(2, 2, 3), (4, 3, 1), (6, 1, 2)]) func afterAKill(_ steps: Int, _ ranks: Int, _ ranksAfterwards: Int) throws {
            let whole = Run(path: place.fresh("whole")), run = Run(path: place.fresh("killed"))
            try succeed(slow(whole))
            let job = try Running(slow(run), ranks: ranks)
            wait(for: job, in: run, steps: steps)
            job.kill9()
            #expect(try job.wait().code != 0)
            try #require(run.log("end").isEmpty, "it was over before it was killed")
            // what a kill during a write leaves
            let partial = run.path + "/checkpoints/.step-00000003.writing"
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            try Data("half".utf8).write(to: URL(fileURLWithPath: partial + "/state.safetensors"))

            try succeed(slow(run, "run.threads=2"), ranks: ranksAfterwards)
            #expect(try run.digest() == whole.digest())
            #expect(run.leftovers.isEmpty && run.checkpoints == ["step-00000012", "step-00000014", "step-00000015"])
            let read = try #require(run.log("end").last?["samples_read"] as? [Int]).reduce(0, +)
            #expect(read < 15 * 64 && read >= (15 - 14) * 64 && read % 64 == 0)
        }

        @Test(arguments: [nil, 2]) func afterASignal(_ ranks: Int?) throws {
            let whole = Run(path: place.fresh("whole")), run = Run(path: place.fresh("stopped"))
            try succeed(slow(whole))
            let job = try Running(slow(run), ranks: ranks)
            wait(for: job, in: run, steps: 2)
            job.signalLauncher(SIGUSR1)
            let stopped = try job.wait()
            #expect(stopped.code == 75, "\(stopped.errors)")
            let said = try #require(stopped.errors.split(separator: "\n").first { $0.hasPrefix("stopped") })
            #expect(said.contains(/^stopped as asked at step \d+ of stage 1, saved as SHA-256 [0-9a-f]{64}; run the same command to go on$/))
            #expect(try said.contains(run.digest()))
            #expect(run.log("end").isEmpty && run.leftovers.isEmpty)
            try succeed(slow(run), ranks: 3)
            // both jobs together have read what one would have
            let read = (run.log("stop") + run.log("end")).compactMap { $0["samples_read"] as? [Int] }.map { $0.reduce(0, +) }
            #expect(read.count == 2 && read.reduce(0, +) == 15 * 64, "\(read)")
            #expect(try run.digest() == whole.digest())
        }

        /// Flips a byte in the middle of a file.
        private func damage(_ file: String) throws {
            let url = URL(fileURLWithPath: file)
            var bytes = try Data(contentsOf: url)
            bytes[bytes.count / 2] ^= 0x10
            try bytes.write(to: url)
        }

        @Test func aDamagedCheckpointIsSteppedOver() throws {
            let run = Run(path: place.fresh("damaged"))
            try succeed(training(run.path, "epochs=2"))
            let digest = try run.digest(), newest = run.path + "/checkpoints/step-00000010"
            try damage(newest + "/state.safetensors")
            let found = try run.digest()
            let message = "vigil: \(newest)/state.safetensors has SHA-256 \(found), expected \(digest); it is damaged, use the checkpoint before\n"
            for ranks in [nil, 2] {
                let evaluation = try vigil(["evaluate", run.path], ranks: ranks)
                #expect(evaluation.code == 65 && evaluation.errors == message && evaluation.output == "")
            }
            let again = try vigil(training(run.path, "epochs=2"), ranks: 2)
            #expect(again.code == 0 && again.errors.hasPrefix(message + "resumed from step-00000005, step 5 of stage 1\n"))
            #expect(try run.digest() == digest)

            // with none that is whole it does not begin anew without a word
            let first = run.path + "/checkpoints/step-00000005"
            try damage(newest + "/state.safetensors")
            try damage(first + "/state.safetensors")
            let none = try vigil(training(run.path, "epochs=2"), ranks: 2)
            #expect(none.code == 65)
            #expect(
                none.errors.hasPrefix(message + "vigil: \(first)/state.safetensors has SHA-256 ")
                    && none.errors.hasSuffix("vigil: \(run.path) has no checkpoint that is whole; remove its folder checkpoints to begin anew\n"))

            try Data("{".utf8).write(to: URL(fileURLWithPath: newest + "/run.json"))
            let record = try vigil(["evaluate", run.path])
            #expect(record.code == 65 && record.errors == "vigil: \(newest)/run.json is damaged; use the checkpoint before\n")
            try FileManager.default.removeItem(atPath: newest + "/run.json")
            let missing = try vigil(["evaluate", run.path])
            #expect(missing.code == 65)
            #expect(missing.errors == "vigil: \(newest)/run.json cannot be read; the checkpoint is incomplete, use the one before\n")
        }

        @Test func anotherRecipeIsRefused() throws {
            let run = Run(path: place.fresh("recipe"))
            try succeed(training(run.path, "epochs=1"))
            let digest = try run.digest()
            for ranks in [nil, 2] {
                let job = try vigil(training(run.path, "epochs=2", "settings.latent=13", "seed=4"), ranks: ranks)
                #expect(job.code == 64)
                #expect(
                    job.errors == "vigil: \(run.path) was trained by another recipe: seed is 4 (was 0), settings.latent is 13 (was 12); "
                        + "set seed back or choose another folder with --out\n")
            }
            let other = place.fresh("other-set")
            try succeed(["synthesize", "baggage", "--out", other, "--side", "16", "--normals", "320", "--threats", "10", "--seed", "1"])
            let data = try vigil(training(run.path, "epochs=2", set: other))
            let fingerprints = try [place.set, other].map { try Manifest(of: URL(fileURLWithPath: $0)).fingerprint }
            #expect(
                data.code == 64
                    && data.errors == "vigil: \(run.path) was trained on other data: fingerprint \(fingerprints[0]), now \(fingerprints[1]); "
                        + "choose another folder with --out\n"
            )
            // what does not change the model may change
            try succeed(training(run.path, "epochs=1", "run.threads=2", "run.checkpoint.keep=1"))
            #expect(try run.digest() == digest)
            // the refused commands left the run's recipe as it was
            #expect(try String(contentsOfFile: run.path + "/recipe.yaml", encoding: .utf8).contains("\n  latent: 12\n"))
        }

        /// A disk that is full, by a limit on the size of files: the last checkpoint stays, and training goes on from it.
        @Test func aFullDiskLeavesTheCheckpointBefore() throws {
            let run = Run(path: place.fresh("full")), whole = try undisturbed()
            try succeed(training(run.path, "epochs=1"))
            let digest = try run.digest()
            let job = try Running(training(run.path, "epochs=2"), shell: #"trap "" XFSZ; ulimit -f 64; exec "$0" "$@""#).wait()
            #expect(job.code == 74, "\(job.errors)")
            #expect(
                job.complaints == "vigil: no checkpoint could be written to \(run.path)/checkpoints: File too large; "
                    + "free space or choose another folder, then run the same command again")
            #expect(try run.digest() == digest && run.checkpoints == ["step-00000000", "step-00000005"] && run.leftovers.isEmpty)
            try succeed(training(run.path, "epochs=2"))
            #expect(try run.digest() == whole)
        }
    }
}
