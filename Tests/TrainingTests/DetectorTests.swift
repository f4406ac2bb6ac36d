import Datasets
import Foundation
import Testing

/// A detector as small as it can be, on the 16×16 patches of the workspace or on made vectors.
struct SmallDetector: CustomTestStringConvertible, Sendable {
    let name: String, variant: String?
    let settings: [String]
    let onVectors: Bool
    /// Of patches that are too small for it.
    let transforms: String?
    /// In order: those that train, and fits after them.
    let stages: [String], fits: [String]
    /// In the order of their declaration.
    let scores: [String]

    init(
        _ name: String, _ variant: String? = nil, onVectors: Bool = false, settings: [String], transforms: String? = nil,
        stages: [String] = ["training"], fits: [String] = [],
        scores: [String]
    ) {
        (self.name, self.variant, self.settings, self.transforms, self.stages, self.fits) = (name, variant, settings, transforms, stages, fits)
        (self.onVectors, self.scores) = (onVectors, scores)
    }

    var testDescription: String { [name, variant, onVectors ? "on vectors" : nil].compactMap { $0 }.joined(separator: " ") }

    /// The set it is tried on; of vectors it is made: 320 normals and 40 of each class to test.
    func set(in place: Workspace) throws -> String { onVectors ? try Self.vectors(.f32, in: place) : place.set }

    static func vectors(_ type: SampleType, in place: Workspace) throws -> String {
        let path = place.fresh("vectors"), unit = type == .f32 ? 1.0 : 8000.0
        let description = SetDescription(
            name: "vectors", shape: [7], type: type, range: (type == .u16 ? 0 : -2 * unit) ... 2 * unit, meaning: "number",
            classes: ["sound", "odd"], normalClasses: ["sound"], provenance: [:])
        let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description)
        func stored(_ numbers: [Double]) -> StoredValues {
            switch type {
            case .f32: .f32(numbers.map { Float($0) })
            case .i16: .i16(numbers.map { Int16($0 * unit) })
            case .u16: .u16(numbers.map { UInt16(abs($0) * unit) })
            case .u8: preconditionFailure("patches are bytes")
            }
        }
        let records = try [("train", 320), ("test", 80)].flatMap { split, count in
            try writer.write(split: split, count: count) { range in
                let numbers = range.flatMap { n in
                    (0 ..< 7).map { sin(Double(7 * n + $0) * 0.7) + (split == "test" && n % 2 == 1 ? 0.5 : 0) }
                }
                return Samples(values: stored(numbers), labels: range.map { split == "test" ? Int32($0 % 2) : 0 })
            }
        }
        _ = try writer.finish(records: records)
        return path
    }

    /// Four lanes of four samples.
    func training(_ out: String, set: String, _ overrides: String...) -> [String] {
        let keys = (variant.map { ["variant=\($0)"] } ?? []) + (transforms.map { ["transforms=\($0)"] } ?? [])
        let all = keys + ["minibatch=16", "microbatch=4", "heldOut=0", "epochs=1000"] + settings.map { "settings.\($0)" } + overrides
        return ["train", "--detector", name, "--data", set, "--out", out] + all.flatMap { ["--set", $0] }
    }

    static let all = [
        SmallDetector(
            "skip-ganomaly", settings: ["width=2", "features=3"], transforms: "resize 32x32", scores: ["combined", "residual", "latent"]),
        SmallDetector(
            "skip-ganomaly", "released", settings: ["width=1", "features=2", "inputNoise=0.1"], transforms: "resize 32x32",
            scores: ["combined", "residual", "latent"]),
        SmallDetector("alocc", settings: ["width=2"], scores: ["refined", "direct"]),
        SmallDetector("alocc", "released", settings: ["width=1"], transforms: "crop 13x11", scores: ["direct", "refined"]),
        SmallDetector("adae", settings: ["width=2", "latent=3"], scores: ["reconstruction", "generator"]),
        SmallDetector(
            "anogan", settings: ["width=2", "latent=3", "searchSteps=20"], scores: ["combined", "residual", "feature", "discriminator"]),
        SmallDetector(
            "f-anogan", "ziz", settings: ["latent=4", "width=2", "criticSteps=2", "encoderOutput=linear"], stages: ["gan", "encoder"],
            scores: ["combined", "residual", "latent", "discriminator"]),
        SmallDetector("egbad", settings: ["latent=3", "width=4", "hidden=8", "averageDecay=0.5"], scores: ["featureMatching", "crossEntropy"]),
        SmallDetector(
            "egbad", onVectors: true, settings: ["latent=3", "width=4", "averageDecay=0.5"], scores: ["featureMatching", "crossEntropy"]),
        SmallDetector("alad", settings: ["latent=3", "width=4", "hidden=4", "averageDecay=0.5"], scores: ["featureMatching", "logit", "l1", "l2"]),
        SmallDetector(
            "alad", onVectors: true, settings: ["latent=3", "width=4", "averageDecay=0.5"], scores: ["featureMatching", "logit", "l1", "l2"]),
        SmallDetector(
            "aae", settings: ["latent=3", "width=2", "halvings=1", "critic=8", "criticSteps=2", "earlyCriticSteps=3"],
            stages: ["early", "training"], scores: ["residual", "latent", "percentile"]),
        SmallDetector(
            "aae", onVectors: true, settings: ["latent=3", "width=4", "critic=8"], stages: ["early", "training"], scores: ["residual", "latent"]),
        SmallDetector("ocgan", settings: ["width=2", "visualWidth=1", "latent=3"], scores: ["reconstruction", "visual", "direct"]),
        SmallDetector(
            "ocgan", "released-2019", settings: ["width=1", "visualWidth=2", "latent=3", "miningFrom=2"],
            scores: ["reconstruction", "visual", "direct"]),
        SmallDetector(
            "ocgan-compact", settings: ["width=2", "visualWidth=1", "latentWidth=8"], transforms: "resize 28x28",
            stages: ["reconstruction", "training"], scores: ["reconstruction", "visual", "direct"]),
        SmallDetector(
            "ocgan-compact", "released", settings: ["width=1", "visualWidth=2", "latentWidth=8"], transforms: "resize 28x28",
            stages: ["reconstruction", "training"], scores: ["reconstruction", "visual", "direct"]),
        SmallDetector(
            "alae", settings: ["width=8", "latent=3", "averageDecay=0.5"], fits: ["prior", "scores"],
            scores: ["combined", "pix", "lat", "crit", "prior", "cyc"]),
        SmallDetector(
            "alae", settings: ["networks=convolutional", "width=2", "widest=4", "latent=3", "averageDecay=0.5"],
            fits: ["prior", "scores"], scores: ["combined", "pix", "lat", "crit", "prior", "cyc"]),
    ]
}

extension EndToEnd {
    /// What holds for GANomaly in `EqualBits`, `Resume` and `Evaluations`, for each of the others.
    @Suite struct DetectorRuns {
        private let place = Workspace.shared

        private func run(_ arguments: [String], ranks: Int? = nil) throws -> Job {
            let job = try vigil(arguments, ranks: ranks, seconds: 300)
            try #require(job.code == 0 && job.complaints.isEmpty, "\(job.errors)")
            return job
        }

        /// The trained bytes on 1, 2 and 4 ranks of 1 and 2 threads; and then the scores' on one rank and two.
        @Test(arguments: SmallDetector.all) func equalBits(_ detector: SmallDetector) throws {
            let alone = Run(path: place.fresh("alone")), steps = detector.stages.count > 1 ? "steps=10" : "steps=20"
            let set = try detector.set(in: place)
            _ = try run(detector.training(alone.path, set: set, steps))
            for (ranks, threads) in [(1, 2), (2, 1), (2, 2), (4, 1), (4, 2)] {
                let shared = Run(path: place.fresh("shared"))
                _ = try run(detector.training(shared.path, set: set, steps, "run.threads=\(threads)"), ranks: ranks)
                #expect(try shared.digest() == alone.digest(), "\(ranks) ranks, \(threads) threads")
            }
            let other = Run(path: place.fresh("other"))
            _ = try run(detector.training(other.path, set: set, steps, "seed=1"))
            #expect(try other.digest() != alone.digest())
            let text = try run(["evaluate", alone.path, "--json"]).output
            #expect(try run(["evaluate", alone.path, "--json", "--threads", "2"], ranks: 2).output == text)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(object["default"] as? String == detector.scores[0])
            #expect(Set((object["scores"] as? [String: Any] ?? [:]).keys) == Set(detector.scores))
        }

        /// Stopped after every step of every stage, each time on other ranks.
        @Test(arguments: SmallDetector.all) func resumes(_ detector: SmallDetector) throws {
            let whole = Run(path: place.fresh("whole")), cut = Run(path: place.fresh("cut")), set = try detector.set(in: place)
            _ = try run(detector.training(whole.path, set: set, "steps=2"))
            var codes: [Int32] = []
            for ranks in (0 ..< 6).flatMap({ _ in [4, 1, 3, 2] }) where codes.last ?? 75 == 75 {
                let job = try vigil(detector.training(cut.path, set: set, "steps=2", "run.until=0.001"), ranks: ranks, seconds: 300)
                codes.append(job.code)
                try #require([0, 75].contains(job.code), "\(job.errors)")
            }
            // every job made a step, in each stage at least one went on from within
            let resumes = cut.log("resume").compactMap { $0["stage"] as? String }
            #expect(codes.last == 0 && codes.count > 1 && Set(resumes) == Set(detector.stages + detector.fits), "\(codes), \(resumes)")
            #expect(try cut.digest() == whole.digest() && cut.leftovers.isEmpty)
        }
    }
}
