import Foundation
import Testing

/// What a job on several ranks left behind.
struct Job {
    let code: Int32, output: String, errors: String
    var lines: [String] { output.split(separator: "\n").map(String.init) }
    /// What the probe itself said on stderr; mpirun adds words of its own.
    var messages: [String] {
        errors.split(separator: "\n").map(String.init).filter { ["rank-probe: ", "rank ", "ranks "].contains(where: $0.hasPrefix) }
    }
}

/// A `rank-probe` that was built with MPICH, to be tested in place of the one beside the tests (`cluster/mpich`).
let mpichProbe = ProcessInfo.processInfo.environment["VIGIL_MPICH_PROBE"]

/// Open MPI's own name for its launcher, where another MPI may be installed beside it.
let openMPI = FileManager.default.fileExists(atPath: "/usr/bin/mpirun.openmpi") ? "mpirun.openmpi" : "mpirun"

/// Runs `rank-probe` under the launcher of its MPI; the program stands beside the tests in the build folder.
func mpirun(_ ranks: Int, _ arguments: [String], seconds: Int = 60, launcher: String? = nil, program: String? = mpichProbe) throws -> Job {
    let launcher = launcher ?? (mpichProbe == nil ? openMPI : "mpiexec.mpich")
    let options = launcher == openMPI ? ["--oversubscribe", "--bind-to", "none"] : []
    return try probe(["timeout", "-k", "3", "\(seconds)", launcher, "-n", "\(ranks)"] + options, arguments, program: program)
}

/// Runs `rank-probe` without a launcher.
func alone(_ arguments: [String], environment: [String: String] = [:]) throws -> Job { try probe([], arguments, environment) }

private func probe(_ launcher: [String], _ arguments: [String], _ variables: [String: String] = [:], program: String? = mpichProbe) throws -> Job {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = program ?? URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("rank-probe").path
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: a full pipe that nobody reads would stop the job.
    let output = folder.appendingPathComponent("output"), errors = folder.appendingPathComponent("errors")
    for file in [output, errors] { try Data().write(to: file) }

    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = launcher + [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
        ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1"]
    ) { $1 }.merging(variables) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    // threads of tests block signals, and programs that they start would, too: the alarm of a probe that hangs
    var before = sigset_t(), none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
    process.waitUntilExit()
    return Job(
        code: process.terminationStatus, output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
}
