import ArgumentParser
import Detectors
import Foundation
import Ranks
import Training

/// A recipe, and what stands over it on the command line.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "A recipe (YAML).", completion: .file(extensions: ["yaml", "yml"])) var recipe: String?
    @Option(help: "A detector, instead of or over the recipe's.", completion: .list(detectors.map { $0.name })) var detector: String?
    @Option(help: "A set's folder, instead of or over the recipe's.", completion: .directory) var data: String?
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the recipe.", valueName: "key=value")) var overrides: [String] = []

    /// The recipe on every rank; rank 0 reads the file.
    func resolved(_ group: RankGroup) throws -> Recipe { try source(group).recipe() }

    func source(_ group: RankGroup) throws -> RecipeSource {
        let text = try recipe.map { path in try Recipe.text(of: path, group) }
        var changes = try overrides.map(Self.split)
        if let detector { changes.append(("detector", detector)) }
        if let data { changes.append(("data", data)) }
        return RecipeSource(text: text, file: recipe ?? "", overrides: changes)
    }

    static func split(_ text: String) throws -> (key: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { throw Failure(.usage, "--set \(text): it must be key=value, as --set settings.latent=50") }
        return (String(parts[0]), String(parts[1]))
    }
}
