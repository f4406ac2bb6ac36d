import Detectors
import Graphs
import Plans
import Ranks

/// What a recipe's stages compute, as plans on made-up values: for looking at them and for timing, not for training.
struct Schedule {
    /// A stage's steps, its pass, or the scoring.
    struct Part {
        enum Kind { case steps(epochs: Int, minibatchesPerStep: Int), fit, scoring }
        let name: String, kind: Kind
        let trace: Trace
        /// What goes into the log.
        var reports: [(name: String, node: Node)] = []
        fileprivate let results: [Node], inputs: [Node]
    }
    let stages: [Part]
    let scoring: Part
    let model: Model

    /// Traces all parts; so every variable is known, those of optimizers too.
    ///
    /// - Parameters:
    ///   - sample: the shape of a sample.
    ///   - minibatch: another than the recipe's, if any: fewer microbatches than a step has, to time or size a part of it.
    init(_ recipe: Recipe, sample: Shape, minibatch: Int? = nil) throws {
        let model = try Model(recipe, sample: sample)
        stages = try model.detector.stages.compactMap { stage in
            switch stage.work {
            case .train(let own, let procedure):
                let epochs = recipe.epochs(of: stage.name) ?? own
                let step = TrainingStep(
                    of: model.detector, stage: stage.name, sample: sample, minibatch: minibatch ?? recipe.fields.minibatch,
                    microbatch: recipe.microbatch, store: model.store, rates: try recipe.rates(of: stage.name, epochs: epochs))
                procedure(step)
                return Part(
                    name: stage.name,
                    kind: .steps(epochs: epochs, minibatchesPerStep: max(1, step.minibatchesPerStep())),
                    trace: step.trace, reports: step.reports, results: step.reports.map(\.node) + step.redraws.map(\.value),
                    inputs: step.minibatches.map(\.node) + step.noises.map(\.node))
            case .fit(let procedure):
                let fit = Fit(of: model.detector, sample: sample, block: FitPass.block)
                try procedure(fit)
                return Part(name: stage.name, kind: .fit, trace: fit.trace, results: fit.totals, inputs: [fit.x.node] + fit.trace.noises.map(\.node))
            case .scene:
                return nil  // it is no plan's work
            }
        }
        let scored = Scoring(of: model.detector, sample: sample, microbatch: recipe.microbatch)
        model.detector.score(scored)
        let inputs = [scored.x.node] + scored.noises.map(\.node)
        scoring = Part(name: "scoring", kind: .scoring, trace: scored.trace, results: scored.results + scored.maps.map(\.node), inputs: inputs)
        self.model = model
        for part in stages + [scoring] {
            if let error = part.trace.error { throw Failure(.internal, "\(recipe.fields.detector), \(part.name): \(error)") }
        }
    }

    /// Makes a part's plan, which takes the memory that it runs in. What each rank does by itself has no others' resources.
    func plan(_ part: Part, on resources: Plan.Resources) throws -> Plan {
        let alone = Plan.Resources(team: resources.team, isa: resources.isa)
        let plan = try Plan(part.trace, results: part.results, state: model.state, on: part.isShared ? resources : alone)
        // numbers from -1 to 1 without meaning
        for (number, node) in part.inputs.enumerated() {
            guard let values = plan.input(node) else { continue }
            for place in values.indices { values[place] = Float((place &* 7919 &+ number) % 1000) / 500 - 1 }
        }
        return plan
    }
}

extension Schedule.Part {
    /// Whether ranks share one run of it.
    var isShared: Bool { if case .steps = kind { true } else { false } }
    /// Whether there is anything to plan; some detectors of scenes compute without a graph.
    var computes: Bool { !results.isEmpty }
    /// Samples that one run takes.
    var minibatch: Int { trace.minibatch }
    /// Bytes of what is put in before a run, for the samples of one rank.
    func inputBytes(samples: Int) -> Int { inputs.reduce(0) { $0 + 4 * $1.form.shape.count * samples } }
}
