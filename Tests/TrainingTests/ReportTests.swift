import Foundation
import Testing

@testable import Training

extension EndToEnd {
    /// What `vigil report` writes, as a reader of the page sees it.
    @Suite struct Reports {
        private let place = Workspace.shared

        /// Runs in a folder of their own, so that reports find beside them what the test put there.
        private func trained(_ runs: [(name: String, arguments: [String])], in folder: String) throws {
            for run in runs {
                let job = try vigil(["train"] + run.arguments + ["--out", folder + "/" + run.name])
                try #require(job.code == 0, "\(job.errors)")
            }
        }

        private func baseline(_ detector: String, set: String? = nil) -> [String] { ["--detector", detector, "--data", set ?? place.set] }

        private func ganomaly(seed: Int) -> [String] {
            let keys = ["epochs=1", "minibatch=64", "microbatch=16", "heldOut=0.1", "settings.width=4", "settings.latent=8", "seed=\(seed)"]
            return baseline("ganomaly") + keys.flatMap { ["--set", $0] }
        }

        private func page(_ arguments: [String], ranks: Int? = nil) throws -> String {
            let file = place.fresh("report") + ".html", job = try vigil(["report"] + arguments + ["--out", file], ranks: ranks)
            try #require(job.code == 0 && job.output.hasPrefix(file + ": "), "\(job.errors)")
            defer { try? FileManager.default.removeItem(atPath: file) }
            return try String(contentsOfFile: file, encoding: .utf8)
        }

        private func evaluated(_ run: String) throws -> [String: Any] {
            let job = try vigil(["evaluate", run, "--json"])
            let object = try #require(try JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any])
            let name = try #require(object["default"] as? String), scores = object["scores"] as? [String: [String: Any]]
            return try #require(scores?[name])
        }

        static let sections = [
            "results", "classes", "curves", "scores", "thresholds", "training", "samples", "codes", "detector", "origins", "again",
        ]

        /// Two seeds and a baseline that lies beside them: all sections, the numbers of `vigil evaluate`, in Chromium where it is installed;
        /// two ranks write the same, but for the date.
        @Test func severalRuns() throws {
            let folder = place.fresh("reported"), runs = ["one", "two"].map { folder + "/" + $0 }
            try trained([("one", ganomaly(seed: 0)), ("two", ganomaly(seed: 1)), ("base", baseline("pca"))], in: folder)
            let page = try page(runs), figures = try runs.map(evaluated), aurocs = figures.compactMap { $0["auroc"] as? Double }
            for section in Self.sections { #expect(page.contains("<section id=\"\(section)\""), "\(section)") }
            try #require(aurocs.count == 2)
            for auroc in aurocs { #expect(page.contains("<td>\(shown(auroc))</td>")) }
            for interval in figures.compactMap({ $0["auroc_interval"] as? [Double] }) {
                #expect(page.contains("<td>\(shown(interval[0])) to \(shown(interval[1]))</td>"))
            }
            // the deviation of two numbers is their distance over √2
            let mean = (aurocs[0] + aurocs[1]) / 2, spread = abs(aurocs[0] - aurocs[1]) / 2.0.squareRoot()
            #expect(page.contains("\(shown(mean)) ± \(shown(spread))") && page.contains("spread over 2 seeds ± \(shown(spread))"))
            #expect(page.contains("base (found beside)") && page.contains("chance: the base rate, 0.4839"), "60 of 124 are anomalies")
            // each curve has a shade, the mean of the seeds its spread, too
            for id in ["roc", "precision-recall"] {
                let figure = try Self.figure(id, of: page), classes = ["area light s0", "area light s2", "edge s0"]
                #expect(
                    classes.map { figure.matches(of: try! Regex("class=\"\($0)\"")).count } == [1, 1, 2] && figure.contains(">mean of one and two<"))
            }
            for part in [
                "Trained on 288 normals of baggage-16, 32 more held out for thresholds", "124 of 124 in split test, each once", "core hours",
                "yes: on its labels, so it is too good", "reconstruction", "vigil train", try Run(path: runs[1]).digest(),
            ] {
                #expect(page.contains(part), "\(part)")
            }
            for remote in ["http://", "https://", "<script", "@import", "<link", "url("] { #expect(!page.contains(remote), "\(remote)") }
            try inChromium(page)

            func undated(_ page: String) -> String { page.replacing(#/ on 2\d\d\d-[^ ]+\. The page/#, with: "") }
            #expect(undated(try self.page(runs, ranks: 2)) == undated(page))
            let alone = try self.page([runs[0], "--alone", "--no-pictures"])
            #expect(try self.page(runs + ["--alone"]).contains("No baseline stands beside these runs"))
            #expect(
                alone.contains("No baseline stands beside this run") && alone.contains("--no-pictures --alone")
                    && alone.contains("one seed: its spread over seeds is not known"))
            #expect(!alone.contains("<img") && alone.contains("Pictures were left out as asked for."))
        }

        /// The drawn precision is stairs, whose area is the average precision that stands beside.
        @Test func precisionIsStairs() throws {
            let folder = place.fresh("reported"), run = folder + "/base"
            try trained([("base", baseline("pca"))], in: folder)
            let page = try page([run]), average = try #require(try evaluated(run)["average_precision"] as? Double)
            #expect(page.contains("This run is a baseline: what any other detector") && !page.contains("No baseline stands beside"))
            let figure = try Self.figure("precision-recall", of: page)
            let line = try #require(figure.firstMatch(of: #/class="line s0" d="M([^"]*)"/#)).1
            let points = line.split(separator: "L").map { $0.split(separator: " ").compactMap { Double($0) } }
            let pairs = zip(points, points.dropFirst())
            #expect(points.count > 50 && pairs.allSatisfy { $0[0] == $1[0] || $0[1] == $1[1] }, "\(line)")
            // the frame: from 58 to 476 and from 366 up to 14
            let area = pairs.reduce(0) { $0 + ($1.1[0] - $1.0[0]) * (366 - $1.1[1]) } / (476 - 58) / (366 - 14)
            #expect(abs(area - average) < 0.001, "\(area), not \(average)")
        }

        private static func figure(_ id: String, of page: String) throws -> String {
            let start = try #require(page.range(of: "<figure id=\"\(id)\"")).lowerBound
            let end = try #require(page.range(of: "</figure>", range: start ..< page.endIndex)).lowerBound
            return String(page[start ..< end])
        }

        /// Of several classes each is compared with the baseline, and has a shade around its curve; so are groups, by their own samples.
        @Test func classesAndGroups() throws {
            let scans = place.fresh("scans"), folder = place.fresh("reported")
            try OperatingPoints.makeScans(at: scans)
            try trained(["mean-pixel", "pca"].map { ($0, baseline($0, set: scans)) }, in: folder)
            let names = ["mean-pixel", "pca"], page = try page(names.map { "\(folder)/\($0)" }),
                scores = try names.map { try evaluated("\(folder)/\($0)") }
            func signed(_ difference: Double) -> String { String(format: "%+.4f", difference).replacing("-", with: "−") }
            for name in ["full", "half"] {
                let aurocs = scores.compactMap { (($0["classes"] as? [String: [String: Any]])?[name])?["auroc"] as? Double }
                try #require(aurocs.count == 2)
                #expect(page.contains("<td class=\"text\">\(name)</td><td>\(signed(aurocs[0] - aurocs[1]))</td>"), "\(name): \(aurocs)")
            }
            let groups = scores.compactMap { $0["groups"] as? [String: [String: Any]] }
            try #require(groups.count == 2 && groups[0].count == 10)
            for (number, row) in groups[0] {
                let within = [row, groups[1][number] ?? [:]].compactMap { $0["auroc_within"] as? Double }
                try #require(within.count == 2)
                let cells = "4</td><td>2</td><td>\(shown(within[0]))</td><td>",
                    rest = try #require(page.range(of: "<th scope=\"row\">\(number)</th><td>\(cells)"))
                let line = page[rest.upperBound...].components(separatedBy: "</tr>")[0],
                    interval = line.prefix { $0 != "<" }.components(separatedBy: " to ").compactMap(Double.init)
                #expect(interval.count == 2 && interval[0] <= within[0] && within[0] <= interval[1] + 1e-4, "\(line)")
                #expect(line.contains("<td>\(signed(within[0] - within[1])) ("), "\(within), \(line)")
            }
            // mean-pixel alone, and pca beside it
            let alone = try self.page([folder + "/pca", "--alone"]), figure = try Self.figure("roc", of: alone)
            #expect(figure.matches(of: #/class="area light s[0-2]"/#).count == 3, "all, full and half")
            #expect(!alone.contains("minus that of"))
        }

        /// Another set than the one trained on is named as such, and what several jobs read adds up.
        @Test func elsewhereAndInJobs() throws {
            let run = place.fresh("reported") + "/run", other = place.fresh("other")
            for epochs in [1, 2] { #expect(try vigil(training(run, "epochs=\(epochs)")).code == 0) }
            let sizes = ["--side", "16", "--normals", "40", "--test-normals", "30", "--threats", "20", "--seed", "7"]
            #expect(try vigil(["synthesize", "baggage", "--out", other] + sizes).code == 0)
            let here = try page([run]), elsewhere = try page([run, "--data", other])
            #expect(here.contains("640 in 2 jobs, 2 times the 320 that are there") && !here.contains("another set"))
            #expect(here.contains("Trained on 320 normals of baggage-16; tested on split test: 64 normals against 60 anomalies"))
            let line = "Trained on 320 normals of \(place.set); tested on another set, baggage-16, split test: 30 normals against 20 anomalies"
            #expect(elsewhere.contains(line) && elsewhere.contains("<td class=\"text\">\(place.set), another set</td>"))
        }

        /// A job that was stopped, one that was killed after its last checkpoint, one of an older version, one that went on to the end.
        @Test func jobsOfALog() throws {
            let run = place.fresh("logged"), start = #"{"event":"start","ranks":2,"threads":3"# + "}"
            func history(_ lines: [String]) throws -> RunHistory {
                try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
                try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: run + "/log.jsonl"))
                return RunHistory(of: URL(fileURLWithPath: run))
            }
            let stopped = [
                start, #"{"event":"checkpoint","samples_read":[64,64]}"#, #"{"event":"stop","seconds":60,"core_hours":0.1,"samples_read":[100,92]}"#,
            ]
            let killed = [start, #"{"event":"checkpoint","samples_read":[32,32]}"#, #"{"event":"step","step":9,"stage":"training"}"#]
            let older = [start, #"{"event":"checkpoint"}"#, #"{"event":"end","seconds":600,"samples_read":[10,20]}"#]
            let found = try history(stopped + killed + [start] + older)
            #expect(found.jobs.map(\.samplesRead) == [192, 64, 0, 30])
            // 600 s on 6 cores are an hour
            #expect(found.jobs.map(\.coreHours) == [0.1, nil, nil, 1] && found.seconds == 660)
            #expect(found.cost == "1.1 core hours, without 2 jobs whose end was not logged")
            #expect(try history([start, #"{"event":"checkpoint"}"#]).jobs.map(\.samplesRead) == [nil])
            #expect(try history([start]).cost == "core hours not logged")
        }

        /// A table's samples are rows, a scene's are pixels: there the page says what it cannot show and shows maps.
        @Test func tablesAndScenes() throws {
            let table = place.fresh("readings"), scene = place.fresh("scene"), folder = place.fresh("reported")
            let rows = (0 ..< 90).map { "\($0 % 7),\($0 % 5),\($0 % 9 == 8 ? "40,broken" : "\($0 % 3),ok")" }.joined(separator: "\n")
            try Data((rows + "\n").utf8).write(to: URL(fileURLWithPath: table + ".csv"))
            let imported = try vigil(["import", "csv", table + ".csv", "--label", "3", "--normal", "ok", "--train-share", "0.5", "--out", table])
            try #require(imported.code == 0, "\(imported.errors)")
            let made = try vigil(["synthesize", "scene", "--out", scene, "--rows", "24", "--columns", "20", "--bands", "12", "--targets", "5"])
            try #require(made.code == 0, "\(made.errors)")
            let few = ["--set", "steps=6", "--set", "epochs=1"]
            try trained(
                [("pca", baseline("pca", set: table)), ("rx", baseline("rx", set: scene)), ("hadgan", baseline("hadgan", set: scene) + few)],
                in: folder)
            let ofTable = try page([folder + "/pca"]), ofScene = try page([folder + "/rx"]), ofNetwork = try page([folder + "/hadgan"])
            for part in ["Every score of hadgan", "D_SS (the default)", "rx (found beside)", "alt=\"Map of the score D_SS\""] {
                #expect(ofNetwork.contains(part), "\(part)")
            }
            #expect(ofNetwork.matches(of: #/<img class="pixels" src="data:image\/png/#).count == 3, "the scene, its scores, its anomalies")
            #expect(ofTable.contains("The samples are rows of a table, so there are no pictures of them.") && !ofTable.contains("<img"))
            #expect(ofTable.contains("fitted in passes over the data, not in steps") && ofTable.contains("id=\"latent-0-plane\""))
            #expect(ofScene.contains("alt=\"The scene of 24×20 pixels") && ofScene.contains("no threshold from held-out normals: a scene is"))
            #expect(ofScene.contains("all pixels, in totals over the scene") && ofNetwork.contains("384, 0.8 times the 480 that are there"))
            for page in [ofTable, ofScene, ofNetwork] {
                for section in Self.sections { #expect(page.contains("<section id=\"\(section)\""), "\(section)") }
            }
            try inChromium(ofNetwork)
        }

        /// One sentence each, and no file.
        @Test func mistakes() throws {
            let folder = place.fresh("reported"), run = folder + "/base", moved = place.fresh("moved"), out = place.fresh("report") + ".html"
            try FileManager.default.copyItem(atPath: place.set, toPath: moved)
            try trained([("base", baseline("mean-pixel", set: moved))], in: folder)
            func expect(_ code: Int32, _ message: String, _ arguments: [String], ranks: [Int?] = [nil, 2]) throws {
                for ranks in ranks {
                    let job = try vigil(["report"] + arguments, ranks: ranks)
                    #expect(job.code == code && job.output == "" && job.errors.hasPrefix("vigil: \(message)"), "\(arguments): \(job.errors)")
                    #expect(job.errors.split(separator: "\n").count == 1 && !FileManager.default.fileExists(atPath: out))
                }
            }
            let nothing = place.path("nothing"), place = folder + "/none/report.html"
            try expect(66, "\(nothing) is no run: it has no recipe.yaml", [nothing, "--out", out])
            try expect(66, "\(nothing) is no run: it has no recipe.yaml", [nothing])
            // before any sample is scored, and so nothing is kept of scores
            try expect(73, "\(place) cannot be written: No such file or directory; choose another place", [run, "--out", place])
            try expect(73, "\(folder) cannot be written: Is a directory; choose another place", [run, "--out", folder])
            #expect(!FileManager.default.fileExists(atPath: run + "/scores"))
            let before = try FileManager.default.contentsOfDirectory(atPath: folder)
            try expect(64, "\(moved): ", [run, "--split", "none", "--out", folder + "/new.html"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == before, "nothing of the trial is left")
            #expect(try vigil(["report", run, run]).code == 64)
            try FileManager.default.moveItem(atPath: run + "/checkpoints", toPath: run + "/kept")
            try expect(66, "\(run) has no checkpoint; let `vigil train` reach the end of an epoch first", [run, "--out", out])
            try FileManager.default.moveItem(atPath: run + "/kept", toPath: run + "/checkpoints")
            try FileManager.default.removeItem(atPath: moved)
            try expect(66, "\(moved)", [run, "--out", out])
        }

        /// A drawing of a detector, of a run or a recipe: what goes in and what comes out is in it.
        @Test func graphs() throws {
            let recipe = try place.recipe("detector: ganomaly\ndata: \(place.set)\n")
            let drawn = try vigil(["inspect", recipe, "--graph"])
            #expect(drawn.code == 0 && drawn.output.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""), "\(drawn.errors)")
            for part in ["ganomaly, scoring", "encoder", "score latentL1", "reconstruction", "its losses"] {
                #expect(drawn.output.contains(part), "\(part)")
            }
            let host = try vigil(["inspect", recipe, "--graph", "--json"])
            #expect(host.code == 64 && host.output == "")
        }

        @Test func histograms() {
            let bins = Histogram(of: (0 ..< 1000).map { Double($0) / 999 }, least: 64)
            #expect(bins.range == 0 ... 1 && bins.beyond == 0)
            let shares = bins.shares([0, 0.049, 1, 1])
            #expect(shares.count == 12 && shares[0] == 0.5 && shares[11] == 0.5 && shares[1 ..< 11].allSatisfy { $0 == 0 })
            // one far away does not make the rest unreadable, and is counted
            let far = Histogram(of: (0 ..< 1000).map { Double($0) / 999 } + [1e6], least: 64)
            #expect(far.range.upperBound < 1.1 && far.beyond > 0 && far.shares([1e6])[11] == 1)
            #expect(Histogram(of: [3, 3], least: 1).range == 2.5 ... 3.5 && Histogram(of: [], least: 0).shares([]).allSatisfy { $0 == 0 })
        }

        // MARK: In a browser

        /// What a script finds in an open page.
        private struct Findings: Decodable {
            let unnamed: Int, figures: Int, repeated: [String], sections: [String], wide: Double, broken: Int
        }

        /// Opens the page: no word on the console, every figure has a name by the browser's own rules, nothing is cut on a narrow screen. Not
        /// run where Chromium is missing, which VIGIL_REQUIRE_CHROMIUM=1 forbids.
        private func inChromium(_ page: String) throws {
            let file = place.fresh("opened") + ".html", profile = place.fresh("profile")
            try Data((page + Self.probe).utf8).write(to: URL(fileURLWithPath: file))
            let job = try Running(
                [file, profile], seconds: 120,
                shell: """
                    command -v chromium > /dev/null || { echo missing; exit 0; }
                    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$2" --enable-logging=stderr --window-size=500,900 \
                      --enable-blink-features=ComputedAccessibilityInfo --dump-dom "file://$1"
                    """
            ).wait()
            guard job.output != "missing\n" else {
                print("not run: there is no chromium to open the report with")
                #expect(ProcessInfo.processInfo.environment["VIGIL_REQUIRE_CHROMIUM"] != "1", "chromium is missing")
                return
            }
            #expect(!job.errors.contains("CONSOLE"), "\(job.errors)")
            let text = try #require(job.output.firstMatch(of: #/FOUND(.*)END/#), "\(job.errors)")
            let found = try JSONDecoder().decode(Findings.self, from: Data(text.1.utf8))
            #expect(found.sections == Self.sections && found.figures >= 5 && found.unnamed == 0 && found.broken == 0, "\(found)")
            #expect(found.wide <= 0 && found.repeated.isEmpty, "\(found)")
        }

        /// Leaves only what it found in the page.
        private static let probe = """
            <script>
            addEventListener("load", () => {
              const names = [...document.querySelectorAll("svg, img, [role=img]")].map(figure => figure.computedName)
              const ids = [...document.querySelectorAll("[id]")].map(element => element.id)
              const found = {
                unnamed: names.filter(name => !name).length, figures: names.length, repeated: ids.filter((id, place) => ids.indexOf(id) < place),
                sections: [...document.querySelectorAll("main > section")].map(section => section.id),
                wide: document.documentElement.scrollWidth - innerWidth,
                broken: [...document.images].filter(image => !image.naturalWidth).length,
              }
              document.body.textContent = "FOUND" + JSON.stringify(found) + "END"
            })
            </script>
            """
    }
}
