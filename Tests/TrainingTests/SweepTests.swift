import Foundation
import Testing

@testable import Training

extension EndToEnd {
    /// `vigil sweep`.
    @Suite struct Sweeps {
        private let place = Workspace.shared

        /// Two code sizes, two seeds, five steps each.
        private func sweep(_ out: String, _ more: [String] = [], vary: [String] = ["settings.latent=4,12"]) -> [String] {
            let keys = ["minibatch=64", "microbatch=16", "heldOut=0.1", "settings.width=8", "epochs=1"]
            return ["sweep", "--detector", "ganomaly", "--data", place.set, "--out", out, "--seeds", "2"]
                + vary.flatMap { ["--vary", $0] } + keys.flatMap { ["--set", $0] } + more
        }

        private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
        private func json(_ out: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(text(out + "/sweep.json").utf8)) as? [String: Any])
        }

        /// The table, the files and every run's bytes are the same on any ranks and division of them; the runs are those of `vigil train`.
        @Test func aGridOnHeldOutNormals() throws {
            let out = place.fresh("sweep"), job = try vigil(sweep(out))
            try #require(job.code == 0, "\(job.errors)")
            let lines = job.output.split(separator: "\n").map(String.init)
            #expect(lines[0].split(separator: " ") == ["settings.latent", "held-out", "score", "deviation", "seeds"])
            #expect(lines[1].contains(" 4 ") && lines[2].contains("12 ") && lines[1 ... 2].count { $0.hasSuffix("  2  *") } == 1)
            #expect(lines[3].hasPrefix("* settings.latent=") && lines[3].contains("lower is better"))
            let settings = try #require(try json(out)["settings"] as? [[String: Any]])
            let means = try settings.map { try #require($0["mean"] as? Double) }
            let best = means[0] <= means[1] ? 0 : 1
            #expect(settings.map { $0["chosen"] as? Bool } == [best == 0, best == 1])
            #expect(try text(out + "/sweep.csv").split(separator: "\n").count == 5)
            #expect(try text(out + "/sweep.svg").components(separatedBy: "<circle ").count == 5)

            let names = ["settings.latent=4_seed=0", "settings.latent=4_seed=1", "settings.latent=12_seed=0", "settings.latent=12_seed=1"]
            let digests = try names.map { try Run(path: "\(out)/\($0)").digest() }
            #expect(Set(digests).count == 4)
            let single = Run(path: place.fresh("single"))
            try #require(
                try vigil(training(single.path, "heldOut=0.1", "settings.latent=12", "epochs=1", "seed=1")).code == 0)
            #expect(try single.digest() == digests[3])
            // a run of the grid is a run
            #expect(try vigil(["evaluate", "\(out)/\(names[3])"]).code == 0)

            for size in [1, 2] {
                let other = place.fresh("ranks"), job2 = try vigil(sweep(other, ["--ranks-per-run", "\(size)"]), ranks: 2)
                try #require(job2.code == 0, "\(job2.errors)")
                #expect(job2.output == job.output)
                #expect(try names.map { try Run(path: "\(other)/\($0)").digest() } == digests)
                for file in ["sweep.json", "sweep.csv", "sweep.svg"] { #expect(try text("\(other)/\(file)") == text("\(out)/\(file)"), "\(file)") }
            }
            // what is finished is not made again
            let again = try vigil(sweep(out))
            #expect(again.code == 0 && again.output == job.output && Run(path: "\(out)/\(names[0])").log("start").count == 1)
        }

        /// On threats of another set; jobs of an array, of which the last writes the table.
        @Test func anArrayOnMadeThreats() throws {
            let threats = place.fresh("threats"), out = place.fresh("array")
            try #require(
                try vigil([
                    "synthesize", "baggage", "--out", threats, "--side", "16", "--normals", "16", "--test-normals", "40", "--threats", "30", "--seed",
                    "7",
                ]).code == 0)
            let arguments = sweep(out, ["--on", threats])
            let first = try vigil(arguments + ["--part", "1/2"])
            #expect(first.code == 0 && first.output == "" && !FileManager.default.fileExists(atPath: out + "/sweep.json"), "\(first.errors)")
            #expect(first.errors.contains("2 of 4 runs are other parts' and not finished"))
            let shell = #"SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_COUNT=2 exec "$0" "$@""#
            let last = try Running(arguments, shell: shell).wait()
            #expect(last.code == 0 && last.output.contains("AUROC") && last.output.contains("higher is better"), "\(last.errors)")
            let runs = try #require((try json(out)["settings"] as? [[String: Any]])?.first?["runs"] as? [[String: Any]])
            let figures = try vigil(["evaluate", out + "/settings.latent=4_seed=0", "--data", threats, "--json"])
            let evaluation = try #require(try JSONSerialization.jsonObject(with: Data(figures.output.utf8)) as? [String: Any])
            let scores = try #require(evaluation["scores"] as? [String: [String: Any]]), name = try #require(evaluation["default"] as? String)
            #expect(scores[name]?["auroc"] as? Double == runs[0]["value"] as? Double)
        }

        /// A time that is nearly over cuts every run; the same command goes on to the same table.
        @Test func afterStops() throws {
            let whole = place.fresh("whole"), cut = place.fresh("cut")
            let table = try vigil(sweep(whole)).output
            var codes: [Int32] = []
            while codes.count < 60, codes.last ?? 75 == 75 {
                let job = try vigil(sweep(cut, ["--until", "0.001"]), ranks: codes.count % 2 + 1)
                codes.append(job.code)
                try #require([0, 75].contains(job.code), "\(job.errors)")
                if job.code == 0 { #expect(job.output == table) }
                if job.code == 75 { #expect(job.errors.contains(" runs unfinished; run the same command to go on")) }
            }
            #expect(codes.count > 2 && codes.last == 0)
            #expect(try text(cut + "/sweep.json") == text(whole + "/sweep.json"))
        }

        /// A signal to mpirun ends all groups of ranks, each with its run saved.
        @Test func atASignal() throws {
            let out = place.fresh("signal"), runs = ["4_seed=0", "4_seed=1"].map { Run(path: "\(out)/settings.latent=\($0)") }
            let job = try Running(sweep(out, ["--set", "epochs=100000"]), ranks: 2)
            while job.isRunning, runs.contains(where: { $0.log("step").isEmpty }) { usleep(50_000) }
            job.signalLauncher(SIGUSR1)
            let ended = try job.wait()
            #expect(ended.code == 75 && ended.errors.contains("with 4 of 4 runs unfinished; run the same command to go on"), "\(ended.errors)")
            for run in runs { #expect(run.log("stop").map { $0["reason"] as? String } == ["signal"] && run.leftovers.isEmpty) }
        }

        /// A run that does not train is a result, and not the end of the others. More epochs go on with the runs that are there.
        @Test func aRunThatDiverges() throws {
            let out = place.fresh("diverges"), bad = "settings.latent=12_seed=1"
            try #require(try vigil(sweep(out)).code == 0)
            try Run(path: "\(out)/\(bad)").poison("encoder.0.weight")
            for _ in 0 ..< 2 {  // the second time it is known
                let job = try vigil(sweep(out, ["--set", "epochs=2"]), ranks: 2)
                try #require(job.code == 0, "\(job.errors)")
                let settings = try #require(try json(out)["settings"] as? [[String: Any]])
                #expect(settings.map { $0["chosen"] as? Bool } == [true, false])
                #expect(job.output.contains("\(bad) has no value: "))
            }
            #expect(Run(path: "\(out)/\(bad)").log("start").count == 2)
            #expect(Run(path: "\(out)/settings.latent=4_seed=0").log("resume").map { $0["total_steps"] as? Int } == [4])
        }

        @Test func mistakes() throws {
            let out = place.fresh("mistake")
            for (vary, more, message) in [
                ([], [], "nothing is varied; give --vary KEY=V1,V2, as --vary settings.latent=10,50"),
                (["settings.latent"], [], "--vary settings.latent: it must be key=value,value, as --vary settings.latent=10,50"),
                (["settings.latent=4,"], [], "--vary settings.latent=4,: a value is empty; write values with single commas between"),
                (["settings.latent=4,4"], [], "--vary settings.latent: 4 stands twice; keep one"),
                (["settings.latent=4", "settings.latent=8"], [], "--vary gives settings.latent twice; write all its values behind one --vary"),
                (["settings.width=4,8"], [], "settings.width is varied and given by --set; leave one of them out"),
                (["settings.latnet=4,8"], [], "--vary settings.latnet: there is no key \"settings.latnet\"; did you mean settings.latent?"),
                (["settings.latent=4,many"], [], "--vary settings.latent: settings.latent is \"many\"; it must be a whole number from 1 to 65536"),
                (["seed=1,2"], [], "--vary seed: seeds are no setting to choose; say how many with --seeds"),
                (["run.threads=1,2"], [], "--vary run.threads: it does not change the model, so there is nothing to choose; give it by --set"),
                (["heldOut=0.1,0.2"], [], "heldOut is varied and given by --set; leave one of them out"),
                (
                    ["transforms=flip horizontal,flip vertical"], [],
                    "--vary transforms makes scores that held-out normals cannot compare; give a labeled set with --on"
                ),
                (["settings.latent=4,8"], ["--part", "3/2"], "--part is \"3/2\"; it must be from 1/N to N/N"),
                (
                    ["settings.latent=4,8"], ["--ranks-per-run", "3"],
                    "--ranks-per-run is 3, which does not divide the job's 2 ranks; choose a divisor"
                ),
                (
                    ["settings.latent=4,8"], ["--on", place.set],
                    "--on \(place.set) is the set trained on, and what is chosen on its test split would look better there than it is; give another "
                        + "labeled set, as of vigil synthesize baggage"
                ),
                (
                    ["settings.latent=4,8"], ["--set", "heldOut=0"],
                    "no normals of \(place.set) are held out of training (heldOut: 0.0), so there is nothing to choose by; give a larger heldOut, or "
                        + "a labeled set with --on"
                ),
            ] as [([String], [String], String)] {
                let job = try vigil(sweep(out, more, vary: vary), ranks: 2)
                #expect(job.code == 64 && job.errors == "vigil: \(message)\n", "\(job.errors)")
                #expect(!FileManager.default.fileExists(atPath: out))
            }
        }

        @Test func sharesOfAnArray() throws {
            #expect(try SweepShare("2/3", environment: [:]).of(Array(0 ..< 8)) == [1, 4, 7])
            #expect(try SweepShare(nil, environment: [:]).of([0, 1]) == [0, 1])
            let array = ["SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "3", "SLURM_ARRAY_TASK_COUNT": "3"]
            #expect(try SweepShare(nil, environment: array).of(Array(0 ..< 8)) == [2, 5])
            #expect(throws: Failure.self) { try SweepShare(nil, environment: array.merging(["SLURM_ARRAY_TASK_ID": "8"]) { $1 }) }
        }
    }
}
