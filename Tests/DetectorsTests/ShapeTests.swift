@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

@Suite struct Shapes {
    static let squares: [Shape] =
        [16, 32].flatMap { side in (1 ... 12).map { [side, side, $0] } } + [64, 128].flatMap { side in [1, 3, 12].map { [side, side, $0] } }
    static let rectangles: [Shape] = [[32, 48, 1], [64, 32, 3], [16, 20, 2], [20, 16, 1], [16, 128, 1]]

    private func ganomaly(_ sample: Shape, networks: GANomaly.Program = .authors) throws(FormError) -> GANomaly {
        let settings = GANomaly.Settings()
        settings.networks = networks
        (settings.latent, settings.width) = (3, 2)
        return try GANomaly(settings, sample: sample)
    }

    private func fAnoGAN(_ sample: Shape) throws(FormError) -> FAnoGAN {
        let settings = FAnoGAN.Settings()
        (settings.latent, settings.width, settings.criticSteps) = (3, 1, 1)
        return try FAnoGAN(settings, sample: sample)
    }

    /// Every stage and the scores can be planned, and what is declared has the sample's extents.
    private func expectPlans(_ detector: any Detector, _ sample: Shape) throws {
        for step in trainingSteps(of: detector, sample: sample, minibatch: 2, microbatch: 1) {
            _ = try PlannedExecution(step.trace, results: step.reports.map(\.node))
        }
        let scoring = Scoring(of: detector, sample: sample, microbatch: 1)
        detector.score(scoring)
        _ = try PlannedExecution(scoring.trace, results: scoring.results + (scoring.maps + scoring.reconstructions).map(\.node))
        #expect(scoring.scores.filter { !$0.isOnHost }.flatMap(\.operands).allSatisfy { $0.form == .batched([]) })
        #expect(scoring.maps.map(\.node.form) == (sample.rank == 3 ? [.batched([sample.extents[0], sample.extents[1], 1])] : []))
        #expect(scoring.reconstructions.map(\.node.form) == [.batched(sample)])
    }

    @Test(arguments: squares + rectangles) func ganomalyTakes(_ sample: Shape) throws { try expectPlans(ganomaly(sample), sample) }

    @Test(
        arguments: [[17, 17, 1], [28, 28, 1], [32, 32, 3], [16, 32, 12], [1, 17, 2], [33, 20, 1], [64, 64, 1], [100, 7, 3], [65, 64, 1]] as [Shape])
    func anomalibTakes(_ sample: Shape) throws { try expectPlans(ganomaly(sample, networks: .anomalib), sample) }

    @Test(
        arguments: [[8, 8, 1], [12, 8, 3], [16, 16, 12], [32, 48, 1], [64, 32, 2], [128, 128, 1]] as [Shape])
    func fAnoGANTakes(_ sample: Shape) throws { try expectPlans(fAnoGAN(sample), sample) }

    @Test(
        arguments: [[1], [121], [28, 28, 1], [32, 32, 12], [20, 24, 2], [36, 12, 3], [64, 48, 1], [128, 128, 1]] as [Shape])
    func egbadTakes(_ sample: Shape) throws { try expectPlans(smallDetector("egbad", sample: sample), sample) }

    @Test(
        arguments: [[0], [16, 16], [8, 8, 1], [5, 10, 1], [18, 18, 1], [28, 30, 1], [32, 42, 1], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3]] as [Shape])
    func egbadRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with the smaller side 5 to 8 times a "
                    + "power of two from 2 on and the larger a multiple of that power, as 121, 28×28×1 or 32×48×3")
        ) { try EGBAD(.init(), sample: sample) }
    }

    @Test(arguments: [[7], [16, 16, 1], [28, 28, 3], [20, 24, 2]] as [Shape])
    func egbadSteps(_ sample: Shape) throws { try expectMoves(smallDetector("egbad", sample: sample), sample) }

    @Test(
        arguments: [[1], [121], [16, 20, 2], [32, 32, 12], [96, 32, 3], [128, 128, 1]] as [Shape])
    func aladTakes(_ sample: Shape) throws { try expectPlans(smallDetector("alad", sample: sample), sample) }

    @Test(arguments: [[0], [16, 16], [8, 8, 1], [28, 28, 1], [16, 18, 1], [32, 36, 1], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3]] as [Shape])
    func aladRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with the smaller side a power of two from "
                    + "16 on and the larger a multiple of a quarter of it, as 121, 32×32×3 or 64×96×1")
        ) { try ALAD(.init(), sample: sample) }
    }

    @Test(arguments: ["alad", "alad released"], [[7], [20, 16, 2]] as [Shape])
    func aladSteps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    @Test(arguments: [[1], [121], [16, 48, 12], [128, 128, 2]] as [Shape]) func aaeTakes(_ sample: Shape) throws {
        let settings = AAE.Settings()
        (settings.latent, settings.width, settings.critic, settings.criticSteps, settings.earlyCriticSteps) = (3, 2, 4, 1, 1)
        try expectPlans(AAE(settings, sample: sample), sample)
    }

    @Test(arguments: [[0], [16, 16], [8, 8, 1], [24, 16, 1], [28, 28, 1], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3]] as [Shape])
    func aaeRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with both sides multiples of 16, as 121 or "
                    + "64×96×1")
        ) { try AAE(.init(), sample: sample) }
    }

    @Test(arguments: [("aae", [7]), ("aae plain", [7]), ("aae released", [7]), ("aae", [32, 16, 2])] as [(String, Shape)])
    func aaeSteps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    @Test(arguments: [32, 64, 128].flatMap { side in [1, 3, 12].map { [side, side, $0] } } + [[32, 96, 1], [64, 32, 2]] as [Shape])
    func skipGANomalyTakes(_ sample: Shape) throws { try expectPlans(smallDetector("skip-ganomaly", sample: sample), sample) }

    @Test(arguments: impossible.filter { $0 != [32, 36, 1] } + [[16, 16, 1], [32, 36, 1], [32, 48, 1], [48, 48, 1], [0, 32, 1]])
    func skipGANomalyRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from "
                    + "32 on and the larger a multiple of it, as 32×32×3 or 64×128×1")
        ) { try smallDetector("skip-ganomaly", sample: sample) }
    }

    @Test(arguments: [[28, 28, 1], [45, 45, 1], [30, 30, 1], [32, 32, 3], [64, 64, 3], [32, 32, 12], [7, 5, 2], [1, 33, 1]] as [Shape])
    func aloccTakes(_ sample: Shape) throws {
        for name in ["alocc", "alocc paper-2018"] { try expectPlans(smallDetector(name, sample: sample), sample) }
    }

    @Test(arguments: [[256], [16, 16], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3]] as [Shape]) func aloccRefuses(_ sample: Shape) {
        #expect(throws: FormError("samples of \(sample) do not fit: it takes [height, width, channels] of any size, as 28×28×1")) {
            try smallDetector("alocc", sample: sample)
        }
    }

    @Test(
        arguments: ["adae", "anogan", "anogan cross-entropy", "ocgan"],
        [[8, 8, 1], [12, 8, 3], [16, 16, 12], [32, 32, 1], [32, 48, 1], [64, 32, 2], [64, 64, 3], [128, 128, 1]] as [Shape])
    func halvingTakes(_ name: String, _ sample: Shape) throws { try expectPlans(smallDetector(name, sample: sample), sample) }

    @Test(arguments: ["adae", "anogan"], impossible.filter { $0 != [8, 8, 1] } + [[4, 4, 1], [8, 9, 1]])
    func halvingRefuses(_ name: String, _ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from "
                    + "8 on and the larger a multiple of a quarter of it, as 64×64×1 or 64×96×3")
        ) { try smallDetector(name, sample: sample) }
    }

    @Test(arguments: [[61, 61, 3], [125, 125, 1]] as [Shape]) func ocganTakes(_ sample: Shape) throws {
        let detector = try smallDetector("ocgan", sample: sample)
        try expectPlans(detector, sample)
        #expect(detector.variables.first { $0.name == "encoder.1.weight" }?.variable.shape == [5, 5, 2, 4])
    }

    @Test(arguments: impossible.filter { $0 != [8, 8, 1] } + [[29, 29, 1], [61, 60, 1], [61, 61, 0]]) func ocganRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from "
                    + "8 on and the larger a multiple of a quarter of it, as 64×64×1 or 64×96×3, or of both 61 or both 125")
        ) { try smallDetector("ocgan", sample: sample) }
    }

    @Test(arguments: [[28, 28, 1], [28, 28, 3]] as [Shape]) func compactOCGANTakes(_ sample: Shape) throws {
        let detector = try smallDetector("ocgan-compact", sample: sample)
        try expectPlans(detector, sample)
        try expectMoves(detector, sample)
    }

    @Test(arguments: [[784], [28, 28], [32, 32, 1], [28, 32, 1], [28, 28, 0], [1, 28, 28, 3]] as [Shape])
    func compactOCGANRefuses(_ sample: Shape) {
        #expect(throws: FormError("samples of \(sample) do not fit: it takes [28, 28, channels], as 28×28×1; resize them in transforms")) {
            try smallDetector("ocgan-compact", sample: sample)
        }
    }

    @Test(arguments: [[1], [121], [28, 28, 1], [5, 3, 2]] as [Shape]) func alaeTakes(_ sample: Shape) throws {
        try expectPlans(smallDetector("alae dense", sample: sample), sample)
    }

    @Test(arguments: [[8, 8, 1], [8, 12, 3], [32, 32, 12], [48, 32, 2], [64, 64, 1]] as [Shape]) func alaesConvolutionsTake(_ sample: Shape) throws {
        try expectPlans(smallDetector("alae", sample: sample), sample)
    }

    @Test(arguments: [[0], [16, 16], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3]] as [Shape]) func alaeRefuses(_ sample: Shape) {
        #expect(throws: FormError("samples of \(sample) do not fit: it takes [features] or [height, width, channels], as 121 or 28×28×1")) {
            try smallDetector("alae", sample: sample)
        }
    }

    @Test(arguments: [[4, 4, 1], [28, 28, 1], [16, 20, 1], [24, 24, 3]] as [Shape]) func alaesConvolutionsRefuse(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: its convolutions take [height, width, channels] with the smaller side a power of two from 8 on "
                    + "and the larger a multiple of half of it, as 32×32×1 or 64×96×3; or set networks to dense")
        ) { try smallDetector("alae", sample: sample) }
    }

    @Test(arguments: [("alae", [8, 12, 2]), ("alae", [16, 16, 1]), ("alae dense", [5, 3, 2]), ("alae vectors", [7])] as [(String, Shape)])
    func alaeSteps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    /// One step moves every parameter, and nothing becomes infinite.
    @Test(
        arguments: [
            "ganomaly", "ganomaly released-2018-07", "ganomaly released-2019-08", "f-anogan", "f-anogan izi", "f-anogan dbbbbm", "adae", "anogan",
            "ocgan", "ocgan released-2019",
        ],
        [[16, 16, 1], [16, 16, 12], [16, 20, 3], [20, 16, 2]] as [Shape])
    func steps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    @Test(arguments: [[17, 17, 1], [28, 20, 3], [16, 32, 2]] as [Shape]) func anomalibSteps(_ sample: Shape) throws {
        try expectMoves(smallDetector("ganomaly anomalib", sample: sample), sample)
    }

    @Test(arguments: ["skip-ganomaly", "skip-ganomaly released"], [[32, 32, 1], [32, 64, 3], [64, 32, 2]] as [Shape])
    func largerSteps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    @Test(arguments: ["alocc", "alocc released", "alocc paper-2018"], [[16, 16, 1], [28, 20, 3], [13, 7, 2]] as [Shape])
    func sameSteps(_ name: String, _ sample: Shape) throws { try expectMoves(smallDetector(name, sample: sample), sample) }

    private func expectMoves(_ detector: any Detector, _ sample: Shape) throws {
        var memory = Memory(drawnFor: detector)
        let before = memory
        for step in trainingSteps(of: detector, sample: sample, minibatch: 3, microbatch: 2) {
            memory = try PlannedExecution(step.trace, results: []).run(draws(for: step), from: memory).variables
        }
        #expect(memory.values.allSatisfy { $0.allSatisfy(\.isFinite) })
        for (name, variable) in detector.parameters { #expect(memory[of: variable] != before[of: variable], "\(name)") }
    }

    static let impossible: [Shape] = [
        [256], [16, 16], [8, 8, 1], [24, 24, 1], [31, 31, 1], [32, 36, 1], [16, 18, 3], [0, 16, 1], [16, 16, 0], [1, 16, 16, 3],
    ]

    @Test(arguments: impossible) func ganomalyRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from "
                    + "16 on and the larger a multiple of a quarter of it, as 32×32×3 or 64×96×1")
        ) { try ganomaly(sample) }
    }

    @Test(arguments: [[256], [16, 16], [32, 32], [8, 8, 1], [16, 16, 1], [0, 32, 1], [32, 32, 0], [1, 32, 32, 3]] as [Shape])
    func anomalibRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: anomalib's networks take [height, width, channels] with the larger side from 17 on, "
                    + "as 28×28×1")
        ) { try ganomaly(sample, networks: .anomalib) }
    }

    @Test(arguments: impossible.filter { $0 != [8, 8, 1] } + [[4, 4, 1], [8, 9, 1]]) func fAnoGANRefuses(_ sample: Shape) {
        #expect(
            throws: FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from "
                    + "8 on and the larger a multiple of a quarter of it, as 64×64×1 or 64×96×3")
        ) { try fAnoGAN(sample) }
    }

    @Test func principalComponentsRefuse() {
        #expect(throws: FormError("samples of 65×64×1 have 4160 elements; principal components take at most 4096")) {
            try PrincipalComponents(.init(), sample: [65, 64, 1])
        }
    }
}
