import ArgumentParser
import Foundation
import Plans
import Ranks
import Training

struct InspectCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Says what a path is and whether it is sound.",
        discussion: """
            A set is read whole and compared with its manifest; of a shard or a file of scores every checksum is read; of a run all checkpoints and \
            scores; of a checkpoint (its folder or state.safetensors) the digest, and its variables are listed. What is damaged ends with code 65.

            --plan shows, of a run or a recipe, the schedule of each stage's plan and of scoring: every action with its kernel, bytes and \
            multiply-adds. Under mpirun it is that of rank 0.

            --graph draws, of a run or a recipe, what scoring and each stage compute, as SVG: vigil inspect RUN --graph > detector.svg
            """)
    @Argument(help: "A set, a shard, a run, a checkpoint or a recipe.", completion: .file()) var path: String
    @Flag(help: "The plans of a run or a recipe.") var plan = false
    @Flag(help: "A drawing of the detector of a run or a recipe: SVG.") var graph = false
    @Flag(help: "JSON instead of text.") var json = false

    func validate() throws {
        if graph, plan || json { throw ValidationError("--graph is a drawing; give it without --plan and --json") }
    }

    func run(on group: RankGroup) throws -> Int32 {
        if plan {
            let report = try ScheduleReport(at: path, group: group)
            say(json ? try encoded(report) : report.text, group)
            return 0
        }
        guard group.rank == 0 else { return 0 }
        if graph {
            print(try DetectorDrawing(at: path).svg, terminator: "")
            return 0
        }
        let found = try Inspection(of: path)
        print(json ? try text(of: found.json) : found.text)
        if let flaw = found.flaw { throw flaw }
        return 0
    }

    private func encoded(_ report: ScheduleReport) throws -> String {
        struct Part: Encodable { let name: String, schedule: PlanDescription }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(report.parts.map { Part(name: $0.name, schedule: $0.schedule) }), as: UTF8.self)
    }
}

/// An object as JSON, the same text for the same object.
func text(of json: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(withJSONObject: json, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
}
