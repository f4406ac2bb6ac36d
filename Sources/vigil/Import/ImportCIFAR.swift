import ArgumentParser
import Datasets
import Ranks

extension CIFARSource.Labeling: ExpressibleByArgument {}

extension ImportCommand {
    struct CIFAR: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "cifar", abstract: "The binary files of CIFAR-10 and CIFAR-100, gzipped or not.")
        @Argument(help: "Training files; all files where --train-share draws.", completion: .file()) var files: [String]
        @Option(help: "Published test files.", transform: list) var testFiles: [String] = []
        @Option(help: "Which labels the files have and are taken: ten (CIFAR-10), coarse or fine (CIFAR-100).") var labels = CIFARSource.Labeling.ten
        @Option(help: "Names of the classes, in order; CIFAR-10's (airplane, automobile, ...) or numbers unless given.", transform: list)
        var classNames: [String]?
        @OptionGroup var options: Options

        func run(on group: RankGroup) throws -> Int32 {
            try options.write(
                CIFARSource(files.map(url), testFiles: testFiles.map(url), labeling: labels, classNames: classNames), group)
        }
    }
}
