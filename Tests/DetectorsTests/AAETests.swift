@testable import Detectors
import Graphs
@testable import Networks
import Testing

@Suite struct AAETests {
    /// The counts of the specification, whose decoders have a second output that nothing reads: the sample's shape, then E, decoder, critic.
    @Test(arguments: [
        ([64, 64, 1], [1_507_408, 1_216_690, 106_601]), ([128, 128, 1], [3_080_272, 2_801_842, 106_601]),
        ([256, 256, 1], [9_371_728, 9_142_450, 106_601]),
    ]) func parameterCounts(_ sample: [Int], _ expected: [Int]) throws {
        let detector = try AAE(.init(), sample: Shape(sample)), unread = 3 * 3 * 8 + 1
        #expect([count(detector.encoder), count(detector.decoder) + unread, count(detector.critic)] == expected)
    }

    /// Of vectors: features, first hidden layer, code, and the count of each way.
    @Test(arguments: [[274, 128, 32, 45_312], [21, 32, 8, 1_312], [36, 32, 8, 1_792], [9, 32, 8, 928], [6, 32, 4, 768]])
    func parameterCountsOfVectors(_ numbers: [Int]) throws {
        let settings = AAE.Settings()
        if numbers[0] == 6 { settings.latent = 4 }
        let detector = try AAE(settings, sample: [numbers[0]])
        #expect([count(detector.encoder), count(detector.decoder)] == [numbers[3], numbers[3]])
        #expect(detector.encoder.parameters.map(\.variable.shape)[0] == [numbers[0], numbers[1]])
        #expect(count(detector.critic) == numbers[2] * 128 + 128 + 128 * 128 + 128 + 128 + 1)
    }

    @Test func initialValues() throws {
        let detector = try AAE(.init(), sample: [32, 32, 1])
        for (name, variable) in detector.parameters {
            switch variable.initializer {
            case .truncatedNormal(0.02): #expect(!name.hasPrefix("critic") && name.hasSuffix("weight"), "\(name)")
            case .normal(0, 0.01): #expect(name.hasPrefix("critic") && name.hasSuffix("weight"), "\(name)")
            case .normal(1, let deviation): #expect(name.hasSuffix("scale") && deviation == (name == "encoder.1.scale" ? 0.01 : 0.02), "\(name)")
            case .constant(0): #expect(name.hasSuffix("bias") || name.hasSuffix("shift"), "\(name)")
            default: Issue.record("\(name)")
            }
        }
        for (name, variable) in try AAE(.init(), sample: [16]).encoder.parameters {
            guard case .uniform(let bound) = variable.initializer else { Issue.record("\(name) is not uniform"); continue }
            #expect(abs(bound * bound * Double(variable.shape.extents[0]) - 1) < 1e-12)
        }
    }

    /// The critic has other numbers of updates in the first 20 of 300 epochs, of which each has codes of its own from the prior, or not.
    @Test func stages() throws {
        func stages(_ variant: String?) throws -> [String] {
            let settings = AAE.Settings(), variant = AAE.variants.first { $0.name == variant }
            variant?.apply(settings)
            let detector = try AAE(settings, sample: [7])
            let steps = trainingSteps(of: detector, sample: [7], minibatch: 4, microbatch: 2)
            return zip(detector.stages, steps).map { stage, step in
                guard case .train(let epochs, _) = stage.work else { return "" }
                return "\(stage.name) \(epochs): \(step.noises.map(\.rounds))"
            }
        }
        #expect(try stages(nil) == ["early 20: [10, 10]", "training 280: [5, 5]"])
        #expect(try stages("released") == ["early 20: [1, 200]", "training 280: [1, 20]"])
        #expect(try stages("plain") == ["training 300: [1]"])
    }

    @Test func theSumInsteadOfItsRoot() throws {
        let settings = AAE.Settings()
        (settings.reconstruction, settings.adversary, settings.lambda) = (.squared, .crossEntropy, 0)
        let detector = try AAE(settings, sample: [7]), step = trainingSteps(of: detector, sample: [7], minibatch: 4, microbatch: 2)[0]
        settings.reconstruction = .root
        let root = trainingSteps(of: try AAE(settings, sample: [7]), sample: [7], minibatch: 4, microbatch: 2)[0]
        #expect(step.reports.map(\.name) == root.reports.map(\.name) && step.trace.error == nil)
        func operations(_ step: TrainingStep) -> Int { step.trace.entries.count { ($0.operation as? Unary)?.kind == .squareRoot } }
        #expect(operations(root) == operations(step) + 1)
    }
}
