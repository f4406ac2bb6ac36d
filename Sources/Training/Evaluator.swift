import Datasets
import Detectors
import Foundation
import Graphs
import Metrics
import Plans
import Ranks

/// Scores a split with a trained run and leaves the scores in its folder: each rank a contiguous share of the samples, one sample regardless of the others.
public final class Evaluator {
    public let evaluation: Evaluation
    public let recipe: Recipe
    /// Counts of the split: samples, and of each class.
    public let samples: Int
    public let classes: [(name: String, isNormal: Bool, count: Int)]
    /// Which checkpoint was used.
    public let checkpoint: String

    /// - Parameters:
    ///   - data: another set than the one trained on, if any.
    ///   - threads: a rank; those of the recipe where nil.
    /// - Throws: `Stopped`, on all ranks, where `stopping` ended it: then the scores so far are kept.
    public init(_ run: RunFolder, data: String?, split name: String, threads: Int? = nil, until stopping: Stopping, group: RankGroup) throws {
        recipe = try run.recipe()
        if let threads { recipe.run.threads = threads }
        let folder = data ?? recipe.fields.data, set = try openSet(folder, group)
        let split: Split
        do { split = try set.split(name) } catch { throw Failure(error, in: folder) }
        let model = try Model(recipe, sample: Shape(set.manifest.shape))
        let state = try Self.load(model, from: run, recipe)
        checkpoint = state.folder.lastPathComponent
        samples = split.count
        classes = set.manifest.classes.map { ($0.name, $0.normal, $0.counts[name] ?? 0) }

        let shares = (0 ..< group.count).map { Array($0 * split.count / group.count ..< ($0 + 1) * split.count / group.count) }
        let own = shares[group.rank]
        let resources = try makeResources(recipe, .alone())
        defer { resources.team.end() }
        let scorer = try Scorer(model, microbatch: recipe.microbatch, on: resources)
        let columns: [ScoreColumn]
        StopRequest.listen()
        let kept = KeptScores(of: run, split: name, state: state.record, fingerprint: set.manifest.fingerprint)
        do {
            columns = try kept.complete(shares, until: stopping) { try scorer.scores($0, of: split, until: stopping) }
        } catch let error as DatasetError { throw Failure(error, in: folder) }
        let local = LocalScores(numbers: own, classes: own.map { Int(split.labels[$0]) }, columns: columns)
        try ScoreFile.write(local, split: name, to: run) { failure in
            // the folder may be another's, which may be read only: the figures are worth having all the same
            tell("vigil: the scores are not kept: \(failure)")
        }
        evaluation = try Evaluation(
            of: local, classes: set.manifest.classes.map { SampleClass($0.name, isNormal: $0.normal) },
            defaultScore: columns[0].name, over: group)
    }

    /// Takes the newest checkpoint into a model. Optimizers' state is left out.
    private static func load(_ model: Model, from run: RunFolder, _ recipe: Recipe) throws -> Checkpoint {
        let checkpoint = try run.lastCheckpoint()
        try model.load(checkpoint.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: checkpoint.folder.path)
        return checkpoint
    }
}

/// A detector's scores by a plan of the recipe's microbatch, the last one padded with zeros.
final class Scorer {
    private let scoring: Scoring, plan: Plan, microbatch: Int, size: Int

    init(_ model: Model, microbatch: Int, on resources: Plan.Resources) throws {
        scoring = Scoring(of: model.detector, sample: model.sample, microbatch: microbatch)
        model.detector.score(scoring)
        if let error = scoring.trace.error { throw Failure(.internal, "\(type(of: model.detector).name), scoring: \(error)") }
        plan = try Plan(scoring.trace, results: scoring.scores.map(\.node), state: model.state, on: resources)
        (self.microbatch, size) = (microbatch, model.sample.count)
    }

    /// The scores of some of a split's samples, in the order of their declaration: the first is the default. Where the job is to stop, of
    /// as many as were done by then, one microbatch at least.
    func scores(_ samples: [Int], of split: Split, until stopping: Stopping) throws -> [ScoreColumn] {
        let reader = SplitReader(split), scaling = Scaling.symmetric(split.set.manifest.valueRange)
        var columns = scoring.scores.map { ScoreColumn($0.name, []) }
        guard let input = plan.input(scoring.x.node) else { throw Failure(.internal, "no score depends on the sample") }
        for first in stride(from: 0, to: samples.count, by: microbatch) {
            let members = samples[first ..< min(first + microbatch, samples.count)]
            input.update(repeating: 0)
            try stopping.work {
                try reader.read(members, scaling: scaling, into: UnsafeMutableBufferPointer(rebasing: input[..<(members.count * size)]))
                try plan.run()
            }
            for (place, score) in scoring.scores.enumerated() {
                columns[place].values += plan.floats(score.node).prefix(members.count).map(Double.init)
            }
            if stopping.reason != nil { break }
        }
        return columns
    }
}
