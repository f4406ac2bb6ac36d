@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

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

/// What GANomaly's golden files hold beyond those of all detectors.
@Suite struct GANomalyGolden {
    static let files = GoldenSteps.files.filter { $0.hasPrefix("ganomaly") }

    @Test(arguments: files) func names(_ file: String) throws {
        let run = try GoldenProgram(file), step = run.stages[0].step
        // of 2018-10 the classifier is never trained
        let discriminator = run.program.variant == "released-2018-10" ? "features" : "features+head"
        #expect(step.gradientsOfUpdates.count == run.detector.parameters.count - (discriminator == "features" ? 1 : 0))
        #expect(step.reports.map(\.name) == ["adversarial", "contextual", "encoding", "generator", "discriminator"])
        #expect(
            Set(run.store.variables.keys.map { $0.split(separator: "/").prefix(3).joined(separator: "/") })
                == ["optimizer/training/decoder+encoder+reencoder", "optimizer/training/\(discriminator)"])
        let scoring = Scoring(of: run.detector, sample: run.sample, microbatch: 1), latents = ["latentL1", "latentL2"]
        run.detector.score(scoring)
        #expect(scoring.scores.map(\.name) == (run.program.variant == "anomalib" ? latents.reversed() : latents))
        #expect(scoring.maps.map(\.name) == ["residual"])
    }

    /// In every step every parameter moves, and nothing else but running statistics.
    @Test(arguments: files) func everythingMoves(_ file: String) throws {
        let golden = try Golden(file)
        let still: Set = file == "ganomaly-released-2018-10" ? ["head.weight"] : []  // it trains no classifier
        let initial = golden.under("initial")
        for step in 0 ..< 5 {
            let before = step == 0 ? initial : golden.under("step\(step - 1)/variable"), after = golden.under("step\(step)/variable")
            let gradients = golden.under("step\(step)/gradient")
            #expect(after.keys == initial.keys)
            let others = Set(after.keys).subtracting(gradients.keys).subtracting(still)
            #expect(others.allSatisfy { $0.hasSuffix(".mean") || $0.hasSuffix(".variance") })
            for (name, value) in after {
                #expect(value.shape == before[name]?.shape && (value.numbers == before[name]?.numbers) == still.contains(name), "\(name)")
            }
            for (name, gradient) in gradients { #expect(gradient.shape == after[name]?.shape && gradient.numbers.contains { $0 != 0 }, "\(name)") }
            #expect(golden.under("step\(step)/first").count == gradients.count)
            // a first moment of five halvings, by hand
            let name = "features.0.weight"
            let halved = (0 ... step).map {
                golden["step\($0)/gradient/\(name)"].numbers[0] * Double(sign: .plus, exponent: $0 - step - 1, significand: 1)
            }
            #expect(abs(golden["step\(step)/first/\(name)"].numbers[0] - halved.reduce(0, +)) < 1e-15)
        }
    }
}
