import Datasets
import Foundation
import HDF5
import Testing

/// A small scene with what independent programs make of it: see `Tests/Goldens/scenes.py`.
private struct GoldenScene: Decodable {
    let rows: Int, columns: Int, bands: Int
    let cube: [UInt16], mask: [Int32]
    /// By detector and settings, by score.
    let scores: [String: [String: [Double]]]

    static let one: GoldenScene = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../Goldens/scenes.json")
        return try! JSONDecoder().decode(GoldenScene.self, from: Data(contentsOf: file))
    }()

    /// Writes it as a set and returns its folder.
    func set(in place: Workspace) throws -> String {
        let path = place.fresh("scene")
        let description = SetDescription(
            name: "golden", shape: [bands], type: .u16, range: Double(cube.min()!) ... Double(cube.max()!), meaning: "number",
            classes: ["background", "anomaly"], normalClasses: ["background"], provenance: [:], scene: .init(rows: rows, columns: columns))
        let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description, samplesPerChunk: 64, samplesPerShard: 64)
        let records = try writer.write(split: "scene", count: rows * columns) { range in
            let numbers = cube[range.lowerBound * bands ..< range.upperBound * bands]
            return Samples(values: .u16(Array(numbers)), labels: Array(mask[range]))
        }
        _ = try writer.finish(records: records)
        return path
    }
}

extension EndToEnd {
    @Suite struct Scenes {
        private let place = Workspace.shared

        /// Trains and evaluates on so many ranks; returns the checkpoint's digest and the scores by name.
        private func scored(_ detector: String, _ settings: [String], keys: [String] = [], on set: String, ranks: Int?) throws
            -> (digest: String, scores: [String: [Double]])
        {
            let run = Run(path: place.fresh("scenes"))
            let keys = (keys + settings.map { "settings.\($0)" }).flatMap { ["--set", $0] }
            let trained = try vigil(["train", "--detector", detector, "--data", set, "--out", run.path] + keys, ranks: ranks)
            try #require(trained.code == 0, "\(trained.errors)")
            let evaluated = try vigil(["evaluate", run.path, "--json"], ranks: ranks)
            try #require(evaluated.code == 0 && evaluated.output.contains("\"auroc\""), "\(evaluated.errors)")
            let file = try File.open(run.path + "/scores/test.h5")
            #expect(try Dataset.open("numbers", in: file).read(Int64.self, rows: 0 ..< 378) == Array(0 ..< 378))
            let names = try file.names().filter { !["numbers", "labels"].contains($0) }
            let columns = try names.map { ($0, try Dataset.open($0, in: file).read(Double.self, rows: 0 ..< 378)) }
            return (try run.digest(), Dictionary(uniqueKeysWithValues: columns))
        }

        /// What independent programs give, and the same bits on any number of ranks.
        @Test(arguments: GoldenScene.one.scores.keys.sorted()) func scoresAreTheGoldenOnes(_ title: String) throws {
            let words = title.split(separator: " ").map(String.init), set = try GoldenScene.one.set(in: place)
            let alone = try scored(words[0], Array(words.dropFirst()), on: set, ranks: nil)
            for (name, expected) in GoldenScene.one.scores[title]! {
                let found = try #require(alone.scores[name], "\(name) among \(alone.scores.keys)"), size = expected.map(abs).max()!
                let errors = zip(found, expected).map { abs($0 - $1) / size }
                #expect(errors.max()! < 1e-5, "\(name): \(errors.max()!) at \(errors.firstIndex(of: errors.max()!)!)")
            }
            for ranks in 2 ... 4 {
                let shared = try scored(words[0], Array(words.dropFirst()), on: set, ranks: ranks)
                #expect(shared.digest == alone.digest && shared.scores == alone.scores, "\(ranks) ranks")
            }
        }

        /// The detectors that no golden scores are of: those trained in steps, and those with a random start.
        @Test(arguments: [
            ("hadgan", ["width=8", "area=5", "discriminatorSteps=2"]), ("spectral-ae", ["width=8"]),
            ("lsmad", ["rank=2", "sparse=0.01", "iterations=5"]),
        ]) func bitsAreEqualOnAnyRanks(_ detector: String, _ settings: [String]) throws {
            let set = try GoldenScene.one.set(in: place), length = detector == "lsmad" ? [] : ["minibatch=64", "microbatch=16", "epochs=3"]
            let alone = try scored(detector, settings, keys: length, on: set, ranks: nil)
            for ranks in 2 ... 4 {
                let shared = try scored(detector, settings, keys: length, on: set, ranks: ranks)
                #expect(shared.digest == alone.digest && shared.scores == alone.scores, "\(ranks) ranks")
            }
        }

        /// A scene is trained on as a whole: its mask, which judges the scores, takes no pixel out of training.
        @Test func theMaskTakesNoPartInTraining() throws {
            let run = Run(path: place.fresh("whole")), set = try GoldenScene.one.set(in: place)
            let keys = ["settings.width=8", "minibatch=63", "microbatch=21", "epochs=1", "heldOut=0.3"].flatMap { ["--set", $0] }
            let job = try vigil(["train", "--detector", "spectral-ae", "--data", set, "--out", run.path] + keys)
            try #require(job.code == 0, "\(job.errors)")
            let log = try String(contentsOfFile: run.path + "/log.jsonl", encoding: .utf8)
            #expect(log.contains("\"held_out\":0,") && log.contains("\"samples_read\":[378]"), "\(log)")
        }

        @Test func whatIsNoSceneIsRefused() throws {
            let job = try vigil(["train", "--detector", "rx", "--data", place.set, "--out", place.fresh("none")])
            #expect(job.code == 64 && job.errors.contains("are no pixels of a scene"), "\(job.errors)")
        }
    }
}
