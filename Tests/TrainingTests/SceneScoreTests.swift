import Datasets
import Foundation
import HDF5
import Testing

extension EndToEnd {
    /// `vigil score` of scenes.
    @Suite struct SceneScores {
        private let place = Workspace.shared

        private func made(rows: Int = 60, columns: Int = 50, bands: Int = 20, seed: Int = 0) throws -> String {
            let path = place.fresh("made")
            let sizes = ["--rows", "\(rows)", "--columns", "\(columns)", "--bands", "\(bands)", "--targets", "12", "--seed", "\(seed)"]
            let job = try vigil(["synthesize", "scene", "--out", path] + sizes)
            try #require(job.code == 0, "\(job.errors)")
            return path
        }

        private func trained(_ detector: String, on set: String, _ settings: String...) throws -> String {
            let run = place.fresh(detector)
            let job = try vigil(["train", "--detector", detector, "--data", set, "--out", run] + settings.flatMap { ["--set", "settings.\($0)"] })
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        private func scored(_ run: String, _ input: String, _ options: String..., ranks: Int? = nil) throws -> (out: String, output: String) {
            let out = place.fresh("scores"), job = try vigil(["score", run, "--input", input, "--out", out] + options, ranks: ranks)
            try #require(job.code == 0 && job.errors == "", "\(job.errors)")
            return (out, job.output)
        }

        private func files(in folder: String) throws -> [String: Data] {
            try Dictionary(
                uniqueKeysWithValues: FileManager.default.subpathsOfDirectory(atPath: folder).map {
                    ($0, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0)))
                })
        }

        private func summary(of folder: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder + "/summary.json"))) as? [String: Any])
        }

        /// Of the scores of a run by `vigil evaluate`: figures by score.
        private func evaluated(_ run: String, _ more: String...) throws -> [String: [String: Any]] {
            let job = try vigil(["evaluate", run, "--json"] + more)
            try #require(job.code == 0, "\(job.errors)")
            let object = try JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any]
            return try #require(object?["scores"] as? [String: [String: Any]])
        }

        private func map(_ name: String, in folder: String) throws -> [Float] {
            let dataset = try Dataset.open(name, in: File.open(folder + "/scores.h5"))
            return try dataset.read(Float.self, rows: 0 ..< dataset.shape[0])
        }

        /// Every file has the same bytes on any number of ranks, the maps are the scores that `evaluate` keeps, and the curves have its areas.
        @Test func aSceneOnAnyRanks() throws {
            let set = try made(), run = try trained("hadgan-linear", on: set, "latent=4", "area=9"),
                names = ["D_SS", "D_spectral", "D_spatial", "residual"]
            let alone = try scored(run, set), files = try files(in: alone.out)
            #expect(alone.output.hasPrefix("3000 pixels (60 × 50) of scene-60x50, scored by step-"))
            let pictures = ["map.png", "map_D_spectral.png", "map_D_spatial.png", "map_residual.png"]
            #expect(files.keys.sorted() == (pictures + ["roc.csv", "roc.svg", "scores.h5", "scores.hdr", "scores.img", "summary.json"]).sorted())
            for ranks in 1 ... 3 {
                let other = try scored(run, set, ranks: ranks)
                #expect(other.output == alone.output.replacingOccurrences(of: alone.out, with: other.out))
                #expect(try self.files(in: other.out) == files, "\(ranks) ranks")
            }
            let areas = try evaluated(run), summary = try summary(of: alone.out), kept = try File.open(run + "/scores/test.h5")
            let curves = try String(contentsOfFile: alone.out + "/roc.csv", encoding: .utf8).split(separator: "\n").map { $0.split(separator: ",") }
            let spread = try #require(files["scores.img"])
            for (number, name) in names.enumerated() {
                let values = try map(name, in: alone.out)
                #expect(try values.map(Double.init) == Dataset.open(name, in: kept).read(Double.self, rows: 0 ..< 3000))
                // ENVI's bands, one after another
                #expect(values.withUnsafeBytes { Data($0) } == spread[12000 * number ..< 12000 * (number + 1)])
                let area = try #require(areas[name]?["auroc"] as? Double)
                #expect((summary["auroc"] as? [String: Double])?[name] == area)
                let points = curves.filter { $0[0] == name }.map { (Double($0[4])!, Double($0[5])!) }
                let trapezoids = zip(points, points.dropFirst()).reduce(0) { $0 + ($1.1.0 - $1.0.0) * ($1.0.1 + $1.1.1) / 2 }
                #expect(abs(trapezoids - area) < 1e-12 && points.last! == (1, 1))
            }
            // by default a hundredth of the scene's pixels
            #expect(summary["alarms"] as? Int == 30 && alone.output.contains("the 0.99 quantile of this scene's own pixels"))
        }

        /// Thresholds of each kind, and what the mask says of them.
        @Test func thresholds() throws {
            let set = try made(), run = try trained("rx", on: set), best = try #require(try evaluated(run)["rx"])
            let f1 = try scored(run, set, "--threshold", "best-f1", "--overlays", "0"), summary = try summary(of: f1.out)
            #expect(summary["threshold"] as? Double == best["best_f1_threshold"] as? Double)
            #expect(summary["threshold_depends_on_test_labels"] as? Bool == true && f1.output.contains("what that says of it is too good"))
            let (detected, alarms) = (summary["detected"] as! Int, summary["alarms"] as! Int), anomalies = summary["anomalies"] as! Int
            #expect(abs(Double(2 * detected) / Double(alarms + anomalies) - (best["best_f1"] as! Double)) < 1e-12)
            #expect(!FileManager.default.fileExists(atPath: f1.out + "/map.png"))
            func figures(_ options: String...) throws -> (alarms: Int, detected: Int) {
                let out = place.fresh("scores"), job = try vigil(["score", run, "--input", set, "--out", out, "--overlays", "0"] + options)
                try #require(job.code == 0, "\(job.errors)")
                let found = try self.summary(of: out)
                return (try #require(found["alarms"] as? Int), try #require(found["detected"] as? Int))
            }
            #expect(try figures("--threshold", "1e30") == (0, 0) && figures("--threshold=-1") == (3000, anomalies))
            #expect(try figures("--false-alarms", "0.1").alarms == 300 && figures("--threshold", "cost", "--miss-cost", "1e9").detected == anomalies)
        }

        /// Another scene of the same bands, which is larger than a picture, has the scores that `evaluate` gives it.
        @Test func anotherScene() throws {
            let run = try trained("rx", on: try made()), other = try made(rows: 520, columns: 20, seed: 1), found = try scored(run, other, ranks: 2)
            #expect(
                (try summary(of: found.out)["auroc"] as? [String: Double])?["rx"] == (try evaluated(run, "--data", other)["rx"]?["auroc"] as? Double))
            #expect(found.output.contains("map.png (reduced by 2)") && found.output.contains("10400 pixels (520 × 20)"))
        }

        /// Bands of other wavelengths are others, however many there are; those of another calibration are the same.
        @Test func bandsOfAnotherSensor() throws {
            let set = try made(), run = try trained("rx", on: set)
            func shifted(by factor: Double) throws -> String {
                let copy = place.fresh("shifted"), file = URL(fileURLWithPath: copy + "/manifest.json")
                try FileManager.default.copyItem(atPath: set, toPath: copy)
                var object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
                var scene = try #require(object["scene"] as? [String: Any])
                scene["wavelengths"] = try #require(scene["wavelengths"] as? [Double]).map { $0 * factor }
                object["scene"] = scene
                try JSONSerialization.data(withJSONObject: object).write(to: file)
                return copy
            }
            let near = try shifted(by: 1.001), far = try shifted(by: 2)
            #expect(try vigil(["evaluate", run, "--data", near]).code == 0)
            for arguments in [["evaluate", run, "--data", far], ["score", run, "--input", far, "--out", place.fresh("maps")]] {
                let job = try vigil(arguments)
                #expect(
                    job.code == 64 && job.errors.contains(": band 0 is at 800.0, the run was trained on one at 400.0 (Nanometers); bring in"),
                    "\(job.errors)")
            }
        }

        /// An ENVI cube with a place on the ground: read in place it has the scores of its set; the maps come back by our own import, and
        /// lie where the cube does.
        @Test func aFileWithAPlaceOnTheGround() throws {
            let folder = place.fresh("envi"), cube = folder + "/cube.hdr"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let scene = Manifest.Scene(
                rows: 37, columns: 11, wavelengths: [450, 550, 650, 860], wavelengthUnit: "Nanometers",
                mapInfo: "UTM, 1, 1, 484200, 3622800, 3.5, 3.5, 11, North, WGS-84", coordinateSystem: "PROJCS[\"UTM\"]")
            let file = try ENVIMaps(at: URL(fileURLWithPath: folder + "/cube.img"), rows: 37, columns: 11, names: ["a", "b", "c", "d"])
            for band in 0 ..< 4 {
                let numbers = (0 ..< 407).map { place -> Float in
                    let background = (place * 7919 + band * 104_729) % 1009
                    return Float(place == 200 ? background + 5000 : background)
                }
                try file.write(numbers, map: band, rows: 0 ..< 37)
            }
            let more = "wavelength = {450, 550, 650, 860}\nwavelength units = Nanometers\n"
            try Data((file.header("made {here}", of: scene) + more).utf8).write(to: URL(fileURLWithPath: cube))
            let set = place.fresh("placed"), back = place.fresh("back")
            try #require(try vigil(["import", "cube", cube, "--no-mask", "--out", set]).code == 0)
            let run = try trained("rx", on: set), one = try scored(run, set), other = try scored(run, cube, ranks: 2)
            #expect(try files(in: other.out)["scores.img"] == files(in: one.out)["scores.img"])
            #expect(one.output.contains("no ROC, as there is no mask") && one.output.contains("bands 3, 2, 1 as red"))
            #expect(try files(in: other.out).keys.sorted() == ["map.png", "scores.h5", "scores.hdr", "scores.img", "summary.json"])
            let header = try String(contentsOfFile: one.out + "/scores.hdr", encoding: .utf8)
            #expect(
                header.contains("\nband names = {rx}\nmap info = {\(scene.mapInfo!)}\ncoordinate system string = {PROJCS[\"UTM\"]}\n"), "\(header)")
            #expect(header.contains("\nsource wavelength = {450.0, 550.0, 650.0, 860.0}\nsource wavelength units = Nanometers\n"))
            let maps = try File.open(one.out + "/scores.h5")
            #expect(try maps.attribute("map_info") == .string(scene.mapInfo!) && maps.attribute("wavelengths") == .numbers([450, 550, 650, 860]))

            let imported = try vigil(["import", "cube", other.out + "/scores.hdr", "--no-mask", "--out", back])
            try #require(imported.code == 0, "\(imported.errors)")
            let found = try SampleSet(at: URL(fileURLWithPath: back)), values = try SplitReader(found.split("test")).values(0 ..< 407)
            #expect(try values == .f32(map("rx", in: one.out)))
            #expect(found.manifest.scene?.mapInfo == scene.mapInfo && found.manifest.scene?.coordinateSystem == scene.coordinateSystem)
            try spectralReads(one.out + "/scores.hdr", values: map("rx", in: one.out))
        }

        /// As SPy (spectral, from PyPI) reads the maps.
        private func spectralReads(_ header: String, values: [Float]) throws {
            guard try pythonImports("spectral") else { return }
            let script = """
                import spectral, sys
                image = spectral.envi.open(sys.argv[1])
                print(image.shape, image.metadata["band names"], image.metadata["map info"][3], repr(float(image[18, 5, 0])), sep=";", end="")
                """
            let (code, words) = try output(of: "python3", ["-c", script, header]), parts = words.components(separatedBy: ";")
            try #require(code == 0, "\(words)")
            #expect(parts.prefix(3) == ["(37, 11, 1)", "['rx']", "484200"] && Double(parts[3]) == Double(values[18 * 11 + 5]), "\(words)")
        }

        /// A cube with its mask in one file is scored with the mask.
        @Test func aFileWithAMask() throws {
            let path = place.fresh("cube") + ".h5", file = try File.create(path)
            let cube = try Dataset.create("cube", of: Float.self, shape: [9, 8, 3], chunk: [9, 8, 3], in: file)
            let numbers = (0 ..< 216).map { place -> Float in
                let background = place * 7919 % 101
                return Float(place / 3 == 40 ? background + 900 : background)
            }
            try cube.write(numbers, rows: 0 ..< 9)
            let mask = try Dataset.create("mask", of: UInt8.self, shape: [9, 8], chunk: [9, 8], in: file)
            let labels = (0 ..< 72).map { UInt8($0 == 40 ? 1 : 0) }
            try mask.write(labels, rows: 0 ..< 9)
            try file.close()
            let set = place.fresh("masked")
            try #require(try vigil(["import", "cube", path, "--out", set]).code == 0)
            let found = try scored(try trained("rx", on: set), path, "--false-alarms", "0.02", ranks: 2)
            #expect((try summary(of: found.out)["auroc"] as? [String: Double])?["rx"] == 1 && found.output.contains("1 of 1 anomalies detected"))
        }

        private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

        /// MATLAB's file of San Diego, read in place, with the area that the inventory of the data has of it.
        @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func aRealFile() throws {
            let cube = (Self.data ?? "") + "/hsi/San_Diego.mat", set = place.fresh("real")
            try #require(try vigil(["import", "cube", cube, "--out", set]).code == 0)
            let found = try scored(try trained("rx", on: set), cube, ranks: 3)
            let area = try #require((try summary(of: found.out)["auroc"] as? [String: Double])?["rx"])
            #expect(abs(area - 0.940292) < 1e-4 && found.output.contains(" of 134 anomalies detected"))
        }

        /// What is wrong is said in one sentence, once, with its code, and nothing is written.
        @Test func mistakes() throws {
            let set = try made(), run = try trained("rx", on: set), other = try made(rows: 40, columns: 40, bands: 21), out = place.fresh("none")
            let cube = place.fresh("odd") + ".mat", picture = place.fresh("picture") + ".png"
            for file in [cube, picture] { try Data(repeating: 7, count: 300).write(to: URL(fileURLWithPath: file)) }
            func expect(_ code: Int32, _ part: String, _ arguments: String..., ranks: Int? = nil) throws {
                let job = try vigil(["score", run, "--out", out, "--input"] + arguments, ranks: ranks)
                #expect(job.code == code && job.complaints.contains(part), "\(job.code): \(job.errors)")
                #expect(job.complaints.split(separator: "\n").count == 1 && !FileManager.default.fileExists(atPath: out))
            }
            try expect(64, " has 21 bands, the run takes 20 as trained on; bring in the same with vigil import cube --bands", other, ranks: 2)
            try expect(64, "rx works on whole scenes, and baggage-16 is none; bring one in with vigil import cube", place.set)
            try expect(64, "rx scores scenes, and \(picture) is none; give a set that vigil import cube made, or a cube", picture)
            try expect(66, "there is no such file or folder; give a scene's set or a cube", set + "/none.mat", ranks: 2)
            try expect(65, "\(cube): ", cube, ranks: 2)
            try expect(64, "a tail is fitted to held-out normals, of which a scene has none", set, "--threshold", "tail")
            try expect(64, "rx scores a whole scene, so --convert, --header,", set, "--reconstructions")
            try expect(64, "rx has no score \"D_SS\"; it has rx", set, "--score", "D_SS")
            try expect(64, "has no split \"valid\"; it has scene", set, "--split", "valid")
            // a full file system, as a limit on the size of files makes it
            let full = try Running(["score", run, "--input", set, "--out", out], shell: #"ulimit -f 8; exec "$0" "$@""#).wait()
            #expect(full.code == 74 && full.complaints.contains("\(out) cannot be written: "), "\(full.code): \(full.errors)")
            let parts = try FileManager.default.contentsOfDirectory(atPath: place.folder.path).filter { $0.hasSuffix(".writing") }
            #expect(parts.isEmpty, "\(parts)")
        }

        /// A shard that is damaged where only the last rank reads it ends all ranks in one sentence, and nothing stays.
        @Test func aDamagedShard() throws {
            let set = try made(rows: 1000), run = try trained("rx", on: set), out = place.fresh("none")
            let shard = try #require(try FileManager.default.contentsOfDirectory(atPath: set).filter { $0.hasSuffix(".h5") }.sorted().last)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: set + "/" + shard)), end = try file.seekToEnd()
            // the numbers are most of a shard: this is in the scene's second half, whatever stands first
            try file.seek(toOffset: end * 7 / 10)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 64))
            try file.close()
            let job = try vigil(["score", run, "--input", set, "--out", out], ranks: 2)
            #expect(job.code == 65 && job.complaints.split(separator: "\n").count == 1, "\(job.code): \(job.errors)")
            let parts = try FileManager.default.contentsOfDirectory(atPath: place.folder.path).filter { $0.hasSuffix(".writing") }
            #expect(parts.isEmpty && !FileManager.default.fileExists(atPath: out), "\(parts)")
        }
    }
}
