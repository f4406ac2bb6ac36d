import Datasets
import Foundation
import Metrics
import Ranks

/// By what a sweep chooses.
enum SweepCriterion {
    /// The AUROC of the default score on a labeled set, which nothing was trained on; higher is better.
    case auroc(folder: String, split: String, fingerprint: String)
    /// The mean of the default score over the normals held out of training, as one chooses by a validation loss; lower is better.
    case heldOut

    var isHigherBetter: Bool { if case .auroc = self { true } else { false } }

    /// What stands over its column.
    var name: String { if case .auroc = self { "AUROC" } else { "held-out score" } }

    /// What it compares and what it cannot, in one sentence.
    var statement: String {
        switch self {
        case .auroc(let folder, let split, _): "chosen by the AUROC of the default score on split \(split) of \(folder); higher is better"
        case .heldOut:
            "chosen by the mean default score of held-out normals, as by a validation loss; lower is better; it cannot compare settings that "
                + "change what the score measures or its scale, and knows nothing of anomalies: give labeled threats with --on for those"
        }
    }

    /// What a value belongs to: one of another subject counts as none.
    var subject: String {
        switch self {
        case .auroc(_, let split, let fingerprint): "auroc on \(split) of \(fingerprint)"
        case .heldOut: "held-out mean"
        }
    }

    /// - Throws: where it cannot choose among the settings, before anything is trained. All ranks call this.
    init(_ grid: SweepGrid, on folder: String?, split: String, over group: RankGroup) throws {
        var sets: [String: SampleSet] = [:]
        func set(_ path: String) throws -> SampleSet {
            if let known = sets[path] { return known }
            sets[path] = try openSet(path, group)
            return sets[path]!
        }
        let recipes = grid.settings.map { $0.runs[0].recipe }
        for recipe in recipes { _ = try Model(recipe, of: set(recipe.fields.data).manifest) }
        guard let folder else {
            try Self.checkHeldOut(grid, recipes) { recipe in try set(recipe.fields.data) }
            self = .heldOut
            return
        }
        let labeled = try set(folder), manifest = labeled.manifest
        for recipe in recipes {
            let trained = try set(recipe.fields.data).manifest
            guard trained.fingerprint != manifest.fingerprint || !(split == "test" || manifest.scene != nil) else {
                throw Failure(
                    .usage,
                    "--on \(folder) is the set trained on, and what is chosen on its test split would look better there than it is; give another "
                        + "labeled set, as of vigil synthesize baggage")
            }
            _ = try Model(recipe, of: manifest, trainedOn: SampleForm(of: trained))
        }
        do { try labeled.split(split).expectLabels() } catch { throw Failure(error, in: folder) }
        for (isNormal, what) in [(true, "normals"), (false, "anomalies")]
        where !manifest.classes.contains(where: { $0.normal == isNormal && $0.counts[labeled.splitName(split), default: 0] > 0 }) {
            throw Failure(.badData, "\(folder): split \(split) has no \(what), and an AUROC needs both kinds; give another split or set")
        }
        self = .auroc(folder: folder, split: split, fingerprint: manifest.fingerprint)
    }

    private static func checkHeldOut(_ grid: SweepGrid, _ recipes: [Recipe], set: (Recipe) throws -> SampleSet) throws {
        // another detector or other samples make another score
        if let key = grid.keys.first(where: { ["detector", "variant", "data", "transforms", "heldOut"].contains($0) }) {
            throw Failure(.usage, "--vary \(key) makes scores that held-out normals cannot compare; give a labeled set with --on")
        }
        let recipe = recipes[0], own = try set(recipe)
        let isEmpty = try own.manifest.scene != nil || recipe.heldOut(of: own.split("train")).isEmpty
        if isEmpty {
            throw Failure(
                .usage,
                "no normals of \(recipe.fields.data) are held out of training (heldOut: \(recipe.fields.heldOut)), so there is nothing to choose by; "
                    + "give a larger heldOut, or a labeled set with --on")
        }
    }

    /// Of a trained run. All ranks of the group call this.
    /// - Throws: `Stopped`, on all ranks, where the job is to end.
    func value(of run: RunFolder, _ recipe: Recipe, until stopping: Stopping, _ group: RankGroup) throws -> Double {
        switch self {
        case .auroc(let folder, let split, _):
            let evaluator = try Evaluator(run, data: folder, split: split, until: stopping, group: group)
            return evaluator.evaluation[evaluator.evaluation.defaultScore]!.all.auroc
        case .heldOut:
            let state = try run.lastCheckpoint(), manifest = try sharedManifest(recipe.fields.data, group)
            let model = try Model(recipe, of: manifest)
            try model.load(state.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: state.folder.path)
            let resources = try makeResources(recipe, .alone())
            defer { resources.team.end() }
            let scorer = try Scorer(model, microbatch: recipe.microbatch, seed: UInt64(recipe.fields.seed), shows: true, on: resources)
            let scores = try HeldOutScores(model, scorer, recipe, state, of: run, group).columns[scorer.scoring.scores[0].name]!
            return scores.reduce(0, +) / Double(scores.count)
        }
    }
}

extension SampleSet {
    /// A split's own name: a scene's answers to others.
    fileprivate func splitName(_ name: String) -> String { (try? split(name).name) ?? name }
}
