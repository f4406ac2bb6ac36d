import CAllocations
@testable import Detectors
import Graphs
import Networks
@testable import Plans
import Testing

/// What plans owe to the trace alone: no pass knows a network.
@Suite struct Economy {
    private let sample: Shape = [16, 16, 3]

    private func draft(of step: TrainingStep) throws -> Draft {
        try Plan(step.trace, results: step.reports.map(\.node), state: ModelState()).assembly.draft
    }

    /// How often a variable is the weight of a convolution, and of a convolution's adjoint by the image.
    private func uses(of name: String, in draft: Draft, _ step: TrainingStep, _ detector: any Detector) throws -> [Int] {
        let variable = try #require(detector.variables.first { $0.name == name }).variable
        let given = try #require(step.trace.variables.first { $0.variable === variable }).given.index
        let weight = try #require(draft.items.firstIndex { $0.kind == .input(node: given) })
        let users = draft.items.filter { $0.inputs.dropFirst().first == weight }
        return [
            users.count { gives(.small, $0.kind) },
            users.count { gives(.big, $0.kind) },
        ]
    }

    /// Whether it is a convolution that gives this of its three sides, by whichever kernel.
    private func gives(_ side: ConvolutionSide, _ kind: Kind) -> Bool {
        switch kind {
        case .convolution: side == .small
        case .convolutionInput: side == .big
        case .convolutionWeight: side == .weights
        case .tiled(_, let given): side == given
        default: false
        }
    }

    /// D looks at x once and at x̂ once, though both losses ask for both. The slopes by images go only where a loss needs them:
    /// not to x, and through D to x̂ for G alone.
    @Test func ganomalyComputesNothingTwice() throws {
        let settings = GANomaly.Settings()
        (settings.latent, settings.width) = (3, 2)
        let detector = try GANomaly(settings, sample: sample), step = trainingSteps(of: detector, sample: sample, minibatch: 3, microbatch: 2)[0]
        let draft = try draft(of: step)
        let expected: [String: [Int]] = [
            "encoder.0.weight": [1, 0], "encoder.1.weight": [1, 1],
            "decoder.2.weight": [1, 1], "decoder.4.weight": [1, 1],  // forward is the adjoint by the image, and backward the convolution
            "reencoder.0.weight": [1, 1], "reencoder.1.weight": [1, 1],
            "features.0.weight": [2, 1],  // of x and x̂; of L_adv to x̂
            "features.1.weight": [2, 3],  // of L_adv, and of L_D for x and x̂
        ]
        for (name, uses) in expected { #expect(try self.uses(of: name, in: draft, step, detector) == uses, "\(name)") }
        // each weight's slope is summed once for each image it met in the loss it moves by: D's twice
        #expect(draft.items.count { gives(.weights, $0.kind) } == 2 + 2 + 2 + 2 * 2)
    }

    /// D looks at x once and at x̂ once for all losses of Skip-GANomaly, of both programs.
    @Test(arguments: ["skip-ganomaly", "skip-ganomaly released"]) func skipGANomalyComputesNothingTwice(_ name: String) throws {
        let sample: Shape = [32, 32, 3], detector = try smallDetector(name, sample: sample)
        let step = trainingSteps(of: detector, sample: sample, minibatch: 3, microbatch: 2)[0], draft = try draft(of: step)
        for level in 0 ..< 5 {
            #expect(try uses(of: "generator.down.\(level).0.weight", in: draft, step, detector) == [1, level == 0 ? 0 : 1])
            #expect(try uses(of: "generator.up.\(level).0.weight", in: draft, step, detector) == [1, 1])
        }
        #expect(try uses(of: "features.0.weight", in: draft, step, detector) == [2, 1])
    }

    /// E alone learns in f-AnoGAN's second stage: no slope by a weight of G or D, and none through f(x).
    @Test func fAnoGANLeavesWhatIsFrozen() throws {
        let settings = FAnoGAN.Settings()
        (settings.latent, settings.width) = (3, 1)
        let detector = try FAnoGAN(settings, sample: sample), step = trainingSteps(of: detector, sample: sample, minibatch: 3, microbatch: 2)[1]
        let draft = try draft(of: step)
        let expected: [String: [Int]] = [
            "features.0.weight": [2, 1], "features.2.main.3.weight": [2, 1], "generator.4.weight": [1, 1], "encoder.0.weight": [1, 0],
        ]
        for (name, uses) in expected { #expect(try self.uses(of: name, in: draft, step, detector) == uses, "\(name)") }
        #expect(draft.items.count { gives(.weights, $0.kind) } == 1 + 2 * 2)
    }

    /// A sum on its own costs a message's latency: losses, which nothing waits for, travel with other sums. And an optimizer moves
    /// variables of several shapes in one sweep.
    @Test func whatNothingWaitsForIsDoneTogether() throws {
        let detector = try smallDetector("ganomaly", sample: sample),
            step = trainingSteps(of: detector, sample: sample, minibatch: 3, microbatch: 2)[0]
        let assembly = try Plan(step.trace, results: step.reports.map(\.node), state: ModelState()).assembly
        let sums = assembly.steps.compactMap { if case .reduce(let items) = $0 { items } else { nil } }
        let losses = sums.filter { $0.contains { assembly.draft[$0].isScalar } }
        #expect(!losses.isEmpty && losses.allSatisfy { $0.contains { !assembly.draft[$0].isScalar } }, "\(losses)")
        let sweeps = assembly.steps.compactMap { step -> Int? in
            if case .programs(let programs) = step, programs.count > 1 { Set(programs.map(\.space)).count } else { nil }
        }
        #expect(sweeps.contains { $0 > 1 }, "\(sweeps)")
    }

    private static let canCount = allocations_are_counted() && !_isDebugAssertConfiguration()

    /// After the first runs a step asks for no heap memory.
    @Test(
        .enabled(if: canCount, "unoptimized loops over arrays allocate"),
        arguments: [
            "ganomaly", "ganomaly released-2018-07", "f-anogan", "skip-ganomaly", "alocc", "adae", "anogan", "egbad", "egbad vectors", "alad",
            "alad vectors", "aae", "aae vectors",
        ])
    func aStepAllocatesNothing(_ name: String) throws {
        let sample = smallSample(name, images: name == "skip-ganomaly" ? [32, 32, 3] : sample), detector = try smallDetector(name, sample: sample)
        var memory = Memory(drawnFor: detector)
        for step in trainingSteps(of: detector, sample: sample, minibatch: 5, microbatch: 2) {
            let execution = try PlannedExecution(step.trace, results: step.reports.map(\.node))
            let before = allocations_of_this_thread()
            memory = try execution.run(draws(for: step), from: memory).variables
            #expect(allocations_of_this_thread() > before, "the draws were not counted")
            try execution.plan.run()
            let steady = allocations_of_this_thread()
            try execution.plan.run()
            #expect(allocations_of_this_thread() - steady == 0)
        }
    }
}
