@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

/// A golden file of a detector with one stage of steps: the detector built to its settings, traced, and with the state before each step.
struct GoldenStage {
    struct Program: Decodable {
        let detector: String, sample: [Int], minibatch: Int, microbatch: Int, steps: Int, scored: Int
        let averageDecay: Double?, averaged: [String]?
    }

    private let golden: Golden
    /// Of the moving averages of networks, which the file leaves out because they follow from these: `stepK/variable/averages.NAME`.
    private var averages: [String: Golden.Tensor] = [:]
    let program: Program
    let detector: any Detector, step: TrainingStep, store = Store()

    /// - Parameter variant: of the detector, where it is to score otherwise than the program.
    init(_ file: String, variant: String? = nil) throws {
        golden = try Golden(file)
        program = try golden.settings()
        let sample = Shape(program.sample)
        detector = try goldenDetector(program.detector, variant, golden, sample)
        let stage = try #require(detector.stages.first)
        guard case .train(_, let procedure) = stage.work else { throw FormError("\(stage.name) is no stage of steps") }
        step = TrainingStep(
            of: detector, stage: stage.name, sample: sample, minibatch: program.minibatch, microbatch: program.microbatch, store: store)
        procedure(step)
        if let decay = program.averageDecay { addAverages(of: program.averaged ?? [], decay: decay) }
    }

    subscript(_ name: String) -> Golden.Tensor { averages[name] ?? golden[name] }

    /// Names under a prefix, as `step0/gradient`.
    func names(under prefix: String) -> Set<String> {
        let own = averages.keys.filter { $0.hasPrefix(prefix + "/") }.map { String($0.dropFirst(prefix.count + 1)) }
        return Set(golden.under(prefix).keys).union(own)
    }

    /// e ← decay·e + (1 − decay)·θ, from θ before the first step; statistics are those of the network.
    private mutating func addAverages(of networks: [String], decay: Double) {
        func isAveraged(_ name: String) -> Bool { networks.contains { name.hasPrefix($0 + ".") } }
        for (name, value) in golden.under("initial") where isAveraged(name) { averages["initial/averages.\(name)"] = value }
        for number in 0 ..< program.steps {
            for (name, value) in golden.under("step\(number)/variable") where isAveraged(name) {
                let before = averages[number == 0 ? "initial/averages.\(name)" : "step\(number - 1)/variable/averages.\(name)"]!
                let isParameter = golden.tensors["step\(number)/gradient/\(name)"] != nil
                let numbers = isParameter ? zip(before.numbers, value.numbers).map { decay * $0 + (1 - decay) * $1 } : value.numbers
                averages["step\(number)/variable/averages.\(name)"] = (value.shape, numbers)
            }
        }
    }

    /// Every variable with its name in the file after a step.
    private var keys: [(key: String, variable: Variable)] {
        detector.variables.map { ("variable/\($0.name)", $0.variable) } + store.variables.map { (key(ofKept: $0), $1) }
    }

    /// Of optimizer/STAGE/GROUP/first/VARIABLE or optimizer/STAGE/GROUP/power1, by group where the file tells groups apart.
    private func key(ofKept name: String) -> String {
        let parts = name.split(separator: "/").dropFirst(2), byGroup = "optimizer/" + parts.joined(separator: "/")
        return golden.tensors["step0/\(byGroup)"] == nil ? parts.dropFirst().joined(separator: "/") : byGroup
    }

    /// What a step begins from: the state after the one before it; optimizers' as they begin.
    func memory(before number: Int) -> Memory {
        guard number == 0 else { return memory(after: number - 1) }
        return Memory(uniqueKeysWithValues: detector.variables.map { (ObjectIdentifier($0.variable), self["initial/\($0.name)"].numbers) })
    }

    func memory(after number: Int) -> Memory {
        Memory(uniqueKeysWithValues: keys.map { (ObjectIdentifier($0.variable), self["step\(number)/\($0.key)"].numbers) })
    }

    var results: [Node] { step.reports.map(\.node) + step.gradientsOfUpdates.map(\.node) }

    func run(_ execution: some Execution, _ number: Int) throws -> Outcome {
        func given(_ kind: String, _ inputs: [(node: Node, rounds: Int)]) -> [Given] {
            let count = inputs.reduce(0) { $0 + $1.rounds }
            return inTime(inputs, (0 ..< count).map { self["step\(number)/\(kind)/\($0)"].numbers })
        }
        let inputs = given("minibatch", step.minibatches.map { ($0.node, $0.rounds) }) + given("noise", step.noises.map { ($0.node, $0.rounds) })
        return try execution.run(inputs, from: memory(before: number))
    }

    /// Holds losses and gradients to the file's; and all that a step leaves, or only what no optimizer moves: of a slope of rounding noise,
    /// as of a bias before batch norm, Adam makes a move of its whole rate.
    func compare(_ outcome: Outcome, _ number: Int, within tolerance: Double, allVariables: Bool) {
        // slopes that are 0 but for rounding: of biases before batch norm, of a weight that is alone under its spectral norm
        let slopes = ["gradient", "again"].flatMap { kind in
            names(under: "step\(number)/\(kind)").map { (name: $0, numbers: self["step\(number)/\(kind)/\($0)"].numbers) }
        }
        func size(_ numbers: [Double]) -> Double { numbers.reduce(0) { max($0, abs($1)) } }
        let largest = slopes.reduce(0) { max($0, size($1.numbers)) }
        let noise = Set(slopes.filter { size($0.numbers) < 1e-9 * largest }.map(\.name))
        func floor(_ key: String) -> Double {
            guard noise.contains(where: { key.hasSuffix("/\($0)") }) else { return key.hasSuffix(".bias") ? 0.01 : 0 }
            return key.hasPrefix("variable/") ? 1 : key.contains("second/") ? largest * largest : largest
        }
        func expect(_ found: [Double], _ key: String) {
            expectClose(found, self["step\(number)/\(key)"].numbers, within: tolerance, floor: floor(key), "\(key), step \(number)")
        }
        for (report, found) in zip(step.reports, outcome.results) { expect(found, "loss/\(report.name)") }
        var met: Set<String> = []
        for ((parameter, _), found) in zip(step.gradientsOfUpdates, outcome.results.dropFirst(step.reports.count)) {
            expect(found, (met.insert(parameter).inserted ? "gradient/" : "again/") + parameter)  // a second update of the same
        }
        let states = Set(detector.states.map { "variable/\($0.name)" })
        for (key, variable) in keys where allVariables || states.contains(key) { expect(outcome.variables[of: variable], key) }
    }

    /// The golden program's scores and maps of other samples, by what the last step left.
    func compareScores<E: Execution>(_: E.Type, within tolerance: Double, on resources: Plan.Resources = .init()) throws {
        let scoring = Scoring(of: detector, sample: Shape(program.sample), microbatch: program.scored)
        detector.score(scoring)
        let nodes = scoring.results + scoring.maps.map(\.node), execution = try E(scoring.trace, results: nodes, on: resources)
        let found = try execution.run([Given(scoring.x.node, self["scored"].numbers)], from: memory(after: program.steps - 1)).results
        let values = try (0 ..< program.scored).map { sample in
            try scoring.values { node in
                let count = node.form.shape.count
                return found[nodes.firstIndex(of: node)!][sample * count ..< (sample + 1) * count].map { Float($0) }
            }
        }
        for (place, score) in scoring.scores.enumerated() {
            // what the graph gives is compared as it is, not as the Float that a host function reads
            let own = score.isOnHost ? values.map { $0[place] } : found[nodes.firstIndex(of: score.operands[0])!]
            expectClose(own, self["score/\(score.name)"].numbers, within: score.isOnHost ? max(tolerance, 1e-6) : tolerance, score.name)
        }
        for (place, map) in scoring.maps.enumerated() {
            // a score may have a map's name
            let key = golden.tensors["score/map/\(map.name)"] == nil ? "score/\(map.name)" : "score/map/\(map.name)"
            expectClose(found[scoring.results.count + place], self[key].numbers, within: tolerance, "map \(map.name)")
        }
    }

    /// One score in Double, held to what the file has under another name.
    func compareScore(_ name: String, with other: String, within tolerance: Double) throws {
        let scoring = Scoring(of: detector, sample: Shape(program.sample), microbatch: program.scored)
        detector.score(scoring)
        let place = try #require(scoring.scores.firstIndex { $0.name == name })
        let execution = try ReferenceExecution(scoring.trace, results: scoring.results)
        let found = execution.run([Given(scoring.x.node, self["scored"].numbers)], from: memory(after: program.steps - 1)).results[place]
        #expect(self["score/\(name)"].numbers != self["score/\(other)"].numbers)
        expectClose(found, self["score/\(other)"].numbers, within: tolerance, other)
    }
}

/// The detector that a golden program is of, with its settings.
private func goldenDetector(_ name: String, _ variant: String?, _ golden: Golden, _ sample: Shape) throws -> any Detector {
    func apply<Settings>(_ variants: [Variant<Settings>], to settings: Settings) { variants.first { $0.name == variant }?.apply(settings) }
    switch name {
    case "egbad":
        struct Program: Decodable { let latent: Int, width: Int, hidden: Int, rate: Double, beta1: Double, averageDecay: Double, alpha: Double }
        let program = try golden.settings(as: Program.self), settings = EGBAD.Settings()
        apply(EGBAD.variants, to: settings)
        #expect(settings.beta1 == program.beta1 && settings.alpha == program.alpha)
        (settings.latent, settings.width, settings.hidden) = (program.latent, program.width, program.hidden)
        (settings.learningRate, settings.averageDecay) = (program.rate, program.averageDecay)
        return try EGBAD(settings, sample: sample)
    case "alad":
        struct Program: Decodable { let variant: String, latent: Int, width: Int, hidden: Int, rate: Double, beta1: Double, averageDecay: Double }
        let program = try golden.settings(as: Program.self), settings = ALAD.Settings()
        ALAD.variants.first { $0.name == program.variant }?.apply(settings)
        #expect(settings.beta1 == program.beta1)
        (settings.latent, settings.width, settings.hidden) = (program.latent, program.width, program.hidden)
        (settings.learningRate, settings.averageDecay) = (program.rate, program.averageDecay)
        return try ALAD(settings, sample: sample)
    case "aae":
        struct Program: Decodable {
            let variant: String, latent: Int, width: Int, halvings: Int, critic: Int, criticSteps: Int
            let lambda: Double, penalty: Double, rate: Double, beta1: Double, beta2: Double
        }
        let program = try golden.settings(as: Program.self), settings = AAE.Settings()
        AAE.variants.first { $0.name == program.variant }?.apply(settings)
        #expect(
            [settings.lambda, settings.penalty, settings.beta1, settings.beta2] == [program.lambda, program.penalty, program.beta1, program.beta2])
        (settings.latent, settings.width, settings.critic) = (program.latent, program.width, program.critic)
        if program.halvings > 0 { settings.halvings = program.halvings }
        (settings.criticSteps, settings.earlyCriticSteps, settings.learningRate) = (program.criticSteps, program.criticSteps, program.rate)
        return try AAE(settings, sample: sample)
    case "hadgan":
        struct Program: Decodable {
            let latent: Int, width: Int, loss: HADGAN.Loss.RawValue, consistencyOf: HADGAN.Code.RawValue, shrink: HADGAN.Shrink.RawValue
            let rate: Double, weightDecay: Double, weights: [Double]
        }
        let program = try golden.settings(as: Program.self), settings = HADGAN.Settings()
        (settings.latent, settings.width, settings.learningRate, settings.weightDecay) = (
            program.latent, program.width, program.rate, program.weightDecay
        )
        (settings.loss, settings.consistencyOf) = (HADGAN.Loss(rawValue: program.loss)!, HADGAN.Code(rawValue: program.consistencyOf)!)
        settings.shrink = HADGAN.Shrink(rawValue: program.shrink)!
        (settings.reconstruction, settings.consistency, settings.shrinkage) = (program.weights[0], program.weights[1], program.weights[2])
        return try HADGAN(settings, sample: sample)
    default: throw FormError("no detector \(name) of golden steps")
    }
}

@Suite struct GoldenStages {
    static let files =
        ["egbad-images", "egbad-vectors", "alad-images", "alad-released", "alad-vectors"]
        + ["images", "vectors", "plain", "released"].map { "aae-\($0)" } + ["hadgan", "hadgan-norm"]

    @Test(arguments: files) func namesAreThoseOfTheProgram(_ file: String) throws {
        let run = try GoldenStage(file)
        if let error = run.step.trace.error { throw error }
        #expect(Set(run.detector.variables.map(\.name)) == run.names(under: "initial"))
        #expect(run.detector.variables.allSatisfy { run.self["initial/\($0.name)"].shape == $0.variable.shape.extents })
        #expect(Set(run.step.reports.map(\.name)) == run.names(under: "step0/loss"))
        let moved = Set(run.step.gradientsOfUpdates.map(\.parameter))
        #expect(moved == run.names(under: "step0/gradient"))
        // what no update moves, outside of loops or in them, is an average
        let kept = run.store.variables.keys
        #expect(
            run.detector.parameters.allSatisfy { parameter in
                parameter.name.hasPrefix("averages.") || kept.contains { $0.hasSuffix("/second/\(parameter.name)") }
            })
    }

    /// In Double.
    @Test(arguments: files) func reference(_ file: String) throws {
        let run = try GoldenStage(file), execution = try ReferenceExecution(run.step.trace, results: run.results)
        for number in 0 ..< run.program.steps { run.compare(try run.run(execution, number), number, within: 1e-9, allVariables: true) }
        try run.compareScores(ReferenceExecution.self, within: 1e-9)
    }

    /// In Float; and the same bits of all that a step leaves, whoever computes it.
    @Test(arguments: files) func plan(_ file: String) throws {
        let run = try GoldenStage(file)
        var first: [Outcome] = []
        try forEachResource(threads: [1, 2]) { resources in
            let execution = try PlannedExecution(run.step.trace, results: run.results, on: resources)
            let outcomes = try (0 ..< run.program.steps).map { try run.run(execution, $0) }
            if first.isEmpty { first = outcomes }
            #expect(outcomes == first, "\(resources.isa.name), \(resources.team.count) threads")
            try run.compareScores(PlannedExecution.self, within: 1e-4, on: resources)
        }
        for (number, outcome) in first.enumerated() { run.compare(outcome, number, within: 1e-4, allVariables: false) }
    }
}
