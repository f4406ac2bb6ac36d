@testable import Detectors
import Graphs
@testable import Networks
import Testing

@Suite struct ALADTests {
    private func detector(_ sample: [Int], _ variant: String? = nil) throws -> ALAD {
        let settings = ALAD.Settings()
        ALAD.variants.first { $0.name == variant }?.apply(settings)
        return try ALAD(settings, sample: Shape(sample))
    }

    private func counts(_ detector: ALAD) -> [Int] {
        [
            count(detector.encoder), count(detector.generator), count(detector.pairDiscriminator), count(detector.sampleDiscriminator),
            count(detector.codeDiscriminator),
        ]
    }

    /// The counts of the specification: the sample's shape, then E, G, D_xz, D_xx, D_zz.
    @Test(arguments: [
        ([32, 32, 1], [3_445_476, 3_445_377, 11_855_233, 216_385, 14_977]), ([32, 32, 3], [3_449_572, 3_449_475, 11_859_329, 222_785, 14_977]),
        ([32, 32, 12], [3_468_004, 3_467_916, 11_877_761, 251_585, 14_977]), ([64, 64, 1], [7_641_316, 7_641_217, 16_051_073, 626_113, 14_977]),
        ([64, 64, 3], [7_645_412, 7_645_315, 16_055_169, 632_513, 14_977]), ([64, 64, 12], [7_663_844, 7_663_756, 16_073_601, 661_313, 14_977]),
        ([128, 128, 1], [11_837_156, 11_837_057, 20_246_913, 1_035_841, 14_977]),
        ([128, 128, 3], [11_841_252, 11_841_155, 20_251_009, 1_042_241, 14_977]),
        ([128, 128, 12], [11_859_684, 11_859_596, 20_269_441, 1_071_041, 14_977]), ([121], [9_888, 26_041, 53_121, 31_233, 2_113]),
    ]) func parameterCounts(_ sample: [Int], _ expected: [Int]) throws { #expect(counts(try detector(sample)) == expected) }

    @Test func parameterCountsOfVariants() throws {
        #expect(counts(try detector([274], "arrhythmia")) == [111_552, 111_762, 109_825, 173_569, 10_369])
        #expect(counts(try detector([32, 32, 3], "released"))[3] == 226_177)
    }

    /// Spectral norm is in the networks of images, but in no last layer and not in G; averages are of what scores.
    @Test func spectralNorms() throws {
        let images = try detector([32, 32, 3]), vectors = try detector([121])
        let names = images.states.map(\.name).filter { $0.contains("spectral") && !$0.hasPrefix("averages") }
        let expected =
            [0, 2, 4].map { "encoder.\($0)" } + [0, 1, 3].map { "pairDiscriminator.sample.\($0)" } + [0, 1].map { "pairDiscriminator.code.\($0)" }
            + ["pairDiscriminator.joint.0"] + [0, 1].map { "sampleDiscriminator.trunk.\($0)" } + [0, 1].map { "codeDiscriminator.trunk.\($0)" }
        #expect(names == expected.map { "\($0).spectral.vector" })
        #expect(!vectors.states.contains { $0.name.contains("spectral") })
        #expect(Set(vectors.averages.parameters.map { $0.name.prefix { $0 != "." } }) == ["encoder", "generator", "sampleDiscriminator"])
    }

    /// Glorot's of vectors, N(0, 0.01²) of images, and vectors of norms within ±2.
    @Test(arguments: [[121], [32, 32, 1]]) func initialValues(_ sample: [Int]) throws {
        for (name, variable) in try detector(sample).variables {
            switch variable.initializer {
            case .uniform(let bound):
                let extents = variable.shape.extents
                #expect(sample.count == 1 && name.hasSuffix("weight") && abs(bound * bound * Double(extents[0] + extents[1]) - 6) < 1e-12, "\(name)")
            case .normal(0, 0.01): #expect(sample.count == 3 && name.hasSuffix("weight"), "\(name)")
            case .truncatedNormal(1): #expect(name.hasSuffix("vector"), "\(name)")
            case .constant(let value): #expect(value == (name.hasSuffix("scale") || name.hasSuffix("variance") ? 1 : 0), "\(name)")
            default: Issue.record("\(name)")
            }
        }
    }

    /// Five counts of steps, or one.
    @Test(arguments: [(nil, 5), ("released", 1)] as [(String?, Int)]) func stepCounts(_ variant: String?, _ expected: Int) throws {
        let detector = try detector([7], variant), store = Store()
        let step = TrainingStep(of: detector, stage: "training", sample: [7], minibatch: 4, microbatch: 2, store: store)
        detector.train(step)
        #expect(store.variables.keys.count { $0.hasSuffix("/power1") } == expected && step.trace.error == nil)
        #expect(step.minibatchesPerStep() == 2)
    }
}
