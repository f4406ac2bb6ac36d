import ArgumentParser
import Ranks
import Training

struct PlanCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says what training by a recipe will take: steps, hours, memory, disk, and a header for Slurm.",
        discussion: """
            Of the data it needs the set's manifest; where the shards are missing, the number of samples held out is an expected one. The hours \
            come from a few steps of each stage, run here on one rank for some seconds, or from --rate.
            """)
    @OptionGroup var options: RecipeOptions
    @Option(help: "Ranks to plan for.") var ranks = 1
    @Option(help: "Samples a second that all ranks together train, from a log, instead of measuring.") var rate: Double?
    @Option(help: "Seconds to measure each stage.") var seconds = 2.0
    @Flag(help: "JSON instead of text.") var json = false

    func validate() throws {
        if let rate, !(rate > 0 && rate.isFinite) { throw ValidationError("--rate must be a number above 0, in samples a second") }
        guard ranks > 0 else { throw ValidationError("--ranks must be at least 1") }
        if !(0 ... 3600).contains(seconds) { throw ValidationError("--seconds must be a number from 0 to 3600") }
    }

    func run(on group: RankGroup) throws -> Int32 {
        let recipe = try options.resolved(group)
        guard group.rank == 0 else { return 0 }
        let forecast = try Forecast(recipe, ranks: ranks, rate: rate, seconds: seconds)
        print(json ? try text(of: forecast.json) : forecast.text)
        return 0
    }
}
