import Datasets
import Detectors
import Foundation
import Graphs
import Networks
import Ranks
import Testing

@testable import Training

/// Asks for all that a step can be given, and reports what it got.
private struct Curious: Detector {
    static let name = "curious", summary = "", shapes = ""
    struct Settings: DetectorSettings {
        @Setting("whether the rate depends on the length", source: "")
        var cosine = false
        init() {}
    }
    let network: Dense, average: Dense
    let settings: Settings

    init(_ settings: Settings, sample: Shape) throws(FormError) {
        self.settings = settings
        network = Dense(from: sample.count, to: 1, weight: .normal(mean: 0, deviation: 0.1))
        average = Dense(from: sample.count, to: 1, weight: .constant(0))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 2) { step in
                /// Samples hold ten times their class in 0 ... 255, scaled to -1 ... 1.
                func classes(_ x: Batched) -> Batched { 12.75 * sum(x + 1) / Double(x.shape.count) }
                let x = step.minibatch(), labels = step.labels(), signs = step.supervision()
                step.report("labels that are wrong", total(abs(classes(x) - labels)))
                step.report("anomalies", total(relu(-signs)))
                step.report("signs that are wrong", total(abs(signs - (1 - 2 * relu(labels - 1)))))
                let outliers = step.minibatch(from: "outliers", each: 2)
                step.report("outliers", mean(outliers))
                step.report("views", Replicated(step.trace.literal([], [Double(outliers.shape.extents[0])]).node))

                let rate = settings.cosine ? Rate.cosine(0.01, to: 0) : 0.01
                step.repeated(3) {
                    let x = step.minibatch(), loss = mean(square(network(x + 0.1 * step.normal(x.shape)) - 1))
                    step.update(network, minimizing: loss, with: SGD(rate: rate, momentum: 0.9))
                    step.report("loss", loss)
                }
                step.average(network, into: average, decay: 0.5)
            }
        ]
    }

    func score(_ scoring: Scoring) { scoring.score("average", average(scoring.x)) }
}

@Suite(.serialized) struct StepInputsTests {
    /// Of each class as many samples, in the order of their numbers.
    private func makeSet(_ folder: URL, _ name: String, classes: [UInt8], count: Int) throws -> String {
        let path = folder.appendingPathComponent(name).path
        let description = SetDescription(
            name: name, shape: [2, 2, 1], type: .u8, range: 0 ... 255, meaning: "ten times the class", classes: ["a", "b", "c"],
            normalClasses: ["a", "b"], provenance: [:])
        let labels = (0 ..< count).map { classes[$0 % classes.count] }
        _ = try writeSet(description, to: path, .alone()) { writer in
            try writer.write(split: "train", count: count) { range in
                let values = StoredValues.u8(range.flatMap { Array(repeating: labels[$0] * 10, count: 4) })
                return Samples(values: values, labels: range.map { Int32(labels[$0]) })
            }
        }
        return path
    }

    private func withSets(_ body: (_ folder: URL, _ train: (_ run: String, _ more: [(String, String)]) throws -> String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vigil-inputs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let set = try makeSet(folder, "set", classes: [0, 1, 2], count: 90), outliers = try makeSet(folder, "outliers", classes: [2], count: 40)
        try body(folder) { run, more in
            let path = folder.appendingPathComponent(run).path
            let keys = [("detector", "curious"), ("data", set), ("minibatch", "5"), ("microbatch", "2"), ("sets.outliers", outliers)] + more
            let recipe = try Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }, among: [Curious.self])
            _ = try Trainer(recipe, in: RunFolder(path, .alone()), group: .alone()).train()
            return path
        }
    }

    @Test func aStepGetsWhatItAsksFor() throws {
        try withSets { _, train in
            let steps = try Run(path: train("run", [])).log("step")
            func values(_ name: String) -> [Double] { steps.compactMap { $0[name] as? Double } }
            #expect(steps.count > 4)
            #expect(values("labels that are wrong").allSatisfy { $0 < 1e-4 } && values("signs that are wrong").allSatisfy { $0 < 1e-4 })
            // anomalies are trained on, since signs are asked for
            #expect(values("anomalies").contains { $0 > 0 } && values("anomalies").contains { $0 < 5 })
            #expect(values("outliers").allSatisfy { abs($0 - (2 * 20 / 255.0 - 1)) < 1e-5 } && values("views").allSatisfy { $0 == 2 })
            let losses = values("loss")
            #expect(losses.last! < losses.first!)
        }
    }

    /// A run that stopped after two steps and went on has the bytes of one that did not.
    @Test func itGoesOnWhereItWas() throws {
        try withSets { _, train in
            let whole = try Run(path: train("whole", [("steps", "5")])).digest()
            _ = try train("parts", [("steps", "2")])
            #expect(try Run(path: train("parts", [("steps", "5")])).digest() == whole)
        }
    }

    @Test func mistakes() throws {
        try withSets { folder, train in
            func message(_ run: String, _ more: [(String, String)]) -> String {
                do { _ = try train(run, more) } catch { return "\(error)".replacingOccurrences(of: folder.path, with: "FOLDER") }
                return "no error"
            }
            _ = try train("cosine", [("settings.cosine", "true"), ("steps", "2")])
            #expect(
                message("cosine", [("settings.cosine", "true"), ("steps", "5")])
                    == "FOLDER/cosine was trained by another recipe: steps is 5 (was 2); set steps back or choose another folder with --out")
            let small = try makeSet(folder, "small", classes: [2], count: 9)
            #expect(
                message("small", [("sets.outliers", small)])
                    == "FOLDER/small: small has 9 samples in split train, fewer than the 10 of a minibatch; take a smaller minibatch or a larger set")
            _ = try train("other", [("steps", "1")])
            let other = try makeSet(folder, "others", classes: [0], count: 40)
            #expect(
                message("other", [("steps", "1"), ("sets.outliers", other)]).hasPrefix(
                    "FOLDER/other was trained by another recipe: sets.outliers is "))
            #expect(message("none", [("sets.outliers", folder.path + "/nowhere")]).hasPrefix("FOLDER/nowhere"))
        }
    }
}
