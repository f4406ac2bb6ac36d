import Foundation
import HDF5
import Metrics
import Ranks

/// The folder that scores go to: made beside its place, and named when all is there.
struct NewScoresOutput {
    let place: URL, beside: URL
    private let group: RankGroup

    /// - Throws: where something has the name already.
    init(_ path: String, _ group: RankGroup) throws {
        (place, self.group) = (URL(fileURLWithPath: path).standardizedFileURL, group)
        beside = place.deletingLastPathComponent().appendingPathComponent(".\(place.lastPathComponent).writing")
        let held = (try? FileManager.default.contentsOfDirectory(atPath: place.path).isEmpty) ?? true
        guard held, !(FileManager.default.fileExists(atPath: place.path) && !Self.isFolder(place)) else {
            throw Failure(.cannotCreate, "\(path) is there already; choose another folder with --out, or remove it")
        }
        try onRankZero {
            try? FileManager.default.removeItem(at: beside)
            try FileManager.default.createDirectory(at: beside, withIntermediateDirectories: true)
        }
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// What writes on this rank; an error says where, and why in the system's words.
    func attempt<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let failure as Failure { throw failure } catch {
            let why = (error as? HDF5Error).map { "\($0)" } ?? reason(of: error)
            throw Failure(.inputOutput, "\(place.path) cannot be written: \(why); free space or choose another folder with --out, then score again")
        }
    }

    @discardableResult func onRankZero<Result>(_ body: () throws -> Result) throws -> Result? { group.rank == 0 ? try attempt(body) : nil }

    /// What `body` makes, under its name once it is whole; nothing where it fails.
    func keeping(_ body: (NewScoresOutput) throws -> String) throws -> String {
        do {
            let text = try body(self)
            try publish()
            return text
        } catch {
            discard()
            throw error
        }
    }

    /// Leaves nothing behind.
    private func discard() { if group.rank == 0 { try? FileManager.default.removeItem(at: beside) } }

    /// Gives the folder its name.
    private func publish() throws {
        try onRankZero {
            guard rename(beside.path, place.path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        }
    }
}

/// How what is made of samples travels to rank 0 and into `scores.h5`: [n] for a score, [n, height, width] for a map.
struct ScoreBlocks {
    /// A file that is being written.
    struct Open { let file: File, columns: [Dataset], pictures: [Dataset] }

    /// Samples that the ranks share at a time: by memory alone.
    let size: Int
    static let most = 1024
    private let scores: [String]
    private let pictures: [(name: String, shape: [Int])]
    private let total: Int
    /// Numbers of all pictures of a sample.
    private var pictureCount: Int { pictures.reduce(0) { $0 + $1.shape.reduce(1, *) } }

    init(for job: NewScores) throws {
        let scoring = job.scorer.scoring, kept = job.request.keepsReconstructions ? scoring.reconstructions : []
        scores = scoring.scores.map(\.name)
        // a map may have its one channel for an axis
        pictures =
            scoring.maps.map { ("map_\($0.name)", Array($0.node.form.shape.extents.prefix(2))) }
            + kept.map { ("reconstruction_\($0.name)", $0.node.form.shape.extents) }
        total = job.input.names.count
        let bytes = 8 * scores.count + 4 * pictures.reduce(0) { $0 + $1.shape.reduce(1, *) }
        size = max(1, min(Self.most, (64 << 20) / bytes))
    }

    /// The scores of each sample, then its pictures.
    func packed(_ outcomes: [Scorer.Outcome]) -> [UInt8] {
        outcomes.flatMap { outcome in
            let shown = (outcome.maps + outcome.reconstructions).prefix(pictures.count)
            return outcome.scores.withUnsafeBytes { Array($0) } + shown.flatMap { values in values.withUnsafeBytes { Array($0) } }
        }
    }

    /// A file with room for everything.
    func file(at url: URL) throws -> Open {
        let file = try File.create(url.path)
        let columns = try scores.map {
            try Dataset.create($0, of: Double.self, shape: [total], chunk: [min(max(total, 1), 1 << 17)], in: file)
        }
        let maps = try pictures.map { name, shape in
            let rows = max(1, min(total, (1 << 20) / (4 * shape.reduce(1, *))))
            return try Dataset.create(name, of: Float.self, shape: [total] + shape, chunk: [rows] + shape, deflate: 1, in: file)
        }
        return Open(file: file, columns: columns, pictures: maps)
    }

    /// Writes what the ranks sent of a block. Returns the scores, sample by sample.
    func write(_ parts: [[UInt8]], rows: Range<Int>, to file: Open) throws -> [[Double]] {
        let bytes = parts.flatMap { $0 }, stride = 8 * scores.count + 4 * pictureCount
        return try bytes.withUnsafeBytes { bytes in
            let found = rows.indices.map { row in
                scores.indices.map { bytes.loadUnaligned(fromByteOffset: (row - rows.lowerBound) * stride + 8 * $0, as: Double.self) }
            }
            for (place, column) in file.columns.enumerated() { try column.write(found.map { $0[place] }, rows: rows) }
            var first = 8 * scores.count
            for (picture, dataset) in zip(pictures, file.pictures) {
                let count = picture.shape.reduce(1, *)
                let values = rows.indices.flatMap { row in
                    (0 ..< count).map { bytes.loadUnaligned(fromByteOffset: (row - rows.lowerBound) * stride + first + 4 * $0, as: Float.self) }
                }
                try dataset.write(values, rows: rows)
                first += 4 * count
            }
            return found
        }
    }
}
