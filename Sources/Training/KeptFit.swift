import Foundation
import Glibc
import Ranks

/// How far a fit has come, in `fits/.STAGE.kept`: the next job, on any number of ranks, goes on from it. It counts for one checkpoint only.
struct KeptFit {
    /// What is kept between jobs.
    struct State {
        /// Of the totals.
        var sum: WholeSum.Progress
        /// Largest values so far.
        var maxima: [Double]
        /// The blocks that are done in this look at them: the first bounds them, the second adds them.
        var done: Set<Int>
        var isAdding: Bool { !sum.places.isEmpty }
    }
    private let file: KeptFile, group: RankGroup

    init(_ stage: String, of run: RunFolder, state: Checkpoint.Record) {
        group = run.group
        file = KeptFile(run.url.appendingPathComponent("fits/.\(stage).kept"), of: ["stage": stage, "state_sha256": state.stateSHA256])
    }

    /// What is kept, on every rank.
    /// - Parameters: totals, maxima: how many numbers there must be of each.
    func load(totals: Int, maxima: Int) throws -> State? {
        let kept = group.rank == 0 ? file.read(damaged: "the fit begins again") : nil
        let bytes = try group.broadcast(try kept.map { Array(try KeptFile.encoded($0)) } ?? [])
        guard !bytes.isEmpty else { return nil }
        let numbers = try KeptFile.decoded(Data(bytes), name: file.url.path)
        guard let largest = numbers["largest"], largest.count == totals, let found = numbers["maxima"], found.count == maxima else { return nil }
        let words = numbers["words"] ?? []
        let sums = stride(from: 0, to: words.count, by: 4).map { place in
            (0 ..< 4).reduce(Int128(0)) { $0 | Int128(UInt32(words[place + $1])) << Int128(32 * $1) }
        }
        let sum = WholeSum.Progress(largest: largest, places: (numbers["places"] ?? []).map { Int($0) }, sums: sums)
        return State(sum: sum, maxima: found, done: Set((numbers["done"] ?? []).map { Int($0) }))
    }

    /// Keeps what all ranks have done. All ranks call this together.
    /// - Parameters:
    ///   - maxima: this rank's.
    ///   - done: all blocks that are done, those of this rank and of earlier jobs.
    func save(_ sum: WholeSum, maxima: [Double], done: Set<Int>) throws {
        let progress = try sum.progress(), largest = try group.maximum(maxima)
        let all = try group.allGather(done.sorted().withUnsafeBytes { Array($0) }).reduce(into: Set<Int>()) { all, bytes in
            bytes.withUnsafeBytes { raw in
                for place in stride(from: 0, to: raw.count, by: 8) { all.insert(raw.loadUnaligned(fromByteOffset: place, as: Int.self)) }
            }
        }
        guard group.rank == 0 else { return }
        // an integer of 128 bits in four words that a Double holds exactly
        let words = progress.sums.flatMap { sum in (0 ..< 4).map { Double(UInt32(truncatingIfNeeded: sum >> Int128(32 * $0))) } }
        file.write(
            [
                "largest": progress.largest, "places": progress.places.map(Double.init), "words": words, "maxima": largest,
                "done": all.sorted().map(Double.init),
            ], what: "the fit's totals so far")
    }

    func remove() {
        guard group.rank == 0 else { return }
        file.remove()
        rmdir(file.url.deletingLastPathComponent().path)  // where another stage's is in it, it stays
    }
}
