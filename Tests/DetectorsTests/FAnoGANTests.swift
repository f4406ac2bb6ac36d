@testable import Detectors
import Foundation
import Graphs
import Networks
import Plans
import Testing

/// What `fanogan.py` of `Tests/Goldens` wrote: an independent program in float64.
private struct Program: Decodable {
    struct Step: Decodable { let minibatches: [[Double]], noises: [[Double]], losses: [String: Double] }
    let side: Int, channels: Int, code: Int, width: Int, samples: Int, criticSteps: Int
    let initial: [String: [Double]], final: [String: [Double]]
    /// The optimizers' mean squares of slopes at the end: Adam without momentum hardly shows how long a slope was.
    let moments: [String: [Double]]
    let gan: [Step], encoder: [Step]
    let scored: [Double], scores: [String: [Double]]

    var sample: Shape { [side, side, channels] }

    init(file: String) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        self = try JSONDecoder().decode(Program.self, from: Data(contentsOf: tests.appendingPathComponent("Goldens/\(file)")))
    }
}

@Suite struct FAnoGANGolden {
    private let golden: Program, detector: FAnoGAN, store = Store()
    private let steps: [(step: TrainingStep, golden: [Program.Step])]

    init() throws {
        golden = try Program(file: "fanogan.json")
        let settings = FAnoGAN.Settings()
        (settings.latent, settings.width, settings.criticSteps) = (golden.code, golden.width, golden.criticSteps)
        detector = try FAnoGAN(settings, sample: golden.sample)
        steps = zip(detector.stages, [golden.gan, golden.encoder]).map { [detector, golden, store] stage, steps in
            guard case .train(_, let procedure) = stage.work else { preconditionFailure("\(stage.name) is no pass of steps") }
            let step = TrainingStep(of: detector, stage: stage.name, sample: golden.sample, minibatch: golden.samples, microbatch: 2, store: store)
            procedure(step)
            return (step, steps)
        }
    }

    private var initial: Memory { Memory(uniqueKeysWithValues: detector.variables.map { (ObjectIdentifier($0.variable), golden.initial[$0.name]!) }) }

    private func results(_ step: TrainingStep) -> [Node] { step.reports.map(\.node) + step.gradientsOfUpdates.map(\.node) }

    private func inputs(_ step: TrainingStep, _ golden: Program.Step) -> [Given] {
        inTime(step.minibatches.map { ($0.node, $0.rounds) }, golden.minibatches) + inTime(step.noises.map { ($0.node, $0.rounds) }, golden.noises)
    }

    /// The reference executor's outcome of every step, each from the one before.
    private func referenceOutcomes() throws -> [[Outcome]] {
        var memory = initial
        return try steps.map { step, golden in
            let execution = try ReferenceExecution(step.trace, results: results(step))
            return golden.map {
                let outcome = execution.run(inputs(step, $0), from: memory)
                memory = outcome.variables
                return outcome
            }
        }
    }

    private func scoring() -> Scoring {
        let scoring = Scoring(of: detector, sample: golden.sample, microbatch: golden.samples)
        detector.score(scoring)
        return scoring
    }

    @Test func reference() throws {
        #expect(Set(detector.variables.map(\.name)) == Set(golden.initial.keys))
        let outcomes = try referenceOutcomes(), memory = outcomes.last!.last!.variables
        for ((step, golden), outcomes) in zip(steps, outcomes) {
            for (golden, outcome) in zip(golden, outcomes) {
                #expect(Set(step.reports.map(\.name)) == Set(golden.losses.keys))
                for (report, found) in zip(step.reports, outcome.results) {
                    expectClose(found, [golden.losses[report.name]!], within: 1e-9, report.name)
                }
            }
        }
        // the floors are for biases whose slope is 0 but for rounding, before batch norm or where real and fake cancel: of
        // a slope of 1e-16, Adam makes a move of 1e-12
        for (name, variable) in detector.variables { expectClose(memory[of: variable], golden.final[name]!, within: 1e-9, floor: 0.1, name) }
        for (name, expected) in golden.moments {
            let group = name.hasPrefix("encoder") ? "encoder/encoder" : name.hasPrefix("generator") ? "gan/generator" : "gan/features+head"
            let moment = try #require(store.variables["optimizer/\(group)/second/\(name)"])
            expectClose(memory[of: moment], expected, within: 1e-9, floor: 1e-12, "moment of \(name)")
        }
        let scoring = scoring(), scores = try ReferenceExecution(scoring.trace, results: scoring.results)
        #expect(scoring.scores.map(\.name) == ["combined", "residual", "latent", "discriminator"])
        for (score, found) in zip(scoring.scores, scores.run([Given(scoring.x.node, golden.scored)], from: memory).results) {
            expectClose(found, golden.scores[score.name]!, within: 1e-9, score.name)
        }
    }

    /// In Float, the penalty's second derivatives among the rest, each step from the reference's state; and the same bits whoever
    /// computes it.
    @Test func plan() throws {
        let exact = try referenceOutcomes()
        var first: [[Outcome]] = []
        try forEachResource(threads: [1, 2]) { resources in
            var memory = initial
            let outcomes = try zip(steps, exact).map { run, exact in
                let execution = try PlannedExecution(run.step.trace, results: results(run.step), on: resources)
                return try zip(run.golden, exact).map { golden, exact in
                    defer { memory = exact.variables }
                    return try execution.run(inputs(run.step, golden), from: memory)
                }
            }
            if first.isEmpty { first = outcomes }
            #expect(outcomes == first, "\(resources.isa.name), \(resources.team.count) threads")
        }
        for ((run, exact), outcomes) in zip(zip(steps, exact), first) {
            for (exact, outcome) in zip(exact, outcomes) { compare(run.step, outcome, exact) }
        }
        try compareScores(from: exact.last!.last!.variables)
    }

    private func compare(_ step: TrainingStep, _ outcome: Outcome, _ exact: Outcome) {
        let names = step.reports.map(\.name) + step.gradientsOfUpdates.map { "gradient of \($0.parameter)" }
        for (name, (found, expected)) in zip(names, zip(outcome.results, exact.results)) {
            // a bias's slope is the sum of those of all positions, of which batch norm behind it leaves 0 or little but rounding
            expectClose(found, expected, within: 1e-4, floor: name.hasSuffix(".bias") ? 0.01 : 0, name)
        }
        // and where it leaves 0, Adam makes of the rounding a move of its whole rate
        let slopes = zip(step.gradientsOfUpdates, exact.results.dropFirst(step.reports.count))
        let small = store.variables.filter { $0.key.contains("/second/") && exact.variables[of: $0.value].allSatisfy { abs($0) < 1e-22 } }
        let noise =
            slopes.filter { $1.allSatisfy { abs($0) < 1e-12 } }.map(\.0.parameter) + small.map { $0.key.split(separator: "/").last.map(String.init)! }
        #expect(noise.allSatisfy { $0.hasSuffix(".bias") })
        let variables = detector.variables + store.variables.map { (name: $0, variable: $1) }
        for (name, variable) in variables where !noise.contains(where: name.hasSuffix) {
            expectClose(outcome.variables[of: variable], exact.variables[of: variable], within: 1e-4, floor: name.hasSuffix(".bias") ? 0.01 : 0, name)
        }
    }

    private func compareScores(from memory: Memory) throws {
        let scoring = scoring(), results = scoring.results + (scoring.maps + scoring.reconstructions).map(\.node)
        let inputs = [Given(scoring.x.node, golden.scored)]
        let exact = try ReferenceExecution(scoring.trace, results: results).run(inputs, from: memory)
        let outcome = try PlannedExecution(scoring.trace, results: results).run(inputs, from: memory)
        for (number, (found, expected)) in zip(outcome.results, exact.results).enumerated() {
            expectClose(found, expected, within: 1e-4, "result \(number) of scoring")
        }
    }
}

@Suite struct FAnoGANNetworks {
    /// The counts of the specification: (side, channels), then G, D, E.
    @Test(arguments: [
        ([32, 1], [3_555_521, 2_506_881, 3_547_392]), ([32, 3], [3_556_675, 2_508_033, 3_548_544]), ([32, 12], [3_561_868, 2_513_217, 3_553_728]),
        ([64, 1], [8_539_329, 7_490_689, 8_531_200]), ([64, 3], [8_540_483, 7_491_841, 8_532_352]), ([64, 12], [8_545_676, 7_497_025, 8_537_536]),
        ([128, 1], [13_523_137, 12_474_497, 13_515_008]), ([128, 3], [13_524_291, 12_475_649, 13_516_160]),
        ([128, 12], [13_529_484, 12_480_833, 13_521_344]),
    ]) func parameterCounts(_ size: [Int], _ expected: [Int]) throws {
        let detector = try FAnoGAN(.init(), sample: [size[0], size[0], size[1]])
        #expect([count(detector.generator), count(detector.features, detector.head), count(detector.encoder)] == expected)
    }

    @Test func rmsPropAddsEpsilonInsideTheRoot() {
        let trace = Trace(minibatch: 1, training: true), slope = Replicated(trace.input("slope", .replicated([])))
        let second = Replicated(trace.input("second", .replicated([])))
        let (_, change) = RMSProp(rate: 0.5, epsilon: 0.1).step(slope, moments: [second], powers: [], rate: trace.value(of: 0.5))
        let values = [slope.node.index: Values(.replicated([]), samples: 1, [2]), second.node.index: Values(.replicated([]), samples: 1, [1])]
        #expect(abs(evaluate([change.node], given: values, samples: 1)[0].numbers[0] - 0.5 * 2 / 1.4.squareRoot()) < 1e-15)
    }
}
