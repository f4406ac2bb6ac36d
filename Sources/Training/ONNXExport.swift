import Datasets
import Detectors
import Foundation
import Graphs
import Metrics
import ONNX
import Ranks

/// A run's scoring for other programs: a file that onnxruntime runs.
///
/// Its input `sample` takes samples as the set stores them, as many as a call likes. Its outputs, of each sample: `score_NAME`, `map_NAME` and
/// `reconstruction_NAME` as the detector declares them; of the default score, where the run held normals out, `false_alarm_probability` and,
/// by the quantile of the held-out normals for a rate of 0.05, `alarm`.
public struct ONNXExport {
    public let byteCount: Int, operatorCount: Int
    public let outputs: [String]
    /// What has no graph, each with the reason; what the threshold stands for.
    public let remarks: [String]

    /// All ranks call this; rank 0 writes.
    /// - Throws: where the detector's default score is not a graph, with the reason; nothing is written then.
    public init(of run: RunFolder, to path: String, group: RankGroup) throws {
        let recipe = try run.recipe(), checkpoint = try run.lastCheckpoint()
        let form = try checkpoint.record.form ?? SampleForm(of: sharedManifest(recipe.fields.data, group))
        let model = try Model(recipe, of: form), name = recipe.fields.detector
        if model.detector is any SceneDetector {
            throw Failure(.usage, "\(name) cannot be exported: its scores come of a whole scene, not of one sample; use vigil score")
        }
        try model.load(checkpoint.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: checkpoint.folder.path)
        let resources = try makeResources(recipe, .alone())
        defer { resources.team.end() }
        let scorer = try Scorer(model, microbatch: recipe.microbatch, seed: UInt64(recipe.fields.seed), shows: true, on: resources)
        var (draft, remarks) = try ScoringGraph.draft(scorer.scoring, of: name, form)
        try draft.write(scorer.scoring, state: { model.state[$0] }, model.preprocessing)
        try draft.describe(checkpoint.record, of: name)
        let heldOut = try HeldOutScores(model, scorer, recipe, checkpoint, of: run, group)
        remarks.append(try draft.judge(by: heldOut, of: scorer.scoring.scores[0].name))

        let bytes = draft.builder.model.encoded()
        (byteCount, operatorCount, self.remarks) = (bytes.count, draft.builder.model.operatorCount, remarks)
        outputs = draft.builder.model.outputs.map(\.name)
        if group.rank == 0 { try writeExport(Data(bytes), to: path) }
    }
}

/// A detector's scoring on its way into a model.
private struct ScoringGraph {
    var builder: Builder
    private let form: SampleForm
    private var scores: [(name: String, node: Node)] = []
    private var pictures: [(name: String, node: Node)] = []
    private var defaultScore = ""

    /// What can be exported, and what not.
    static func draft(_ scoring: Scoring, of detector: String, _ form: SampleForm) throws -> (ScoringGraph, remarks: [String]) {
        var graph = ScoringGraph(builder: Builder(name: detector), form: form), remarks: [String] = []
        let given = [scoring.x.node.index: "sample"]
        for (place, score) in scoring.scores.enumerated() {
            let obstacle =
                score.isOnHost ? "it is made by a function on the host" : Translation.obstacle(to: scoring.results(of: place)[0], given: given)
            guard let obstacle else {
                graph.scores.append(("score_\(score.name)", scoring.results(of: place)[0]))
                continue
            }
            if place == 0 { throw Failure(.usage, "\(detector) cannot be exported: of its score \(score.name), \(obstacle); use vigil score") }
            remarks.append("score \(score.name) is left out: \(obstacle)")
        }
        for (kind, values) in [("map", scoring.maps), ("reconstruction", scoring.reconstructions)] {
            for (name, node) in values {
                if let obstacle = Translation.obstacle(to: node, given: given) {
                    remarks.append("\(kind) \(name) is left out: \(obstacle)")
                } else {
                    graph.pictures.append(("\(kind)_\(name)", node))
                }
            }
        }
        return (graph, remarks)
    }

    private init(builder: Builder, form: SampleForm) { (self.builder, self.form) = (builder, form) }

    mutating func write(_ scoring: Scoring, state: (Variable) -> [Double], _ preprocessing: Preprocessing) throws {
        let element: ElementType =
            switch form.type {
            case .u8: .uint8
            case .u16: .uint16
            case .i16: .int16
            case .f32: .float
            }
        let stored = builder.input("sample", TensorType(element, [nil] + form.shape))
        let x = builder.preprocess(stored, by: preprocessing), results = scores + pictures
        var translation = try Translation(of: results.map(\.node), variables: state, inputs: [scoring.x.node.index: x], into: builder)
        for (name, node) in results {
            let value = try translation.value(of: node)
            if name == scores[0].name { defaultScore = value }
            translation.builder.output(name, value, TensorType(.float, [nil] + node.form.shape.extents))
        }
        builder = translation.builder
    }

    /// Adds the probability of a false alarm and the verdict where held-out normals have scores. Returns what there is to say of it.
    mutating func judge(by heldOut: HeldOutScores, of score: String) throws -> String {
        guard let normals = heldOut.columns[score] else {
            let absence = heldOut.absence ?? "there are no held-out normals"
            builder.metadata("threshold", "none: \(absence)")
            return "no threshold: \(absence)"
        }
        let rate = 0.05, calibration = Calibration(normals), threshold = try ThresholdRule.quantile(rate: rate).threshold(calibration, nil)
        let probability = builder.falseAlarmProbability(defaultScore, normals: calibration.normals)
        builder.output("false_alarm_probability", probability, TensorType(.float, [nil]))
        builder.output("alarm", builder.verdict(defaultScore, threshold: threshold), TensorType(.bool, [nil]))
        builder.metadata("threshold", "\(threshold)")
        builder.metadata("false_alarm_rate", "\(rate)")
        builder.metadata("threshold_of", "score_\(score)")
        return "alarm is score_\(score) ≥ \(threshold), the \(1 - rate) quantile of \(normals.count) held-out normals"
    }

    /// Adds what the file is of.
    mutating func describe(_ record: Checkpoint.Record, of detector: String) throws {
        let recipe = try exportText(record.model)
        for (key, value) in [
            ("detector", detector), ("version", Vigil.version), ("recipe", recipe), ("recipe_sha256", sha256(Data(recipe.utf8))),
            ("state_sha256", record.stateSHA256),
        ] { builder.metadata(key, value) }
    }
}

extension Builder {
    /// What brings stored samples to what a detector takes.
    fileprivate mutating func preprocess(_ stored: String, by preprocessing: Preprocessing) -> String {
        let scaling = preprocessing.scalingFactors
        var value = scale(stored, by: [scaling.multiplier], plus: [scaling.offset])
        for (transform, from) in preprocessing.fixedSteps {
            switch transform {
            case .scale, .unscaled, .flip: break  // the scaling above; nothing is flipped when scoring
            case .resize(let height, let width): value = resize(value, height: height, width: width, channels: from[2])
            case .crop(let height, let width):
                value = crop(value, top: (from[0] - height) / 2, left: (from[1] - width) / 2, height: height, width: width)
            case .standardize, .scaleFeatures:
                guard let statistics = preprocessing.statistics else { preconditionFailure("\(transform) has no statistics yet") }
                value = scale(
                    value, by: statistics.deviations.map { 1 / $0 }, plus: zip(statistics.means, statistics.deviations).map { -$0 / $1 })
            }
        }
        return value
    }
}
