@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

/// A golden file, with the detector that it is of, built to its settings and traced, and the state before each step.
struct GoldenProgram {
    struct Program: Decodable {
        struct Stage: Decodable { let name: String, steps: Int }
        /// As a recipe writes it.
        enum Value: Decodable {
            case text(String)
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Int.self) { self = .text(String(number)); return }
                if let number = try? container.decode(Double.self) { self = .text(String(number)); return }
                self = .text(try container.decode(String.self))
            }
        }
        let detector: String, variant: String, sample: [Int], settings: [String: Value]
        let minibatch: Int, microbatch: Int, scored: Int, stages: [Stage]
    }

    let golden: Golden, program: Program
    let detector: any Detector, store = Store()
    /// Each stage's step, with the numbers of the file's steps.
    private(set) var stages: [(step: TrainingStep, numbers: Range<Int>)] = []
    var sample: Shape { Shape(program.sample) }

    init(_ file: String) throws {
        golden = try Golden(file)
        program = try golden.settings()
        let name = program.detector
        guard let type = detectors.first(where: { $0.name == name }) else { preconditionFailure("there is no detector \(name)") }
        detector = try Self.detector(type, program)
        var first = 0
        for golden in program.stages {
            let stage = try #require(detector.stages.first { $0.name == golden.name })
            let step = TrainingStep(
                of: detector, stage: stage.name, sample: sample, minibatch: program.minibatch, microbatch: program.microbatch, store: store)
            guard case .train(_, let procedure) = stage.work else { preconditionFailure("\(stage.name) is no pass of steps") }
            procedure(step)
            stages.append((step, first ..< first + golden.steps))
            first += golden.steps
        }
    }

    private static func detector<D: Detector>(_ type: D.Type, _ program: Program) throws -> any Detector {
        let settings = D.Settings()
        for variant in D.variants where variant.name == program.variant { variant.apply(settings) }
        for (name, value) in program.settings {
            guard case .text(let text) = value else { continue }
            let setting = try #require(settings.all.first { $0.name == name }, "\(name) is no setting of \(D.name)")
            #expect(setting.setting.set(text), "\(name): \(text)")
        }
        return try D(settings, sample: Shape(program.sample))
    }

    var steps: Int { program.stages.reduce(0) { $0 + $1.steps } }

    /// Every variable of a stage's step, those of its optimizers included, by its name in the file after a step: `variable/head.weight`,
    /// `first/head.weight`, `power1`.
    func keys(of step: TrainingStep) -> [(key: String, variable: Variable)] {
        let met = Set(step.trace.variables.map { ObjectIdentifier($0.variable) })
        return detector.variables.map { ("variable/\($0.name)", $0.variable) }
            + store.variables.filter { met.contains(ObjectIdentifier($0.value)) }.map { (key(ofKept: $0), $1) }
    }

    /// Of optimizer/STAGE/GROUP/first/VARIABLE or optimizer/STAGE/GROUP/power1, by group where the file tells groups apart.
    private func key(ofKept name: String) -> String {
        let parts = name.split(separator: "/").dropFirst(2), byGroup = "optimizer/" + parts.joined(separator: "/")
        return golden.tensors["step0/\(byGroup)"] == nil ? parts.dropFirst().joined(separator: "/") : byGroup
    }

    /// What a step begins from: the state after the one before it; what optimizers keep from its first values on.
    func memory(before number: Int, _ step: TrainingStep, first: Int) -> Memory {
        let own = detector.variables.map {
            (ObjectIdentifier($0.variable), golden[(number == 0 ? "initial/" : "step\(number - 1)/variable/") + $0.name].numbers)
        }
        let memory = Memory(uniqueKeysWithValues: own)
        return number == first
            ? memory : memory.merging(keys(of: step).map { (ObjectIdentifier($0.variable), golden["step\(number - 1)/\($0.key)"].numbers) }) { $1 }
    }

    func results(of step: TrainingStep) -> [Node] { step.reports.map(\.node) + step.gradientsOfUpdates.map(\.node) }

    func inputs(_ step: TrainingStep, _ number: Int) -> [Given] {
        func numbers(_ name: String) -> [[Double]] {
            (0...).lazy.map { golden.tensors["step\(number)/\(name)\($0)"] }.prefix { $0 != nil }.map { $0!.numbers }
        }
        return inTime(step.minibatches.map { ($0.node, $0.rounds) }, numbers("minibatch"))
            + inTime(step.noises.map { ($0.node, $0.rounds) }, numbers("noise"))
    }

    /// What each step leaves that begins where the file's does.
    func outcomes<E: Execution>(_: E.Type, on resources: Plan.Resources = .init()) throws -> [Outcome] {
        try stages.flatMap { step, numbers in
            let execution = try E(step.trace, results: results(of: step), on: resources)
            return try numbers.map { number in
                try execution.run(inputs(step, number), from: memory(before: number, step, first: numbers.lowerBound))
            }
        }
    }

    /// Holds losses, gradients and variables to the file's: in Double all, in Float those that no optimizer moves, since Adam makes of a
    /// slope's last bits a move of its rate where the slope is next to 0. That of a bias before batch norm is 0 but for rounding.
    func compare(_ outcomes: [Outcome], within tolerance: Double) {
        for (step, numbers) in stages {
            for number in numbers {
                let here = "step\(number)", outcome = outcomes[number]
                for (report, found) in zip(step.reports, outcome.results) {
                    expectClose(found, golden["\(here)/loss/\(report.name)"].numbers, within: tolerance, "\(report.name), \(here)")
                }
                var met: Set<String> = []
                for ((parameter, _), found) in zip(step.gradientsOfUpdates, outcome.results.dropFirst(step.reports.count)) {
                    let again = met.insert(parameter).inserted ? "" : "2"
                    let expected = golden["\(here)/gradient\(again)/\(parameter)"].numbers, isNoise = expected.allSatisfy { abs($0) < 1e-12 }
                    #expect(!isNoise || parameter.hasSuffix(".bias"), "\(parameter), \(here)")
                    let floor = isNoise ? 1 : parameter.hasSuffix(".bias") ? 0.01 : 0
                    expectClose(found, expected, within: tolerance, floor: floor, "gradient of \(parameter), \(here)")
                }
                for (key, variable) in keys(of: step) where tolerance < 1e-6 || !met.contains(where: { key.hasSuffix("/" + $0) }) {
                    let floor = !key.hasSuffix(".bias") ? 0 : key.hasPrefix("second/") ? 1e-4 : 0.01
                    expectClose(outcome.variables[of: variable], golden["\(here)/\(key)"].numbers, within: tolerance, floor: floor, "\(key), \(here)")
                }
            }
        }
    }

    /// What the last step left, and what fits make of it, in Double, from the samples and draws that the file has for them.
    private func fitted() throws -> Memory {
        let own = detector.variables.map { (ObjectIdentifier($0.variable), golden["step\(steps - 1)/variable/\($0.name)"].numbers) }
        return try detector.stages.reduce(Memory(uniqueKeysWithValues: own)) { memory, stage in
            guard case .fit(let procedure) = stage.work else { return memory }
            let samples = golden["fit/samples"], fit = Fit(of: detector, sample: sample, block: samples.shape[0])
            try procedure(fit)
            let noises = fit.trace.noises.enumerated().map { Given($1.node, golden["fit/noise\($0)"].numbers) }
            return try fit.concluded(with: [Given(fit.x.node, samples.numbers)] + noises, from: memory)
        }
    }

    /// The golden program's scores of other samples, by what the last step and fits left.
    func compareScores<E: Execution>(_: E.Type, within tolerance: Double, on resources: Plan.Resources = .init()) throws {
        let scoring = Scoring(of: detector, sample: sample, microbatch: program.scored)
        detector.score(scoring)
        // a map may have a score's name
        let names = scoring.scores.map(\.name) + scoring.maps.map { _ in "map" }
        #expect(Set(names) == Set(golden.under("score").keys) && scoring.scores.allSatisfy { !$0.isOnHost })
        let execution = try E(scoring.trace, results: scoring.results + scoring.maps.map(\.node), on: resources)
        let memory = try fitted()
        let noises = scoring.noises.enumerated().map { Given($1.node, golden["scored/noise\($0)"].numbers) }
        let found = try execution.run([Given(scoring.x.node, golden["scored"].numbers)] + noises, from: memory)
        for (name, found) in zip(names, found.results) { expectClose(found, golden["score/\(name)"].numbers, within: tolerance, name) }
    }
}
