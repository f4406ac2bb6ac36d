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
