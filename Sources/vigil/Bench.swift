import ArgumentParser
import Detectors
import Ranks
import Training

struct BenchCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Times training steps, or the network between ranks.",
        discussion: """
            Of a detector it times the first stage that has steps; beside detectors it knows \
            \(procedures.map { "\($0.name) (\($0.summary))" }.joined(separator: " and ")). Shares of the processor's peak are measured in the same run: \
            multiply-adds out of registers, and OpenBLAS's product of two matrices of 1024×1024 (sgemm) on each thread.
            """)
    @Argument(help: "A detector, or \(procedures.map { $0.name }.joined(separator: ", ")).", completion: .list(timed)) var detector = "ganomaly"
    @Option(help: "The stage to time.") var stage: String?
    @Option(help: "Shape of made-up samples, as 32x32x3 (the default but for \(procedures.map { $0.name }.joined(separator: " and "))).")
    var sample: String?
    @Option(help: "A set to read samples from, as training does; made-up ones unless given.", completion: .directory) var data: String?
    @Option(help: "Samples of a step, over all ranks (default: 64, of dense 1024).") var minibatch: Int?
    @Option(help: "Steps to time, after one to warm up; the median counts.") var steps = 5
    @Option(help: "Threads a rank.") var threads = 1
    @Option(help: "Instruction set of the kernels: best, avx512, avx2, neon or portable.") var isa = "best"
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the recipe.", valueName: "key=value")) var overrides: [String] = []
    @Flag(help: "Time each kernel, too.") var kernels = false
    @Flag(help: "Latency and bandwidth between ranks, and the time of sums over all, instead of steps.") var network = false
    @Flag(help: "Convolutions by each of their two kernels, and which one plans take, as a Markdown table, instead of steps.")
    var convolutions = false
    @Flag(help: "JSON instead of text.") var json = false
    @Flag(help: "The parts of each rank's steps as JSON, as cluster/scaling reads it; sums do not overlap, and two steps warm up.")
    var laps = false

    private static var timed: [String] { detectors.map { $0.name } + procedures.map { $0.name } }

    func validate() throws {
        if steps < 1 { throw ValidationError("--steps must be at least 1") }
        if let minibatch, minibatch < 1 { throw ValidationError("--minibatch must be at least 1") }
        if network, kernels || sample != nil || data != nil || stage != nil || minibatch != nil || !overrides.isEmpty {
            throw ValidationError("--network times no training step, so it goes with --json alone")
        }
        if convolutions, kernels || network || laps || sample != nil || data != nil || stage != nil || !overrides.isEmpty {
            throw ValidationError("--convolutions times no training step, so it goes with --minibatch, --steps, --threads, --isa and --json alone")
        }
    }

    func run(on group: RankGroup) throws -> Int32 {
        if convolutions {
            let report = try ConvolutionReport(minibatch: minibatch ?? 64, rounds: steps, threads: threads, isa: isa, group: group)
            say(json ? try report.json : report.text, group)
            return 0
        }
        if network {
            let report = try NetworkReport(group)
            say(json ? try report.json : report.text, group)
            return 0
        }
        let bench = try Bench(
            detector, stage: stage, sample: sample, data: data, minibatch: minibatch, threads: threads, isa: isa,
            overrides: (laps ? [("run.overlap", "false")] : []) + overrides.map(RecipeOptions.split), group: group)
        defer { bench.end() }
        if laps {
            say(try bench.laps(warmUps: 2, steps: steps), group)
            return 0
        }
        let report = try bench.run(steps: steps, kernels: kernels)
        say(json ? try report.json : report.text, group)
        return 0
    }
}
