import Datasets
import Detectors
import Foundation
import Graphs
import Networks
import Ranks
import Testing

@testable import Training

/// A number that goes down by the learning rate in every step, and is reported before it does.
private struct Descending: Detector {
    static let name = "descending", summary = "", shapes = ""
    struct Settings: DetectorSettings {}
    let number: Dense

    init(_ settings: Settings, sample: Shape) throws(FormError) {
        number = Dense(from: sample.count, to: 1, weight: .constant(0))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 2) { step in
                let value = mean(number(0 * step.minibatch()))
                step.update(number, minimizing: value, with: SGD(rate: 0.5))
                step.report("number", value)
            }
        ]
    }

    func score(_ scoring: Scoring) { scoring.score("number", number(scoring.x)) }
}

@Suite struct RateRules {
    /// What is done to learning rates in 2 epochs of 4 steps of 16.
    private func rates(_ keys: (String, String)..., stoppedAfter stops: [Int] = []) throws -> [Double] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vigil-rates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let set = folder.appendingPathComponent("set").path, run = folder.appendingPathComponent("run").path
        let description = SetDescription(
            name: "set", shape: [2], type: .u8, range: 0 ... 255, meaning: "nothing", classes: ["a"], normalClasses: ["a"], provenance: [:])
        _ = try writeSet(description, to: set, .alone()) { writer in
            try writer.write(split: "train", count: 64) { range in
                Samples(values: .u8([UInt8](repeating: 0, count: 2 * range.count)), labels: range.map { _ in 0 })
            }
        }
        for steps in stops + [8] {
            let own = [("detector", "descending"), ("data", set), ("minibatch", "16"), ("heldOut", "0"), ("steps", "\(steps)")] + keys
            let recipe = try Recipe(nil, file: "", overrides: own.map { (key: $0.0, value: $0.1) }, among: [Descending.self])
            _ = try Trainer(recipe, in: RunFolder(run, .alone()), group: .alone()).train()
        }
        let numbers = Run(path: run).log("step").compactMap { $0["number"] as? Double }
        return zip(numbers, numbers.dropFirst()).map { Double(Float($0 - $1)) }
    }

    @Test func theyFollowTheMinibatch() throws {
        #expect(try rates() == Array(repeating: 0.5, count: 7))
        #expect(try rates(("rate.scaling", "linear"), ("rate.base", "4")) == Array(repeating: 2, count: 7))
        #expect(try rates(("rate.scaling", "root"), ("rate.base", "4")) == Array(repeating: 1, count: 7))
        // minibatches smaller than the base, too
        #expect(try rates(("rate.scaling", "linear")) == Array(repeating: 0.125, count: 7))
    }

    /// Over an epoch of 4 steps; a run that stopped within it goes on with the rates it would have had.
    @Test(arguments: [[], [2], [1, 3, 5]]) func theyRise(_ stops: [Int]) throws {
        let expected: [Double] = [0.5, 1, 1.5, 2, 2, 2, 2]
        #expect(try rates(("rate.scaling", "linear"), ("rate.base", "4"), ("rate.warmup", "1"), stoppedAfter: stops) == expected)
    }

    @Test func theyAreNotWarmInTime() {
        let error = #expect(throws: Failure.self) { try rates(("rate.warmup", "2.5")) }
        #expect(
            error?.description == "--set rate.warmup: rate.warmup is 2.5 epochs, but stage training has 2; give fewer, or the stage more"
                && error?.exitCode == 64)
    }
}
