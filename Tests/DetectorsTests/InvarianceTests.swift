@testable import Detectors
import Graphs
import Networks
@testable import Plans
import Testing

/// Small ones of every kind, by name.
func smallDetector(_ name: String, sample: Shape) throws -> any Detector {
    switch name {
    case "ganomaly":
        let settings = GANomaly.Settings()
        (settings.latent, settings.width, settings.extraLayers) = (3, 4, 1)
        return try GANomaly(settings, sample: sample)
    case _ where name.hasPrefix("ganomaly "):
        let settings = GANomaly.Settings()
        GANomaly.variants.first { name.hasSuffix(" \($0.name)") }!.apply(settings)
        (settings.latent, settings.width) = (3, 4)
        return try GANomaly(settings, sample: sample)
    case "f-anogan":
        let settings = FAnoGAN.Settings()
        (settings.latent, settings.width, settings.criticSteps) = (3, 1, 1)
        return try FAnoGAN(settings, sample: sample)
    case "egbad", "egbad vectors":
        let settings = EGBAD.Settings()
        (settings.latent, settings.width, settings.hidden, settings.averageDecay) = (3, 4, 8, 0.5)
        return try EGBAD(settings, sample: sample)
    case "alad", "alad vectors", "alad released":
        let settings = ALAD.Settings()
        ALAD.variants.first { name == "alad \($0.name)" }?.apply(settings)
        (settings.latent, settings.width, settings.hidden, settings.averageDecay) = (3, 4, 4, 0.5)
        return try ALAD(settings, sample: sample)
    case "aae", "aae vectors", "aae plain", "aae released":
        let settings = AAE.Settings()
        AAE.variants.first { name == "aae \($0.name)" }?.apply(settings)
        (settings.latent, settings.width, settings.critic, settings.criticSteps, settings.earlyCriticSteps) = (3, 2, 5, 2, 2)
        settings.halvings = 2
        return try AAE(settings, sample: sample)
    case _ where name.hasPrefix("f-anogan "):
        let settings = FAnoGAN.Settings()
        FAnoGAN.variants.first { name.hasSuffix(" \($0.name)") }!.apply(settings)
        (settings.latent, settings.width, settings.criticSteps, settings.encoderOutput) = (3, 1, 1, .linear)
        return try FAnoGAN(settings, sample: sample)
    case "skip-ganomaly", "skip-ganomaly released":
        let settings = SkipGANomaly.Settings()
        if name.hasSuffix("released") { SkipGANomaly.variants[0].apply(settings) }
        (settings.features, settings.width) = (3, 2)
        return try SkipGANomaly(settings, sample: sample)
    case _ where name.hasPrefix("alocc"):
        let settings = ALOCC.Settings()
        ALOCC.variants.first { name.hasSuffix(" \($0.name)") }?.apply(settings)
        settings.width = 2
        return try ALOCC(settings, sample: sample)
    case "adae":
        let settings = ADAE.Settings()
        (settings.latent, settings.width) = (3, 2)
        return try ADAE(settings, sample: sample)
    case "anogan", "anogan cross-entropy":
        let settings = AnoGAN.Settings()
        if name.hasSuffix("cross-entropy") { AnoGAN.variants[0].apply(settings) }
        (settings.latent, settings.width, settings.searchSteps, settings.restarts) = (3, 2, 6, name == "anogan" ? 1 : 2)
        return try AnoGAN(settings, sample: sample)
    case "ocgan", "ocgan released-2019":
        let settings = OCGAN.Settings()
        if name.hasSuffix("released-2019") { OCGAN.variants[0].apply(settings) }
        (settings.latent, settings.width, settings.visualWidth, settings.latentWidth, settings.miningFrom) = (3, 2, 1, 16, 1)
        return try OCGAN(settings, sample: sample)
    case "ocgan-compact", "ocgan-compact released":
        let settings = CompactOCGAN.Settings()
        if name.hasSuffix("released") { CompactOCGAN.variants[0].apply(settings) }
        // wide enough that threads share the convolutions and the slopes by their weights
        (settings.width, settings.visualWidth, settings.latentWidth) = (16, 2, 8)
        (settings.classifierSteps, settings.visualSteps, settings.autoencoderSteps, settings.miningSteps) = (2, 1, 2, 2)
        return try CompactOCGAN(settings, sample: sample)
    case "alae", "alae dense", "alae vectors":
        let settings = ALAE.Settings()
        if name == "alae" { settings.networks = .convolutional }
        // of convolutions wide enough that threads share the slopes by their weights
        (settings.latent, settings.width, settings.widest, settings.mappingLayers) = name == "alae" ? (3, 8, 12, 2) : (3, 2, 3, 2)
        (settings.averageDecay, settings.priorDraws) = (0.5, 2)
        return try ALAE(settings, sample: sample)
    case "pca":
        let settings = PrincipalComponents.Settings()
        settings.latent = 3
        return try PrincipalComponents(settings, sample: sample)
    default: return MeanPixel(.init(), sample: sample)
    }
}

/// What a small detector is tried on: those of vectors say so in their name.
func smallSample(_ name: String, images: Shape) -> Shape {
    name.hasSuffix(" vectors") ? [7] : name.hasPrefix("ocgan-compact") ? [28, 28, 2] : images
}

/// The training steps of a detector, traced, by stage.
func trainingSteps(of detector: any Detector, sample: Shape, minibatch: Int, microbatch: Int) -> [TrainingStep] {
    let store = Store()
    return detector.stages.compactMap { stage in
        guard case .train(_, let procedure) = stage.work else { return nil }
        let step = TrainingStep(of: detector, stage: stage.name, sample: sample, minibatch: minibatch, microbatch: microbatch, store: store)
        procedure(step)
        return step
    }
}

@Suite struct Invariance {
    /// The bits of all that a step leaves, on 1, 2 and 3 threads and every instruction set.
    @Test(arguments: [
        "ganomaly", "ganomaly released-2018-07", "ganomaly released-2018-10", "ganomaly released-2019-08", "ganomaly anomalib", "f-anogan",
        "egbad", "egbad vectors", "alad", "alad released", "alad vectors", "aae", "aae vectors",
        "skip-ganomaly", "skip-ganomaly released", "alocc", "alocc released", "alocc paper-2018", "adae", "anogan",
        "f-anogan ziz", "ocgan", "ocgan released-2019", "ocgan-compact", "ocgan-compact released", "alae", "alae vectors",
    ]) func stepHasTheSameBitsWhoeverComputesIt(_ name: String) throws {
        let sample = smallSample(name, images: [32, 32, 3]), detector = try smallDetector(name, sample: sample)
        // three lanes, the last short
        for step in trainingSteps(of: detector, sample: sample, minibatch: 8, microbatch: 3) {
            let results = step.reports.map(\.node) + step.gradientsOfUpdates.map(\.node)
            var first: Outcome?, shared: Set<String> = []
            try forEachResource(threads: [1, 2, 3]) { resources in
                let execution = try PlannedExecution(step.trace, results: results, on: resources)
                let outcome = try execution.run(draws(for: step), from: Memory(drawnFor: detector))
                #expect(outcome.results.allSatisfy { $0.allSatisfy(\.isFinite) })
                #expect(outcome == first ?? outcome, "\(resources.isa.name), \(resources.team.count) threads")
                first = outcome
                shared.formUnion(kernelsOfSeveralTasks(execution.plan))
            }
            guard sample.rank == 3 else { continue }
            // too narrow here for tiles to be worth while
            let isNarrow = name.hasPrefix("f-anogan") || name == "aae" || name == "adae" || name == "alae"
            let convolutions: Set<String> = isNarrow ? ["WindowKernel"] : ["TiledConvolutionKernel", "TileProductKernel"]
            #expect(
                !shared.isDisjoint(with: convolutions) && !shared.isDisjoint(with: ["TileKernel", "WeightKernel"]),
                "threads had nothing to share but \(shared)")
        }
    }

    private func kernelsOfSeveralTasks(_ plan: Plan) -> [String] {
        kernels(of: plan.assembly).filter { $0.tasks > 1 }.map { "\(type(of: $0))" }
    }

    private func kernels(of assembly: Assembly) -> [any Kernel] {
        assembly.actions.flatMap { action -> [any Kernel] in
            switch action {
            case .kernel(let kernel): [kernel]
            case .reduction, .begin, .finish: []
            case .loop(let rounds): kernels(of: rounds.body)
            }
        }
    }

    /// A sample's scores, map and reconstruction: alone, among 15 others, and at another place among them.
    @Test(arguments: [
        "ganomaly", "ganomaly anomalib", "f-anogan", "skip-ganomaly", "alocc", "adae", "anogan", "anogan cross-entropy", "egbad", "egbad vectors",
        "alad", "alad released", "alad vectors", "aae", "aae vectors", "ocgan", "ocgan released-2019", "ocgan-compact", "alae", "alae dense",
        "alae vectors",
        "pca", "mean-pixel",
    ])
    func sampleAloneAndInACrowd(_ name: String) throws {
        let images: [String: Shape] = ["aae": [16, 32, 2], "skip-ganomaly": [32, 64, 2], "alae": [8, 12, 2]]
        let sample = smallSample(name, images: images[name] ?? [16, 20, 2]), detector = try smallDetector(name, sample: sample),
            memory = Memory(drawnFor: detector)
        let scoring = Scoring(of: detector, sample: sample, microbatch: 16)
        detector.score(scoring)
        let results = scoring.results + (scoring.maps + scoring.reconstructions).map(\.node)
        let image = uniform(sample.count, seed: 1).map { 2 * $0 - 1 }, others = uniform(15 * sample.count, seed: 2).map { 2 * $0 - 1 }
        for isa in InstructionSet.available {
            let execution = try PlannedExecution(scoring.trace, results: results, on: .init(isa: isa))
            func scored(_ samples: [Double], at place: Int) throws -> [[Double]] {
                // noise is the sample's own
                let noises = scoring.noises.enumerated().map { number, noise in
                    let count = noise.node.form.shape.count
                    let (own, others) = (uniform(count, seed: UInt64(10 + number)), uniform(15 * count, seed: UInt64(20 + number)))
                    return Given(noise.node, others.prefix(place * count) + own + others.dropFirst(place * count))
                }
                let outcome = try execution.run([Given(scoring.x.node, samples)] + noises, from: memory)
                return zip(results, outcome.results).map { Array($1[place * $0.form.shape.count ..< (place + 1) * $0.form.shape.count]) }
            }
            let alone = try scored(image + Array(repeating: 0, count: others.count), at: 0)
            #expect(try scored(image + others, at: 0) == alone)
            #expect(try scored(others.prefix(7 * sample.count) + image + others.dropFirst(7 * sample.count), at: 7) == alone)
            #expect(try scored(others + image, at: 15) == alone)
            #expect(try scored(image + others, at: 1) != alone)
        }
    }
}
