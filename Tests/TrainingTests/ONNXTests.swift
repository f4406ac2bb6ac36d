import Datasets
import Detectors
import Foundation
import Testing

extension SmallDetector {
    /// Those that only `ONNXExports` tries: with `all`, every detector and variant that does not need a scene.
    fileprivate static let others = [
        SmallDetector("anogan", "cross-entropy", settings: ["width=2", "latent=3", "searchSteps=20"], scores: ["combined"]),
        SmallDetector(
            "f-anogan", settings: ["latent=4", "width=2", "criticSteps=2"], stages: ["gan", "encoder"],
            scores: ["combined", "residual", "latent", "discriminator"]),
        SmallDetector(
            "f-anogan", "izi", settings: ["latent=4", "width=2", "criticSteps=2"], stages: ["gan", "encoder"],
            scores: ["combined", "residual", "latent", "discriminator"]),
        SmallDetector(
            "f-anogan", "dbbbbm", settings: ["latent=4", "width=2", "criticSteps=2"], stages: ["gan", "encoder"],
            scores: ["combined", "residual", "latent", "discriminator"]),
        SmallDetector("egbad", "released", settings: ["latent=3", "width=4", "hidden=8"], scores: ["featureMatching", "crossEntropy"]),
        SmallDetector("alad", "arrhythmia", onVectors: true, settings: ["latent=3", "width=4"], scores: ["featureMatching", "logit", "l1", "l2"]),
        SmallDetector("alad", "released", settings: ["latent=3", "width=4", "hidden=4"], scores: ["featureMatching", "logit", "l1", "l2"]),
        SmallDetector("alocc", "paper-2018", settings: ["width=1"], scores: ["refined", "direct"]),
        SmallDetector("ganomaly", settings: ["width=2", "latent=3", "extraLayers=1"], scores: ["latentL1", "latentL2"]),
        SmallDetector("ganomaly", "released-2018-07", settings: ["width=2", "latent=3"], scores: ["latentL1", "latentL2"]),
        SmallDetector("ganomaly", "released-2018-10", settings: ["width=2", "latent=3"], scores: ["latentL1", "latentL2"]),
        SmallDetector("ganomaly", "released-2019-08", settings: ["width=2", "latent=3"], scores: ["latentL1", "latentL2"]),
        SmallDetector("ganomaly", "released-2019-10", settings: ["width=2", "latent=3"], scores: ["latentL1", "latentL2"]),
        SmallDetector(
            "ganomaly", "anomalib", settings: ["width=2", "latent=3"], transforms: "resize 18x20", scores: ["latentL2", "latentL1"]),
        SmallDetector("adae", "mnist", settings: ["width=2", "latent=3"], scores: ["reconstruction", "generator"]),
        SmallDetector("adae", "yeonghyeon", settings: ["width=2", "latent=3"], scores: ["reconstruction", "generator"]),
        SmallDetector(
            "aae", "plain", settings: ["latent=3", "width=2", "halvings=1", "critic=8"], scores: ["residual", "latent", "percentile"]),
        SmallDetector(
            "aae", "released", settings: ["latent=3", "width=2", "halvings=1", "critic=8", "criticSteps=2", "earlyCriticSteps=3"],
            scores: ["residual", "latent", "percentile"]),
        SmallDetector("pca", settings: ["latent=5"], transforms: "resize 20x24, crop 13x11, standardize", scores: ["reconstruction"]),
        SmallDetector("pca", onVectors: true, settings: ["latent=3"], transforms: "scale features", scores: ["reconstruction"]),
        SmallDetector("mean-pixel", settings: [], transforms: "scale 0 1, standardize", scores: ["distance"]),
    ]
}

extension EndToEnd {
    /// `vigil export --onnx`, of every detector: onnxruntime's results beside ours, or why there is no graph.
    @Suite struct ONNXExports {
        private let place = Workspace.shared

        /// Detectors whose default score is no graph, by the reason.
        private static let obstacles = [
            "anogan": "it searches for every sample anew", "anogan cross-entropy": "it searches for every sample anew",
            "ocgan released-2019": "it draws noise for every sample",
        ]

        /// A detector of the registry, as it is and in each of its variants, and whether it needs a scene.
        private static func forms<D: Detector>(of detector: D.Type) -> [(name: String, variant: String?, needsScene: Bool)] {
            ([nil] + D.variants.map(\.name)).map { (D.name, $0, detector is any SceneDetector.Type) }
        }
        private static let registered = detectors.flatMap { forms(of: $0) }

        private func trained(_ detector: SmallDetector, on set: String) throws -> String {
            let run = place.fresh("run"), job = try vigil(detector.training(run, set: set, "steps=3", "heldOut=0.1"))
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        /// No detector and no variant is forgotten below.
        @Test func everyDetectorIsTried() {
            func title(_ name: String, _ variant: String?) -> String { [name, variant].compactMap { $0 }.joined(separator: " ") }
            let tried = Set((SmallDetector.all + SmallDetector.others).map { title($0.name, $0.variant) })
            #expect(Set(Self.registered.filter { !$0.needsScene }.map { title($0.name, $0.variant) }) == tried)
        }

        /// Scores, maps, reconstructions, probabilities and verdicts are ours, or the reason why there is no graph is said.
        @Test(arguments: SmallDetector.all + SmallDetector.others) func likeOurs(_ detector: SmallDetector) throws {
            let set = try detector.set(in: place), run = try trained(detector, on: set), file = place.fresh("graph") + ".onnx"
            let job = try vigil(["export", run, "--onnx", file])
            if let obstacle = Self.obstacles[detector.testDescription] {
                let sentence = "vigil: \(detector.name) cannot be exported: of its score \(detector.scores[0]), \(obstacle)"
                #expect(job.code == 64 && job.complaints.hasPrefix(sentence) && !FileManager.default.fileExists(atPath: file), "\(job.errors)")
                return
            }
            try #require(job.code == 0 && job.output.contains("score_\(detector.scores[0]),"), "\(job.errors)")
            for score in detector.scores { #expect(job.output.contains("score_\(score),") || job.output.contains("score \(score) is left out: ")) }
            try compare(file, with: run, on: set, detector.testDescription)
        }

        /// Largest difference 1e-4 of the largest. Needs onnx and onnxruntime, as cluster/test installs them.
        private func compare(_ file: String, with run: String, on set: String, _ title: String) throws {
            guard try pythonImports("onnx, onnxruntime, h5py") else { return }
            let out = place.fresh("scores")
            let scoring = try vigil(["score", run, "--input", set, "--out", out, "--overlays", "0", "--reconstructions"])
            try #require(scoring.code == 0, "\(scoring.errors)")
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Goldens/onnx_check.py"
            let result = try output(of: "python3", [script, file, set + "/test-00000.h5", out])
            #expect(result.code == 0 && result.output.contains(" with verdicts, "), "\(result.output)")
            print("\(title): \(result.output)", terminator: "")
        }

        /// Numbers of other types than bytes and Floats.
        @Test(arguments: [SampleType.u16, .i16]) func storedTypes(_ type: SampleType) throws {
            let detector = SmallDetector("pca", onVectors: true, settings: ["latent=3"], transforms: "standardize", scores: [])
            let set = try SmallDetector.vectors(type, in: place), run = try trained(detector, on: set), file = place.fresh("graph") + ".onnx"
            try #require(try vigil(["export", run, "--onnx", file]).code == 0)
            try compare(file, with: run, on: set, "\(type)")
        }

        /// What scores scenes is no function of one sample.
        @Test func scenesRefuse() throws {
            let set = place.fresh("scene"), file = place.fresh("graph") + ".onnx"
            let size = ["--rows", "20", "--columns", "21", "--bands", "12", "--targets", "4"]
            try #require(try vigil(["synthesize", "scene", "--out", set] + size).code == 0)
            let small = [
                "hadgan": ["epochs=1", "settings.width=8"], "spectral-ae": ["epochs=1", "settings.width=8"],
                "lsmad": ["settings.rank=2", "settings.iterations=5"],
            ]
            for (name, variant, _) in Self.registered.filter(\.needsScene) {
                let run = place.fresh("run"), keys = (variant.map { ["variant=\($0)"] } ?? []) + (small[name] ?? [])
                let training = try vigil(["train", "--detector", name, "--data", set, "--out", run] + keys.flatMap { ["--set", $0] })
                try #require(training.code == 0, "\(name): \(training.errors)")
                let job = try vigil(["export", run, "--onnx", file])
                let sentence = "vigil: \(name) cannot be exported: its scores come of a whole scene, not of one sample; use vigil score"
                #expect(job.code == 64 && job.complaints == sentence && !FileManager.default.fileExists(atPath: file), "\(job.errors)")
            }
        }

        /// The same bytes from any number of ranks.
        @Test func bytes() throws {
            let run = try trained(SmallDetector.all.first { $0.name == "alocc" }!, on: place.set)
            let files = (0 ..< 2).map { _ in place.fresh("graph") + ".onnx" }
            for (file, ranks) in zip(files, [1, 2]) { try #require(try vigil(["export", run, "--onnx", file], ranks: ranks).code == 0) }
            let (first, second) = (try Data(contentsOf: URL(fileURLWithPath: files[0])), try Data(contentsOf: URL(fileURLWithPath: files[1])))
            #expect(first == second)
            #expect(try vigil(["export", run]).code == 64)
        }
    }
}
