import Datasets
import Detectors
import Foundation
import Graphs
import Plans
import Ranks

/// A pass over the training normals: totals of fixed blocks in Float32, added in Double in a way that no rank count changes.
final class FitPass {
    /// Samples of a block.
    private static let block = 64
    let name: String
    /// The samples of the pass, by number.
    let samples: [Int]
    private(set) var bytesRead = 0, samplesRead = 0

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

    /// Returns why it stopped where that was before the end; then nothing of it is kept.
    func run() throws -> StopReason? {
        let blocks = samples.count.quotientRoundedUp(Self.block), group = trainer.group
        let own = group.rank * blocks / group.count ..< (group.rank + 1) * blocks / group.count
        let counts = whole.totals.map(\.form.shape.count)
        var sum = WholeSum(group, count: counts.reduce(0, +), blocks: blocks)
        // each block is seen twice: to bound it, and to add it
        if let reason = try form(own, { sum.bound($0) }) { return reason }
        try sum.agree()
        if let reason = try form(own, { sum.add($0) }) { return reason }
        let flat = try sum.totals()
        var start = 0
        let totals = counts.map { count in
            defer { start += count }
            return Array(flat[start ..< start + count])
        }
        for (variable, values) in try whole.conclusion(totals, samples.count) { trainer.model.state[variable] = values }
        return nil
    }

    /// Gives each of some blocks' totals, one after another, until a rank is to stop.
    private func form(_ blocks: Range<Int>, _ body: ([Double]) -> Void) throws -> StopReason? {
        let reader = SplitReader(trainer.split), scaling = Scaling.symmetric(trainer.split.set.manifest.valueRange)
        let resources = Plan.Resources(group: .alone(), team: trainer.resources.team, isa: trainer.resources.isa)
        let plans = try [whole, last].map { fit in
            (fit: fit, plan: try Plan(fit.trace, results: fit.totals, state: trainer.model.state, on: resources))
        }
        for block in blocks {
            let members = samples[block * Self.block ..< min((block + 1) * Self.block, samples.count)]
            let (fit, plan) = plans[members.count == Self.block ? 0 : 1]
            if trainer.stopping.reason != nil { break }
            guard let input = plan.input(fit.x.node) else { break }
            try trainer.stopping.work {
                try reader.read(members, scaling: scaling, into: input)
                try plan.run()
            }
            body(fit.totals.flatMap { node in node.form.shape.rank == 0 ? [plan.scalar(node)] : plan.floats(node).map(Double.init) })
            samplesRead += members.count
        }
        bytesRead += reader.bytesRead
        return try trainer.stopping.agree(over: trainer.group)
    }
}
