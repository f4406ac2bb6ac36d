import Foundation
import Ranks
import Testing
import Training

extension EndToEnd {
    /// What `vigil plan` says before training, beside what training then does.
    @Suite struct Forecasting {
        private let place = Workspace.shared

        private func recipe(_ keys: String..., detector: String = "ganomaly", data: String? = nil) throws -> Recipe {
            let all = ["settings.width=4", "settings.latent=5"].filter { _ in detector == "ganomaly" } + keys
            let overrides = all.map { $0.split(separator: "=").map(String.init) }.map { (key: $0[0], value: $0[1]) }
            return try Recipe(nil, file: "", overrides: [("detector", detector), ("data", data ?? place.set)] + overrides)
        }

        /// Steps, samples, variables and memory as the run that follows has them.
        @Test func agreesWithTraining() throws {
            let keys = ["minibatch=64", "microbatch=16", "epochs=2", "heldOut=0.1"]
            let forecast = try Forecast(recipe(keys[0], keys[1], keys[2], keys[3]), ranks: 3, rate: 100)
            let run = Run(path: place.fresh("run"))
            let arguments = ["train", "--detector", "ganomaly", "--data", place.set, "--out", run.path]
            #expect(try vigil(arguments + (keys + ["settings.width=4", "settings.latent=5"]).flatMap { ["--set", $0] }).code == 0)
            let start = try #require(run.log("start").first), end = try #require(run.log("end").first)
            #expect(forecast.samples == start["training_samples"] as? Int && forecast.isExact)
            #expect(forecast.totalSteps == end["total_steps"] as? Int && forecast.lanes == 4)
            #expect(abs(forecast.seconds - Double(forecast.totalSteps * 64) / 100) < 1e-9)
            let state = try Data(contentsOf: run.state), header = state.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            #expect(forecast.checkpointBytes == state.count - 8 - header)
            #expect(forecast.holdsSplit && forecast.stages.count == 1 && forecast.stages[0].arenaBytes > 0)
        }

        /// An arena grows by the same with every microbatch, so two tell what many take.
        @Test func memoryOfManyMicrobatches() throws {
            func arena(_ minibatch: Int, ranks: Int) throws -> Int {
                try Forecast(recipe("minibatch=\(minibatch)", "microbatch=4"), ranks: ranks, rate: 1).stages[0].arenaBytes
            }
            let many = try arena(32, ranks: 1)
            #expect(try arena(32, ranks: 8) < many && arena(32, ranks: 4) < many)
            let run = try ScheduleReport(recipe("minibatch=32", "microbatch=4"), group: .alone()).parts[0].schedule.arenaBytes
            #expect(abs(Double(many) / Double(run) - 1) < 0.1, "\(many) beside \(run)")
        }

        /// The manifest alone is enough, with the expected number of samples.
        @Test func withoutShards() throws {
            let folder = place.fresh("manifest")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: place.set + "/manifest.json", toPath: folder + "/manifest.json")
            let forecast = try Forecast(recipe("minibatch=32", "heldOut=0.1", "steps=7", data: folder), ranks: 1, rate: 1)
            #expect(!forecast.isExact && forecast.samples == 288 && forecast.totalSteps == 7)
            #expect(forecast.text.contains("\nabout 288 samples to train on; 2 microbatches a minibatch, so at most 2 ranks\n"))
        }

        @Test func textAndHeader() throws {
            let forecast = try Forecast(recipe("minibatch=64", "heldOut=0", "epochs=9", "run.threads=2"), ranks: 4, rate: 0.5), text = forecast.text
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(
                Array(lines[0 ... 2]) == [
                    "ganomaly on \(place.set), seed 0, minibatch 64 in microbatches of 16",
                    "320 samples to train on; 4 microbatches a minibatch, so at most 4 ranks", "4 ranks of 2 threads",
                ])
            #expect(lines[3].hasPrefix("stage training: 45 steps of 64 samples, 1.6 h, arena "))
            #expect(lines[4] == "all: 45 steps, 1.6 h (by the given rate of 0.5 samples a second)")
            // 5760 s: half as much again is 2.4 h, and ten minutes
            // a quarter more than a rank's memory, and 300 MB, on two cores; threads' memory differs a little between instruction sets
            let megabytes = (forecast.memoryBytes / 1_000_000 * 5 / 4 + 300 + 1) / 2
            #expect(
                lines.suffix(6) == [
                    "#SBATCH --job-name=vigil-ganomaly", "#SBATCH --ntasks=4", "#SBATCH --cpus-per-task=2", "#SBATCH --mem-per-cpu=\(megabytes)M",
                    "#SBATCH --time=0-02:34:00", "#SBATCH --signal=B:USR1@120 --requeue --open-mode=append",
                ])
            // a fit has no lanes
            let fit = try Forecast(recipe(detector: "pca"), ranks: 9, rate: 1).text
            #expect(fit.contains(" samples to train on\n9 ranks of 1 thread\nstage components: 1 step of "))
        }

        /// Measured by the command, in little time.
        @Test func command() throws {
            let keys = ["--set", "settings.width=2", "--set", "settings.latent=3", "--set", "minibatch=32", "--seconds", "0.1", "--ranks", "2"]
            let job = try vigil(["plan", "--detector", "ganomaly", "--data", place.set] + keys)
            #expect(job.code == 0 && job.errors == "")
            #expect(job.output.contains("(measured on one rank of this machine now; sums over ranks and reading not counted)\n"))
            let json = try vigil(["plan", "--json", "--rate", "10", "--detector", "ganomaly", "--data", place.set] + keys)
            let found = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            #expect(found["maximum_ranks"] as? Int == 2 && found["given_samples_per_second"] as? Double == 10)
        }

        @Test func mistakes() throws {
            let other = place.fresh("other"), text = try String(contentsOfFile: place.set + "/manifest.json", encoding: .utf8)
            try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
            try Data(text.replacingOccurrences(of: "\"train\"", with: "\"learn\"").utf8).write(to: URL(fileURLWithPath: other + "/manifest.json"))
            for (recipe, ranks, code, message) in [
                (
                    try recipe("minibatch=64"), 5, 64,
                    "--ranks 5 cannot share minibatch 64, which has 4 microbatches of 16; give at most 4, or another minibatch or microbatch "
                        + "in the recipe (which makes another model)"
                ),
                (
                    try recipe("minibatch=321", "heldOut=0"), 1, 64,
                    "\(place.set): 320 samples do not fill one step of 321; take a smaller minibatch or more samples"
                ),
                (try recipe(data: other), 1, 64, "\(other): baggage-16 has no split \"train\"; it has learn, test"),
                (
                    try recipe(data: "/nothing"), 1, 66,
                    "/nothing: nothing has no manifest.json, so it is no set, or one whose writing was not finished"
                ),
            ] as [(Recipe, Int, Int32, String)] {
                let error = #expect(throws: Failure.self) { try Forecast(recipe, ranks: ranks, rate: 1) }
                #expect(error?.description == message && error?.exitCode == code)
            }
            for (arguments, message) in [
                (["--rate", "0"], "--rate must be a number above 0, in samples a second"), (["--ranks", "0"], "--ranks must be at least 1"),
                (["--seconds", "4000"], "--seconds must be a number from 0 to 3600"),
            ] {
                let job = try vigil(["plan", "--detector", "pca", "--data", place.set] + arguments)
                #expect(job.code == 64 && job.errors.hasPrefix("Error: \(message)\nUsage: vigil plan "), "\(job.errors)")
            }
        }
    }
}
