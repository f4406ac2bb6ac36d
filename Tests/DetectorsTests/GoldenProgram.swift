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

    /// - Parameter variant: of the detector, where it is to score otherwise than the program.
    init(_ file: String, variant: String? = nil) throws {
        golden = try Golden(file)
        program = try golden.settings()
        let name = program.detector
        guard let type = detectors.first(where: { $0.name == name }) else { preconditionFailure("there is no detector \(name)") }
        detector = try Self.detector(type, program, variant: variant ?? program.variant)
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

    /// What a program has as the variant has it, or the paper.
    private static let ofVariants: Set = ["alpha", "beta1", "beta2", "penalty"]

    private static func detector<D: Detector>(_ type: D.Type, _ program: Program, variant: String) throws -> any Detector {
        let settings = D.Settings()
        D.variants.first { $0.name == variant }?.apply(settings)
        for (name, value) in program.settings {
            guard case .text(let text) = value else { continue }
            let setting = try #require(settings.all.first { $0.name == name }, "\(name) is no setting of \(D.name)")
            if ofVariants.contains(name) { #expect(Double(setting.setting.text) == Double(text), "\(name) of \(variant)") }
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
    /// slope's last bits a move of its rate where the slope is next to 0.
    /// - Parameter whole: all in Float too, and what optimizers keep.
    func compare(_ outcomes: [Outcome], within tolerance: Double, whole: Bool = false) {
        for (step, numbers) in stages {
            for number in numbers {
                let here = "step\(number)", outcome = outcomes[number], floor = floors(of: here)
                func expect(_ found: [Double], _ key: String) {
                    expectClose(found, golden["\(here)/\(key)"].numbers, within: tolerance, floor: floor(key), "\(key), \(here)")
                }
                for (report, found) in zip(step.reports, outcome.results) { expect(found, "loss/\(report.name)") }
                var met: Set<String> = []
                for ((parameter, _), found) in zip(step.gradientsOfUpdates, outcome.results.dropFirst(step.reports.count)) {
                    // a second update of the same, by the same optimizer's state or by another's
                    let kinds = met.insert(parameter).inserted ? ["gradient"] : ["gradient2", "again"]
                    expect(found, kinds.map { "\($0)/\(parameter)" }.first { golden.tensors["\(here)/\($0)"] != nil } ?? "no gradient")
                }
                let states = Set(detector.states.map { "variable/\($0.name)" })
                for (key, variable) in keys(of: step) where whole || tolerance < 1e-6 || states.contains(key) {
                    expect(outcome.variables[of: variable], key)
                }
            }
        }
    }

    /// What numbers are held to that are 0 but for rounding, as slopes of biases before batch norm, or of a weight that is alone under its
    /// spectral norm: a share of the step's largest slope.
    private func floors(of step: String) -> (_ key: String) -> Double {
        func size(_ numbers: [Double]) -> Double { numbers.reduce(0) { max($0, abs($1)) } }
        let slopes = ["gradient", "gradient2", "again"].flatMap { golden.under("\(step)/\($0)").map { (name: $0, size: size($1.numbers)) } }
        let largest = slopes.reduce(0) { max($0, $1.size) }, noise = Set(slopes.filter { $0.size < 1e-9 * largest }.map(\.name))
        return { key in
            let isSecond = key.contains("second/")
            guard noise.contains(where: { key.hasSuffix("/\($0)") }) else { return key.hasSuffix(".bias") ? (isSecond ? 1e-4 : 0.01) : 0 }
            return key.hasPrefix("variable/") ? 1 : isSecond ? largest * largest : largest
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
    /// - Parameter renamed: one score alone, held to what the file has under another name.
    func compareScores<E: Execution>(
        _: E.Type, within tolerance: Double, on resources: Plan.Resources = .init(), renamed: (name: String, other: String)? = nil
    ) throws {
        let scoring = Scoring(of: detector, sample: sample, microbatch: program.scored)
        detector.score(scoring)
        let nodes = scoring.results + scoring.maps.map(\.node), execution = try E(scoring.trace, results: nodes, on: resources)
        // what the file has beside is a program's further score, or a map, under a name with a slash
        let names = Set(scoring.scores.map(\.name) + scoring.maps.map(\.name) + ["map"])
        #expect(golden.under("score").keys.allSatisfy { $0.contains("/") || names.contains($0) })
        let noises = scoring.noises.enumerated().map { Given($1.node, golden["scored/noise\($0)"].numbers) }
        let found = try execution.run([Given(scoring.x.node, golden["scored"].numbers)] + noises, from: fitted()).results
        let values = try (0 ..< program.scored).map { sample in
            try scoring.values { node in
                let count = node.form.shape.count
                return found[nodes.firstIndex(of: node)!][sample * count ..< (sample + 1) * count].map { Float($0) }
            }
        }
        for (place, score) in scoring.scores.enumerated() {
            if let renamed, renamed.name != score.name { continue }
            let key = "score/\(renamed?.other ?? score.name)"
            if let renamed { #expect(golden["score/\(renamed.name)"].numbers != golden[key].numbers) }
            // what the graph gives is compared as it is, not as the Float that a host function reads
            let own = score.isOnHost ? values.map { $0[place] } : found[nodes.firstIndex(of: score.operands[0])!]
            expectClose(own, golden[key].numbers, within: score.isOnHost ? max(tolerance, 1e-6) : tolerance, key)
        }
        for (place, map) in scoring.maps.enumerated() {
            // a map may have a score's name
            let key = ["score/map/\(map.name)", "score/map"].first { golden.tensors[$0] != nil } ?? "score/\(map.name)"
            expectClose(found[scoring.results.count + place], golden[key].numbers, within: tolerance, key)
        }
    }
}
