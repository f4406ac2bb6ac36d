import Datasets
import Foundation
import Ranks

/// What a path is, and whether it is sound: a set, an HDF5 file, a run, a checkpoint or a recipe, read whole.
public struct Inspection {
    /// For people.
    public let text: String
    /// For programs: an object of JSON, which has "kind" and "path".
    public let json: [String: Any]
    /// What is wrong with a part of it, where the rest is worth telling.
    public let flaw: Failure?

    private enum Kind { case set, file, run, checkpoint, safetensors, recipe }

    /// Looks at a path, on one rank.
    ///
    /// - Throws: `Failure` where there is nothing, or nothing that Vigil makes, or it is damaged.
    public init(of path: String) throws {
        let url = URL(fileURLWithPath: path)
        switch try Self.kind(of: path) {
        case .set: self = try Self.set(at: url.lastPathComponent == Manifest.fileName ? (path as NSString).deletingLastPathComponent : path)
        case .file: self = try Self.file(at: path)
        case .run: self = try Self.run(at: path)
        case .checkpoint: self = try Self.checkpoint(in: url.lastPathComponent.contains(".") ? url.deletingLastPathComponent() : url, path)
        case .safetensors: self = Self(variables: try Safetensors(Data(contentsOf: url), name: path), path)
        case .recipe: self = Self(of: try Recipe(try Recipe.text(of: path, .alone()), file: path), path)
        }
    }

    fileprivate init(kind: String, _ path: String, _ lines: [String], _ json: [String: Any], flaw: Failure? = nil) {
        text = lines.joined(separator: "\n")
        self.json = json.merging(["kind": kind, "path": path, "sound": flaw == nil]) { $1 }
        self.flaw = flaw
    }

    /// By names and the first bytes, which an HDF5 file always has.
    private static func kind(of path: String) throws -> Kind {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure(.missingInput, "\(path): there is nothing of this name; give a set, a shard, a run, a checkpoint or a recipe")
        }
        func has(_ name: String, in folder: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }
        if isFolder.boolValue {
            if has("run.json", in: path) || has("state.safetensors", in: path) { return .checkpoint }
            if has("recipe.yaml", in: path) || has("checkpoints", in: path) { return .run }
            // a set without its manifest is one too, and will be told so
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            if has(Manifest.fileName, in: path) || names.contains(where: { $0.hasSuffix(".h5") }) { return .set }
            throw Failure(
                .missingInput,
                "\(path) is a folder without manifest.json, recipe.yaml or run.json, so it is no set, run or checkpoint; give one of those")
        }
        let first = (try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 8)) ?? Data()
        if first == Data([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) { return .file }
        let folder = (path as NSString).deletingLastPathComponent
        switch ((path as NSString).lastPathComponent, (path as NSString).pathExtension) {
        case (Manifest.fileName, _): return .set
        case ("run.json", _): return .checkpoint
        case (_, "safetensors"): return has("run.json", in: folder.isEmpty ? "." : folder) ? .checkpoint : .safetensors
        case (_, "yaml"), (_, "yml"): return .recipe
        case (_, "h5"), (_, "hdf5"): return .file
        default:
            throw Failure(.badData, "\(path) is no file that Vigil makes; give a set, a shard, a run, a checkpoint or a recipe (.yaml)")
        }
    }

    // MARK: Data

    private static func set(at path: String) throws -> Inspection {
        let set = try openSet(path.isEmpty ? "." : path, .alone()), manifest = set.manifest
        try verify(set, in: path)
        let splits = manifest.splits.map { split -> [String: Any] in
            let classes = manifest.classes.map { ($0.name, $0.counts[split.name, default: 0]) }
            return [
                "name": split.name, "samples": split.count, "shards": split.shards.map(\.file), "bytes": split.shards.reduce(0) { $0 + $1.bytes },
                "classes": Dictionary(uniqueKeysWithValues: classes),
            ]
        }
        return Inspection(
            kind: "set", path, [summary(of: manifest, at: path), "every shard agrees with the manifest"],
            [
                "name": manifest.name, "shape": manifest.shape, "type": manifest.type.rawValue, "fingerprint": manifest.fingerprint, "splits": splits,
                "normal_classes": manifest.classes.filter(\.normal).map(\.name),
            ])
    }

    private static func file(at path: String) throws -> Inspection {
        let report: FileReport
        do { report = try FileReport(of: URL(fileURLWithPath: path)) } catch { throw Failure(error, in: path) }
        let isShard = report.columns.contains { $0.name == "samples" }
        var lines = [
            "\(path): \(isShard ? "a shard" : "an HDF5 file")\(report.set.map { " of split \($0.split) of \($0.name)" } ?? ""), "
                + "\(report.bytes) bytes, SHA-256 \(report.sha256)"
        ]
        lines += report.columns.map { column in
            let chunk = column.chunk.map { "in chunks of \($0)" } ?? "in one piece"
            let filters = column.filters.isEmpty ? "no filter" : column.filters.joined(separator: ", ")
            return "  \(column.name): \(column.type) \(column.shape) \(chunk), \(filters), \(column.storedBytes) bytes"
        }
        if !report.labels.isEmpty {
            lines.append("  \(report.labels.sorted { $0.key < $1.key }.map { "label \($0.key): \($0.value) samples" }.joined(separator: ", "))")
        }
        if let groups = report.groups { lines.append("  \(groups) groups") }
        let isChecked = report.columns.allSatisfy { $0.filters.contains("fletcher32") }
        lines.append(
            (isChecked ? "every checksum holds" : "all of it can be read, but not all has checksums")
                + (report.set == nil ? "" : "; the file agrees with the manifest"))
        let columns = report.columns.map { column -> [String: Any] in
            [
                "name": column.name, "type": column.type, "shape": column.shape, "chunk": column.chunk ?? [], "filters": column.filters,
                "bytes": column.storedBytes,
            ]
        }
        var json: [String: Any] = ["bytes": report.bytes, "sha256": report.sha256, "columns": columns]
        if !report.labels.isEmpty { json["labels"] = Dictionary(uniqueKeysWithValues: report.labels.map { ("\($0.key)", $0.value) }) }
        if let groups = report.groups { json["groups"] = groups }
        if let set = report.set { (json["set"], json["split"]) = (set.name, set.split) }
        return Inspection(kind: isShard ? "shard" : "hdf5", path, lines, json)
    }

    // MARK: What training makes

    private init(of recipe: Recipe, _ path: String) {
        let keys = Dictionary(uniqueKeysWithValues: recipe.keys.map { ($0.name, $0.setting.text) })
        self.init(kind: "recipe", path, ["\(path): a recipe of \(recipe.outline)"], ["keys": keys])
    }

    private init(variables state: Safetensors, _ path: String, heading: String? = nil, json: [String: Any] = [:]) {
        let tensors = state.tensors.sorted { $0.key < $1.key }, bytes = tensors.reduce(0) { $0 + $1.value.bytes.count }
        let width = tensors.map(\.key.count).max() ?? 0
        let rows = tensors.map { name, tensor in
            let shape = tensor.shape.isEmpty ? "scalar" : tensor.shape.map(String.init).joined(separator: "×")
            return "  " + name.padding(toLength: width, withPad: " ", startingAt: 0) + "  \(tensor.type)  \(shape)"
        }
        let table = tensors.map { ["name": $0.key, "type": $0.value.type, "shape": $0.value.shape] as [String: Any] }
        let heading = heading ?? "\(path): variables, without a run.json beside them that has their digest"
        self.init(
            kind: "checkpoint", path, [heading, "\(tensors.count) variables, \(bytes) bytes:"] + rows,
            json.merging(["variables": table, "bytes": bytes]) { $1 })
    }

    private static func checkpoint(in folder: URL, _ path: String) throws -> Inspection {
        let checkpoint = try Checkpoint(folder), record = checkpoint.record
        let heading =
            "\(path): a checkpoint of \(record.model["detector"] ?? "?") at \(record.position), \(record.position.total) steps in all; "
            + "state.safetensors has SHA-256 \(record.stateSHA256), as run.json says"
        return Inspection(
            variables: checkpoint.state, path, heading: heading,
            json: [
                "stage": record.position.stage + 1, "step": record.position.step, "total_steps": record.position.total, "model": record.model,
                "state_sha256": record.stateSHA256, "fingerprint": record.fingerprint,
            ])
    }

    private static func run(at path: String) throws -> Inspection {
        let folder = RunFolder(path, .alone()), recipe = try folder.recipe()
        var flaw: Failure?, lines: [String] = [], checkpoints: [[String: Any]] = [], position: Position?
        for place in Checkpoint.all(in: folder.url) {
            let name = place.lastPathComponent
            do {
                let record = try Checkpoint(place).record
                position = record.position
                lines.append("  checkpoints/\(name): \(record.position), sound")
                checkpoints.append(["name": name, "sound": true, "total_steps": record.position.total, "state_sha256": record.stateSHA256])
            } catch let error as Failure {
                flaw = error
                lines.append("  checkpoints/\(name): damaged")
                checkpoints.append(["name": name, "sound": false, "error": error.description])
            }
        }
        let isFinished = folder.isFinished
        let state =
            isFinished
            ? "finished" : position == nil ? "not begun, no checkpoint is whole" : "not finished, the command that began it goes on with it"
        let scores = try folder.scoreFiles().map { try file(at: $0.path) }
        lines += scores.map { score in
            let columns = score.json["columns"] as? [[String: Any]] ?? [], names = columns.compactMap { $0["name"] as? String }
            let count = (columns.first?["shape"] as? [Int])?.first ?? 0
            let kept = names.filter { !["numbers", "labels"].contains($0) }.joined(separator: ", ")
            return "  scores/\((score.json["path"] as? String ?? "").split(separator: "/").last ?? ""): \(count) samples, \(kept)"
        }
        return Inspection(
            kind: "run", path,
            ["\(path): a run of \(recipe.outline)", "  \(state)\(position.map { "; stands at \($0), \($0.total) steps in all" } ?? "")"] + lines,
            [
                "detector": recipe.fields.detector, "data": recipe.fields.data, "finished": isFinished, "total_steps": position?.total ?? 0,
                "checkpoints": checkpoints, "scores": scores.compactMap { $0.json["path"] },
                "keys": Dictionary(uniqueKeysWithValues: recipe.keys.map { ($0.name, $0.setting.text) }),
            ], flaw: flaw)
    }
}

extension Recipe {
    /// In a line: what is trained on what.
    var outline: String {
        let variant = fields.variant.map { " (variant \($0))" } ?? ""
        return "\(fields.detector)\(variant) on \(fields.data), seed \(fields.seed), minibatch \(fields.minibatch) in microbatches of \(microbatch)"
    }
}

extension RunFolder {
    /// Whether the last job on it came to the end of the last stage, by the log.
    fileprivate var isFinished: Bool {
        let text = (try? String(contentsOf: url.appendingPathComponent("log.jsonl"), encoding: .utf8)) ?? ""
        let events = text.split(separator: "\n").lazy.reversed().compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let last = events.first { ["start", "end"].contains($0["event"] as? String) }
        return last?["event"] as? String == "end" && last?["finished"] as? Bool == true
    }

    fileprivate func scoreFiles() throws -> [URL] {
        let folder = url.appendingPathComponent("scores"), names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".h5") && !$0.hasPrefix(".") }.sorted().map(folder.appendingPathComponent)
    }
}
