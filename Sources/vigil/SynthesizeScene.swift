import ArgumentParser
import Datasets
import Foundation
import Ranks
import Training

extension SynthesizeCommand {
    struct Scene: RankCommand {
        static let configuration = CommandConfiguration(
            abstract: "A hyperspectral scene: smooth spectra mixed linearly, noise, and targets of full pixels and less with a known mask.")
        @Option(help: "Folder of the set.", completion: .directory) var out: String
        @Option(help: "Rows of pixels.") var rows = 200
        @Option(help: "Pixels of a row.") var columns = 200
        @Option(help: "Bands, from 400 to 2500 nm.") var bands = 120
        @Option(help: "Targets; every other one covers less than a pixel.") var targets = 30
        @Option(help: "Standard deviation of the noise, in reflectance.") var noise = 0.005
        @Option(help: "Standard deviation of the ground's own variation, in reflectance.") var variability = 0.03
        @Option(help: "Seed.") var seed: UInt64 = 0

        func validate() throws {
            for (value, name) in [(noise, "noise"), (variability, "variability")] {
                guard value.isFinite, value >= 0 else { throw ValidationError("--\(name) must be at least 0") }
            }
        }

        func run(on group: RankGroup) throws -> Int32 {
            let scene = try SceneSynthesizer(
                rows: rows, columns: columns, bands: bands, targets: targets, noise: noise, variability: variability, seed: seed)
            let manifest = try writeSet(scene.description(named: "scene-\(rows)x\(columns)"), to: out, group) { try scene.write(to: $0) }
            say(summary(of: manifest, at: out), group)
            return 0
        }
    }
}
