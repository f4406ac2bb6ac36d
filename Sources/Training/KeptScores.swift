import Foundation
import Metrics
import Ranks

/// The scores that jobs formed before they had to stop, in `scores/.SPLIT.kept`: the next job, on any number of ranks, goes on from them.
/// They count for one checkpoint and one set only.
struct KeptScores {
    private let file: KeptFile, group: RankGroup, split: String

    init(of run: RunFolder, split: String, state: Checkpoint.Record, fingerprint: String) {
        (group, self.split) = (run.group, split)
        file = KeptFile(
            run.url.appendingPathComponent("scores/.\(split).kept"),
            of: ["state_sha256": state.stateSHA256, "fingerprint": fingerprint, "split": split])
    }

    /// The scores of this rank's share of the samples: those that are kept, and what `score` gives of the others, in their order; it may end
    /// early where the job is to stop. All ranks call this together.
    ///
    /// - Parameter shares: each rank's samples.
    /// - Throws: `Stopped`, on all ranks, where one of them had to stop: then everything so far is kept.
    func complete(_ shares: [[Int]], until stopping: Stopping, _ score: ([Int]) throws -> [ScoreColumn]) throws -> [ScoreColumn] {
        let own = shares[group.rank], kept = try load(shares)
        let known = Dictionary(zip(kept.numbers, kept.numbers.indices), uniquingKeysWith: { first, _ in first })
        let rest = known.isEmpty ? own : own.filter { known[$0] == nil }, new = try score(rest)
        let count = shares.reduce(0) { $0 + $1.count }
        let scored = Int(try group.sum([Int64(own.count - rest.count + (new.first?.values.count ?? 0))])[0])
        let reason = try stopping.agree(over: group)
        // what is left when all is scored takes no time
        guard let reason, scored < count else {
            if group.rank == 0 { file.remove() }
            if kept.numbers.isEmpty { return new }
            let place = Dictionary(zip(rest, rest.indices), uniquingKeysWith: { first, _ in first })
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

    private func read() -> Scores? { file.read(damaged: "all samples are scored again").map(scores) }

    /// Writes what all ranks have done, on rank 0.
    private func save(_ numbers: [Int], _ columns: [(name: String, values: [Double])]) throws {
        let parts = try group.gather(Array(try encoded(numbers, columns))).map { try decoded(Data($0)) }
        guard group.rank == 0 else { return }
        let all = columns.map { column in (column.name, parts.flatMap { $0.columns[column.name] ?? [] }) }
        file.write(tensors(parts.flatMap(\.numbers), all), what: "the scores so far")
    }

    private func tensors(_ numbers: [Int], _ columns: [(String, [Double])]) -> [String: [Double]] {
        // every number of a sample is exact in Double
        Dictionary(uniqueKeysWithValues: columns.map { ("score \($0)", $1) } + [("numbers", numbers.map(Double.init))])
    }

    private func scores(_ kept: [String: [Double]]) -> Scores {
        let columns = kept.filter { $0.key.hasPrefix("score ") }.map { (String($0.key.dropFirst(6)), $0.value) }
        return (kept["numbers"]?.map { Int($0) } ?? [], Dictionary(uniqueKeysWithValues: columns))
    }

    private func encoded(_ numbers: [Int], _ columns: [(String, [Double])]) throws -> Data { try KeptFile.encoded(tensors(numbers, columns)) }
    private func decoded(_ bytes: Data) throws -> Scores { scores(try KeptFile.decoded(bytes, name: file.url.path)) }
}
