import Detectors
import Foundation
import Graphs
import Networks
import Ranks
import Testing

@testable import Training

/// A detector with one mistake in it.
private struct Careless: Detector {
    static let name = "careless", summary = "", shapes = ""
    struct Settings: DetectorSettings {
        @Setting("the number of the mistake", in: 0 ... 9, source: "")
        var mistake = 0
        init() {}
    }
    let network: Dense
    let mistake: Int

    init(_ settings: Settings, sample: Shape) throws(FormError) {
        (network, mistake) = (Dense(from: sample.count, to: 1, weight: .constant(0)), settings.mistake)
    }

    var stages: [Stage] {
        guard mistake != 2 else { return [.fit("center") { fit in fit.total(total(fit.x.reshaped([5]))) }] }
        return [
            .train("training", epochs: 1) { step in
                let loss = mean(square(network(step.minibatch())))
                step.update(network, minimizing: loss, with: SGD(rate: 0.1))
                if mistake == 1 { step.report("both", step.trace.literal([2], [1, 2])) }
                for each in [2, 3].prefix(mistake == 3 ? 1 : mistake == 4 ? 2 : 0) {
                    step.report("others \(each)", mean(step.minibatch(from: "others", each: each)))
                }
            }
        ]
    }

    func score(_ scoring: Scoring) {
        if mistake == 5 { scoring.score("five", scoring.x.reshaped([5])) }
        scoring.score("score", mistake == 6 ? scoring.normal([]) : network(scoring.x))
    }
}

extension EndToEnd {
    /// What is said of mistakes in a detector, as whole text: the detector, the part of it, and what is wrong.
    @Suite struct CarelessTests {
        private func recipe(_ mistake: Int, _ more: [(String, String)] = []) throws -> Recipe {
            let keys =
                [
                    ("detector", "careless"), ("data", Workspace.shared.set), ("settings.mistake", "\(mistake)"), ("minibatch", "8"),
                    ("microbatch", "4"),
                ] + more
            return try Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }, among: [Careless.self])
        }

        /// The error of training with a mistake.
        private func training(_ mistake: Int, _ more: (String, String)...) throws -> Failure? {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("careless-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let recipe = try recipe(mistake, more + [("steps", "1")])
            do { _ = try Trainer(recipe, in: RunFolder(folder.path, .alone()), group: .alone()).train() } catch { return error as? Failure }
            return nil
        }

        @Test func whileTraining() throws {
            #expect(try training(0) == nil)
            #expect(
                try training(1) == Failure(.internal, "careless, stage training: training: both of 2 is reported; a report is one number"))
            #expect(try training(2) == Failure(.internal, "careless, fit center: reshape: batched 16×16×1 has 256 elements, 5 has 5"))
            #expect(
                try training(3)
                    == Failure(.usage, "careless also trains on a set called others, which the recipe does not name; add `sets: {others: FOLDER}`"))
            #expect(try training(3, ("sets.others", Workspace.shared.set)) == nil)
            #expect(
                try training(4, ("sets.others", Workspace.shared.set))
                    == Failure(.internal, "careless asks for minibatches of different sizes from the set others; let it ask for one"))
        }

        @Test func whileItIsPlanned() throws {
            let recipe = try recipe(1)
            #expect(throws: Failure(.internal, "careless, training: training: both of 2 is reported; a report is one number")) {
                _ = try Schedule(recipe, sample: [16, 16, 1])
            }
        }

        @Test func whileScoring() throws {
            func scorer(_ mistake: Int) throws {
                let recipe = try recipe(mistake), model = try Model(recipe, sample: [16, 16, 1])
                model.initialize()
                _ = try Scorer(model, microbatch: 2, seed: 0, on: makeResources(recipe, .alone()))
            }
            try scorer(0)
            #expect(throws: Failure(.internal, "careless, scoring: reshape: batched 16×16×1 has 256 elements, 5 has 5")) { try scorer(5) }
            #expect(throws: Failure(.internal, "careless, scoring: no score depends on the sample; make one of `scoring.x`")) { try scorer(6) }
        }
    }
}
