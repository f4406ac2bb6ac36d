import Datasets
import Detectors
import Foundation
import Graphs
import Reports

/// What a detector computes, drawn from its traces: networks as boxes, with what flows between them.
public struct DetectorDrawing {
    /// Scoring first, then each stage that is trained in steps.
    let parts: [Schematic]

    /// Of a run or a recipe's file, on one rank.
    public init(at path: String) throws {
        var isFolder: ObjCBool = false
        let isRun = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        let run = RunFolder(path, .alone()), recipe = try isRun ? run.recipe() : Recipe(Recipe.text(of: path, .alone()), file: path)
        // a run knows its samples, wherever they are now
        let known = isRun ? try? run.lastCheckpoint().record.form : nil
        let form = try known ?? SampleForm(of: sharedManifest(recipe.fields.data, .alone()))
        try self.init(recipe, sample: Model(recipe, of: form).sample)
    }

    init(_ recipe: Recipe, sample: Shape) throws {
        let schedule = try Schedule(recipe, sample: sample), name = recipe.fields.detector
        let scoring = Scoring(of: schedule.model.detector, sample: sample, microbatch: recipe.microbatch)
        schedule.model.detector.score(scoring)
        func named(_ kind: String, _ name: String) -> String { name == kind ? name : "\(kind) \(name)" }
        let ends =
            scoring.scores.flatMap { score in score.operands.map { (name: named("score", score.name), node: $0) } }
            + scoring.maps.map { (named("map", $0.name), $0.node) } + scoring.reconstructions.map { (named("reconstruction", $0.name), $0.node) }
        let stages = schedule.stages.map { Self.drawing("\(name), stage \($0.name): its losses", $0.trace, ends: $0.reports) }
        parts = ([Self.drawing("\(name), scoring", scoring.trace, ends: ends)] + stages).compactMap { $0 }
        guard !parts.isEmpty else {
            throw Failure(.usage, "\(name) computes without a graph, so there is nothing to draw; `vigil detectors \(name)` says what it does")
        }
    }

    /// A file of its own.
    public var svg: String { Schematic.svg(parts, title: "What the detector computes") }

    /// - Returns: nil where nothing comes out.
    private static func drawing(_ title: String, _ trace: Trace, ends: [(name: String, node: Node)]) -> Schematic? {
        ends.isEmpty ? nil : Condensation(of: trace, to: ends).schematic(title)
    }
}
