import Datasets
import Foundation
import Metrics
import Plans
import Ranks
import Reports

/// What `vigil report` is asked for.
public struct ReportRequest {
    /// Folders of runs; the first is what others are compared with.
    public var runs: [String]
    /// Another set than the one trained on.
    public var data: String?
    public var split = "test"
    /// Whether samples may be shown.
    public var showsPictures = true
    /// Whether baselines that lie beside the runs are compared, too.
    public var findsBaselines = true
    /// A rank; those of the recipe where nil.
    public var threads: Int?

    public init(runs: [String]) { self.runs = runs }
}

/// Everything that is known of some runs and their scores, as a page in one file.
public struct Report {
    let request: ReportRequest
    /// On rank 0: those asked for, then baselines found beside them.
    let runs: [ReportedRun]

    /// Detectors that any other must beat.
    static let baselines = ["pca", "mean-pixel", "rx"]

    /// Evaluates the runs, with all ranks.
    /// - Throws: `Stopped`, on all ranks, where the job had to stop; the scores so far are kept.
    public init(_ request: ReportRequest, group: RankGroup) throws {
        self.request = request
        let stopping = try Stopping(until: nil), found = request.findsBaselines ? try Self.found(beside: request.runs, group) : []
        let paths = request.runs + found
        let evaluators = try paths.map {
            try Evaluator(RunFolder($0, group), data: request.data, split: request.split, threads: request.threads, until: stopping, group: group)
        }
        for (path, other) in zip(paths, evaluators).dropFirst() { try other.compare(with: evaluators[0], named: (paths[0], path)) }
        let gathered = try evaluators.map { try $0.gathered() }
        guard group.rank == 0 else {
            runs = []
            return
        }
        let names = Self.names(of: paths)
        runs = try paths.indices.map { place in
            try Self.run(
                paths[place], names[place], isFound: place >= request.runs.count, evaluators[place], gathered[place]!,
                showsPictures: request.showsPictures)
        }
    }

    private static func run(
        _ path: String, _ name: String, isFound: Bool, _ evaluator: Evaluator, _ gathered: Evaluator.Gathered, showsPictures: Bool
    ) throws -> ReportedRun {
        let history = RunHistory(of: URL(fileURLWithPath: path)), isScene = evaluator.isScene
        var sheets: ContactSheets?, latents: LatentView?
        if !isFound, !isScene {
            let resources = try makeResources(evaluator.recipe, .alone())
            defer { resources.team.end() }
            let seed = UInt64(evaluator.recipe.fields.seed)
            let scorer = try Scorer(evaluator.model, microbatch: evaluator.recipe.microbatch, seed: seed, shows: true, on: resources)
            if showsPictures, evaluator.pictureAbsence == nil {
                sheets = try ContactSheets(of: evaluator, scores: gathered.scores, by: scorer)
            }
            latents = try LatentView(of: evaluator, by: scorer)
        }
        let scene = isFound || !showsPictures ? nil : try SceneView(of: evaluator, scores: gathered.scores)
        let drawing = isFound ? nil : try? DetectorDrawing(evaluator.recipe, sample: evaluator.model.sample)
        return ReportedRun(
            path: path, name: name, isFound: isFound, evaluator: evaluator, history: history, gathered: gathered, sheets: sheets, latents: latents,
            scene: scene, drawing: drawing)
    }

    /// The last parts of the paths where they differ, else the paths.
    private static func names(of paths: [String]) -> [String] {
        let last = paths.map { URL(fileURLWithPath: $0).lastPathComponent }
        return Set(last).count == last.count ? last : paths
    }

    /// Whole runs of baselines in the folder of the first run that were trained on the same data.
    private static func found(beside runs: [String], _ group: RankGroup) throws -> [String] {
        let list = group.rank == 0 ? baselines(beside: runs) : []
        return String(decoding: try group.broadcast(Array(list.joined(separator: "\n").utf8)), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func baselines(beside runs: [String]) -> [String] {
        func fingerprint(_ path: String) -> String? {
            Checkpoint.all(in: URL(fileURLWithPath: path)).last.flatMap { try? Checkpoint($0) }?.record.fingerprint
        }
        let given = Set(runs.map { URL(fileURLWithPath: $0).standardizedFileURL.path })
        let givenNames = Set(runs.compactMap { try? RunFolder($0, .alone()).recipe().fields.detector })
        guard let first = runs.first, let data = fingerprint(first) else { return [] }
        let folder = (first as NSString).standardizingPath as NSString, parent = folder.deletingLastPathComponent
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.isEmpty ? "." : parent))?.sorted() ?? []
        var met = givenNames
        return names.map { (parent as NSString).appendingPathComponent($0) }.filter { path in
            guard !given.contains(URL(fileURLWithPath: path).standardizedFileURL.path),
                FileManager.default.fileExists(atPath: path + "/recipe.yaml"), !path.contains("\n"),
                let detector = try? RunFolder(path, .alone()).recipe().fields.detector, baselines.contains(detector), fingerprint(path) == data
            else { return false }
            return met.insert(detector).inserted  // one of each
        }
    }

    /// The file, on rank 0.
    public var html: String {
        let names = runs.filter { !$0.isFound }.map(\.title).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let title = "\(names.joined(separator: ", ")) on \(runs[0].manifest.name)"
        let sections = [
            resultSection, classSection, curveSection, scoreSection, thresholdSection, groupSection, trainingSection, sampleSection, latentSection,
            detectorSection, originSection, repeatSection,
        ]
        let date = ISO8601DateFormatter().string(from: Date())
        let foot = Markup("p", [:], Markup("Made by vigil \(Vigil.version) on \(date). The page needs no network and runs no script."))
        return Page(title, lead: lead, sections.compactMap { $0 }, foot: foot).html
    }

    /// The runs that were asked for.
    var own: [ReportedRun] { runs.filter { !$0.isFound } }

    /// In a line: whose report it is.
    public var summary: String {
        let found = runs.filter(\.isFound).map(\.name)
        return "\(own.count) run\(own.count == 1 ? "" : "s")" + (found.isEmpty ? "" : ", beside them \(found.joined(separator: ", "))")
    }

    /// Whether the page can be written, on rank 0: to be known before hours of scoring.
    public static func check(place path: String) throws {
        let place = URL(fileURLWithPath: path), name = ".\(place.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)"
        try writing(to: path) {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { throw POSIXError(.EISDIR) }
            // whether one may is known by trying: rights do not tell of file systems that are read only
            let trial = place.deletingLastPathComponent().appendingPathComponent(name)
            try Data().write(to: trial)
            try FileManager.default.removeItem(at: trial)
        }
    }

    /// Writes the page beside its place and renames it, on rank 0.
    public func write(to path: String) throws {
        let page = Data(html.utf8)
        try Self.writing(to: path) { try page.write(to: URL(fileURLWithPath: path), options: .atomic) }
    }

    private static func writing(to path: String, _ body: () throws -> Void) throws {
        do { try body() } catch {
            throw Failure(.cannotCreate, "\(path) cannot be written: \(reason(of: error)); choose another place with --out, or make room")
        }
    }
}
