import ArgumentParser
import Datasets
import Foundation
import Ranks
import Training

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "import", abstract: "Brings real data into a set.", subcommands: [IDX.self])

    struct IDX: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "idx", abstract: "Images and labels in IDX files (MNIST, Fashion-MNIST), gzipped or not.")
        @Option(help: "Training images.", completion: .file()) var images: String
        @Option(help: "Training labels.", completion: .file()) var labels: String
        @Option(help: "Test images.", completion: .file()) var testImages: String
        @Option(help: "Test labels.", completion: .file()) var testLabels: String
        @Option(
            help: "Classes that are abnormal; left out of training unless --train-abnormal keeps some.",
            transform: { $0.split(separator: ",").map(String.init) })
        var abnormal: [String]
        @Option(help: "Names of the classes, in order; their numbers unless given.", transform: { $0.split(separator: ",").map(String.init) })
        var classNames: [String]?
        @Option(help: "Height and width to resize to (bilinear), as 32x32.") var size: String?
        @Option(help: "At most so many training samples: the first of the normal ones.") var trainLimit: Int?
        @Option(help: "At most so many test samples: the first.") var testLimit: Int?
        @Option(help: "So many abnormal training samples are kept, the first, for detectors that learn from labels; others leave them out.")
        var trainAbnormal = 0
        @Option(help: "Name of the set; the folder's unless given.") var name: String?
        @Option(help: "Folder of the set.", completion: .directory) var out: String

        func validate() throws {
            guard trainAbnormal >= 0 else { throw ValidationError("--train-abnormal must be at least 0") }
        }

        func run(on group: RankGroup) throws -> Int32 {
            let file = { (path: String) in URL(fileURLWithPath: path) }
            let request = IDXImport.Request(
                images: file(images), labels: file(labels), testImages: file(testImages), testLabels: file(testLabels),
                name: name ?? file(out).lastPathComponent, classNames: classNames, abnormal: abnormal, size: try extents(size),
                trainLimit: trainLimit, testLimit: testLimit, trainAbnormal: trainAbnormal)
            let source: IDXImport
            do { source = try IDXImport(request) } catch { throw Failure(Failure.Reason(rawValue: error.exitCode)!, "\(error)") }
            let manifest = try writeSet(source.description, to: out, group) { writer in try source.write(to: writer) }
            say(summary(of: manifest, at: out), group)
            return 0
        }

        private func extents(_ text: String?) throws -> [Int]? {
            guard let text else { return nil }
            let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard sides.count == 2, sides.allSatisfy({ $0 > 0 }) else {
                throw Failure(.usage, "--size is \"\(text)\"; give height and width in pixels, as 32x32")
            }
            return sides
        }
    }
}
