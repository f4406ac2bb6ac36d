import Datasets
import Detectors
import Foundation
import Graphs
import Plans
import Randomness
import Ranks

/// Runs the steps of a stage: minibatches and noise in, one run of the plan, losses out.
final class StageExecutor {
    struct Outcome {
        let losses: [(name: String, value: Double)]
        let redraws: Int
        let isAskedToStop: Bool
    }
    let stepsPerEpoch: Int
    /// Samples a second over all ranks, lately, and the shares of time spent waiting for data and in sums over ranks.
    private(set) var rate = 0.0, waiting = 0.0, communicating = 0.0
    var bytesRead: Int { inputs.bytesRead }
    var samplesRead: Int { inputs.samplesRead }

    private let name: String, step: TrainingStep, model: Model
    private let plan: Plan, inputs: StepInputs
    private let stop: Node, stopTotal: Node
    private let samplesPerStep: Int, length: Int

    /// - Parameter length: the steps of the whole stage.
    init(_ name: String, _ step: TrainingStep, _ order: Order, length: Int, of trainer: Trainer, from position: Position) throws {
        (self.name, self.step, self.length, model) = (name, step, length, trainer.model)
        // a request to stop travels with the losses: each rank puts a number at its first sample
        let requests = Batched(step.trace.input("request to stop", .batched([])))
        stop = requests.node
        stopTotal = total(requests).node
        let results = step.reports.map(\.node) + step.redraws.map(\.value) + [stopTotal]
        plan = try Plan(step.trace, results: results, state: model.state, on: trainer.resources)

        let perStep = step.minibatchesPerStep()
        samplesPerStep = trainer.recipe.fields.minibatch * max(1, perStep)
        stepsPerEpoch = order.minibatchesPerEpoch / max(1, perStep)
        inputs = StepInputs(
            step, of: plan, stage: name, loaders: try trainer.loaders(for: step, order, from: position.step, to: length),
            signs: trainer.split.set.manifest.classes.map(\.sign), seed: UInt64(trainer.recipe.fields.seed))
    }

    func run(_ position: Position) throws -> Outcome {
        let started = ContinuousClock.now, waited = inputs.waiting
        try inputs.fill(scope: 0, round: 0, step: position.step)
        if let requests = plan.input(stop), !requests.isEmpty { requests[0] = StopRequest.isMade ? 1 : 0 }
        let progress = Progress(step: position.step, epoch: position.step / stepsPerEpoch, share: Double(position.step) / Double(length))
        try plan.run(progress) { [inputs] scope, round in try inputs.fill(scope: scope, round: round, step: position.step) }
        measure(since: started, loading: inputs.waiting - waited)

        let losses = step.reports.map { (name: $0.name, value: plan.scalar($0.node)) }
        if let loss = losses.first(where: { !$0.value.isFinite }) {
            throw Failure(
                .badData,
                "\(loss.name) is \(loss.value) in step \(position.step + 1) of \(name); the last checkpoint stays: train on from it with a lower learning rate"
            )
        }
        return Outcome(losses: losses, redraws: redraw(after: position), isAskedToStop: plan.scalar(stopTotal) > 0)
    }

    /// Draws anew what asked for it; the values that decide are equal on all ranks.
    private func redraw(after position: Position) -> Int {
        var count = 0
        for redraw in step.redraws where plan.scalar(redraw.value) < redraw.limit {
            count += 1
            for (name, variable) in redraw.variables { model.draw(variable, name, redraw: UInt64(position.redraws + count)) }
            for variable in redraw.optimizerState { model.draw(variable, "", redraw: 0) }
        }
        return count
    }

    private func measure(since start: ContinuousClock.Instant, loading: Duration) {
        func seconds(_ duration: Duration) -> Double { Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18 }
        let whole = seconds(.now - start), now = Double(samplesPerStep) / whole
        rate = rate == 0 ? now : 0.9 * rate + 0.1 * now
        waiting = 0.9 * waiting + 0.1 * seconds(loading) / whole
        communicating = 0.9 * communicating + 0.1 * seconds(plan.reducing) / whole
    }
}
