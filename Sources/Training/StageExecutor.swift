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
    var bytesRead: Int { loader?.bytesRead ?? 0 }
    var samplesRead: Int { loader?.samplesDelivered ?? 0 }

    /// The samples of the last step, by number in the split, for each minibatch that it took; and their places in it, on this rank.
    private(set) var delivered: [[Int]] = []
    var places: Range<Int> { plan.samples }

    private let name: String, step: TrainingStep, model: Model, seed: UInt64
    private let plan: Plan, loader: Loader?
    private let stop: Node, stopping: Stopping
    private let perStep: Int, minibatch: Int

    init(_ name: String, _ step: TrainingStep, _ order: Order, of trainer: Trainer, from position: Position) throws {
        (self.name, self.step, model, seed) = (name, step, trainer.model, UInt64(trainer.recipe.fields.seed))
        stopping = trainer.stopping
        // a request to stop travels with the losses: each rank puts a number at its first sample
        let requests = Batched(step.trace.input("request to stop", .batched([])))
        stop = requests.node
        stopTotal = total(requests).node
        let results = step.reports.map(\.node) + step.redraws.map(\.value) + [stopTotal]
        plan = try Plan(step.trace, results: results, state: model.state, on: trainer.resources)
        minibatch = trainer.recipe.fields.minibatch
        perStep = step.minibatches.count

        let owned = try Lanes(count: order.lanes, ranks: trainer.group.count).range(of: trainer.group.rank)
        stepsPerEpoch = order.minibatchesPerEpoch / max(1, perStep)
        loader = perStep == 0 ? nil : Loader(trainer.split, order: order, lanes: owned, startingAt: position.step * perStep)
    }

    private let stopTotal: Node

    /// - Parameter isChecking: whether to look for the first value that is not finite, which takes its time.
    func run(_ position: Position, isChecking: Bool = false) throws -> Outcome {
        let started = ContinuousClock.now
        delivered = try step.minibatches.map(load)
        let loaded = ContinuousClock.now
        for (place, noise) in step.noises.enumerated() { fill(noise.node, noise.distribution, place: place, step: position.step) }
        if let requests = plan.input(stop), !requests.isEmpty { requests[0] = stopping.vote }
        var stray: Stray?
        if isChecking { stray = try plan.runChecking(naming: step.names(in: model)) } else { try plan.run() }
        measure(since: started, loading: loaded - started)

        let losses = step.reports.map { (name: $0.name, value: plan.scalar($0.node)) }
        return Outcome(
            losses: losses, redraws: redraw(after: position), stop: Stopping.reason(ofVotes: plan.scalar(stopTotal)), stray: stray)
    }

    private func load(_ node: Node) throws -> [Int] {
        guard let places = plan.input(node), let loader else { return [] }
        return try loader.next(into: places).samples
    }

    /// Noise is keyed by stage, step, call and the sample's place in the minibatch.
    private func fill(_ node: Node, _ distribution: TrainingStep.Distribution, place: Int, step: Int) {
        guard let values = plan.input(node) else { return }
        let count = node.form.shape.count
        let philox = Philox(seed: seed, key(of: "noise"), key(of: name), UInt64(step), UInt64(place))
        for (row, sample) in plan.samples.enumerated() {
            switch distribution {
            case .uniform:
                for element in 0 ..< count { values[row * count + element] = Float(philox.uniform(UInt64(element), UInt64(sample)).roundedBelowOne) }
            case .normal:
                for pair in 0 ..< count.quotientRoundedUp(2) {
                    let (a, b) = philox.normals(UInt64(pair), UInt64(sample))
                    values[row * count + 2 * pair] = Float(a)
                    if 2 * pair + 1 < count { values[row * count + 2 * pair + 1] = Float(b) }
                }
            }
        }
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
        let whole = seconds(.now - start), now = Double(minibatch * max(1, perStep)) / whole
        rate = rate == 0 ? now : 0.9 * rate + 0.1 * now
        waiting = 0.9 * waiting + 0.1 * seconds(loading) / whole
        communicating = 0.9 * communicating + 0.1 * seconds(plan.reducing) / whole
    }
}

extension Double {
    /// In Float a number just below 1 would become 1.
    fileprivate var roundedBelowOne: Double { Swift.min(self, 0x1.fffffep-1) }
}
