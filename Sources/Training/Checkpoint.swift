import Datasets
import Foundation
import Glibc

/// Where training stands.
struct Position: Codable, Equatable, CustomStringConvertible {
    /// The number of the stage that goes on or comes next (at the end the last), and the steps of it that are done; a fit is one.
    var stage = 0, step = 0
    /// Steps done in all stages.
    var total = 0
    /// Times a network was drawn anew.
    var redraws = 0

    /// A step is done.
    mutating func advance(redraws: Int = 0) {
        step += 1
        total += 1
        self.redraws += redraws
    }

    var description: String { "step \(step) of stage \(stage + 1)" }
}

/// A checkpoint's folder: `state.safetensors` and `run.json`.
struct Checkpoint {
    /// What `run.json` holds beside the position.
    struct Record: Codable {
        static let format = 1
        var format = Record.format
        let position: Position
        /// The keys that define the model, resolved.
        let model: [String: String]
        /// Of the training set.
        let fingerprint: String
        let stateSHA256: String
        /// Of the training set's samples, by whose range those of other sets are scaled too; nil where an earlier version wrote it.
        var form: SampleForm?
    }
    let folder: URL
    let record: Record
    let state: Safetensors
    /// The bytes of `run.json` and `state.safetensors`.
    private let files: (record: Data, state: Data)

    private static let stateFile = "state.safetensors", recordFile = "run.json"

    /// Reads a checkpoint and checks its digest.
    init(_ folder: URL) throws {
        func read(_ name: String) throws -> Data {
            do { return try Data(contentsOf: folder.appendingPathComponent(name)) } catch {
                throw Failure(.badData, "\(folder.path)/\(name) cannot be read; the checkpoint is incomplete, use the one before")
            }
        }
        try self.init(folder, record: try read(Self.recordFile), state: try read(Self.stateFile))
    }

    private init(_ folder: URL, record text: Data, state bytes: Data) throws {
        guard let record = try? JSONDecoder().decode(Record.self, from: text) else {
            throw Failure(.badData, "\(folder.path)/\(Self.recordFile) is damaged; use the checkpoint before")
        }
        guard record.format == Record.format else {
            throw Failure(.badData, "\(folder.path) has format \(record.format); this version reads format \(Record.format)")
        }
        let digest = sha256(bytes)
        guard digest == record.stateSHA256 else {
            throw Failure(
                .badData,
                "\(folder.path)/\(Self.stateFile) has SHA-256 \(digest), expected \(record.stateSHA256); it is damaged, use the checkpoint before")
        }
        (self.folder, self.record, files) = (folder, record, (text, bytes))
        state = try Safetensors(bytes, name: "\(folder.path)/\(Self.stateFile)")
    }

    // MARK: From rank to rank

    /// The checkpoint as bytes: three lengths, the folder's path, and both files.
    var packed: Data {
        let parts = [Data(folder.path.utf8), files.record, files.state]
        return parts.reduce(Data()) { $0 + withUnsafeBytes(of: UInt64($1.count).littleEndian) { Data($0) } } + parts.reduce(Data(), +)
    }

    /// What `packed` gave; its digest is checked once more.
    init(unpacking data: Data) throws {
        var rest = data.dropFirst(24)
        let parts = (0 ..< 3).map { place in
            let length = data.dropFirst(8 * place).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            defer { rest = rest.dropFirst(length) }
            return Data(rest.prefix(length))
        }
        try self.init(URL(fileURLWithPath: String(decoding: parts[0], as: UTF8.self)), record: parts[1], state: parts[2])
    }

    /// Writes a checkpoint: into a folder beside its place, synced, then renamed, so that a crash leaves the one before whole. Then
    /// `latest` is moved to it, and all but the last `keep` are removed.
    static func write(
        _ tensors: [String: Safetensors.Tensor], at position: Position, model: [String: String], fingerprint: String, form: SampleForm? = nil,
        in run: URL, keep: Int
    ) throws -> Record {
        let folder = run.appendingPathComponent("checkpoints"), name = "step-" + String(100_000_000 + position.total).dropFirst()
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let metadata = ["format": "vigil 1", "position": "\(position)", "fingerprint": fingerprint, "model": text(of: model)]
            let state = try Safetensors(metadata: metadata, tensors: tensors).encoded()
            let record = Record(position: position, model: model, fingerprint: fingerprint, stateSHA256: sha256(state), form: form)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            let temporary = folder.appendingPathComponent(".\(name).writing"), place = folder.appendingPathComponent(name)
            for partial in partials(in: folder) { try? FileManager.default.removeItem(at: partial) }
            try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: false)
            try writeSynced(state, to: temporary.appendingPathComponent(stateFile))
            try writeSynced(try encoder.encode(record), to: temporary.appendingPathComponent(recordFile))
            try sync(temporary)
            // what has the name already is a damaged one that training has come past again
            if FileManager.default.fileExists(atPath: place.path) { try FileManager.default.removeItem(at: place) }
            try FileManager.default.moveItem(at: temporary, to: place)
            try point(folder.appendingPathComponent("latest"), to: name)
            try sync(folder)
            // an older one is given up only for one that can be read
            guard try sha256(Data(contentsOf: place.appendingPathComponent(stateFile))) == record.stateSHA256 else { throw POSIXError(.EIO) }
            for old in all(in: run).dropLast(keep) { try? FileManager.default.removeItem(at: old) }
            return record
        } catch  where error is POSIXError || error is CocoaError {
            for partial in partials(in: folder) { try? FileManager.default.removeItem(at: partial) }
            throw Failure(
                .inputOutput,
                "no checkpoint could be written to \(folder.path): \(reason(of: error)); free space or choose another folder, then run the same command again"
            )
        }
    }

    /// What a write that did not come to its end has left, this one's too where it fails.
    private static func partials(in folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix(".step-") && $0.hasSuffix(".writing") }.map(folder.appendingPathComponent)
    }

    private static func text(of model: [String: String]) -> String {
        model.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
    }

    /// The checkpoints of a run, oldest first.
    static func all(in run: URL) -> [URL] {
        let folder = run.appendingPathComponent("checkpoints")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix("step-") }.sorted().map(folder.appendingPathComponent)
    }

    static func writeSynced(_ data: Data, to url: URL) throws {
        let descriptor = try POSIXError.check(open(url.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
        defer { close(descriptor) }
        try data.withUnsafeBytes { try POSIXError.write($0, to: descriptor) }
        _ = try POSIXError.check(fsync(descriptor))
    }

    private static func sync(_ folder: URL) throws {
        let descriptor = try POSIXError.check(open(folder.path, O_RDONLY | O_CLOEXEC))
        defer { close(descriptor) }
        _ = try POSIXError.check(fsync(descriptor))
    }

    /// Replaces a symbolic link at once.
    private static func point(_ link: URL, to name: String) throws {
        let beside = link.deletingLastPathComponent().appendingPathComponent(".latest.writing")
        try? FileManager.default.removeItem(at: beside)
        try FileManager.default.createSymbolicLink(atPath: beside.path, withDestinationPath: name)
        _ = try POSIXError.check(rename(beside.path, link.path))
    }
}

extension POSIXError {
    /// The result of a call of the system, or the error that it left where it is negative.
    static func check<Result: SignedInteger>(_ result: Result) throws -> Result {
        guard result >= 0 else { throw POSIXError(Code(rawValue: errno) ?? .EIO) }
        return result
    }

    /// Writes all of some bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == Glibc.EINTR { continue }
            rest = rest.dropFirst(try check(count))
        }
    }
}
