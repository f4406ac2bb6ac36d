import Datasets
import Detectors
import Ranks

extension Trainer {
    /// The training splits of the other sets that a step asks for, by the names it has for them.
    func otherSplits(of step: TrainingStep) throws -> [String: Split] {
        try Dictionary(uniqueKeysWithValues: Set(step.minibatches.compactMap(\.set)).sorted().map { ($0, try otherSplit($0)) })
    }

    private func otherSplit(_ name: String) throws -> Split {
        guard let folder = recipe.sets[name] else {
            throw Failure(
                .usage, "\(recipe.fields.detector) also trains on a set called \(name), which the recipe does not name; add `sets: {\(name): FOLDER}`"
            )
        }
        let set = try openSet(folder, group)
        do { return try set.split("train") } catch { throw Failure(error, in: folder) }
    }

    /// The loaders that a stage's steps draw on, each from where the stage stands to its end: of the training set under "", of others by
    /// their names.
    func loaders(for steps: Steps, from done: Int) throws -> [String: Loader] {
        let owned = try Lanes(count: steps.order.lanes, ranks: group.count).range(of: group.rank)
        var loaders: [String: Loader] = [:]
        let perStep = steps.step.minibatchesPerStep()
        if perStep > 0 {
            loaders[""] = Loader(
                split, order: steps.order, lanes: owned, through: model.preprocessing, startingAt: done * perStep,
                endingAt: steps.length * perStep)
        }
        for (name, split) in steps.others {
            let asked = steps.step.minibatches.filter { $0.set == name }, each = asked[0].each ?? 1
            guard asked.allSatisfy({ ($0.each ?? 1) == each }) else {
                throw Failure(.internal, "\(recipe.fields.detector) asks for minibatches of different sizes from the set \(name); let it ask for one")
            }
            let perStep = steps.step.minibatchesPerStep(of: name)
            do {
                loaders[name] = try loader(of: split, named: name, each: each, lanes: owned, minibatches: done * perStep ..< steps.length * perStep)
            } catch { throw Failure(error, in: recipe.sets[name]!) }
        }
        return loaders
    }

    /// A loader of another set, which cycles under a key of its own.
    private func loader(
        of split: Split, named name: String, each: Int, lanes: Range<Int>, minibatches: Range<Int>
    ) throws(DatasetError) -> Loader {
        let order = try Order(
            cycling: split, minibatch: recipe.fields.minibatch * each, microbatch: recipe.microbatch * each, seed: UInt64(recipe.fields.seed),
            purpose: "set \(name)")
        let preprocessing = try model.preprocessing.applied(to: split.set.manifest)
        return Loader(
            split, order: order, lanes: lanes, through: preprocessing, startingAt: minibatches.lowerBound, endingAt: minibatches.upperBound)
    }
}
