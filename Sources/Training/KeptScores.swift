import Foundation
import Metrics
import Ranks

/// The scores that jobs formed before they had to stop, in `scores/.SPLIT.kept`: the next job, on any number of ranks, goes on from them.
/// They count for one checkpoint and one set only.
struct KeptScores {
    private let folder: URL, file: URL, group: RankGroup, split: String
    /// Of what the scores are: compared with what the file says.
    private let subject: [String: String]

    init(of run: RunFolder, split: String, state: Checkpoint.Record, fingerprint: String) {
        (group, self.split) = (run.group, split)
        folder = run.url.appendingPathComponent("scores")
        file = folder.appendingPathComponent(".\(split).kept")
        subject = ["version": Vigil.version, "state_sha256": state.stateSHA256, "fingerprint": fingerprint, "split": split]
    }

    /// The scores of this rank's share of the samples: those that are kept, and what `score` gives of the others, in their order; it may end
    /// early where the job is to stop. All ranks call this together.
    ///
    /// - Parameter shares: each rank's samples.
    /// - Throws: `Stopped`, on all ranks, where one of them had to stop: then everything so far is kept.
    func complete(_ shares: [[Int]], until stopping: Stopping, _ score: ([Int]) throws -> [ScoreColumn]) throws -> [ScoreColumn] {
        let own = shares[group.rank], kept = try load(shares)
        let known = Dictionary(zip(kept.numbers, kept.numbers.indices), uniquingKeysWith: { first, _ in first })
        let rest = own.filter { known[$0] == nil }, new = try score(rest)
        let place = Dictionary(zip(rest, rest.indices), uniquingKeysWith: { first, _ in first })
        let count = shares.reduce(0) { $0 + $1.count }
        let scored = Int(try group.sum([Int64(own.count - rest.count + (new.first?.values.count ?? 0))])[0])
        let reason = try stopping.agree(over: group)
        // what is left when all is scored takes no time
        guard let reason, scored < count else {
            if group.rank == 0 { try? FileManager.default.removeItem(at: file) }
            return new.enumerated().map { number, column in
                ScoreColumn(column.name, own.map { sample in place[sample].map { column.values[$0] } ?? kept.columns[column.name]![known[sample]!] })
            }
        }
        let done = kept.numbers + rest.prefix(new[0].values.count)
        let columns = new.map { column in (name: column.name, values: (kept.columns[column.name] ?? []) + column.values) }
        try save(done, columns)
        throw Stopped("stopped \(reason.rawValue) with \(scored) of \(count) samples of split \(split) scored")
    }

    // MARK: The file

    private typealias Scores = (numbers: [Int], columns: [String: [Double]])

    /// What is kept of each rank's share, on that rank. A file that is damaged or of something else counts as none.
    private func load(_ shares: [[Int]]) throws -> Scores {
        var parts = shares.map { _ in [UInt8]() }
        if group.rank == 0, let found = read() {
            let known = Dictionary(zip(found.numbers, found.numbers.indices), uniquingKeysWith: { first, _ in first })
            parts = try shares.map { share in
                let places = share.compactMap { known[$0] }
                return Array(
                    try encoded(places.map { found.numbers[$0] }, found.columns.map { column in (column.key, places.map { column.value[$0] }) }))
            }
        }
        let mine = try group.exchange(group.rank == 0 ? parts : shares.map { _ in [] })[0]
        return try mine.isEmpty ? ([], [:]) : decoded(Data(mine))
    }

    private func read() -> Scores? {
        guard let bytes = try? Data(contentsOf: file) else { return nil }
        do {
            guard sha256(bytes.dropFirst(64)) == String(decoding: bytes.prefix(64), as: UTF8.self) else {
                throw Failure(.badData, "\(file.path) is damaged")
            }
            let tensors = try Safetensors(Data(bytes.dropFirst(64)), name: file.path)
            return tensors.metadata == subject ? try decoded(Data(bytes.dropFirst(64))) : nil
        } catch {
            tell("vigil: \(error); all samples are scored again")
            return nil
        }
    }

    /// Writes what all ranks have done, on rank 0. Where it cannot be written, that is said.
    private func save(_ numbers: [Int], _ columns: [(name: String, values: [Double])]) throws {
        let parts = try group.gather(Array(try encoded(numbers, columns))).map { try decoded(Data($0)) }
        guard group.rank == 0 else { return }
        let all = try encoded(parts.flatMap(\.numbers), columns.map { column in (column.name, parts.flatMap { $0.columns[column.name] ?? [] }) })
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try (Data(sha256(all).utf8) + all).write(to: file, options: .atomic)
        } catch {
            tell("vigil: the scores so far are not kept: \(file.path) cannot be written: \(reason(of: error))")
        }
    }

    private func encoded(_ numbers: [Int], _ columns: [(String, [Double])]) throws -> Data {
        func tensor(_ values: [Double]) -> Safetensors.Tensor {
            Safetensors.Tensor(type: "F64", shape: [values.count], bytes: values.withUnsafeBytes { Data($0) })
        }
        // every number of a sample is exact in Double
        let tensors = columns.map { ("score \($0)", tensor($1)) } + [("numbers", tensor(numbers.map(Double.init)))]
        return try Safetensors(metadata: subject, tensors: Dictionary(uniqueKeysWithValues: tensors)).encoded()
    }

    private func decoded(_ bytes: Data) throws -> Scores {
        let tensors = try Safetensors(bytes, name: file.path).tensors
        func values(_ tensor: Safetensors.Tensor) -> [Double] {
            tensor.bytes.withUnsafeBytes { bytes in
                (0 ..< bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
            }
        }
        let columns = tensors.filter { $0.key.hasPrefix("score ") }.map { (String($0.key.dropFirst(6)), values($0.value)) }
        return (tensors["numbers"].map { values($0).map { Int($0) } } ?? [], Dictionary(uniqueKeysWithValues: columns))
    }
}
