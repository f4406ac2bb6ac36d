import Datasets
import Foundation
import Testing

/// A detector at a size at which its whole way through the program takes a second or two: 4 lanes of 16 samples.
struct SmallRun: CustomTestStringConvertible, Sendable {
    let detector: String, keys: [String]
    /// Whether it is tried on vectors; else on images.
    let onVectors: Bool
    var testDescription: String { detector + (onVectors ? " on vectors" : "") }

    static let all = [
        SmallRun(detector: "egbad", keys: ["latent=3", "width=4", "hidden=8", "averageDecay=0.5"], onVectors: false),
        SmallRun(detector: "egbad", keys: ["latent=3", "width=4", "averageDecay=0.5"], onVectors: true),
        SmallRun(detector: "alad", keys: ["latent=3", "width=4", "hidden=4", "averageDecay=0.5"], onVectors: false),
        SmallRun(detector: "alad", keys: ["latent=3", "width=4", "averageDecay=0.5"], onVectors: true),
        SmallRun(detector: "aae", keys: ["latent=3", "width=2", "halvings=1", "critic=8", "criticSteps=2", "earlyCriticSteps=3"], onVectors: false),
        SmallRun(detector: "aae", keys: ["latent=3", "width=4", "critic=8"], onVectors: true),
    ]

    /// The arguments that train it.
    func training(_ out: String, on set: String, _ overrides: [String]) -> [String] {
        let settings = ["minibatch=64", "microbatch=16", "heldOut=0"] + keys.map { "settings.\($0)" } + overrides
        return ["train", "--detector", detector, "--data", set, "--out", out] + settings.flatMap { ["--set", $0] }
    }

    /// The set it is tried on; of vectors it is made: 320 normals and 40 of each class to test.
    func set(in place: Workspace) throws -> String {
        guard onVectors else { return place.set }
        let path = place.fresh("vectors")
        let description = SetDescription(
            name: "vectors", shape: [7], type: .f32, range: -2 ... 2, meaning: "number", classes: ["sound", "odd"], normalClasses: ["sound"],
            provenance: [:])
        let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description)
        let records = try [("train", 320), ("test", 80)].flatMap { split, count in
            try writer.write(split: split, count: count) { range in
                Samples(
                    values: .f32(
                        range.flatMap { n in (0 ..< 7).map { Float(sin(Double(7 * n + $0) * 0.7)) + (split == "test" && n % 2 == 1 ? 0.5 : 0) } }),
                    labels: range.map { split == "test" ? Int32($0 % 2) : 0 })
            }
        }
        _ = try writer.finish(records: records)
        return path
    }
}

extension EndToEnd {
    @Suite struct EveryDetector {
        private let place = Workspace.shared

        private func trained(_ small: SmallRun, on set: String, ranks: Int?, _ overrides: String...) throws -> Run {
            let run = Run(path: place.fresh(small.detector))
            let job = try vigil(small.training(run.path, on: set, overrides), ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        /// The same bytes after 20 steps on any ranks and threads; and its scores can be evaluated.
        @Test(arguments: SmallRun.all) func hasEqualBits(_ small: SmallRun) throws {
            let set = try small.set(in: place), length = ["epochs=1000", "steps=20"]
            let alone = try trained(small, on: set, ranks: nil, length[0], length[1]), digest = try alone.digest()
            for (ranks, threads) in [(1, 2), (2, 2), (4, 1)] {
                let run = try trained(small, on: set, ranks: ranks, length[0], length[1], "run.threads=\(threads)")
                #expect(try run.digest() == digest, "\(ranks) ranks, \(threads) threads")
            }
            let other = try trained(small, on: set, ranks: nil, length[0], length[1], "seed=1")
            #expect(try other.digest() != digest)
            let evaluated = try vigil(["evaluate", alone.path, "--json"], ranks: 2)
            #expect(evaluated.code == 0 && evaluated.output.contains("\"auroc\""), "\(evaluated.errors)")
        }

        /// Stopped after every step of every stage and gone on with on other ranks, it ends with the bytes of a run that was not.
        @Test(arguments: SmallRun.all) func goesOnAfterEveryStep(_ small: SmallRun) throws {
            let set = try small.set(in: place), whole = try trained(small, on: set, ranks: nil, "epochs=9", "steps=3").digest()
            let run = Run(path: place.fresh("cut"))
            var codes: [Int32] = []
            for ranks in [4, 3, 1, 2, 4, 3, 1, 2] where codes.last ?? 75 == 75 {
                let job = try vigil(small.training(run.path, on: set, ["epochs=9", "steps=3", "run.until=0.001"]), ranks: ranks)
                codes.append(job.code)
                try #require([0, 75].contains(job.code), "\(job.errors)")
            }
            #expect(codes.last == 0 && codes.count >= 3)
            #expect(try run.digest() == whole && run.leftovers.isEmpty)
            #expect(run.log("resume").count == codes.count - 1)
        }
    }
}
