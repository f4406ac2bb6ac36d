import Datasets
import Foundation
import Ranks

/// What is to be scored, wherever it lies: samples as a detector is given them, each with a name.
struct ScoreInput {
    /// Where they come from, in a few words.
    let description: String
    let names: [String]
    /// The class of each sample, and whether it is an anomaly; nil where nobody says.
    let classes: [String]?
    let areAnomalies: [Bool]?
    /// Of the stored numbers: what pictures show from black to white.
    let range: ClosedRange<Double>
    let preprocessing: Preprocessing
    private let stored: (Int) throws -> StoredValues

    /// A split of a set where the path is a set's, else what `NewSamples` reads. All ranks call this.
    init(at path: String, split name: String, as form: SampleForm, _ preprocessing: Preprocessing, _ request: NewSamples.Request, _ group: RankGroup)
        throws
    {
        let manifest = URL(fileURLWithPath: path).appendingPathComponent(Manifest.fileName).path
        let isSet = try group.broadcast(group.rank == 0 ? [FileManager.default.fileExists(atPath: manifest) ? 1 : 0] : [])[0] == 1
        do {
            guard isSet else {
                let samples = try NewSamples(at: URL(fileURLWithPath: path), as: form, request)
                (names, stored, classes, areAnomalies) = (samples.names, samples.values, nil, nil)
                (self.preprocessing, range, description) = (preprocessing, form.valueRange, path)
                return
            }
            let set = try openSet(path, group), split = try set.split(name), reader = SplitReader(split)
            self.preprocessing = try preprocessing.applied(to: set.manifest)
            (range, description) = (set.manifest.valueRange, "split \(name) of \(path)")
            names = (0 ..< split.count).map { "\(name)/\($0)" }
            classes = split.labels.map { set.manifest.classes[Int($0)].name }
            let isLabeled = (0 ..< split.count).allSatisfy { split.sign($0) != 0 }
            areAnomalies = isLabeled ? (0 ..< split.count).map { !split.isNormal($0) } : nil
            stored = { try reader.values($0 ..< $0 + 1) }
        } catch let error as DatasetError { throw Failure(error, in: path) }
    }

    /// Samples of an open split.
    init(_ samples: [Int], of split: Split, _ preprocessing: Preprocessing) {
        let reader = SplitReader(split)
        names = samples.map { "\(split.name)/\($0)" }
        (classes, areAnomalies, description) = (nil, nil, "split \(split.name)")
        (self.preprocessing, range) = (preprocessing, split.set.manifest.valueRange)
        stored = { try reader.values(samples[$0] ..< samples[$0] + 1) }
    }

    /// A sample as the detector is given it.
    func values(of sample: Int) throws -> [Float] {
        do { return preprocessing.values(of: try stored(sample)) } catch let error as DatasetError {
            throw Failure(error, in: names[sample])
        }
    }
}

/// The scores of held-out normals by a checkpoint, kept in the run's folder so that they serve where the training set is out of reach.
struct HeldOutScores {
    /// By the name of the score; of maps, under "map NAME", the largest value of each.
    let columns: [String: [Double]]
    /// Why there are none; nil where there are.
    let absence: String?

    /// All ranks call this and have all of them.
    init(_ model: Model, _ scorer: Scorer, _ recipe: Recipe, _ state: Checkpoint, of run: RunFolder, _ group: RankGroup) throws {
        let file = KeptFile(
            run.url.appendingPathComponent("scores/.normals.kept"), of: ["state_sha256": state.record.stateSHA256, "split": "held-out by content"])
        let found = try run.onRankZero { try file.read(damaged: "held-out normals are scored again").map { try KeptFile.encoded($0) } ?? Data() }
        if !found.isEmpty {
            (columns, absence) = (try KeptFile.decoded(found, name: file.url.path), nil)
            return
        }
        switch try HeldOutNormals(of: recipe, fingerprint: state.record.fingerprint, evaluated: nil, over: group) {
        case .absent(let reason): (columns, absence) = ([:], reason)
        case .of(let split, let samples):
            let share = group.rank * samples.count / group.count ..< (group.rank + 1) * samples.count / group.count
            let input = ScoreInput(Array(samples[share]), of: split, model.preprocessing)
            let outcomes = try stride(from: 0, to: share.count, by: scorer.count).flatMap { first in
                try scorer.outcomes(of: (first ..< min(first + scorer.count, share.count)).map(input.values))
            }
            var own: [String: [Double]] = [:]
            for (number, score) in scorer.scoring.scores.enumerated() { own[score.name] = outcomes.map { $0.scores[number] } }
            for (number, map) in scorer.scoring.maps.enumerated() {
                own["map \(map.name)"] = outcomes.map { Double($0.maps[number].max() ?? 0) }
            }
            let parts = try group.allGather(Array(KeptFile.encoded(own))).map { try KeptFile.decoded(Data($0), name: "held-out scores") }
            let all = own.keys.reduce(into: [String: [Double]]()) { all, name in all[name] = parts.flatMap { $0[name] ?? [] } }
            if let odd = all.first(where: { !$1.allSatisfy(\.isFinite) })?.key {
                throw Failure(.badData, "\(odd) of a held-out normal is not finite; train again with a lower learning rate")
            }
            if group.rank == 0 { file.write(all, what: "the held-out normals' scores") }
            (columns, absence) = (all, nil)
        }
    }
}
