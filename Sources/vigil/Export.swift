import ArgumentParser
import Ranks
import Training

struct ExportCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a trained run's weights for other programs.",
        discussion: """
            The file has every parameter and running statistic by its name and, as text, the detector, its settings, and how stored numbers come to \
            it. Convolutions are [kernel height, kernel width, channels of the larger image, channels of the smaller], dense layers [inputs, outputs].
            """)
    @Argument(help: "Folder of a run.", completion: .directory) var run: String
    @Option(help: "File to write the weights into, in the safetensors format.", completion: .file()) var safetensors: String

    func run(on group: RankGroup) throws -> Int32 {
        let export = try WeightExport(of: RunFolder(run, group), to: safetensors, group: group)
        say("\(safetensors) has \(export.tensorCount) tensors, \(export.byteCount) bytes", group)
        return 0
    }
}
