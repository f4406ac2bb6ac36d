import ArgumentParser
import Datasets
import Foundation
import Ranks
import Training

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Brings real data into a set.",
        subcommands: [IDX.self, CSV.self, NPZ.self, MAT.self, CIFAR.self, Folder.self, Patches.self, Cube.self])

    /// What becomes of the samples, whatever files they come from.
    struct Options: ParsableArguments {
        @Option(
            help: "Classes that are abnormal (all others are normal); left out of training unless --train-abnormal keeps some.", transform: list)
        var abnormal: [String]?
        @Option(help: "Instead: classes that are normal (all others are abnormal).", transform: list) var normal: [String]?
        @Option(
            help: "Share of all samples, or of whole groups, that is drawn to train on, the rest to test on; the published division unless given.")
        var trainShare: Double?
        @Option(help: "Seed of every draw.") var seed: UInt64 = 0
        @Option(help: "At most so many normal training samples: the first, or those drawn first with --train-share.") var trainLimit: Int?
        @Option(help: "At most so many test samples, chosen likewise.") var testLimit: Int?
        @Option(help: "So many abnormal training samples are kept, chosen likewise, for detectors that learn from labels; others leave them out.")
        var trainAbnormal = 0
        @Flag(help: "Test also on the abnormal samples of the training side.") var testAllAbnormal = false
        @Option(help: "Largest share of abnormal samples in the test split; a surplus is left out by draw.") var abnormalShare: Double?
        @Flag(help: "Test on as many normal as abnormal samples, half of --test-limit each.") var testBalanced = false
        @Option(help: "Name of the set; the folder's unless given.") var name: String?
        @Option(help: "Folder of the set.", completion: .directory) var out: String

        func validate() throws {
            guard trainAbnormal >= 0 else { throw ValidationError("--train-abnormal must be at least 0") }
            guard (abnormal == nil) != (normal == nil) else { throw ValidationError("give either --abnormal or --normal, with some of the classes") }
        }

        private var splitProtocol: SplitProtocol {
            SplitProtocol(
                abnormal.map { .abnormal($0) } ?? .normal(normal ?? []), trainShare: trainShare, seed: seed, trainLimit: trainLimit,
                testLimit: testLimit, trainAbnormal: trainAbnormal, testsAllAbnormal: testAllAbnormal, abnormalShare: abnormalShare,
                testsBalanced: testBalanced)
        }

        /// Writes the set with all ranks and says what it is.
        func write(_ source: some SampleSource, _ group: RankGroup) throws -> Int32 {
            let job = try SetImport(source, named: name ?? url(out).lastPathComponent, by: splitProtocol)
            let manifest = try writeSet(job.description, to: out, group) { writer in try job.write(to: writer) }
            say(summary(of: manifest, at: out), group)
            return 0
        }
    }

    static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    static func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

    /// Height and width, as 32x32.
    static func extents(_ text: String?, of option: String) throws -> [Int]? {
        guard let text else { return nil }
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard sides.count == 2, sides.allSatisfy({ $0 > 0 }) else {
            throw Failure(.usage, "\(option) is \"\(text)\"; give height and width in pixels, as 32x32")
        }
        return sides
    }
}
