import ArgumentParser
import Ranks
import Training

struct ExportCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a trained run's weights, or its scoring, for other programs.",
        discussion: """
            With --onnx the file computes, of samples as the set stores them, every score that is a graph, maps and reconstructions, and where the run \
            held normals out, the probability of a false alarm and the verdict at the threshold for a rate of 0.05; preprocessing is part of it.

            With --safetensors it has every parameter and running statistic by its name and, as text, the detector, its settings, and how stored numbers come to \
            it. Convolutions are [kernel height, kernel width, channels of the larger image, channels of the smaller], dense layers [inputs, outputs].
            """)
    @Argument(help: "Folder of a run.", completion: .directory) var run: String
    @Option(help: "File to write the weights into, in the safetensors format.", completion: .file()) var safetensors: String?
    @Option(help: "File to write the scoring graph into, in the ONNX format.", completion: .file()) var onnx: String?

    func validate() throws {
        guard safetensors != nil || onnx != nil else { throw ValidationError("name a file to write: --onnx FILE, --safetensors FILE, or both") }
    }

    func run(on group: RankGroup) throws -> Int32 {
        let folder = RunFolder(run, group)
        if let safetensors {
            let export = try WeightExport(of: folder, to: safetensors, group: group)
            say("\(safetensors) has \(export.tensorCount) tensors, \(export.byteCount) bytes", group)
        }
        if let onnx {
            let export = try ONNXExport(of: folder, to: onnx, group: group)
            say("\(onnx) has \(export.operatorCount) operators, \(export.byteCount) bytes; it gives \(export.outputs.joined(separator: ", "))", group)
            for remark in export.remarks { say(remark, group) }
        }
        return 0
    }
}
