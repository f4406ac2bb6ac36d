import Datasets
import Foundation
import Testing

extension EndToEnd {
    /// `vigil synthesize scene`, through import's and evaluation's own ways.
    @Suite struct SynthesizedScenes {
        private let place = Workspace.shared

        private func made(ranks: Int?, seed: Int = 0) throws -> (path: String, manifest: Manifest) {
            let path = place.fresh("made")
            let sizes = ["--rows", "60", "--columns", "50", "--bands", "20", "--targets", "12", "--seed", "\(seed)"]
            let job = try vigil(["synthesize", "scene", "--out", path] + sizes, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return (path, try Manifest(of: URL(fileURLWithPath: path)))
        }

        /// The same set on any number of ranks, whose targets global RX finds as well as can be, and not where nothing is to be found.
        @Test func targetsAreFound() throws {
            let (path, manifest) = try made(ranks: nil)
            #expect(try made(ranks: 3).manifest == manifest && made(ranks: nil, seed: 1).manifest.fingerprint != manifest.fingerprint)
            #expect(manifest.scene?.rows == 60 && manifest.scene?.columns == 50 && manifest.scene?.wavelengths?.last == 2500)
            let targets = manifest.classes[1].counts["scene"]!
            #expect((12 ... 60).contains(targets))
            let run = place.fresh("run")
            let trained = try vigil(["train", "--detector", "rx", "--data", path, "--out", run], ranks: 2)
            try #require(trained.code == 0, "\(trained.errors)")
            func auroc(_ set: String) throws -> Double {
                let job = try vigil(["evaluate", run, "--data", set, "--json"], ranks: 2)
                try #require(job.code == 0, "\(job.errors)")
                let object = try JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any]
                return try #require((object?["scores"] as? [String: [String: Any]])?["rx"]?["auroc"] as? Double)
            }
            #expect(try auroc(path) > 0.95)
            // labels that say nothing: chance
            let shuffled = place.fresh("shuffled"), set = try SampleSet(at: URL(fileURLWithPath: path)), split = try set.split("scene")
            let description = SetDescription(
                name: "shuffled", shape: manifest.shape, type: manifest.type, range: manifest.valueRange, meaning: manifest.meaning,
                classes: manifest.classes.map(\.name), normalClasses: ["background"], provenance: [:], scene: manifest.scene)
            let writer = try SetWriter(at: URL(fileURLWithPath: shuffled), description: description), reader = SplitReader(split)
            let records = try writer.write(split: "scene", count: split.count) { range in
                Samples(values: try reader.values(range), labels: range.map { ($0 * 7919) % 3000 < 300 ? 1 : 0 })
            }
            _ = try writer.finish(records: records)
            #expect(abs(try auroc(shuffled) - 0.5) < 0.1)
        }

        @Test func impossibleSizes() throws {
            let job = try vigil(["synthesize", "scene", "--out", place.fresh("none"), "--rows", "4"])
            #expect(job.code == 64 && job.errors.contains("a scene of 4×200 pixels, 120 bands and 30 targets cannot be made"), "\(job.errors)")
        }
    }
}
