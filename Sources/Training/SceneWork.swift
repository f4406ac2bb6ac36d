import Datasets
import Detectors
import Foundation
import Graphs
import Metrics
import Plans
import Ranks

/// A set's scene as a detector works on it with all ranks: its pixels are read where they are asked for, its maps computed from them.
struct SceneWork {
    let scene: Scene
    private let model: Model
    /// The blocks of rows that are this rank's, and the rows of all of each rank's.
    let blocks: [Range<Int>], ranges: [Range<Int>]
    private let group: RankGroup

    /// Rows of a block, by the scene alone.
    private static func blockRows(columns: Int) -> Int { max(1, min(16, 65536 / columns)) }
    /// Of decoded chunks, which neighboring blocks share.
    private static let memoryLimit = 128 << 20

    /// - Parameters:
    ///   - seed: of random starts.
    ///   - resources: for maps that a graph gives.
    ///   - stopping: of a job that may end before the scene does.
    /// - Throws: where the split is no scene.
    init(
        of split: Split, _ model: Model, seed: Int, microbatch: Int, on resources: Plan.Resources, until stopping: Stopping? = nil, _ group: RankGroup
    ) throws {
        guard let place = split.set.manifest.scene else {
            throw Failure(
                .usage,
                "\(type(of: model.detector).name) works on whole scenes, and \(split.set.manifest.name) is none; bring one in with vigil import cube")
        }
        let (rows, columns) = (place.rows, place.columns), preprocessing = model.preprocessing, size = model.sample.count
        let reader = SplitReader(split, memoryLimit: Self.memoryLimit)
        func pixels(_ wanted: Range<Int>) throws -> [Float] {
            try Array(unsafeUninitializedCapacity: wanted.count * columns * size) { places, count in
                let whole = UnsafeMutableBufferPointer(rebasing: places.prefix(wanted.count * columns * size))
                try reader.read(wanted.lowerBound * columns ..< wanted.upperBound * columns, through: preprocessing, into: whole)
                count = whole.count
            }
        }
        let own = SceneMap(channels: size, rows: pixels)
        let maps = try Self.maps(of: model, over: own, columns: columns, microbatch: microbatch, on: resources)
        let gathering = Scene.Gathering(group, rows: rows, blockRows: Self.blockRows(columns: columns), until: stopping)
        scene = Scene(
            rows: rows, columns: columns, pixels: own, maps: maps, values: { variable in model.state[variable] }, seed: UInt64(seed),
            gathering: gathering)
        ranges = (0 ..< group.count).map { rank in
            Scene.Gathering.rows(of: rank, among: group.count, rows: rows, blockRows: Self.blockRows(columns: columns))
        }
        (self.model, blocks, self.group) = (model, gathering.own, group)
    }

    /// The maps that the scoring of single pixels declares, by a plan of the microbatch, the last one padded with zeros.
    private static func maps(of model: Model, over pixels: SceneMap, columns: Int, microbatch: Int, on resources: Plan.Resources) throws
        -> [String: SceneMap]
    {
        let scoring = Scoring(of: model.detector, sample: model.sample, microbatch: microbatch)
        model.detector.score(scoring)
        if let error = scoring.trace.error { throw Failure(.internal, "\(type(of: model.detector).name), scoring: \(error)") }
        guard !scoring.maps.isEmpty else { return [:] }
        precondition(scoring.noises.isEmpty, "maps of a scene's pixels draw noise")
        let plan = try Plan(scoring.trace, results: scoring.maps.map(\.node), state: model.state, on: resources)
        return Dictionary(
            uniqueKeysWithValues: scoring.maps.map { name, node in
                let size = node.form.shape.count
                let map = SceneMap(channels: size) { rows in
                    let samples = try pixels.values(of: rows)
                    guard let input = plan.input(scoring.x.node) else { return Array(repeating: 0, count: rows.count * columns * size) }
                    var result: [Float] = []
                    result.reserveCapacity(rows.count * columns * size)
                    for first in stride(from: 0, to: samples.count, by: input.count) {
                        let part = samples[first ..< min(first + input.count, samples.count)]
                        input.update(repeating: 0)
                        _ = input.update(fromContentsOf: part)
                        try plan.run()
                        result += plan.floats(node).prefix(part.count / pixels.channels * size)
                    }
                    return result
                }
                return (name, map)
            })
    }

    /// Lets the detector declare its scores of the scene, once. All ranks call this together.
    func declareScores() throws {
        guard let detector = model.detector as? any SceneDetector else { preconditionFailure("\(type(of: model.detector)) scores no scenes") }
        try detector.score(scene)
    }

    /// What a detector makes of the scene: its scores of this rank's pixels.
    /// - Throws: `Stopped`, on all ranks, where one of them had to stop: then the scores of whole blocks so far are kept.
    func localScores(of split: Split, _ kept: KeptScores, until stopping: Stopping) throws -> LocalScores {
        do { try declareScores() } catch let interruption as SceneInterrupted {
            throw Stopped("stopped \(interruption.reason.rawValue) before what the scores of split \(split.name) need of the whole scene was formed")
        }
        let shares = ranges.map { Array($0.lowerBound * scene.columns ..< $0.upperBound * scene.columns) }, own = shares[group.rank]
        let columns = try kept.complete(shares, until: stopping) { try scores(of: $0, until: stopping) }
        return LocalScores(numbers: own, classes: own.map { Int(split.labels[$0]) }, columns: columns, groups: nil)
    }

    /// Of the pixels of whole blocks, as many as there is time for, one block at least.
    private func scores(of pixels: [Int], until stopping: Stopping) throws -> [ScoreColumn] {
        var columns = scene.scores.map { ScoreColumn($0.name, []) }
        let asked = Set(pixels.map { $0 / scene.columns })
        for rows in blocks where asked.contains(rows.lowerBound) {
            try stopping.work {
                for (place, score) in scene.scores.enumerated() { columns[place].values += try score.map.values(of: rows).map(Double.init) }
            }
            if stopping.reason != nil { break }
        }
        return columns
    }
}
