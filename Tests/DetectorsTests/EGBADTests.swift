@testable import Detectors
import Graphs
@testable import Networks
import Plans
import Testing

@Suite struct EGBADTests {
    /// The counts of the specification: the sample's shape, then E, G, D.
    @Test(arguments: [
        ([121], [9_888, 26_041, 52_865]), ([28, 28, 1], [1_347_656, 6_781_505, 3_907_329]),
        ([32, 32, 1], [1_731_656, 8_753_345, 4_890_369]), ([32, 32, 3], [1_732_232, 8_755_395, 4_892_417]),
        ([32, 32, 12], [1_734_824, 8_764_620, 4_901_633]), ([64, 64, 1], [3_665_736, 17_691_201, 4_956_097]),
        ([64, 64, 3], [3_666_312, 17_693_251, 4_958_145]), ([64, 64, 12], [3_668_904, 17_702_476, 4_967_361]),
        ([128, 128, 1], [8_123_720, 36_615_489, 5_021_825]), ([128, 128, 3], [8_124_296, 36_617_539, 5_023_873]),
        ([128, 128, 12], [8_126_888, 36_626_764, 5_033_089]),
    ]) func parameterCounts(_ sample: [Int], _ expected: [Int]) throws {
        let detector = try EGBAD(.init(), sample: Shape(sample))
        #expect([count(detector.encoder), count(detector.generator), count(detector.discriminator)] == expected)
        #expect(count(detector) == 2 * expected.reduce(0, +))  // each with its average
    }

    /// Glorot's of vectors, N(0, 0.02²) of images; all that is no weight begins where it does nothing.
    @Test(arguments: [[121], [28, 28, 1]]) func initialValues(_ sample: [Int]) throws {
        let detector = try EGBAD(.init(), sample: Shape(sample))
        for (name, variable) in detector.variables {
            switch variable.initializer {
            case .uniform(let bound):
                let extents = variable.shape.extents
                #expect(sample.count == 1 && name.hasSuffix("weight") && abs(bound * bound * Double(extents[0] + extents[1]) - 6) < 1e-12, "\(name)")
            case .normal(0, 0.02): #expect(sample.count == 3 && name.hasSuffix("weight"), "\(name)")
            case .constant(let value): #expect(value == (name.hasSuffix("scale") || name.hasSuffix("variance") ? 1 : 0), "\(name)")
            default: Issue.record("\(name)")
            }
        }
    }

    /// An epoch has half the steps of the authors', since a step takes two minibatches.
    @Test func lengths() throws {
        for (sample, epochs) in [([121], 100), ([28, 28, 1], 200)] as [(Shape, Int)] {
            guard case .train(let own, _) = try EGBAD(.init(), sample: sample).stages[0].work else { preconditionFailure() }
            #expect(own == epochs)
        }
        let step = trainingSteps(of: try EGBAD(.init(), sample: [7]), sample: [7], minibatch: 4, microbatch: 2)[0]
        #expect(step.minibatchesPerStep() == 2)
    }

    /// The released cross-entropy is of the reconstruction.
    @Test(arguments: ["egbad-images", "egbad-vectors"]) func released(_ file: String) throws {
        let golden = try GoldenProgram(file, variant: "released")
        try golden.compareScores(ReferenceExecution.self, within: 1e-9, renamed: ("crossEntropy", "reconstruction/crossEntropy"))
    }
}
