import Datasets
import Foundation
import HDF5
import Reports
import Testing

extension EndToEnd {
    /// `vigil score`.
    @Suite struct Scores {
        private let place = Workspace.shared

        private func trained(_ overrides: String..., detector: String = "pca") throws -> Run {
            let run = Run(path: place.fresh(detector))
            let keys = detector == "pca" ? ["settings.latent=8"] : []
            let job = try vigil(
                ["train", "--detector", detector, "--data", place.set, "--out", run.path] + (keys + overrides).flatMap { ["--set", $0] })
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        /// Every file of a folder, by its path in it.
        private func files(in folder: String) throws -> [String: Data] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
            return try Dictionary(
                uniqueKeysWithValues: names.filter { !["overlays"].contains($0) }.map {
                    ($0, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0)))
                })
        }

        private func rows(of folder: String) throws -> [[String]] {
            try String(contentsOfFile: folder + "/scores.csv", encoding: .utf8).split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
        }

        /// Samples of the test split as pictures.
        private func pictures(_ samples: [Int], enlarged: Int = 1) throws -> String {
            let folder = place.fresh("pictures"), url = URL(fileURLWithPath: folder)
            try FileManager.default.createDirectory(at: url.appendingPathComponent("in"), withIntermediateDirectories: true)
            let reader = SplitReader(try SampleSet(at: URL(fileURLWithPath: place.set)).split("test"))
            for sample in samples {
                guard case .u8(let pixels) = try reader.values(sample ..< sample + 1) else { continue }
                var canvas = Canvas(width: 16 * enlarged, height: 16 * enlarged)
                for y in 0 ..< 16 * enlarged {
                    for x in 0 ..< 16 * enlarged {
                        let level = pixels[y / enlarged * 16 + x / enlarged]
                        canvas[x, y] = Color(level, level, level)
                    }
                }
                try Data(canvas.png).write(to: url.appendingPathComponent("in/\(sample).png"))
            }
            return folder
        }

        /// A set: every file has the same bytes on 1, 2 and 4 ranks, and the scores are those that `evaluate` keeps.
        @Test func aSetOnAnyRanks() throws {
            let run = try trained(), alone = place.fresh("scores")
            let job = try vigil(["score", run.path, "--input", place.set, "--out", alone, "--reconstructions", "--overlays", "5"])
            #expect(job.code == 0 && job.errors == "", "\(job.errors)")
            #expect(job.output.hasPrefix("124 samples of split test of \(place.set), scored by step-"))
            #expect(job.output.contains("held-out normals raise a false alarm, so the rate is at most 0."))
            #expect(job.output.contains(" of 60 anomalies detected, "))
            let files = try files(in: alone)
            #expect(files.count == 8 && files.keys.count { $0.hasPrefix("overlays/00000") && $0.hasSuffix(".png") } == 5, "\(files.keys)")
            for ranks in [1, 2, 4] {
                let out = place.fresh("scores")
                let other = try vigil(
                    ["score", run.path, "--input", place.set, "--out", out, "--reconstructions", "--overlays", "5"], ranks: ranks)
                #expect(other.code == 0 && other.output == job.output.replacingOccurrences(of: alone, with: out), "\(other.errors)")
                #expect(try self.files(in: out) == files, "\(ranks) ranks")
            }
            try #require(try vigil(["evaluate", run.path]).code == 0)
            let kept = try File.open(run.path + "/scores/test.h5"), own = try File.open(alone + "/scores.h5")
            #expect(try own.names() == ["map_residual", "reconstruction", "reconstruction_reconstruction"])
            let expected = try Dataset.open("reconstruction", in: kept).read(Double.self, rows: 0 ..< 124)
            #expect(try Dataset.open("reconstruction", in: own).read(Double.self, rows: 0 ..< 124) == expected)
            #expect(try rows(of: alone).dropFirst().map { Double($0[2]) } == expected)
            let maps = try Dataset.open("map_residual", in: own)
            #expect(maps.shape == [124, 16, 16])
            // the score is the mean square of what the map shows
            let values = try maps.read(Float.self, rows: 3 ..< 4)
            #expect(abs(values.reduce(0.0) { $0 + Double($1) * Double($1) } / 256 / expected[3] - 1) < 1e-4)
        }

        /// A detector that wants another range of numbers than most is given it here, too.
        @Test func asEvaluated() throws {
            let run = Run(path: place.fresh("ocgan-compact")), out = place.fresh("scores")
            let keys = ["transforms=resize 28x28", "minibatch=16", "microbatch=4", "steps=1", "epochs=1", "heldOut=0"]
            let widths = ["width=2", "visualWidth=1", "latentWidth=8"].map { "settings.\($0)" }
            let job = try vigil(
                ["train", "--detector", "ocgan-compact", "--data", place.set, "--out", run.path] + (keys + widths).flatMap { ["--set", $0] })
            try #require(job.code == 0, "\(job.errors)")
            try #require(try vigil(["score", run.path, "--input", place.set, "--out", out]).code == 0)
            try #require(try vigil(["evaluate", run.path]).code == 0)
            let scores = try Dataset.open("reconstruction", in: try File.open(run.path + "/scores/test.h5")).read(Double.self, rows: 0 ..< 124)
            #expect(try rows(of: out).dropFirst().map { Double($0[2]) } == scores)
        }

        /// A picture alone, in a folder with others and in its set has the same score, also of a detector that draws noise.
        @Test(arguments: ["pca", "anogan"]) func regardlessOfTheOthers(_ detector: String) throws {
            let keys = ["minibatch=64", "microbatch=16", "epochs=1", "steps=1", "settings.width=4", "settings.latent=4", "settings.searchSteps=2"]
            let run = Run(path: place.fresh(detector)), own = detector == "anogan" ? keys : []
            let job = try vigil(["train", "--detector", detector, "--data", place.set, "--out", run.path] + own.flatMap { ["--set", $0] })
            try #require(job.code == 0, "\(job.errors)")
            let folder = try pictures([0, 5, 100]), (crowd, one, set) = (place.fresh("crowd"), place.fresh("one"), place.fresh("whole"))
            for (input, out) in [(folder, crowd), (folder + "/in/5.png", one), (place.set, set)] {
                let job = try vigil(["score", run.path, "--input", input, "--out", out, "--convert", "--overlays", "1"])
                try #require(job.code == 0, "\(job.errors)")
            }
            let (many, single, all) = (try rows(of: crowd), try rows(of: one), try rows(of: set))
            #expect(many.map(\.[0]) == ["name", "in/0.png", "in/100.png", "in/5.png"] && single.map(\.[0]) == ["name", "5.png"])
            #expect(many[3].dropFirst() == single[1].dropFirst() && many[3].dropFirst() == all[6].dropFirst(2))
            #expect(many[2].dropFirst() == all[101].dropFirst(2))
        }

        /// Where the training set is gone, the run's own folder has what scoring takes.
        @Test func withoutTheTrainingSet() throws {
            let set = place.fresh("set-to-lose"), run = Run(path: place.fresh("pca")), (before, after) = (place.fresh("before"), place.fresh("after"))
            try FileManager.default.copyItem(atPath: place.set, toPath: set)
            try #require(try vigil(["train", "--detector", "pca", "--data", set, "--out", run.path]).code == 0)
            let folder = try pictures([1, 2])
            try #require(try vigil(["score", run.path, "--input", folder, "--out", before, "--convert"]).code == 0)
            try FileManager.default.removeItem(atPath: set)
            let job = try vigil(["score", run.path, "--input", folder, "--out", after, "--convert"], ranks: 2)
            #expect(job.code == 0 && job.errors == "", "\(job.errors)")
            #expect(try files(in: after) == files(in: before))
        }

        @Test func thresholds() throws {
            let set = place.fresh("larger"), run = Run(path: place.fresh("mean-pixel"))
            let made = try vigil(["synthesize", "baggage", "--out", set, "--side", "16", "--normals", "480", "--test-normals", "8", "--threats", "1"])
            try #require(made.code == 0)
            try #require(try vigil(["train", "--detector", "mean-pixel", "--data", set, "--out", run.path, "--set", "heldOut=0.5"]).code == 0)
            func scored(_ options: String...) throws -> (output: String, summary: [String: Any], verdicts: [String]) {
                let out = place.fresh("scores")
                let job = try vigil(["score", run.path, "--input", place.set, "--out", out, "--overlays", "0"] + options)
                try #require(job.code == 0, "\(job.errors)")
                let summary = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: out + "/summary.json")))
                return (job.output, try #require(summary as? [String: Any]), try rows(of: out).dropFirst().map { $0[4] })
            }
            let fitted = try scored("--threshold", "tail", "--false-alarms", "0.01")
            #expect(fitted.output.contains("by a generalized Pareto tail of held-out normals, for a false-alarm rate of 0.01: "))
            let (f1, cost) = (try scored("--threshold", "best-f1"), try scored("--threshold", "cost", "--miss-cost", "1e9"))
            for found in [f1, cost] {
                #expect(found.output.contains("chosen on the labels of these very samples, so what they say of it is too good"))
                #expect(found.summary["threshold_depends_on_test_labels"] as? Bool == true)
            }
            #expect(cost.output.contains("60 of 60 anomalies detected"))
            let none = try scored("--threshold", "1e30")
            #expect(none.verdicts == Array(repeating: "normal", count: 124) && none.summary["alarms"] as? Int == 0)
            #expect(none.summary["threshold_depends_on_test_labels"] as? Bool == false)
        }

        /// What runs on vectors, from a table and from arrays; here the table's numbers are the set's.
        @Test func tables() throws {
            let small = SmallDetector("pca", onVectors: true, settings: [], scores: []), set = try small.set(in: place)
            let run = Run(path: place.fresh("pca"))
            try #require(try vigil(["train", "--detector", "pca", "--data", set, "--out", run.path, "--set", "settings.latent=2"]).code == 0)
            let reader = SplitReader(try SampleSet(at: URL(fileURLWithPath: set)).split("test"))
            guard case .f32(let numbers) = try reader.values(0 ..< 9) else { return }
            let lines: [String] = (0 ..< 9).map { row in
                let own = numbers[7 * row ..< 7 * row + 7].map { "\($0)" }
                return (["id\(row)"] + own).joined(separator: ",")
            }
            let table = place.fresh("table") + ".csv"
            try Data(("id,a,b,c,d,e,f,g\n" + lines.joined(separator: "\n")).utf8).write(to: URL(fileURLWithPath: table))
            let (one, other) = (place.fresh("table-scores"), place.fresh("set-scores"))
            let job = try vigil(["score", run.path, "--input", table, "--header", "--drop", "id", "--out", one], ranks: 2)
            try #require(job.code == 0, "\(job.errors)")
            try #require(try vigil(["score", run.path, "--input", set, "--out", other]).code == 0)
            #expect(try rows(of: one).dropFirst().map { $0[1...] } == rows(of: other)[1 ... 9].map { $0[2...] })
            #expect(try rows(of: one)[1][0] == URL(fileURLWithPath: table).lastPathComponent + " row 2")
        }

        /// What is wrong is said in one sentence, once, with its code, and nothing is written.
        @Test func mistakes() throws {
            let run = try trained("heldOut=0"), folder = try pictures([0], enlarged: 2), broken = try pictures([0])
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: broken + "/x.png"))
            let empty = place.fresh("empty"), out = place.fresh("scores")
            try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
            func expect(_ code: Int32, _ part: String, _ arguments: [String], ranks: Int? = nil) throws {
                let job = try vigil(["score"] + arguments + ["--out", out], ranks: ranks)
                #expect(job.code == code && job.complaints.contains(part), "\(job.code): \(job.errors)")
                #expect(job.complaints.split(separator: "\n").count <= 1 && !FileManager.default.fileExists(atPath: out))
            }
            try expect(64, "in/0.png is 32×32×3, the run takes 16×16×1; give --convert to bring pictures to that", [run.path, "--input", folder])
            try expect(
                64, "in/0.png is 32×32×3, the run takes 16×16×1; give --convert to bring pictures to that", [run.path, "--input", folder], ranks: 2)
            try expect(65, "x.png does not begin as PNG or JPEG", [run.path, "--input", broken, "--convert"])
            try expect(66, "the folder holds no PNG or JPEG files, no X.npy, and no manifest of a set", [run.path, "--input", empty])
            try expect(66, "there is no such file or folder", [run.path, "--input", empty + "/none"])
            try expect(66, " is no run: it has no recipe.yaml", [empty, "--input", folder])
            try expect(64, "pca has no score \"latent\"; it has reconstruction", [run.path, "--input", folder, "--convert", "--score", "latent"])
            try expect(64, "has no split \"tset\"; it has train, test", [run.path, "--input", place.set, "--split", "tset"])
            try expect(
                64, "there are no held-out normals to choose a threshold by; give a number",
                [run.path, "--input", folder, "--convert", "--threshold", "tail"], ranks: 2)
            try expect(64, "takes labeled normals and anomalies", [run.path, "--input", folder, "--convert", "--threshold", "best-f1"])
            // a full file system, as a limit on the size of files makes it
            let full = try Running(
                ["score", run.path, "--input", place.set, "--out", out, "--threshold", "1"], shell: #"ulimit -f 8; exec "$0" "$@""#
            ).wait()
            #expect(full.code == 74 && full.complaints.contains("\(out) cannot be written: "), "\(full.code): \(full.errors)")
            let parts = try FileManager.default.contentsOfDirectory(atPath: place.folder.path).filter { $0.hasSuffix(".writing") }
            #expect(parts.isEmpty, "\(parts)")
            let unjudged = try vigil(["score", run.path, "--input", folder, "--convert", "--out", out])
            #expect(
                unjudged.code == 0 && unjudged.output.contains("no threshold: the run kept no normals out of training (heldOut: 0); give one with"))
            #expect(try rows(of: out)[1].suffix(2) == ["", ""])
            let again = try vigil(["score", run.path, "--input", folder, "--convert", "--out", out])
            #expect(again.code == 73 && again.complaints.hasSuffix("is there already; choose another folder with --out, or remove it"))
        }
    }
}
