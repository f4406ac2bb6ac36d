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
        let stop: StopReason?
        /// The first value that was not finite, where it was looked for.
        let stray: Stray?
    }
    let stepsPerEpoch: Int
    /// Samples a second over all ranks, lately, and the shares of time spent waiting for data and in sums over ranks.
    private(set) var rate = 0.0, waiting = 0.0, communicating = 0.0
    /// Seconds of the steps so far but the first, before which nothing is read ahead; and those of them in which this rank waited for data.
    private(set) var seconds = 0.0, secondsWaiting = 0.0
    var read: Reading { inputs.read }

    /// The samples of the last step's minibatches outside of loops, by number in the split; and their places in it, on this rank.
    var delivered: [[Int]] { inputs.delivered }
    var places: Range<Int> { plan.samples }

    /// Time spent waiting for data so far.
    var waited: Duration { inputs.waiting }

    let plan: Plan
    private let step: TrainingStep, model: Model, inputs: StepInputs
    private let stop: Node, stopTotal: Node, stopping: Stopping
    let samplesPerStep: Int
    private let length: Int

    init(_ steps: Trainer.Steps, of trainer: Trainer, from position: Position) throws {
        (step, length, model, stopping) = (steps.step, steps.length, trainer.model, trainer.stopping)
        // a request to stop travels with the losses: each rank puts a number at its first sample
        let requests = Batched(step.trace.input("request to stop", .batched([])))
        stop = requests.node
        stopTotal = total(requests).node
        let results = step.reports.map(\.node) + step.redraws.map(\.value) + [stopTotal]
        plan = try Plan(step.trace, results: results, state: model.state, on: trainer.resources)

        let perStep = step.minibatchesPerStep()
        samplesPerStep = trainer.recipe.fields.minibatch * max(1, perStep)
        stepsPerEpoch = steps.order.minibatchesPerEpoch / max(1, perStep)
        inputs = StepInputs(
            step, of: plan, stage: steps.name, loaders: try trainer.loaders(for: steps, from: position.step),
            signs: trainer.split.set.manifest.classes.map(\.sign), seed: UInt64(trainer.recipe.fields.seed))
    }

    /// - Parameter isChecking: whether to look for the first value that is not finite, which takes its time.
    func run(_ position: Position, isChecking: Bool = false) throws -> Outcome {
        let started = ContinuousClock.now, waited = inputs.waiting
        try inputs.fill(scope: 0, round: 0, step: position.step)
        if let requests = plan.input(stop), !requests.isEmpty { requests[0] = stopping.vote }
        let progress = Progress(
            step: position.step, epoch: position.step / stepsPerEpoch, share: Double(position.step) / Double(length), stepsPerEpoch: stepsPerEpoch)
        let fill = { [inputs] (scope: Int, round: Int) in try inputs.fill(scope: scope, round: round, step: position.step) }
        var stray: Stray?
        if isChecking {
            stray = try plan.runChecking(progress, naming: step.names(in: model), before: fill)
        } else {
            try plan.run(progress, before: fill)
        }
        measure(since: started, loading: inputs.waiting - waited)

        let losses = step.reports.map { (name: $0.name, value: plan.scalar($0.node)) }
        return Outcome(
            losses: losses, redraws: redraw(after: position), stop: Stopping.reason(ofVotes: plan.scalar(stopTotal)), stray: stray)
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
        func inSeconds(_ duration: Duration) -> Double { Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18 }
        let whole = inSeconds(.now - start), loading = inSeconds(loading), now = Double(samplesPerStep) / whole
        if rate > 0 {
            seconds += whole
            secondsWaiting += loading
        }
        rate = rate == 0 ? now : 0.9 * rate + 0.1 * now
        waiting = 0.9 * waiting + 0.1 * loading / whole
        communicating = 0.9 * communicating + 0.1 * inSeconds(plan.reducing) / whole
    }
}
