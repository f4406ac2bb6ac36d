import Datasets
import Foundation
import Testing
@testable import Training

extension EndToEnd {
    /// Transforms that a recipe declares: trained with, kept, and used again when scoring.
    @Suite struct DeclaredTransforms {
        private let place = Workspace.shared
        private let transforms = "transforms=[resize 24x24, crop 16x16, flip horizontal, standardize]"

        private func trained(_ run: Run, ranks: Int? = nil, _ overrides: String...) throws -> Job {
            let job = try vigil(training(run.path, transforms) + overrides.flatMap { ["--set", $0] }, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return job
        }

        private func scores(_ run: Run, ranks: Int? = nil) throws -> String {
            let job = try vigil(["evaluate", run.path, "--json"], ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return job.output
        }

        /// One model on any ranks, also when it goes on with another count in the middle of an epoch.
        @Test func equalBits() throws {
            let alone = Run(path: place.fresh("alone"))
            _ = try trained(alone, "steps=8")
            let digest = try alone.digest()
            for ranks in [2, 4] {
                let run = Run(path: place.fresh("ranks"))
                _ = try trained(run, ranks: ranks, "steps=8")
                #expect(try run.digest() == digest, "\(ranks) ranks")
            }
            let resumed = Run(path: place.fresh("resumed"))
            _ = try trained(resumed, ranks: 4, "steps=3")
            #expect(try resumed.digest() != digest)
            let job = try trained(resumed, ranks: 3, "steps=8")
            #expect(try job.errors.contains("resumed from step-00000003") && resumed.digest() == digest)
            #expect(try scores(alone) == scores(resumed, ranks: 2))
            // each of them changes the model; the recipe says so in the run and when it is changed
            let recipe = try String(contentsOfFile: alone.path + "/recipe.yaml", encoding: .utf8)
            #expect(recipe.contains("\ntransforms: \"resize 24x24, crop 16x16, flip horizontal, standardize\"\n"))
            let changed = try vigil(training(alone.path, "transforms=none", "steps=8"))
            #expect(
                changed.code == 64
                    && changed.errors
                        == "vigil: \(alone.path) was trained by another recipe: transforms is absent (was resize 24x24, crop 16x16, flip horizontal, "
                        + "standardize); set transforms back or choose another folder with --out\n"
            )
        }

        /// Random transforms move the model, and a run without any has no word of them.
        @Test func theyChangeTheModel() throws {
            var digests: Set<String> = []
            for text in ["none", "[]", "flip horizontal", "flip vertical", "scale 0 1", "standardize"] {
                let run = Run(path: place.fresh("changed"))
                let job = try vigil(training(run.path, "transforms=\(text)", "steps=2"))
                try #require(job.code == 0, "\(job.errors)")
                digests.insert(try run.digest())
                #expect(
                    (run.log("start").first?["model"] as? [String: Any])?["transforms"] as? String
                        == (["none", "[]"].contains(text) ? nil : text.replacingOccurrences(of: "0 1", with: "0.0 1.0")))
            }
            #expect(digests.count == 5)
        }

        /// Mean and deviation are those of the training normals without those held out, in Double, kept in the checkpoint.
        @Test(arguments: [nil, 3]) func statisticsOfTheTrainingNormals(_ ranks: Int?) throws {
            let run = Run(path: place.fresh("standardized"))
            let arguments = ["train", "--detector", "mean-pixel", "--data", place.set, "--out", run.path]
            let keys = ["transforms=[scale 0 1, standardize]", "heldOut=0.2", "seed=5"]
            let job = try vigil(arguments + keys.flatMap { ["--set", $0] }, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            let split = try SampleSet(at: URL(fileURLWithPath: place.set)).split("train"), held = split.heldOut(fraction: 0.2, seed: 5)
            #expect(held.count > 30)
            guard case .u8(let bytes) = try SplitReader(split).values(0 ..< split.count) else { return }
            let pixels = split.training(without: held).joined().flatMap { bytes[256 * $0 ..< 256 * ($0 + 1)].map { Double($0) / 255 } }
            let mean = pixels.reduce(0, +) / Double(pixels.count)
            let deviation = (pixels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels.count)).squareRoot()
            let kept = try ["transforms/mean", "transforms/deviation"].map { try number($0, in: run.state) }
            #expect(abs(kept[0] - mean) < 1e-7 && abs(kept[1] - deviation) < 1e-7, "\(kept), \(mean), \(deviation)")
            // the detector's own fit saw standardized samples
            #expect(try abs(number("center", in: run.state)) < 1e-6)
            #expect(try scores(run, ranks: ranks) == scores(run))
        }

        /// Every rank count finds the same extremes, and the run keeps them.
        @Test(arguments: [nil, 3]) func extremesOfTheTrainingNormals(_ ranks: Int?) throws {
            let run = Run(path: place.fresh("scaled"))
            let arguments = ["train", "--detector", "mean-pixel", "--data", place.set, "--out", run.path]
            let keys = ["transforms=[scale features]", "heldOut=0.2", "seed=5"]
            let job = try vigil(arguments + keys.flatMap { ["--set", $0] }, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            let split = try SampleSet(at: URL(fileURLWithPath: place.set)).split("train"), held = split.heldOut(fraction: 0.2, seed: 5)
            guard case .u8(let bytes) = try SplitReader(split).values(0 ..< split.count) else { return }
            let pixels = split.training(without: held).joined().flatMap { bytes[256 * $0 ..< 256 * ($0 + 1)] }
            let low = Double(pixels.min()!), high = Double(pixels.max()!)
            #expect(try number("transforms/minimum", in: run.state) == low && number("transforms/extent", in: run.state) == high - low)
            #expect(try scores(run, ranks: ranks) == scores(run))
        }

        @Test func statisticsThatAreMissing() throws {
            let keys = [("detector", "mean-pixel"), ("data", "SET"), ("transforms", "standardize")]
            let manifest = try Manifest(of: URL(fileURLWithPath: place.set))
            let model = try Model(Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }), of: manifest)
            #expect(throws: Failure(.badData, "RUN lacks transforms/mean of 1 channels; it belongs to another recipe or another version")) {
                try model.load([:], from: "RUN")
            }
            let before = try #require(model.preprocessing.beforeFitted)
            let split = try SampleSet(at: URL(fileURLWithPath: place.set)).split("train")
            #expect { _ = try TransformFit(of: .standardize, after: before, on: [], of: split, .alone()) } throws: {
                "\($0)" == "split train has no normals to fit standardize on; leave it out of transforms"
            }
        }

        /// The one number of a tensor in a safetensors file.
        private func number(_ name: String, in file: URL) throws -> Double {
            let data = try Data(contentsOf: file), length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
            let header = try #require(try JSONSerialization.jsonObject(with: data[8 ..< 8 + length]) as? [String: Any])
            let tensor = try #require(header[name] as? [String: Any], "\(name)")
            let start = 8 + length + (try #require(tensor["data_offsets"] as? [Int])[0])
            #expect(tensor["shape"] as? [Int] == [1])
            return data.withUnsafeBytes { bytes in
                tensor["dtype"] as? String == "F64"
                    ? bytes.loadUnaligned(fromByteOffset: start, as: Double.self) : Double(bytes.loadUnaligned(fromByteOffset: start, as: Float.self))
            }
        }
    }
}
