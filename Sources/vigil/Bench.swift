import ArgumentParser
import Detectors
import Ranks
import Training

struct BenchCommand: RankCommand {
    static let configuration = CommandConfiguration(commandName: "bench", abstract: "Times training steps of a detector on made-up samples.")
    @Argument(help: "A detector.", completion: .list(detectors.map { $0.name })) var detector = "ganomaly"
    @Option(help: "Shape of a sample, as 32x32x3.") var sample = "32x32x3"
    @Option(help: "Samples of a step, over all ranks.") var minibatch = 64
    @Option(help: "Steps to time, after one to warm up; the median counts.") var steps = 5
    @Option(help: "Threads a rank.") var threads = 1
    @Option(help: "Instruction set of the kernels: best, avx512, avx2 or portable.") var isa = "best"
    @Option(help: "How sums are added over ranks: tree, or library for comparison.") var reduce = "tree"
    @Flag(help: "Time by kind of kernel, too.") var kernels = false
    @Flag(help: "The parts of each rank's steps as JSON, as cluster/scaling reads it; two steps warm up.") var laps = false

    func run(on group: RankGroup) throws -> Int32 {
        let bench = try Bench(detector, sample: sample, minibatch: minibatch, threads: threads, isa: isa, reduce: reduce, group: group)
        say(try laps ? bench.laps(warmUps: 2, steps: steps) : bench.run(steps: steps, kernels: kernels), group)
        return 0
    }
}
