import ArgumentParser
import Foundation
import Ranks
import Training

struct DoctorCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Looks at launcher, cores, memory, network and file system before a queue is paid for.",
        discussion: """
            Start it as training will be started, by mpirun or srun with the same ranks and binding. A line for each part says what was found and, \
            where that is no good, what to do; the exit code is that of the first thing wrong.
            """)
    @Argument(help: "Folder that runs are to be kept in.", completion: .directory) var folder = "."
    @Option(help: "Threads a rank, as run.threads will have it.") var threads = 1
    @Flag(help: "JSON instead of text.") var json = false

    func validate() throws {
        guard threads >= 1 else { throw ValidationError("--threads must be at least 1") }
    }

    func run(on group: RankGroup) throws -> Int32 {
        let checkup = try Checkup(of: folder, threads: threads, group: group)
        if group.rank == 0 {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            print(
                json
                    ? String(decoding: try encoder.encode(checkup.findings), as: UTF8.self)
                    : checkup.findings.map(\.description).joined(separator: "\n"))
        }
        return checkup.exitCode
    }
}
