import Datasets
import Detectors
import Foundation
import Graphs
import Metrics
import Plans
import Randomness
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
    public init(_ run: RunFolder, data: String?, split name: String, threads: Int? = nil, group: RankGroup) throws {
        recipe = try run.recipe()
        if let threads { recipe.run.threads = threads }
        group.setStall(seconds: recipe.run.stall)
        let folder = data ?? recipe.fields.data, set = try openSet(folder, group)
        let split: Split
        do {
            split = try set.split(name)
            try split.expectLabels()
        } catch { throw Failure(error, in: folder) }
        let model = try Model(recipe, of: set.manifest)
        checkpoint = try Self.load(model, from: run, recipe)
        samples = split.count
        classes = set.manifest.classes.map { ($0.name, $0.normal, $0.counts[name] ?? 0) }

        let own = group.rank * split.count / group.count ..< (group.rank + 1) * split.count / group.count
        let resources = try makeResources(recipe, .alone())
        defer { resources.team.end() }
        let scorer = try Scorer(model, microbatch: recipe.microbatch, seed: UInt64(recipe.fields.seed), on: resources)
        let columns: [ScoreColumn]
        do { columns = try scorer.scores(own, of: split) } catch let error as DatasetError { throw Failure(error, in: folder) }
        let local = LocalScores(numbers: Array(own), classes: own.map { Int(split.labels[$0]) }, columns: columns)
        try ScoreFile.write(local, split: name, to: run) { failure in
            // the folder may be another's, which may be read only: the figures are worth having all the same
            FileHandle.standardError.write(Data("vigil: the scores are not kept: \(failure)\n".utf8))
        }
        evaluation = try Evaluation(
            of: local, classes: set.manifest.classes.map { SampleClass($0.name, isNormal: $0.normal) },
            defaultScore: columns[0].name, over: group)
    }

    /// Takes the newest checkpoint into a model. Optimizers' state is left out.
    private static func load(_ model: Model, from run: RunFolder, _ recipe: Recipe) throws -> String {
        let checkpoint = try run.lastCheckpoint()
        try model.load(checkpoint.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: checkpoint.folder.path)
        return checkpoint.folder.lastPathComponent
    }
}

/// A detector's scores by a plan of the recipe's microbatch, the last one padded with zeros.
final class Scorer {
    private let scoring: Scoring, plan: Plan, microbatch: Int, size: Int, seed: UInt64, preprocessing: Preprocessing

    init(_ model: Model, microbatch: Int, seed: UInt64, on resources: Plan.Resources) throws {
        scoring = Scoring(of: model.detector, sample: model.sample, microbatch: microbatch)
        model.detector.score(scoring)
        if let error = scoring.trace.error { throw Failure(.internal, "\(type(of: model.detector).name), scoring: \(error)") }
        plan = try Plan(scoring.trace, results: scoring.results, state: model.state, on: resources)
        (self.microbatch, size, self.seed, preprocessing) = (microbatch, model.sample.count, seed, model.preprocessing)
    }

    /// The scores of a range of a split's samples, in the order of their declaration: the first is the default.
    func scores(_ range: Range<Int>, of split: Split) throws -> [ScoreColumn] {
        let reader = SplitReader(split)
        var columns = scoring.scores.map { ScoreColumn($0.name, []) }
        guard let input = plan.input(scoring.x.node) else { throw Failure(.internal, "no score depends on the sample") }
        for first in stride(from: range.lowerBound, to: range.upperBound, by: microbatch) {
            let members = first ..< min(first + microbatch, range.upperBound)
            input.update(repeating: 0)
            try reader.read(members, through: preprocessing, into: UnsafeMutableBufferPointer(rebasing: input[..<(members.count * size)]))
            draw(for: first ..< first + microbatch)
            try plan.run()
            for place in 0 ..< members.count {
                for (number, value) in try scoring.values({ values(of: $0, place) }).enumerated() { columns[number].values.append(value) }
            }
        }
        return columns
    }

    /// Noise is keyed by the sample's number.
    private func draw(for samples: Range<Int>) {
        for (place, noise) in scoring.noises.enumerated() {
            guard let values = plan.input(noise.node) else { continue }
            let philox = Philox(seed: seed, key(of: "noise while scoring"), UInt64(place))
            noise.distribution.fill(values, shape: noise.node.form.shape, philox, samples: samples)
        }
    }

    /// A node's value for the sample at a place of the microbatch.
    private func values(of node: Node, _ place: Int) -> [Float] {
        let all = plan.floats(node)
        guard node.form.extent == .batched else { return Array(all) }
        let count = node.form.shape.count
        return Array(all[place * count ..< (place + 1) * count])
    }
}
