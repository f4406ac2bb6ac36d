import ArgumentParser
import Ranks
import Training

struct SweepCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Trains a grid of runs, and chooses among their settings.",
        discussion: """
            Every combination of the values is trained with every seed, each as an ordinary run in OUT/SETTING_seed=N. The same command goes on \
            after a stop (SIGUSR1 to mpirun, --until: code 75). In a Slurm array each job makes its share; the last one writes the table, which \
            goes to OUT/sweep.json, sweep.csv and sweep.svg, too.

            Settings are compared by the AUROC on a labeled set (--on), never by the test split of the set trained on. Without one it is the mean \
            default score of held-out normals, lower being better: that cannot compare settings that change what the score measures or its scale, \
            and knows nothing of anomalies.
            """)
    @OptionGroup var options: RecipeOptions
    @Option(name: .customLong("vary"), help: ArgumentHelp("A key of the recipe and the values to try.", valueName: "key=value,value"))
    var variations: [String] = []
    @Option(help: "Runs of each setting, with the recipe's seed and those after it.") var seeds = 1
    @Option(help: "Folder of the runs and of what is chosen.", completion: .directory) var out: String
    @Option(help: "A labeled set to choose on, as of made threats.", completion: .directory) var on: String?
    @Option(help: "Its split.") var split = "test"
    @Option(help: "Ranks that share a run; groups of so many make runs side by side.") var ranksPerRun = 1
    @Option(help: "The share of the runs to make here, as 1/4; that of a Slurm array's job unless given.") var part: String?
    @Option(help: "When to have stopped, with code 75 and all runs saved: minutes from now, a time of day, or a date.") var until: String?

    func run(on group: RankGroup) throws -> Int32 {
        var request = SweepRequest(try options.source(group), varying: variations)
        (request.seeds, request.ranksPerRun, request.on, request.split, request.part) = (seeds, ranksPerRun, on, split, part)
        request.until = try until.map(EvaluateCommand.parse)
        let outcome = try Sweep(request, in: out, group: group).run()
        if let table = outcome.table { say(table, group) }
        return outcome.code
    }
}
