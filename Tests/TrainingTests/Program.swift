import Foundation
import Testing

/// What a run of the program left behind.
struct Job {
    let code: Int32, output: String, errors: String
    /// What the program said, without the lines that tell how far it is.
    var complaints: String { errors.split(separator: "\n").filter { $0.hasPrefix("vigil: ") }.joined(separator: "\n") }
}

/// The built program, which stands beside the tests in the build folder.
private let program = URL(fileURLWithPath: try! FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    .deletingLastPathComponent().appendingPathComponent("vigil").path

/// Open MPI's own name for its launcher, where another MPI may be installed beside it.
private let mpirun = FileManager.default.fileExists(atPath: "/usr/bin/mpirun.openmpi") ? "mpirun.openmpi" : "mpirun"

/// Runs `vigil`, under mpirun where `ranks` are given, and waits for its end.
func vigil(_ arguments: [String], ranks: Int? = nil, seconds: Int = 90) throws -> Job {
    try Running(arguments, ranks: ranks, seconds: seconds).wait()
}

/// Runs `vigil` on hosts that are made for it.
func vigil(_ arguments: [String], ranks: Int, hosts: Int, seconds: Int = 300) throws -> Job {
    try Running(arguments, launcher: [hostsScript, "\(hosts)", "-n", "\(ranks)"], seconds: seconds).wait()
}

/// Runs another program, found by its name; what it said on stdout and, unless they are left out, as errors.
func output(of program: String, _ arguments: [String], errors: Bool = true) throws -> (code: Int32, output: String) {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = pipe
    if errors { process.standardError = pipe } else { process.standardError = FileHandle.nullDevice }
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

/// Whether python3 imports `modules`, "a, b". Where it does not the test says that it is not run, which is a failure where the environment
/// has 1 under `requirement`, as cluster/test sets it.
func pythonImports(_ modules: String, requirement: String = "VIGIL_REQUIRE_PYTHON") throws -> Bool {
    guard try output(of: "python3", ["-c", "import \(modules)"]).code != 0 else { return true }
    print("not run: python3 does not import \(modules)")
    #expect(ProcessInfo.processInfo.environment[requirement] != "1", "python3 does not import \(modules)")
    return false
}

/// Makes hosts of a machine.
let hostsScript = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../cluster/hosts").standardized.path

/// A program that runs.
struct Running {
    private let process = Process()
    private let folder: URL
    private var output: URL { folder.appendingPathComponent("output") }
    private var errors: URL { folder.appendingPathComponent("errors") }

    /// Starts `vigil`, or what `shell` says where it is given: there "$0" is the program and "$@" its arguments.
    init(_ arguments: [String], ranks: Int? = nil, launcher: [String] = [], seconds: Int = 90, shell: String? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("vigil-job-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // files, not pipes: a full pipe that nobody reads would stop the job
        for name in ["output", "errors"] { try Data().write(to: folder.appendingPathComponent(name)) }
        let launcher = ranks.map { [mpirun, "-q", "-n", "\($0)", "--oversubscribe", "--bind-to", "none"] } ?? launcher
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "-k", "3", "\(seconds)"] + launcher + (shell.map { ["bash", "-c", $0] } ?? []) + [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
        ]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        // threads of tests block signals, and programs that they start would, too
        var before = sigset_t(), none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
    }

    var isRunning: Bool { process.isRunning }
    /// What was said on stderr so far.
    var errorsSoFar: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// Waits for the end.
    func wait() throws -> Job {
        process.waitUntilExit()
        defer { try? FileManager.default.removeItem(at: folder) }
        func text(_ url: URL) throws -> String { String(decoding: try Data(contentsOf: url), as: UTF8.self) }
        // an mpirun that ends its ranks sometimes warns, in spite of -q, that a pipe of theirs was closed already
        let errors = try text(errors).split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("[warn] Epoll ") }
        return Job(code: process.terminationStatus, output: try text(output), errors: errors.joined(separator: "\n"))
    }

    /// The launcher, or the program where there is none: the only child of `timeout`.
    func signalLauncher(_ number: Int32) {
        for child in Self.children(of: process.processIdentifier) { kill(child, number) }
    }

    /// The ranks that the launcher has started, in their order.
    var ranks: [Int32] {
        Self.children(of: process.processIdentifier).flatMap(Self.children).filter { child in
            (try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)) == "vigil\n"
        }.sorted()
    }

    /// Holds the launcher and all ranks where they are.
    func suspend() { for child in descendants { kill(child, SIGSTOP) } }

    /// Ends the launcher and all ranks at once, as a node that loses power.
    func kill9() { for child in descendants { kill(child, SIGKILL) } }

    /// The process of a rank, once it runs.
    func process(ofRank rank: Int) -> Int32? {
        descendants.first { child in
            let variables = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(child)/environ"))) ?? Data()
            return variables.split(separator: 0).contains(Data("OMPI_COMM_WORLD_RANK=\(rank)".utf8))
        }
    }

    private var descendants: [Int32] {
        var found = Self.children(of: process.processIdentifier), next = 0
        while next < found.count {
            found += Self.children(of: found[next])
            next += 1
        }
        return found
    }

    /// Whether a process runs; one that is dead and was not yet waited for does not.
    static func isAlive(_ process: Int32) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return !status.isEmpty && !status.contains(") Z ")
    }

    private static func children(of parent: Int32) -> [Int32] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
        return threads.flatMap { thread in
            let text = (try? String(contentsOfFile: "/proc/\(parent)/task/\(thread)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { Int32($0) }
        }
    }
}
