import ArgumentParser
import Datasets
import Ranks

extension ImportCommand {
    struct IDX: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "idx", abstract: "Images and labels in IDX files (MNIST, Fashion-MNIST), gzipped or not.")
        @Option(help: "Training images.", completion: .file()) var images: String
        @Option(help: "Training labels.", completion: .file()) var labels: String
        @Option(help: "Test images.", completion: .file()) var testImages: String
        @Option(help: "Test labels.", completion: .file()) var testLabels: String
        @Option(help: "Names of the classes, in order; their numbers unless given.", transform: list) var classNames: [String]?
        @Option(help: "Height and width to resize to (bilinear), as 32x32.") var size: String?
        @OptionGroup var options: Options

        func run(on group: RankGroup) throws -> Int32 {
            let files = IDXSource.Files(images: url(images), labels: url(labels), testImages: url(testImages), testLabels: url(testLabels))
            return try options.write(IDXSource(files, classNames: classNames, size: extents(size, of: "--size")), group)
        }
    }
}
