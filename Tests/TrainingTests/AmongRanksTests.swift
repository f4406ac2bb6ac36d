import Foundation
import Testing

/// Where hosts of their own cannot be made for a test, in the words of the script; nil where they can.
private let reasonAgainstHosts: String? = {
    let process = Process(), errors = Pipe()
    process.executableURL = URL(fileURLWithPath: hostsScript)
    process.arguments = ["check"]
    process.standardError = errors
    do { try process.run() } catch { return "\(hostsScript) does not run: \(error.localizedDescription)" }
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 ? nil : text.trimmingCharacters(in: .newlines)
}()

extension EndToEnd {
    /// Ranks on several hosts, and ranks that wait for each other.
    @Suite struct AmongRanks {
        private let place = Workspace.shared

        /// As the quickstart does, with fewer patches, narrower networks, one epoch.
        @Test(.enabled(if: reasonAgainstHosts == nil, "\(reasonAgainstHosts ?? "")"))
        func severalHostsTrainTheBytesOfOne() throws {
            let set = place.fresh("quickstart")
            let made = try vigil([
                "synthesize", "baggage", "--out", set, "--side", "32", "--normals", "640", "--test-normals", "64", "--threats", "60",
            ])
            try #require(made.code == 0, "\(made.errors)")
            let recipe = URL(fileURLWithPath: hostsScript).deletingLastPathComponent().appendingPathComponent("recipes/quickstart-ganomaly.yaml")
            func trained(_ run: Run) -> [String] {
                [
                    "train", recipe.path, "--data", set, "--out", run.path, "--set", "settings.width=8", "--set", "settings.latent=20", "--set",
                    "epochs=1",
                ]
            }

            let one = Run(path: place.fresh("one"))
            let job = try vigil(trained(one), seconds: 300)
            try #require(job.code == 0, "\(job.errors)")
            for (hosts, ranks) in [(2, 2), (2, 3), (2, 4), (4, 4)] {
                let run = Run(path: place.fresh("hosts"))
                let job = try vigil(trained(run), ranks: ranks, hosts: hosts)
                try #require(job.code == 0, "\(job.errors)")
                #expect(try run.digest() == one.digest(), "\(ranks) ranks on \(hosts) hosts")
                let start = try #require(run.log("start").first)
                #expect(start["nodes"] as? [String] == (1 ... hosts).map { "host\($0)" } && start["ranks"] as? Int == ranks)
            }
        }

        /// A rank that is stopped is named by the others; when it goes on, so does the job, to the same bytes.
        @Test func whoIsWaitedForIsNamed() throws {
            func keys(_ run: Run) -> [String] { training(run.path, "epochs=3", "settings.width=32", "run.stall=1") }
            let whole = Run(path: place.fresh("calm")), run = Run(path: place.fresh("stopped"))
            try #require(try vigil(keys(whole)).code == 0)
            let job = try Running(keys(run), ranks: 3)
            while job.isRunning, run.log("checkpoint").isEmpty { usleep(1000) }
            let stopped = try #require(job.process(ofRank: 1))
            kill(stopped, SIGSTOP)
            while job.isRunning, !job.errorsSoFar.contains("waited") { usleep(10_000) }
            kill(stopped, SIGCONT)
            let end = try job.wait()
            #expect(end.code == 0, "\(end.errors)")
            #expect(try run.digest() == whole.digest())
            let said = end.errors.split(separator: "\n").filter { $0.hasPrefix("rank") }.map { $0.replacing(#/[1-9][0-9]* s/#, with: "N s") }
            #expect(
                said.map { $0.replacing(#/in (a|an|the) .*: /#, with: "in CALL: ") } == [
                    "ranks 0, 2 have waited N s for rank 1 in CALL: rank 1 does not answer (it is stopped, or its node out of reach); "
                        + "if this lasts, end the job and start it again"
                ])
        }
    }
}
