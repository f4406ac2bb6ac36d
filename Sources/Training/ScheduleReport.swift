import Datasets
import Foundation
import Graphs
import Plans
import Ranks

/// The schedules of a recipe's plans, one after another: its stages, then scoring.
public struct ScheduleReport {
    public let parts: [(name: String, schedule: PlanDescription)]

    /// Of a recipe, with the shape of its set's samples; all ranks call it together and share the steps as in training.
    public init(_ recipe: Recipe, group: RankGroup) throws {
        let manifest = try sharedManifest(recipe.fields.data, group)
        let schedule = try Schedule(recipe, sample: Shape(manifest.shape)), resources = try makeResources(recipe, group)
        defer { resources.team.end() }
        schedule.model.initialize()
        parts = try (schedule.stages + [schedule.scoring]).filter(\.computes).map { part in
            let name =
                switch part.kind {
                case .steps: "stage \(part.name)"
                case .fit: "fit \(part.name)"
                case .scoring: part.name
                }
            return (name, try schedule.plan(part, on: resources).schedule)
        }
    }

    /// Of a run or of a recipe's file.
    public init(at path: String, group: RankGroup) throws {
        var isFolder: ObjCBool = false
        let isRun = group.rank == 0 && FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        let recipe = try group.broadcast([isRun ? 1 : 0]) == [1] ? RunFolder(path, group).recipe() : Recipe(Recipe.text(of: path, group), file: path)
        try self.init(recipe, group: group)
    }

    public var text: String { parts.map { "\($0.name)\n\($0.schedule)" }.joined(separator: "\n\n") }
}
