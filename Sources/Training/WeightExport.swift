import Datasets
import Foundation
import Ranks

/// A run's weights for other programs, without what only training needs: a file that the `safetensors` package reads.
///
/// Names are those of checkpoints. Convolutions of both kinds are [kernel height, kernel width, channels of the larger image, channels of the
/// smaller], dense layers [inputs, outputs], batch norm `scale`, `shift`, `mean` and `variance`. The metadata hold, as text: `detector`,
/// `recipe` (the keys that define the model, JSON), `shape`, `type` and `range` of a stored sample, `shape_in` of one as the detector takes
/// it, and `multiplier` and `offset`, which bring stored numbers to the detector's before any transform.
public struct WeightExport {
    public let tensorCount: Int, byteCount: Int

    /// All ranks call this; rank 0 writes.
    public init(of run: RunFolder, to path: String, group: RankGroup) throws {
        let recipe = try run.recipe(), checkpoint = try run.lastCheckpoint()
        let form = try checkpoint.record.form ?? SampleForm(of: sharedManifest(recipe.fields.data, group))
        let model = try Model(recipe, of: form), tensors = checkpoint.state.tensors.filter { !$0.key.hasPrefix("optimizer/") }
        // a checkpoint of another version is not passed on
        try model.load(tensors, from: checkpoint.folder.path)
        let scaling = model.preprocessing.scalingFactors
        let metadata = [
            "format": "vigil weights 1", "detector": recipe.fields.detector, "recipe": try exportText(checkpoint.record.model),
            "checkpoint": checkpoint.folder.lastPathComponent, "state_sha256": checkpoint.record.stateSHA256,
            "shape": try exportText(form.shape), "type": form.type.rawValue, "range": try exportText(form.range),
            "shape_in": try exportText(model.sample.extents),
            "multiplier": "\(scaling.multiplier)", "offset": "\(scaling.offset)",
        ]
        let bytes = try Safetensors(metadata: metadata, tensors: tensors).encoded()
        (tensorCount, byteCount) = (tensors.count, bytes.count)
        if group.rank == 0 { try writeExport(bytes, to: path) }
    }
}

/// Writes a file for other programs, whole or not at all.
func writeExport(_ bytes: Data, to path: String) throws {
    do { try bytes.write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
        throw Failure(.cannotCreate, "\(path) cannot be written: \(reason(of: error)); make its folder, make room, or name another file")
    }
}

/// A value as such files hold it: JSON whose keys are in order.
func exportText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
