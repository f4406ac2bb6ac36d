import Datasets
import Detectors
import Graphs
import Plans
import Randomness
import Ranks

/// Gives a step what it asks for: minibatches of the training set and of others, labels, noise.
final class StepInputs {
    /// The sets a step draws on: the loader of each, by name; "" is the one that is trained on.
    private let loaders: [String: Loader]
    private let step: TrainingStep, plan: Plan
    private let seed: UInt64, stage: String
    /// Of each class: 1 where it is normal, -1 where it is abnormal, 0 where it is not labeled.
    private let signs: [Float]
    /// The samples of the last step's minibatches outside of loops, by number in their split.
    private(set) var delivered: [[Int]] = []

    /// How long no minibatch was ready when one was asked for.
    var waiting: Duration { loaders.values.reduce(.zero) { $0 + $1.waited } }
    /// The bytes of all sets, the samples of the training set.
    var read: Reading { Reading(bytes: loaders.values.reduce(0) { $0 + $1.bytesRead }, samples: loaders[""]?.samplesDelivered ?? 0) }

    init(_ step: TrainingStep, of plan: Plan, stage: String, loaders: [String: Loader], signs: [Float], seed: UInt64) {
        (self.step, self.plan, self.stage, self.loaders, self.signs, self.seed) = (step, plan, stage, loaders, signs, seed)
    }

    /// Fills what is asked for in a scope, before one of its rounds.
    func fill(scope: Int, round: Int, step number: Int) throws {
        let loaded = try step.minibatches.filter { $0.scope == scope }.map(load)
        if scope == 0 { delivered = loaded }
        for (place, noise) in step.noises.enumerated() where noise.scope == scope {
            guard let values = plan.input(noise.node) else { continue }
            let rounds = scope == 0 ? [] : [UInt64(round)]
            let philox = Philox(seed: seed, [key(of: "noise"), key(of: stage), UInt64(number), UInt64(place)] + rounds)
            noise.distribution.fill(values, shape: noise.node.form.shape, philox, samples: plan.samples)
        }
    }

    /// A minibatch is taken from its loader whether it is read or only its labels, so that position and order agree.
    private func load(_ minibatch: TrainingStep.Minibatch) throws -> [Int] {
        guard let loader = loaders[minibatch.set ?? ""] else { return [] }
        let loaded: LoadedMinibatch
        if let places = plan.input(minibatch.node) {
            loaded = try loader.next(into: places)
        } else {
            let places = UnsafeMutableBufferPointer<Float>.allocate(capacity: plan.samples.count * minibatch.node.form.shape.count)
            defer { places.deallocate() }
            loaded = try loader.next(into: places)
        }
        if let node = minibatch.labels, let values = plan.input(node) {
            for (place, label) in loaded.labels.enumerated() { values[place] = Float(label) }
        }
        if let node = minibatch.supervision, let values = plan.input(node) {
            for (place, label) in loaded.labels.enumerated() { values[place] = signs[Int(label)] }
        }
        return loaded.samples
    }
}

extension TrainingStep.Distribution {
    /// Draws for samples, each by its number.
    func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, _ philox: Philox, samples: some Sequence<Int>) {
        let count = shape.count
        for (row, sample) in samples.enumerated() {
            switch self {
            case .uniform:
                for element in 0 ..< count { values[row * count + element] = Float(philox.uniform(UInt64(element), UInt64(sample)).roundedBelowOne) }
            case .truncatedNormal:
                for element in 0 ..< count { values[row * count + element] = Float(philox.truncatedNormal(UInt64(element), UInt64(sample))) }
            case .normal:
                for pair in 0 ..< count.quotientRoundedUp(2) {
                    let (a, b) = philox.normals(UInt64(pair), UInt64(sample))
                    values[row * count + 2 * pair] = Float(a)
                    if 2 * pair + 1 < count { values[row * count + 2 * pair + 1] = Float(b) }
                }
            }
        }
    }
}

extension Double {
    /// In Float a number just below 1 would become 1.
    fileprivate var roundedBelowOne: Double { Swift.min(self, 0x1.fffffep-1) }
}
