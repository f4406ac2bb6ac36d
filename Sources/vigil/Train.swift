import ArgumentParser
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
    @OptionGroup var options: RecipeOptions
    @Option(help: "Folder of the run.", completion: .directory) var out: String

    @Flag(
        help:
            "Writes losses, rates, histograms and pictures for TensorBoard into the run's folder `tensorboard`, evaluations too: the key run.tensorboard."
    )
    var tensorboard = false

    func run(on group: RankGroup) throws -> Int32 {
        let recipe = try options.resolved(group)
        if tensorboard { recipe.run.tensorboard = true }
        return try Trainer(recipe, in: RunFolder(out, group), group: group).train()
    }
}
