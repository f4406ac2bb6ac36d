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
    /// Why there is no threshold from held-out normals; nil where there is one.
    public let heldOutAbsence: String?
    /// Of another run's default score against this one's, where it was asked for.
    public private(set) var againstFirst: PairedTest?

    /// Whether the samples are the pixels of a scene.
    public var isScene: Bool { split.set.manifest.scene != nil }

    let model: Model, split: Split, state: Checkpoint
    let run: RunFolder, group: RankGroup
    /// The default score of this rank's share.
    let defaultScores: LocalScores
    /// Of this rank's held-out normals.
    private let normalScores: [Double]
    /// Why there are no pictures of the samples; nil where there can be.
    var pictureAbsence: String? { SamplePictures.absence(of: split, shape: model.preprocessing.shape) }

    /// - Parameters:
    ///   - data: another set than the one trained on, if any.
    ///   - share: of the samples that are to raise an alarm at one more threshold, in (0, 1), if any.
    ///   - threads: a rank; those of the recipe where nil.
    /// - Throws: `Stopped`, on all ranks, where `stopping` ended it: then the scores so far are kept.
    public init(
        _ run: RunFolder, data: String?, split name: String, top share: Double? = nil, threads: Int? = nil, until stopping: Stopping,
        group: RankGroup
    ) throws {
        (self.run, self.group) = (run, group)
        recipe = try run.recipe()
        if let threads { recipe.run.threads = threads }
        group.setStall(seconds: recipe.run.stall)
        let folder = data ?? recipe.fields.data, set = try openSet(folder, group)
        do {
            split = try set.split(name)
            try split.expectLabels()
        } catch { throw Failure(error, in: folder) }
        let state = try run.lastCheckpoint(), model = try Model(recipe, of: set.manifest, trainedOn: state.record.form)
        (self.state, self.model) = (state, model)
        // optimizers' state is left out
        try model.load(state.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: state.folder.path)
        checkpoint = state.folder.lastPathComponent
        samples = split.count
        let splitName = split.name
        classes = set.manifest.classes.map { ($0.name, $0.normal, $0.counts[splitName] ?? 0) }
        let heldOut = try HeldOutNormals(of: recipe, fingerprint: state.record.fingerprint, evaluated: set, over: group)

        let resources = try makeResources(recipe, .alone())
        defer { resources.team.end() }
        StopRequest.listen()
        let microbatch = recipe.microbatch, seed = recipe.fields.seed, isOfScenes = model.detector is any SceneDetector
        let scorer = isOfScenes ? nil : try Scorer(model, microbatch: microbatch, seed: UInt64(seed), on: resources)
        func localScores(_ samples: some RandomAccessCollection<Int>, of split: Split, as name: String) throws -> LocalScores {
            let kept = KeptScores(of: run, split: name, state: state.record, fingerprint: split.set.manifest.fingerprint)
            guard let scorer else {
                return try SceneWork(of: split, model, seed: seed, microbatch: microbatch, on: resources, until: stopping, group)
                    .localScores(of: split, kept, until: stopping)
            }
            return try scorer.localScores(samples, of: split, kept, until: stopping, group)
        }
        let local: LocalScores
        do { local = try localScores(0 ..< split.count, of: split, as: name) } catch let error as DatasetError {
            throw Failure(error, in: folder)
        }
        let file = try ScoreFile(for: name, of: run, samples: local.numbers.count)
        try file.add(local)
        // the folder may be another's, which may be read only: the figures are worth having all the same
        if let failure = file.close() { tell("vigil: the scores are not kept: \(failure)") }
        let normals: LocalScores?
        switch heldOut {
        case .absent(let reason): (normals, heldOutAbsence) = (nil, reason)
        case .of(let split, let samples):
            do { normals = try localScores(samples, of: split, as: "held-out") } catch let error as DatasetError {
                throw Failure(error, in: recipe.fields.data)
            }
            heldOutAbsence = nil
        }
        let column = local.columns[0]
        evaluation = try Evaluation(
            of: local, heldOut: normals, top: share, classes: sampleClasses(of: set), defaultScore: column.name, over: group)
        defaultScores = LocalScores(numbers: local.numbers, classes: local.classes, columns: [column], groups: local.groups)
        normalScores = normals?.columns.first?.values ?? []
    }

    /// The default score of all samples, by number, and of all held-out normals.
    struct Gathered { let scores: [Double], heldOut: [Double] }

    /// Brings the default score together on rank 0, nil on the others. All ranks call this.
    func gathered() throws -> Gathered? {
        let own: [[Double]] = [defaultScores.numbers.map(Double.init), defaultScores.columns[0].values, normalScores]
        let parts = try own.map { column in try group.gather(column.withUnsafeBytes { Array($0) }).flatMap(Self.numbers) }
        guard group.rank == 0 else { return nil }
        var scores = [Double](repeating: .nan, count: samples)
        for (number, score) in zip(parts[0], parts[1]) { scores[Int(number)] = score }
        return Gathered(scores: scores, heldOut: parts[2])
    }

    private static func numbers(_ bytes: [UInt8]) -> [Double] {
        bytes.withUnsafeBytes { bytes in (0 ..< bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) } }
    }

    /// Tests whether a first run's default score of the same samples has another AUROC than this one's. All ranks call this.
    public func compare(with first: Evaluator, named names: (first: String, second: String)) throws {
        guard first.split.name == split.name, first.split.set.manifest.fingerprint == split.set.manifest.fingerprint else { return }
        let columns = zip([names.first, names.second], [first, self]).map { ScoreColumn($0, $1.defaultScores.columns[0].values) }
        againstFirst = try PairedTest(
            of: LocalScores(numbers: defaultScores.numbers, classes: defaultScores.classes, columns: columns, groups: defaultScores.groups),
            first: names.first, second: names.second, classes: sampleClasses(of: split.set), over: group)
    }
}

extension Evaluator: Encodable {
    private enum CodingKeys: String, CodingKey {
        case heldOutAbsence = "held_out_absence"
        case againstFirst = "against_first"
    }

    /// The evaluation, beside it why there are no held-out normals, and the test against the first of several runs.
    public func encode(to encoder: any Encoder) throws {
        try evaluation.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(heldOutAbsence, forKey: .heldOutAbsence)
        try container.encodeIfPresent(againstFirst, forKey: .againstFirst)
    }
}

func sampleClasses(of set: SampleSet) -> [SampleClass] { set.manifest.classes.map { SampleClass($0.name, isNormal: $0.normal) } }

extension Scorer {
    /// This rank's share of some samples of a split, scored.
    fileprivate func localScores(
        _ samples: some RandomAccessCollection<Int>, of split: Split, _ kept: KeptScores, until stopping: Stopping, _ group: RankGroup
    ) throws -> LocalScores {
        let shares = (0 ..< group.count).map { rank in
            let first = rank * samples.count / group.count, end = (rank + 1) * samples.count / group.count
            return Array(samples.dropFirst(first).prefix(end - first))
        }
        let own = shares[group.rank], columns = try kept.complete(shares, until: stopping) { try scores($0, of: split, until: stopping) }
        return LocalScores(
            numbers: own, classes: own.map { Int(split.labels[$0]) }, columns: columns,
            groups: split.groups.map { groups in own.map { Int(groups[$0]) } })
    }
}

/// A detector's scores by a plan of the recipe's microbatch, the last one padded with zeros.
final class Scorer {
    let scoring: Scoring
    /// Samples that the plan scores together: one microbatch, or several, which have the same bits.
    let count: Int
    private let plan: Plan, size: Int, seed: UInt64, preprocessing: Preprocessing
    private let input: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - samples: about how many will come at a time: several microbatches of up to 64 samples share what a plan reads of the weights.
    ///   - shows: whether maps and reconstructions are asked for.
    init(_ model: Model, microbatch: Int, for samples: Int = 1, seed: UInt64, shows: Bool = false, on resources: Plan.Resources) throws {
        let atOnce = max(1, (min(samples, 64) + microbatch - 1) / microbatch)
        count = atOnce * microbatch
        scoring = Scoring(of: model.detector, sample: model.sample, microbatch: microbatch, atOnce: atOnce)
        model.detector.score(scoring)
        func failure(_ what: String) -> Failure { Failure(.internal, "\(type(of: model.detector).name), scoring: \(what)") }
        if let error = scoring.trace.error { throw failure("\(error)") }
        let shown = shows ? (scoring.maps + scoring.reconstructions + scoring.latents).map(\.node) : []
        plan = try Plan(scoring.trace, results: scoring.results + shown, state: model.state, on: resources)
        guard let input = plan.input(scoring.x.node) else { throw failure("no score depends on the sample; make one of `scoring.x`") }
        self.input = input
        (size, self.seed, preprocessing) = (model.sample.count, seed, model.preprocessing)
    }

    /// The scores of some of a split's samples, in the order of their declaration: the first is the default. Where the job is to stop, of
    /// as many as were done by then, one microbatch at least.
    func scores(_ samples: [Int], of split: Split, until stopping: Stopping) throws -> [ScoreColumn] {
        let reader = SplitReader(split)
        var columns = scoring.scores.map { ScoreColumn($0.name, []) }
        for first in stride(from: 0, to: samples.count, by: count) {
            let members = samples[first ..< min(first + count, samples.count)]
            input.update(repeating: 0)
            try stopping.work {
                try reader.read(members, through: preprocessing, into: UnsafeMutableBufferPointer(rebasing: input[..<(members.count * size)]))
                draw(for: members)
                try plan.run()
            }
            for place in 0 ..< members.count {
                for (number, value) in try scoring.values({ values(of: $0, place) }).enumerated() { columns[number].values.append(value) }
            }
            if stopping.reason != nil { break }
        }
        return columns
    }

    /// What is made of a sample: in the order of their declaration. No scores where none were asked for.
    struct Outcome { let scores: [Double], maps: [[Float]], reconstructions: [[Float]], latents: [[Float]] }

    /// Of samples as the detector is given them. Only for a scorer that shows.
    /// - Parameters:
    ///   - numbers: of samples of a split, which key their noise; that of others is keyed by a hash of their content.
    ///   - withScores: false before all is trained that functions on the host make scores of.
    func outcomes(of samples: [[Float]], numbers: [Int]? = nil, withScores: Bool = true) throws -> [Outcome] {
        try stride(from: 0, to: samples.count, by: count).flatMap { first in
            let members = samples[first ..< min(first + count, samples.count)]
            input.update(repeating: 0)
            for (place, values) in members.enumerated() {
                _ = UnsafeMutableBufferPointer(rebasing: input[(place * size)...]).update(fromContentsOf: values)
            }
            let own = numbers.map { Array($0[members.indices]) }
            draw(for: scoring.noises.isEmpty ? [] : (own ?? members.map { Int($0.withUnsafeBytes { number(ofContent: $0) } >> 1) })[...])
            try plan.run()
            return try members.indices.map { sample in
                let place = sample - first
                return Outcome(
                    scores: withScores ? try scoring.values { values(of: $0, place) } : [], maps: scoring.maps.map { values(of: $0.node, place) },
                    reconstructions: scoring.reconstructions.map { values(of: $0.node, place) },
                    latents: scoring.latents.map { values(of: $0.node, place) })
            }
        }
    }

    private func number(ofContent bytes: UnsafeRawBufferPointer) -> UInt64 {
        let hash = SHA256()
        hash.update(bytes)
        return hash.digest().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Noise is keyed by the sample's number.
    private func draw(for samples: ArraySlice<Int>) {
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
