import Datasets
import Detectors
import Foundation
import Graphs
import Plans
import Randomness
import Ranks

/// A pass over the training normals: totals of fixed blocks in Float32, added in Double in a way that no rank count changes.
final class FitPass {
    /// Samples of a block.
    static let block = 64
    let name: String
    /// The samples of the pass, by number.
    let samples: [Int]
    private(set) var read = Reading()

    private let trainer: Trainer
    /// The pass for a whole block, and for the last, which may be short.
    private let whole: Fit, last: Fit

    /// Traces the pass.
    init(_ name: String, _ procedure: (Fit) throws -> Void, of trainer: Trainer) throws {
        (self.name, self.trainer) = (name, trainer)
        samples = trainer.split.training(without: trainer.heldOut).flatMap { $0 }
        let rest = samples.count % Self.block
        (whole, last) = try (Self.trace(name, procedure, Self.block, trainer), Self.trace(name, procedure, rest == 0 ? Self.block : rest, trainer))
    }

    private static func trace(_ name: String, _ procedure: (Fit) throws -> Void, _ block: Int, _ trainer: Trainer) throws -> Fit {
        let fit = Fit(of: trainer.model.detector, sample: trainer.model.sample, block: block)
        try procedure(fit)
        if let error = fit.trace.error { throw Failure(.internal, "\(trainer.recipe.fields.detector), fit \(name): \(error)") }
        return fit
    }

    /// Returns why it stopped where that was before the end; then its totals so far are kept.
    /// - Parameter state: of the checkpoint that the pass begins with.
    func run(from state: Checkpoint.Record) throws -> StopReason? {
        let blocks = samples.count.quotientRoundedUp(Self.block), group = trainer.group
        let counts = whole.totals.map(\.form.shape.count), extremes = whole.maxima.map(\.form.shape.count)
        let file = KeptFit(name, of: trainer.run, state: state)
        let kept = try file.load(totals: counts.reduce(0, +), maxima: extremes.reduce(0, +))
        var sum = kept.map { WholeSum(group, from: $0.sum, blocks: blocks) } ?? WholeSum(group, count: counts.reduce(0, +), blocks: blocks)
        var largest = kept?.maxima ?? Array(repeating: -Double.infinity, count: extremes.reduce(0, +)), done = kept?.done ?? []

        // each block is seen twice: to bound it, and to add it
        for isAdding in [false, true] where isAdding || kept?.isAdding != true {
            if isAdding, kept?.isAdding != true {
                try sum.agree()
                done = []
            }
            let reason = try form((0 ..< blocks).filter { !done.contains($0) }) { block, totals, maxima in
                if isAdding { sum.add(totals) } else { sum.bound(totals) }
                for place in largest.indices { largest[place] = max(largest[place], maxima[place]) }
                done.insert(block)
            }
            if let reason {
                try file.save(sum, maxima: largest, done: done)
                return reason
            }
        }
        let findings = Fit.Findings(
            totals: cut(try sum.totals(), counts), maxima: cut(try group.maximum(largest), extremes), samples: samples.count)
        for (variable, values) in try whole.conclusion(findings) { trainer.model.state[variable] = values }
        file.remove()
        return nil
    }

    private func cut(_ flat: [Double], _ counts: [Int]) -> [[Double]] {
        var start = 0
        return counts.map { count in
            defer { start += count }
            return Array(flat[start ..< start + count])
        }
    }

    /// Gives the totals and largest values of each of this rank's share of some blocks, one after another, until a rank is to stop.
    private func form(_ blocks: [Int], _ body: (_ block: Int, _ totals: [Double], _ maxima: [Double]) -> Void) throws -> StopReason? {
        let (rank, ranks) = (trainer.group.rank, trainer.group.count)
        let reader = SplitReader(trainer.split)
        let resources = Plan.Resources(group: .alone(), team: trainer.resources.team, isa: trainer.resources.isa)
        let plans = try [whole, last].map { fit in
            (fit: fit, plan: try Plan(fit.trace, results: fit.totals + fit.maxima, state: trainer.model.state, on: resources))
        }
        let own = blocks[rank * blocks.count / ranks ..< (rank + 1) * blocks.count / ranks]
        var left = own.count
        for block in own {
            let members = samples[block * Self.block ..< min((block + 1) * Self.block, samples.count)]
            let (fit, plan) = plans[members.count == Self.block ? 0 : 1]
            try trainer.stopping.work {
                // a pass may look at noise alone
                if let input = plan.input(fit.x.node) { try reader.read(members, through: trainer.model.preprocessing, into: input) }
                draw(fit.trace.noises, for: members, into: plan)
                if let labels = fit.labels.flatMap(plan.input) {
                    for (place, sample) in members.enumerated() { labels[place] = Float(trainer.split.labels[sample]) }
                }
                try plan.run()
            }
            body(
                block,
                fit.totals.flatMap { node in node.form.shape.rank == 0 ? [plan.scalar(node)] : plan.floats(node).map(Double.init) },
                fit.maxima.flatMap { node in largest(plan.floats(node), members.count) })
            read.samples += members.count
            left -= 1
            // after one block at least, so that jobs however short come to an end of it
            if trainer.stopping.reason != nil { break }
        }
        read.bytes += reader.bytesRead
        // what is left when all blocks are done takes no time
        return try trainer.group.maximum([Double(left)])[0] > 0 ? trainer.stopping.agree(over: trainer.group) : nil
    }

    /// Noise is keyed by the sample's number.
    private func draw(_ noises: [Noise], for samples: ArraySlice<Int>, into plan: Plan) {
        for (place, noise) in noises.enumerated() {
            guard let values = plan.input(noise.node) else { continue }
            let philox = Philox(seed: UInt64(trainer.recipe.fields.seed), [key(of: "noise of a fit"), key(of: name), UInt64(place)])
            noise.distribution.fill(values, shape: noise.node.form.shape, philox, samples: samples)
        }
    }

    /// Element by element, the largest of several samples.
    private func largest(_ values: UnsafeBufferPointer<Float>, _ samples: Int) -> [Double] {
        let count = values.count / samples
        return (0 ..< count).map { element in (0 ..< samples).reduce(-Double.infinity) { max($0, Double(values[$1 * count + element])) } }
    }
}
