import ArgumentParser
import Datasets
import Ranks

extension ImportCommand {
    /// What `npz` and `mat` share.
    struct ArrayOptions: ParsableArguments {
        @Option(help: "Array of samples: n × features, n × height × width (× channels).") var samples = "X"
        @Option(help: "Array of labels, whole numbers.") var labels = "y"
        @Option(help: "Array of what belongs together (scan, patient), whole numbers.") var groups: String?
        @Option(help: "Published test samples.") var testSamples: String?
        @Option(help: "Their labels.") var testLabels: String?
        @Option(help: "Their groups.") var testGroups: String?
        @Option(help: "Names of the classes, in the order of their numbers, which name them unless given.", transform: list) var classNames: [String]?
        @Option(help: "Smallest and largest possible number, as 0,4095; that of the type, or what is found in floats, unless given.", transform: list)
        var range: [String]?

        func validate() throws {
            let bounds = range?.compactMap(Double.init)
            guard bounds.map({ $0.count == 2 && range!.count == 2 && $0[0] < $0[1] }) ?? true else {
                throw ValidationError("--range must be two numbers, the smaller first, as 0,4095")
            }
        }

        func source(_ file: String) throws -> ArraySource {
            var request = ArraySource.Request(file: url(file))
            (request.samples, request.labels, request.testSamples, request.testLabels) = (samples, labels, testSamples, testLabels)
            (request.groups, request.testGroups) = (groups, testGroups)
            (request.classNames, request.range) = (classNames, range.map { Double($0[0])! ... Double($0[1])! })
            return try ArraySource(request)
        }
    }

    struct NPZ: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "npz", abstract: "Arrays of an npz archive, or of a folder of npy files, which are named as the files are.")
        @Argument(help: "The archive or the folder.", completion: .file()) var file: String
        @OptionGroup var arrays: ArrayOptions
        @OptionGroup var options: Options

        func run(on group: RankGroup) throws -> Int32 { try options.write(arrays.source(file), group) }
    }

    struct MAT: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "mat", abstract: "Variables of a MATLAB file of versions 5 to 7, gzipped or not.")
        @Argument(help: "The file.", completion: .file()) var file: String
        @OptionGroup var arrays: ArrayOptions
        @OptionGroup var options: Options

        func run(on group: RankGroup) throws -> Int32 { try options.write(arrays.source(file), group) }
    }
}
