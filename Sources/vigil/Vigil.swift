import ArgumentParser
import Foundation
import Ranks
import Training

@main struct VigilCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vigil", abstract: "Trains anomaly detectors on normal data, on any number of ranks: the same model on all.",
        version: Vigil.version,
        subcommands: [
            DetectorsCommand.self, SynthesizeCommand.self, ImportCommand.self, TrainCommand.self, SweepCommand.self, EvaluateCommand.self,
            ScoreCommand.self, ReportCommand.self, PlanCommand.self, InspectCommand.self, ExportCommand.self, DoctorCommand.self, BenchCommand.self,
            ManualCommand.self,
        ])

    /// Commands run on all ranks that a launcher started, those that only print on the first; what is wrong with the arguments is said once.
    static func main() {
        let rank = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].lazy.compactMap { ProcessInfo.processInfo.environment[$0] }.first
        let isFirst = rank == nil || rank == "0"
        // a write beyond a limit on files is an error to tell, not a signal to die of
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            guard let shared = command as? any RankCommand else { return isFirst ? try command.run() : () }
            Ranks.run(program: "vigil") { group in
                let code = try shared.run(on: group)
                guard fflush(nil) == 0 else { throw Failure(.inputOutput, "the output cannot be written: \(String(cString: strerror(errno)))") }
                return code
            }
        } catch {
            if !isFirst {
                usleep(300_000)  // until rank 0 has spoken for all
                Foundation.exit(exitCode(for: error).rawValue)
            }
            exit(withError: error)
        }
    }
}

/// A subcommand that all ranks run together.
protocol RankCommand: ParsableCommand {
    /// - Returns: the exit code.
    func run(on group: RankGroup) throws -> Int32
}

/// Prints on rank 0.
func say(_ text: String, _ group: RankGroup) {
    if group.rank == 0 { print(text) }
}
