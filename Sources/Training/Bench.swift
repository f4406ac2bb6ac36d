import Detectors
import Foundation
import Graphs
import Plans
import Ranks

/// Times the steps of a detector's first training stage on samples without meaning.
public final class Bench {
    private let plan: Plan, group: RankGroup, recipe: Recipe, heading: String

    /// - Parameter sample: its shape, as "32x32x3".
    public init(_ detector: String, sample: String, minibatch: Int, threads: Int, isa: String, reduce: String = "tree", group: RankGroup) throws {
        let extents = sample.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard !extents.isEmpty, extents.allSatisfy({ $0 > 0 }) else {
            throw Failure(.usage, "--sample is \"\(sample)\"; give its extents, as 32x32x3")
        }
        let keys = [
            ("detector", detector), ("data", "none"), ("minibatch", "\(minibatch)"), ("run.threads", "\(threads)"), ("run.isa", isa),
            ("run.reduce", reduce),
        ]
        recipe = try Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) })
        let model = try Model(recipe, sample: Shape(extents))
        let stages = model.detector.stages.compactMap { stage -> (name: String, procedure: (TrainingStep) -> Void)? in
            if case .train(_, let procedure) = stage.work { (stage.name, procedure) } else { nil }
        }
        guard let stage = stages.first else { throw Failure(.usage, "\(detector) has no training steps to time") }
        let step = TrainingStep(
            of: model.detector, stage: stage.name, sample: model.sample, minibatch: minibatch, microbatch: recipe.microbatch, store: model.store)
        stage.procedure(step)
        model.initialize()
        let resources = try makeResources(recipe, group)
        plan = try Plan(step.trace, results: step.reports.map(\.node), state: model.state, on: resources)
        for (number, node) in (step.minibatches.map(\.node) + step.noises.map(\.node)).enumerated() {
            guard let values = plan.input(node) else { continue }
            for place in values.indices { values[place] = Float((place &* 7919 &+ number) % 1000) / 500 - 1 }
        }
        self.group = group
        heading =
            "\(detector), stage \(stage.name), samples \(sample), minibatch \(minibatch), microbatch \(recipe.microbatch); "
            + "\(group.count) ranks of \(threads) threads, \(resources.isa.name)"
    }

    /// The figures as text.
    public func run(steps: Int, kernels: Bool) throws -> String {
        try plan.run()
        var seconds: [Double] = []
        for _ in 0 ..< max(1, steps) {
            try group.barrier()
            seconds.append(try Self.seconds { try plan.run() })
        }
        let median = try group.maximum([seconds.sorted()[seconds.count / 2]])[0]
        var lines = [
            heading,
            String(
                format: "step %.1f ms, %.1f samples/s, arena %.1f MiB", median * 1e3, Double(recipe.fields.minibatch) / median,
                Double(plan.arenaBytes) / 0x1p20),
        ]
        if kernels {
            for (name, calls, time) in try plan.profile() { lines.append(String(format: "  %8.2f ms  %4d × %@", time * 1e3, calls, name)) }
        }
        return lines.joined(separator: "\n")
    }

    /// The parts of each rank's steps as JSON, for `cluster/scaling`.
    public func laps(warmUps: Int, steps: Int) throws -> String {
        try BenchLaps(of: plan, warmUps: warmUps, steps: steps, group: group).text
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let time = try ContinuousClock().measure(body)
        return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    }
}
