import ArgumentParser
import Datasets
import Foundation
import Ranks
import Training

struct SynthesizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthesize", abstract: "Makes data, written in parallel by all ranks.", subcommands: [Baggage.self, Scene.self])

    struct Baggage: RankCommand {
        static let configuration = CommandConfiguration(
            abstract: "X-ray patches of bags; knives, guns and gun parts as anomalies in UBA's proportions.")
        @Option(help: "Folder of the set.", completion: .directory) var out: String
        @Option(help: "Height and width of a patch, pixels.") var side = 64
        @Option(help: "1 for intensity, 3 for the colors of dual-energy scanners.") var channels = 1
        @Option(help: "Normal patches to train on.") var normals = 10_000
        @Option(help: "Normal patches to test on; a fifth of those to train on unless given.") var testNormals: Int?
        @Option(help: "Patches with threats, all to test on.") var threats = 2_000
        @Option(help: "Seed.") var seed: UInt64 = 0

        func validate() throws {
            guard normals > 0, threats > 0, testNormals ?? 1 > 0 else {
                throw ValidationError("--normals, --test-normals and --threats must be at least 1")
            }
        }

        func run(on group: RankGroup) throws -> Int32 {
            let set = try BaggageSet(
                side: side, channels: channels, normals: normals, testNormals: testNormals ?? max(1, normals / 5), threats: threats, seed: seed)
            let manifest = try writeSet(set.description, to: out, group) { writer in try set.write(to: writer) }
            say(summary(of: manifest, at: out), group)
            return 0
        }
    }
}
