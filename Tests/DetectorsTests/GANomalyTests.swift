@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

/// A golden file with GANomaly built to its settings, traced, and with the state before each step.
private struct GoldenRun {
    struct Program: Decodable {
        let variant: String, sample: [Int], width: Int, code: Int, minibatch: Int, microbatch: Int, steps: Int, scored: Int
        let rate: Double, beta1: Double, weights: [String: Double]
    }
    /// Our name of each loss of the file.
    static let losses = [
        "adversarial": "adversarial", "contextual": "contextual", "encoding": "latent", "generator": "generator",
        "discriminator": "discriminator",
    ]

    let golden: Golden, program: Program
    let detector: GANomaly, step: TrainingStep, store = Store()

    init(_ file: String) throws {
        golden = try Golden(file)
        program = try golden.settings()
        let settings = GANomaly.Settings()
        for variant in GANomaly.variants where variant.name == program.variant { variant.apply(settings) }
        #expect(settings.learningRate == program.rate && settings.beta1 == program.beta1)
        #expect(["adversarial": settings.adversarial, "contextual": settings.contextual, "latent": settings.encoding] == program.weights)
        (settings.latent, settings.width) = (program.code, program.width)
        let sample = Shape(program.sample)
        detector = try GANomaly(settings, sample: sample)
        step = TrainingStep(
            of: detector, stage: "training", sample: sample, minibatch: program.minibatch, microbatch: program.microbatch, store: store)
        guard case .train(_, let procedure) = detector.stages[0].work else { preconditionFailure("training is no pass of steps") }
        procedure(step)
    }

    /// Every variable, those of optimizers included, by its name in the file after a step: `variable/head.weight`, `power1`.
    var keys: [(key: String, variable: Variable)] {
        detector.variables.map { ("variable/\($0.name)", $0.variable) }
            + store.variables.map { name, variable in
                // optimizer/STAGE/GROUP/first/VARIABLE or optimizer/STAGE/GROUP/power1
                (name.split(separator: "/").dropFirst(3).joined(separator: "/"), variable)
            }
    }

    /// What a step begins from: the state after the one before it; moments from 0 and powers from 1.
    func memory(before number: Int) -> Memory {
        guard number == 0 else { return memory(after: number - 1) }
        return Memory(uniqueKeysWithValues: detector.variables.map { (ObjectIdentifier($0.variable), golden["initial/\($0.name)"].numbers) })
    }

    func memory(after number: Int) -> Memory {
        Memory(uniqueKeysWithValues: keys.map { (ObjectIdentifier($0.variable), golden["step\(number)/\($0.key)"].numbers) })
    }

    var results: [Node] { step.reports.map(\.node) + step.gradientsOfUpdates.map(\.node) }

    func run(_ execution: some Execution, _ number: Int) throws -> Outcome {
        try execution.run([Given(step.minibatches[0].node, golden["step\(number)/minibatch"].numbers)], from: memory(before: number))
    }

    /// Holds losses, gradients, moments, powers and variables to the file's.
    func compare(_ outcome: Outcome, _ number: Int, within tolerance: Double) {
        for (report, found) in zip(step.reports, outcome.results) {
            expectClose(found, golden["step\(number)/loss/\(Self.losses[report.name]!)"].numbers, within: tolerance, "\(report.name), step \(number)")
        }
        for ((parameter, _), found) in zip(step.gradientsOfUpdates, outcome.results.dropFirst(step.reports.count)) {
            expectClose(found, golden["step\(number)/gradient/\(parameter)"].numbers, within: tolerance, "gradient of \(parameter), step \(number)")
        }
        for (key, variable) in keys {
            expectClose(outcome.variables[of: variable], golden["step\(number)/\(key)"].numbers, within: tolerance, "\(key), step \(number)")
        }
    }

    /// The golden program's scores of other samples, by what the last step left.
    func compareScores<E: Execution>(_: E.Type, within tolerance: Double, on resources: Plan.Resources = .init()) throws {
        let scoring = Scoring(of: detector, sample: Shape(program.sample), microbatch: program.scored)
        detector.score(scoring)
        let names = scoring.scores.map(\.name) + scoring.maps.map(\.name)
        let execution = try E(scoring.trace, results: scoring.results + scoring.maps.map(\.node), on: resources)
        let found = try execution.run([Given(scoring.x.node, golden["scored"].numbers)], from: memory(after: program.steps - 1))
        let latents = ["latentL1", "latentL2"]
        #expect(names == (program.variant == "anomalib" ? latents.reversed() : latents) + ["residual"])
        for (name, found) in zip(names, found.results) { expectClose(found, golden["score/\(name)"].numbers, within: tolerance, name) }
    }
}

@Suite struct GANomalyGolden {
    static let files = ["ganomaly"] + ["released-2018-07", "released-2018-10", "released-2019-08", "anomalib"].map { "ganomaly-\($0)" }

    @Test(arguments: files) func namesAreThoseOfTheProgram(_ file: String) throws {
        let run = try GoldenRun(file)
        #expect(run.step.trace.error == nil)
        #expect(Set(run.detector.variables.map(\.name)) == Set(run.golden.under("initial").keys))
        #expect(run.detector.variables.allSatisfy { run.golden["initial/\($0.name)"].shape == $0.variable.shape.extents })
        #expect(Set(run.step.gradientsOfUpdates.map(\.parameter)) == Set(run.golden.under("step0/gradient").keys))
        // of 2018-10 the classifier is never trained
        let discriminator = run.program.variant == "released-2018-10" ? "features" : "features+head"
        #expect(run.step.gradientsOfUpdates.count == run.detector.parameters.count - (discriminator == "features" ? 1 : 0))
        #expect(run.step.reports.map(\.name) == ["adversarial", "contextual", "encoding", "generator", "discriminator"])
        #expect(
            Set(run.store.variables.keys.map { $0.split(separator: "/").prefix(3).joined(separator: "/") })
                == ["optimizer/training/decoder+encoder+reencoder", "optimizer/training/\(discriminator)"])
    }

    /// In Double.
    @Test(arguments: files) func reference(_ file: String) throws {
        let run = try GoldenRun(file), execution = try ReferenceExecution(run.step.trace, results: run.results)
        for number in 0 ..< run.program.steps {
            let outcome = try run.run(execution, number)
            run.compare(outcome, number, within: 1e-9)
        }
        try run.compareScores(ReferenceExecution.self, within: 1e-9)
    }

    /// In Float; and the same bits of all that a step leaves, whoever computes it.
    @Test(arguments: files) func plan(_ file: String) throws {
        let run = try GoldenRun(file)
        var first: [Outcome] = []
        try forEachResource(threads: [1, 2]) { resources in
            let execution = try PlannedExecution(run.step.trace, results: run.results, on: resources)
            let outcomes = try (0 ..< run.program.steps).map { try run.run(execution, $0) }
            if first.isEmpty { first = outcomes }
            #expect(outcomes == first, "\(resources.isa.name), \(resources.team.count) threads")
            try run.compareScores(PlannedExecution.self, within: 1e-4, on: resources)
        }
        for (number, outcome) in first.enumerated() { run.compare(outcome, number, within: 1e-4) }
    }
}

@Suite struct GANomalyNetworks {
    /// The counts of the specification: (side, channels), then G_E, G_D, D.
    @Test(arguments: [
        ([32, 1], [1_066_752, 1_066_880, 661_248]), ([32, 3], [1_068_800, 1_068_928, 663_296]), ([32, 12], [1_078_016, 1_078_144, 672_512]),
        ([64, 1], [3_574_528, 3_574_656, 2_763_520]), ([64, 3], [3_576_576, 3_576_704, 2_765_568]), ([64, 12], [3_585_792, 3_585_920, 2_774_784]),
        ([128, 1], [12_784_384, 12_784_512, 11_162_368]), ([128, 3], [12_786_432, 12_786_560, 11_164_416]),
        ([128, 12], [12_795_648, 12_795_776, 11_173_632]),
    ]) func parameterCounts(_ size: [Int], _ expected: [Int]) throws {
        let anomalib = GANomaly.Settings()
        anomalib.networks = .anomalib
        for detector in [
            try GANomaly(.init(), sample: [size[0], size[0], size[1]]),
            try GANomaly(anomalib, sample: [size[0] / 2 + 1, 3, size[1]]),  // within the same square
        ] {
            let counts = [count(detector.encoder), count(detector.decoder), count(detector.features, detector.head)]
            #expect(counts == expected && count(detector.reencoder) == expected[0])
            #expect(count(detector) == 2 * expected[0] + expected[1] + expected[2])
        }
    }

    /// anomalib leaves PyTorch's defaults: uniform on ±1/√(kernel · channels of its larger image), scales 1.
    @Test func initialValues() throws {
        let settings = GANomaly.Settings()
        settings.networks = .anomalib
        let detector = try GANomaly(settings, sample: [32, 32, 3]), ours = try GANomaly(.init(), sample: [32, 32, 3])
        // the channels of the larger image of each of these kernels of 4×4
        let fans = [
            "encoder.0.weight": 3, "encoder.1.weight": 64, "encoder.5.weight": 256, "decoder.0.weight": 256, "decoder.4.weight": 64,
            "decoder.6.weight": 3, "features.3.weight": 128, "head.weight": 256,
        ]
        for (name, variable) in detector.variables {
            switch variable.initializer {
            case .orthonormal: Issue.record("\(name) is orthonormal")
            case .uniform(let bound):
                if let channels = fans[name] { #expect(abs(bound * bound * Double(16 * channels) - 1) < 1e-12, "\(name)") }
                #expect(name.hasSuffix("weight"))
            case .constant(let value): #expect(value == (name.hasSuffix("scale") || name.hasSuffix("variance") ? 1 : 0), "\(name)")
            case .normal, .truncatedNormal: Issue.record("\(name) is normal")
            }
        }
        #expect(Set(fans.keys).isSubset(of: detector.variables.map(\.name)))
        for (name, variable) in ours.parameters where !name.hasSuffix("shift") {
            guard case .normal(let mean, 0.02) = variable.initializer else { Issue.record("\(name) is not normal"); continue }
            #expect(mean == (name.hasSuffix("scale") ? 1 : 0))
        }
    }

    @Test func extraLayersAreOfTheFirstWidth() throws {
        let settings = GANomaly.Settings()
        (settings.width, settings.extraLayers) = (4, 2)
        let plain = GANomaly.Settings()
        plain.width = 4
        let more = try count(GANomaly(settings, sample: [16, 16, 1])) - count(GANomaly(plain, sample: [16, 16, 1]))
        #expect(more == 4 * 2 * (3 * 3 * 4 * 4 + 4 + 4))  // in both encoders, the decoder and the features
    }
}

/// Elements of all parameters.
func count(_ networks: any Network...) -> Int { networks.flatMap(\.parameters).reduce(0) { $0 + $1.variable.shape.count } }
