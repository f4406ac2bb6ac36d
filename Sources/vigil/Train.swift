import ArgumentParser
import Foundation
import Ranks
import Training

struct TrainCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a detector, or goes on with a run.",
        discussion: """
            On an existing run the same command goes on from its last checkpoint. SIGUSR1 to mpirun saves and ends with code 75.

            Keys of a recipe beside settings, which `vigil detectors NAME` lists:
            \(Recipe.Fields().all.map { "  \($0.name): \($0.setting.meaning)" }.joined(separator: "\n"))
            Keys that do not change the model:
            \(Recipe.RunFields().keys.map { "  \($0.name): \($0.setting.meaning)" }.joined(separator: "\n"))
            """)
    @Argument(help: "A recipe (YAML).") var recipe: String?
    @Option(help: "A detector, instead of or over the recipe's.") var detector: String?
    @Option(help: "A set's folder, instead of or over the recipe's.") var data: String?
    @Option(help: "Folder of the run.") var out: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the recipe.", valueName: "key=value")) var overrides: [String] = []

    func run(on group: RankGroup) throws -> Int32 {
        let text = try recipe.map { path in try Self.read(path, group) }
        var changes = try overrides.map(Self.split)
        if let detector { changes.append(("detector", detector)) }
        if let data { changes.append(("data", data)) }
        let recipe = try Recipe(text, file: self.recipe ?? "", overrides: changes)
        return try Trainer(recipe, in: RunFolder(out, group), group: group).train()
    }

    private static func read(_ path: String, _ group: RankGroup) throws -> String {
        let bytes = try group.broadcast(group.rank == 0 ? Array(contents(of: path)) : [])
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func contents(of path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.missingInput, "\(path): there is no such recipe that can be read; give a YAML file, or --detector and --data")
        }
        return data
    }

    private static func split(_ text: String) throws -> (key: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { throw Failure(.usage, "--set \(text): it must be key=value, as --set settings.latent=50") }
        return (String(parts[0]), String(parts[1]))
    }
}
