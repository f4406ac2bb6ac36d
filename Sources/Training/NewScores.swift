import Datasets
import Detectors
import Foundation
import HDF5
import Metrics
import Plans
import Ranks
import Reports

/// What `vigil score` is asked for.
public struct ScoreRequest {
    /// Pictures, a table, arrays, a cube, or a set, of which `split` is scored.
    public var input: String, split = "test"
    public var samples = NewSamples.Request()
    /// The score that verdicts are made by; the detector's default where nil.
    public var score: String?
    /// By the 0.95 quantile of held-out normals where nil; of a scene the 0.99 quantile of its own pixels.
    public var rule: ThresholdRule?
    /// Whether reconstructions are kept beside the maps.
    public var keepsReconstructions = false
    /// How many of the highest scores are painted.
    public var overlays = 100
    /// A rank; those of the recipe where nil.
    public var threads: Int?

    public init(input: String) { self.input = input }
}

/// Scores new samples, or a whole scene where the run's detector works on scenes, and writes what `vigil score` promises into a folder that is
/// not there yet.
/// - Returns: on rank 0, what there is to say.
/// - Throws: where the run, the input or the request are not what they must be; nothing is left behind then.
public func writeScores(_ run: RunFolder, _ request: ScoreRequest, to path: String, group: RankGroup) throws -> String {
    let recipe = try run.recipe()
    guard recipe.detector is any SceneDetector.Type else { return try NewScores(run, request, group: group).write(to: path) }
    return try SceneScores(run, recipe, request, group: group).write(to: path)
}

/// Scores new samples by a trained run, each regardless of the others: the ranks share a block of samples at a time, whose size no rank
/// count decides, so that every file has the same bytes on any number of them.
public final class NewScores {
    let group: RankGroup, input: ScoreInput, scorer: Scorer, heldOut: HeldOutScores
    let request: ScoreRequest, checkpoint: String, stateSHA256: String
    private let team: ThreadTeam

    /// - Throws: where the run, the input or the request are not what they must be; nothing is written then.
    public init(_ run: RunFolder, _ request: ScoreRequest, group: RankGroup) throws {
        (self.group, self.request) = (group, request)
        let recipe = try run.recipe(), state = try run.lastCheckpoint()
        if let threads = request.threads { recipe.run.threads = threads }
        group.setStall(seconds: recipe.run.stall)
        (checkpoint, stateSHA256) = (state.folder.lastPathComponent, state.record.stateSHA256)
        let form = try state.record.form ?? SampleForm(of: sharedManifest(recipe.fields.data, group))
        let model = try Model(recipe, of: form)
        try model.load(state.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: state.folder.path)
        input = try ScoreInput(at: request.input, split: request.split, as: form, model.preprocessing, request.samples, group)
        let resources = try makeResources(recipe, .alone())
        team = resources.team
        let share = (min(input.names.count, ScoreBlocks.most) + group.count - 1) / group.count
        scorer = try Scorer(model, microbatch: recipe.microbatch, for: share, seed: UInt64(recipe.fields.seed), shows: true, on: resources)
        let names = scorer.scoring.scores.map(\.name)
        if let score = request.score, !names.contains(score) {
            throw Failure(.usage, "\(recipe.fields.detector) has no score \"\(score)\"; it has \(names.joined(separator: ", "))")
        }
        heldOut = try HeldOutScores(model, scorer, recipe, state, of: run, group)
    }

    deinit { team.end() }

    /// The name of the score that verdicts are made by, and its place.
    var verdictScore: (name: String, place: Int) {
        let names = scorer.scoring.scores.map(\.name), place = request.score.flatMap(names.firstIndex) ?? 0
        return (names[place], place)
    }

    /// Scores everything and writes `scores.csv`, `scores.h5`, `summary.json` and `overlays/` into a folder that is not there yet.
    /// - Returns: on rank 0, what there is to say.
    public func write(to path: String) throws -> String {
        try NewScoresOutput(path, group).keeping { try write(to: path, $0) }
    }

    private func write(to path: String, _ output: NewScoresOutput) throws -> String {
        let blocks = try ScoreBlocks(for: self)
        let file = try output.onRankZero { try blocks.file(at: output.beside.appendingPathComponent("scores.h5")) }
        var rows: [[Double]] = []
        for first in stride(from: 0, to: input.names.count, by: blocks.size) {
            let block = first ..< min(first + blocks.size, input.names.count)
            let share = block.lowerBound + group.rank * block.count / group.count ..< block.lowerBound + (group.rank + 1) * block.count / group.count
            let own = try scorer.outcomes(of: share.map(input.values))
            for (sample, outcome) in zip(share, own) {
                guard let odd = zip(scorer.scoring.scores, outcome.scores).first(where: { !$1.isFinite }) else { continue }
                throw Failure(.badData, "\(input.names[sample]): score \(odd.0.name) is \(odd.1); look at the sample's numbers")
            }
            let parts = try group.gather(blocks.packed(own))
            guard group.rank == 0, let file else { continue }
            rows += try output.onRankZero { try blocks.write(parts, rows: block, to: file) } ?? []
        }
        var verdict: Verdict?
        if group.rank == 0 {
            let made = try Verdict(on: rows.map { $0[verdictScore.place] }, for: self)
            verdict = made
            try output.onRankZero {
                try file?.file.setAttribute("threshold", to: .string(made.statement))
                try file?.file.close()
                try Data(table(rows, made).utf8).write(to: output.beside.appendingPathComponent("scores.csv"))
                try summary(rows, made).write(to: output.beside.appendingPathComponent("summary.json"))
            }
        }
        let painted = try paint(rows.map { $0[verdictScore.place] }, into: output.beside.appendingPathComponent("overlays"), output)
        try group.barrier()
        return verdict.map { text(of: $0, painted, path) } ?? ""
    }

    /// Paints the highest scores, each rank some of them. Returns how many.
    private func paint(_ scores: [Double], into folder: URL, _ output: NewScoresOutput) throws -> Int {
        let canBePainted = input.preprocessing.shape.count == 3
        guard canBePainted, request.overlays > 0 else { return 0 }
        let highest = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(request.overlays)
        try output.onRankZero { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false) }
        let packed = try group.broadcast(group.rank == 0 ? Array(highest).flatMap { withUnsafeBytes(of: $0) { Array($0) } } : [])
        let chosen = packed.withUnsafeBytes { bytes in (0 ..< bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int.self) } }
        let own = Array(stride(from: group.rank, to: chosen.count, by: group.count))
        for first in stride(from: 0, to: own.count, by: scorer.count) {
            let places = own[first ..< min(first + scorer.count, own.count)], samples = try places.map { try input.values(of: chosen[$0]) }
            for ((place, values), outcome) in zip(zip(places, samples), try scorer.outcomes(of: samples)) {
                let picture = overlay(of: values, outcome)
                try output.attempt {
                    try Data(picture.canvas.png).write(to: folder.appendingPathComponent(fileName(rank: place, sample: chosen[place])))
                }
            }
        }
        return chosen.count
    }

    /// The place among the highest scores, from 1, then the sample's name in letters that any file system takes.
    private func fileName(rank: Int, sample: Int) -> String {
        let name = input.names[sample].map { $0.isLetter || $0.isNumber || "-.".contains($0) ? String($0) : "_" }.joined()
        return String(format: "%06d-", rank + 1) + name.suffix(100) + ".png"
    }

    /// The map's scale is that of held-out normals, the same for all pictures; where there are none it is the picture's own.
    private func overlay(of values: [Float], _ outcome: Scorer.Outcome) -> Overlay {
        let shape = input.preprocessing.shape, like = scorer.scoring.reconstructions.map(\.node.form.shape.extents)
        let pictures = [values] + zip(like, outcome.reconstructions).filter { $0.0 == shape }.map(\.1)
        let panels = pictures.map { Overlay.Panel(input.preprocessing.shares(of: $0, in: input.range), shape: shape) }
        guard let map = scorer.scoring.maps.first, let pixels = outcome.maps.first else { return Overlay(panels, map: nil) }
        let largest = heldOut.columns["map \(map.name)"]?.max() ?? Double(pixels.max() ?? 0)
        return Overlay(panels, map: Overlay.Map(pixels, shape: map.node.form.shape.extents, largest: largest))
    }
}
