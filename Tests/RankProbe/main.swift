import Glibc
import Ranks

/// What the tests run under mpirun: `rank-probe COMMAND ARGUMENTS...` does one thing with all ranks; rank 0 prints what came out.
let commands: [String: (RankGroup, [String]) throws -> Int32] = [
    "tree": probeTree, "linear": probeLinear, "bench": benchTree, "overlap": probeOverlap, "group": probeGroup, "whole": probeWholeSum,
    "fail": probeFailure, "uncoded": probeUncoded, "agree": probeAgreement, "stall": probeStall,
    "mpi": probeLibrary, "refuse": probeRefusals,
    "metrics": probeMetrics, "diverge": probeDivergence, "scene": probeScene, "loader": probeLoader, "rx": probeRX,
]

let arguments = Array(CommandLine.arguments.dropFirst())
guard let name = arguments.first, let command = commands[name] else {
    print("rank-probe \(commands.keys.sorted().joined(separator: "|")) ARGUMENTS...")
    exit(64)
}
run(program: "rank-probe") { try command($0, Array(arguments.dropFirst())) }
