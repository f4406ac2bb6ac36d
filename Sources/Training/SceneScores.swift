import Datasets
import Detectors
import Foundation
import Plans
import Ranks
import Reports

/// Scores a scene by a trained run. The ranks share its rows; rank 0 receives the maps in pieces of rows, writes them into a file as they
/// come, and makes everything else of that file, so that all bytes are the same on any number of ranks.
struct SceneScores {
    let recipe: Recipe, request: ScoreRequest, checkpoint: Checkpoint
    private let group: RankGroup

    /// - Throws: where the request asks for what a scene does not have.
    init(_ run: RunFolder, _ recipe: Recipe, _ request: ScoreRequest, group: RankGroup) throws {
        if let threads = request.threads { recipe.run.threads = threads }
        group.setStall(seconds: recipe.run.stall)
        let own = request.samples, other = NewSamples.Request()
        guard !own.converts, !own.hasHeader, own.separator == other.separator, own.dropped.isEmpty, own.array == other.array,
            !request.keepsReconstructions
        else {
            throw Failure(
                .usage,
                "\(recipe.fields.detector) scores a whole scene, so --convert, --header, --separator, --drop, --samples and --reconstructions say nothing; leave them out"
            )
        }
        if case .tail = request.rule {
            throw Failure(
                .usage, "a tail is fitted to held-out normals, of which a scene has none; ask for a quantile of its pixels, or give a number")
        }
        (self.recipe, self.request, self.group) = (recipe, request, group)
        checkpoint = try run.lastCheckpoint()
    }

    /// - Returns: on rank 0, what there is to say.
    func write(to path: String) throws -> String {
        let input = URL(fileURLWithPath: request.input), manifest = input.appendingPathComponent(Manifest.fileName).path
        let isSet = try group.broadcast(group.rank == 0 ? [FileManager.default.fileExists(atPath: manifest) ? 1 : 0] : [])[0] == 1
        if isSet {
            // nothing is made before the totals over the scene are there, which may fail on one rank alone
            let scored = try ScoredScene(openSet(request.input, group), by: self, group)
            return try NewScoresOutput(path, group).keeping { output in try scored.write(into: output) }
        }
        try checkKind(of: input)
        return try NewScoresOutput(path, group).keeping { output in
            let folder = output.beside.appendingPathComponent(".scene")
            let text = try ScoredScene(imported(input, into: folder), by: self, group).write(into: output)
            try group.barrier()
            try output.onRankZero { try FileManager.default.removeItem(at: folder) }
            return text
        }
    }

    /// What may be a cube, by its name; what is in it, the import looks at.
    private func checkKind(of file: URL) throws {
        let plain = file.pathExtension.lowercased() == "gz" ? file.deletingPathExtension() : file
        let known = ["mat", "h5", "hdf5", "he5", "hdr", "img", "dat", "raw", "bsq", "bil", "bip", "bin"]
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw Failure(.missingInput, "\(request.input): there is no such file or folder; give a scene's set or a cube (mat, hdr, h5)")
        }
        guard known.contains(plain.pathExtension.lowercased()) else {
            throw Failure(
                .usage,
                "\(recipe.fields.detector) scores scenes, and \(request.input) is none; give a set that vigil import cube made, or a cube (mat, hdr, h5)"
            )
        }
    }

    /// A cube as a set for this call, with the mask of its file where that has one.
    private func imported(_ file: URL, into folder: URL) throws -> SampleSet {
        var request = SceneRequest(cube: CubeFile(file), mask: CubeFile(file))
        request.needsMask = false
        do { _ = try writeScene(request, named: file.lastPathComponent, to: folder.path, group) } catch let error as DatasetError {
            guard error.kind == .usage else { throw Failure(error, in: self.request.input) }
            throw Failure(
                .usage, "\(self.request.input) takes options of vigil import cube (\(error)), so bring it in with that and score the set")
        }
        return try openSet(folder.path, group)
    }
}

/// A scene whose scores are declared: they are computed where rows of them are asked for.
final class ScoredScene {
    let job: SceneScores, set: SampleSet, split: Split, place: Manifest.Scene
    /// Of the bands that the composite shows.
    let shown: [Int]
    /// Of the score that verdicts are made by.
    let chosen: Int
    let names: [String]
    private let work: SceneWork, group: RankGroup, team: ThreadTeam

    init(_ set: SampleSet, by job: SceneScores, _ group: RankGroup) throws {
        let recipe = job.recipe, manifest = set.manifest, form = job.checkpoint.record.form
        guard let place = manifest.scene else {
            throw Failure(
                .usage, "\(recipe.fields.detector) works on whole scenes, and \(manifest.name) is none; bring one in with vigil import cube")
        }
        if let form, form.shape != manifest.shape {
            throw Failure(
                .usage,
                "\(manifest.name) has \(manifest.shape[0]) bands, the run takes \(form.count) as trained on; bring in the same with vigil import cube --bands"
            )
        }
        (self.job, self.set, self.place, self.group) = (job, set, place, group)
        do { split = try set.split(job.request.split) } catch { throw Failure(error, in: job.request.input) }
        let resources = try makeResources(recipe, .alone()), model = try Model(recipe, of: manifest, trainedOn: form)
        team = resources.team
        try model.load(job.checkpoint.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }, from: job.checkpoint.folder.path)
        do {
            work = try SceneWork(
                of: split, model, seed: recipe.fields.seed, microbatch: recipe.microbatch, on: resources, group)
            try work.declareScores()
        } catch let error as DatasetError { throw Failure(error, in: job.request.input) }
        let names = work.scene.scores.map(\.name)
        guard let chosen = job.request.score.map(names.firstIndex) ?? 0 else {
            throw Failure(.usage, "\(recipe.fields.detector) has no score \"\(job.request.score!)\"; it has \(names.joined(separator: ", "))")
        }
        (self.names, self.chosen) = (names, chosen)
        shown = ScenePicture.bands(of: manifest.shape[0], wavelengths: place.wavelengths, unit: place.wavelengthUnit)
    }

    deinit { team.end() }

    /// The bands of the composite, as a map of three channels.
    private var composite: SceneMap {
        let pixels = work.scene.pixels, shown = shown
        return SceneMap(channels: shown.count) { rows in
            let values = try pixels.values(of: rows)
            return stride(from: 0, to: values.count, by: pixels.channels).flatMap { first in shown.map { values[first + $0] } }
        }
    }

    /// Writes everything beside the place of the output.
    func write(into output: NewScoresOutput) throws -> String {
        func file(_ name: String, _ names: [String]) throws -> ENVIMaps? {
            try output.onRankZero {
                try ENVIMaps(at: output.beside.appendingPathComponent(name), rows: place.rows, columns: place.columns, names: names)
            }
        }
        let maps = try file("scores.img", names), colors = try file(".composite", ["red", "green", "blue"])
        try work.gather(work.scene.scores.map(\.map) + [composite], from: job.request.input, group) { rows, values in
            for (number, own) in values.dropLast().enumerated() {
                if let odd = own.firstIndex(where: { !$0.isFinite }) {
                    let (row, column) = (rows.lowerBound + odd / place.columns, odd % place.columns)
                    throw Failure(.badData, "row \(row), column \(column): score \(names[number]) is \(own[odd]); look at the pixel's numbers")
                }
                try output.attempt { try maps?.write(own, map: number, rows: rows) }
            }
            let pixels = values[names.count], count = shown.count
            for channel in shown.indices {
                let own = stride(from: channel, to: pixels.count, by: count).map { pixels[$0] }
                try output.attempt { try colors?.write(own, map: channel, rows: rows) }
            }
        }
        let text = try output.onRankZero { () -> String in
            guard let maps, let colors else { return "" }
            let text = try SceneScoreFiles(self, maps, colors, in: output.beside).write(named: output.place.path)
            try FileManager.default.removeItem(at: output.beside.appendingPathComponent(".composite"))
            return text
        }
        return text ?? ""
    }
}
