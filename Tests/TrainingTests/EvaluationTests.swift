import Foundation
import Testing
import Training

extension EndToEnd {
    @Suite struct Evaluations {
        private let place = Workspace.shared

        private func trained(_ detector: String, ranks: Int? = nil) throws -> Run {
            let run = Run(path: place.fresh(detector))
            let arguments =
                detector == "ganomaly"
                ? training(run.path, "epochs=1")
                : ["train", "--detector", detector, "--data", place.set, "--out", run.path]
            let job = try vigil(arguments, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        /// A table's text does not depend on the ranks, nor do the numbers of JSON to the last digit.
        @Test func theSameOnAnyRanks() throws {
            let run = try trained("ganomaly")
            for arguments in [["evaluate", run.path], ["evaluate", run.path, "--json"], ["evaluate", run.path, "--threads", "2"]] {
                let alone = try vigil(arguments)
                #expect(alone.code == 0 && alone.errors == "" && !alone.output.isEmpty)
                for ranks in 1 ... 3 {
                    let job = try vigil(arguments, ranks: ranks)
                    #expect(job.code == 0 && job.errors == "" && job.output == alone.output)
                }
            }
            let text = try vigil(["evaluate", run.path]).output
            #expect(text.hasPrefix("124 samples of split test: 64 benign (normal), "))
            #expect(text.contains("ganomaly latentL1: AUROC 0.") && text.contains("ganomaly latentL2: AUROC 0."))
        }

        @Test func keysOfJSON() throws {
            let run = try trained("ganomaly")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(vigil(["evaluate", run.path, "--json"]).output.utf8)) as? [String: Any])
            #expect(object["default"] as? String == "latentL1")
            let scores = try #require(object["scores"] as? [String: [String: Any]])
            #expect(Set(scores.keys) == ["latentL1", "latentL2"])
            for score in scores.values {
                let auroc = try #require(score["auroc"] as? Double), interval = try #require(score["auroc_interval"] as? [Double])
                #expect(interval.count == 2 && interval[0] <= auroc && auroc <= interval[1] && (0 ... 1).contains(auroc))
                for key in ["average_precision", "best_f1"] { #expect((0 ... 1).contains(try #require(score[key] as? Double)), "\(key)") }
                #expect(score["normals"] as? Int == 64 && score["anomalies"] as? Int == 60)
                let classes = try #require(score["classes"] as? [String: [String: Any]])
                #expect(classes.values.reduce(0) { $0 + ($1["anomalies"] as? Int ?? 0) } == 60)
                #expect(classes.values.allSatisfy { $0["auroc"] is Double && $0["normals"] as? Int == 64 })
            }
        }

        @Test func runsSideBySide() throws {
            let runs = [try trained("ganomaly"), try trained("mean-pixel")]
            let alone = try vigil(["evaluate"] + runs.map(\.path)), ranks = try vigil(["evaluate"] + runs.map(\.path), ranks: 2)
            #expect(alone.code == 0 && ranks.output == alone.output)
            #expect(alone.output.contains("\nganomaly: AUROC 0.") && alone.output.contains("\nmean-pixel: AUROC 0."))
            let json = try vigil(["evaluate", "--json"] + runs.map(\.path)).output
            let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: [String: Any]])
            #expect(object.mapValues { $0["default"] as? String } == [runs[0].path: "latentL1", runs[1].path: "distance"])
        }

        /// The baselines fit in a pass over the data: the same bytes on 1 and 3 ranks, and each sample is read by one rank.
        @Test(arguments: ["pca", "mean-pixel"]) func baselines(_ detector: String) throws {
            let alone = try trained(detector), run = try trained(detector, ranks: 3)
            #expect(try run.digest() == alone.digest())
            let start = try #require(run.log("start").first?["training_samples"] as? Int)
            let read = try #require(run.log("end").last?["samples_read"] as? [Int])
            #expect(read.count == 3 && read.allSatisfy { $0 > 0 } && read.reduce(0, +) == 2 * start)
            let evaluation = try vigil(["evaluate", run.path, "--json"])
            #expect(try evaluation.output == vigil(["evaluate", alone.path, "--json"], ranks: 2).output && evaluation.code == 0)
        }

        @Test func anotherSetAndSplit() throws {
            let run = try trained("mean-pixel"), other = place.fresh("other")
            #expect(
                try vigil(["synthesize", "baggage", "--out", other, "--side", "16", "--normals", "8", "--threats", "9", "--seed", "3"], ranks: 2).code
                    == 0)
            let elsewhere = try vigil(["evaluate", run.path, "--data", other])
            #expect(elsewhere.code == 0 && elsewhere.output.hasPrefix("10 samples of split test: 1 benign (normal), "))
            for ranks in [nil, 2] {
                let normals = try vigil(["evaluate", run.path, "--split", "train"], ranks: ranks)
                #expect(normals.code == 65 && normals.output == "")
                let unknown = try vigil(["evaluate", run.path, "--split", "tset"], ranks: ranks)
                #expect(unknown.code == 64 && unknown.errors == "vigil: \(place.set): baggage-16 has no split \"tset\"; it has train, test\n")
            }
        }
    }

    /// What other programs see in the files.
    @Suite struct OtherPrograms {
        private let place = Workspace.shared

        /// Runs a script of the repository, its output; nil where python3 cannot import `module`.
        private func python(_ script: String, _ arguments: [String], needing module: String) throws -> String? {
            guard try pythonImports(module) else { return nil }
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let result = try output(of: "python3", [root.appendingPathComponent(script).path] + arguments)
            #expect(result.code == 0, "\(result.output)")
            return result.output
        }

        @Test func h5pyReadsAShard() throws {
            guard let text = try python("Tests/Goldens/read_shard.py", [place.set + "/train-00000.h5"], needing: "h5py") else { return }
            #expect(text.contains("\nsamples: uint8 [320, 16, 16, 1], chunks (320, 16, 16, 1), fletcher32"), "\(text)")
            #expect(text.contains("\nlabels: int32 [320], ") && text.contains("\nsources: int64 [320], ") && text.hasSuffix("first label: 0\n"))
        }

        @Test func safetensorsReadsACheckpoint() throws {
            let run = Run(path: place.fresh("run"))
            try #require(try vigil(training(run.path, "epochs=1"), ranks: 2).code == 0)
            guard let text = try python("cluster/safetensors_check.py", [run.state.path], needing: "safetensors, numpy") else { return }
            #expect(text.contains("# format: vigil 1\n") && text.contains("# position: "))
            #expect(text.contains("\nfloat32 ") && text.contains(" encoder.0.") && text.contains(" optimizer/training/"), "\(text)")
            // of each parameter Adam keeps two moments, and of each of its two groups two powers
            let counts = try #require(text.firstMatch(of: #/total [\d,]+: optimizer ([\d,]+), running statistics ([\d,]+), parameters ([\d,]+)/#))
            func number(_ text: Substring) -> Int { Int(text.filter { $0 != "," })! }
            #expect(number(counts.1) == 2 * number(counts.3) + 4 && number(counts.2) > 0)
        }
    }
}
