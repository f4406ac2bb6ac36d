import Graphs
import LinearAlgebra
import Networks
import Scenes

/// A detector whose scores need a whole scene: the statistics of its pixels, their neighborhoods.
public protocol SceneDetector: Detector {
    /// Declares scores of pixels by maps of the scene; larger is more anomalous. The first declared is the default.
    func score(_ scene: Scene) throws
}

extension SceneDetector {
    /// Published settings are for cubes that were scaled as a whole to [0, 1].
    public static var inputRange: ClosedRange<Double> { 0 ... 1 }
    /// Of those that need no network: nothing of single samples.
    public func score(_ scoring: Scoring) {}
}

/// Numbers of each pixel of a scene, computed row by row as they are asked for: no rank holds more than it works on.
public struct SceneMap {
    /// Numbers of a pixel.
    public let channels: Int
    /// Rows that are worth computing together.
    let together: Int
    let rows: (Range<Int>) throws -> [Float]

    /// - Parameter rows: gives the numbers of some rows, pixel after pixel; always the same for the same row.
    public init(channels: Int, rows: @escaping (Range<Int>) throws -> [Float]) { self.init(channels: channels, together: 1, rows: rows) }

    init(channels: Int, together: Int, rows: @escaping (Range<Int>) throws -> [Float]) {
        (self.channels, self.together, self.rows) = (channels, together, rows)
    }

    /// The numbers of some rows, pixel after pixel.
    public func values(of range: Range<Int>) throws -> [Float] { try rows(range) }
}

/// Some rows of a scene with the numbers that maps have there.
public struct SceneBlock {
    public let rows: Range<Int>, columns: Int
    /// Of each map, pixel after pixel.
    public let values: [[Float]]

    /// The numbers of a map, a row for each pixel.
    public func matrix(_ map: Int = 0) -> Matrix {
        let pixels = rows.count * columns
        return Matrix(rows: pixels, columns: pixels == 0 ? 0 : values[map].count / pixels, values[map].map(Double.init))
    }

    /// The numbers of a map as they are, a row for each pixel.
    func pixels(_ map: Int = 0) -> FloatRows { FloatRows(values[map], columns: max(1, values[map].count / max(1, rows.count * columns))) }

    /// One channel of a map.
    func image(_ map: Int = 0, channel: Int = 0) -> GrayImage {
        let channels = max(1, values[map].count / max(1, rows.count * columns))
        let numbers = stride(from: channel, to: values[map].count, by: channels).map { Double(values[map][$0]) }
        return GrayImage(rows: rows.count, columns: columns, numbers)
    }
}

/// A scene being scored: its pixels are samples, in rows and columns. Totals over it are formed from fixed blocks of rows, so that they
/// have the same bits on any number of ranks; all ranks ask for them together, in the same order.
public final class Scene {
    /// What the ranks of a group do together.
    public struct Gathering {
        /// The sum over blocks of what each gives, the same bits whoever has which blocks.
        public let sum: (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double]
        /// The largest over blocks of what each gives, element by element.
        public let maximum: (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double]
        /// What all ranks give, one after another, on every rank.
        public let collect: ([Float]) throws -> [Float]
        /// The blocks of rows that are this rank's.
        public let own: [Range<Int>]

        public init(
            sum: @escaping (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double],
            maximum: @escaping (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double],
            collect: @escaping ([Float]) throws -> [Float] = { $0 }, own: [Range<Int>] = []
        ) {
            (self.sum, self.maximum, self.collect, self.own) = (sum, maximum, collect, own)
        }
    }
    public let rows: Int, columns: Int
    /// The recipe's: of random starts.
    public let seed: UInt64
    /// Scores declared so far.
    public private(set) var scores: [(name: String, map: SceneMap)] = []
    /// Its samples, as a detector is given them: a channel a band.
    public let pixels: SceneMap
    private let maps: [String: SceneMap], values: (Variable) -> [Double]
    private let gathering: Gathering

    /// - Parameters:
    ///   - maps: those that the detector's scoring of single samples declares, by name.
    ///   - values: of the detector's variables.
    ///   - seed: of random starts.
    public init(
        rows: Int, columns: Int, pixels: SceneMap? = nil, maps: [String: SceneMap] = [:], values: @escaping (Variable) -> [Double] = { _ in [] },
        seed: UInt64 = 0, gathering: Gathering
    ) {
        (self.rows, self.columns, self.maps, self.values, self.gathering) = (rows, columns, maps, values, gathering)
        self.seed = seed
        self.pixels = pixels ?? SceneMap(channels: 0) { _ in [] }
    }

    /// A map that the scoring of single samples declares.
    public subscript(name: String) -> SceneMap {
        guard let map = maps[name] else { preconditionFailure("the scoring declares no map \(name); it has \(maps.keys.sorted())") }
        return map
    }

    /// What a variable made by `State.inDouble` holds.
    func doubles(of variable: Variable) -> [Double] {
        let halves = values(variable), count = halves.count / 2
        return (0 ..< count).map { halves[$0] + halves[count + $0] }
    }

    /// The blocks of rows that this rank forms totals of: what it keeps of the scene between passes belongs to them.
    var ownBlocks: [Range<Int>] { gathering.own }

    /// Pixels of the blocks that are this rank's.
    var ownPixels: Int { gathering.own.reduce(0) { $0 + $1.count } * columns }

    /// One number a pixel.
    public func score(_ name: String, _ map: SceneMap) { scores.append((name, map)) }

    // MARK: Totals

    /// The sum over all pixels of what a function makes of each one's numbers.
    /// - Parameter add: adds a pixel to `count` sums.
    public func total(of map: SceneMap, count: Int, _ add: (_ pixel: ArraySlice<Float>, _ sums: inout [Double]) -> Void) throws -> [Double] {
        try gathering.sum(count) { rows in
            var sums = Array(repeating: 0.0, count: count)
            for pixel in try self.pixels(of: map, rows) { add(pixel, &sums) }
            return sums
        }
    }

    /// The sum over this and other ranks' blocks of what each gives.
    /// - Parameter body: the same for the same block, however often it is asked.
    func total(count: Int, _ body: (_ block: Range<Int>) throws -> [Double]) throws -> [Double] { try gathering.sum(count, body) }

    /// The numbers of some rows, a row of the matrix for each pixel.
    func matrix(of map: SceneMap, _ rows: Range<Int>) throws -> Matrix {
        SceneBlock(rows: rows, columns: columns, values: [try map.values(of: rows)]).matrix()
    }

    /// Mean [channels] and covariance [channels · channels], by the number of pixels, of a map.
    public func moments(of map: SceneMap) throws -> (mean: [Double], covariance: [Double]) {
        let n = map.channels, pixels = Double(rows * columns)
        let mean = try total(count: n) { FloatRows(try map.values(of: $0), columns: n).sum }.map { $0 / pixels }
        // about the mean, since differences of large sums would be left of the smallest variances
        let covariance = try total(count: n * n) { FloatRows(try map.values(of: $0), columns: n).scatter(about: mean).values }.map { $0 / pixels }
        return (mean, covariance)
    }

    /// The smallest and largest number of each channel.
    public func ranges(of map: SceneMap) throws -> [ClosedRange<Double>] {
        let n = map.channels
        let extremes = try gathering.maximum(2 * n) { rows in
            var found = Array(repeating: -Double.infinity, count: 2 * n)
            for pixel in try self.pixels(of: map, rows) {
                for (channel, value) in pixel.enumerated() {
                    found[channel] = max(found[channel], -Double(value))
                    found[n + channel] = max(found[n + channel], Double(value))
                }
            }
            return found
        }
        return (0 ..< n).map { -extremes[$0] ... extremes[n + $0] }
    }

    private func pixels(of map: SceneMap, _ rows: Range<Int>) throws -> [ArraySlice<Float>] {
        let values = try map.values(of: rows)
        return stride(from: 0, to: values.count, by: map.channels).map { values[$0 ..< $0 + map.channels] }
    }

    // MARK: Functions of maps

    /// A function of maps on blocks of rows.
    /// - Parameters:
    ///   - channels: of the result.
    ///   - halo: rows on both sides that a row's result may depend on; at the scene's borders there are none.
    ///   - body: gives the result of all rows of a block, those of the halo too; these are dropped.
    public func map(_ inputs: SceneMap..., channels: Int = 1, halo: Int = 0, _ body: @escaping (SceneBlock) throws -> [Float]) -> SceneMap {
        let (rows, columns) = (rows, columns)
        // so that a halo is not computed more often than what it surrounds
        return SceneMap(channels: channels, together: max(1, 4 * halo)) { wanted in
            let around = max(0, wanted.lowerBound - halo) ..< min(rows, wanted.upperBound + halo)
            let result = try body(SceneBlock(rows: around, columns: columns, values: inputs.map { try $0.values(of: around) }))
            precondition(result.count == around.count * columns * channels, "\(result.count) numbers for \(around.count) rows")
            let width = columns * channels
            return Array(result[(wanted.lowerBound - around.lowerBound) * width ..< (wanted.upperBound - around.lowerBound) * width])
        }
    }

    /// A function of the numbers of single pixels.
    public func pointwise(_ inputs: SceneMap..., channels: Int = 1, _ body: @escaping (_ pixels: [ArraySlice<Float>]) -> [Float]) -> SceneMap {
        SceneMap(channels: channels) { rows in
            let pixels = try inputs.map { try self.pixels(of: $0, rows) }
            return (pixels.first?.indices ?? 0 ..< 0).flatMap { place in body(pixels.map { $0[place] }) }
        }
    }

    /// The same map, computed once and kept: for maps of few channels that are asked for more than once.
    public func kept(_ map: SceneMap) -> SceneMap {
        var known: [Int: [Float]] = [:]
        let width = columns * map.channels, most = max(1, gathering.own.first?.count ?? 1), last = gathering.own.last?.upperBound ?? 0
        return SceneMap(channels: map.channels) { wanted in
            // rows that are missing side by side are computed together, but not many: what they are made of may be far more than they
            var start = wanted.lowerBound
            while start < wanted.upperBound, let first = (start ..< wanted.upperBound).first(where: { known[$0] == nil }) {
                let limit = max(min(first + most, wanted.upperBound), min(first + map.together, last))
                let end = (first ..< limit).first { known[$0] != nil } ?? limit
                let values = try map.values(of: first ..< end)
                for row in first ..< end { known[row] = Array(values[(row - first) * width ..< (row - first + 1) * width]) }
                start = end
            }
            return wanted.flatMap { known[$0]! }
        }
    }

    /// A function of maps of the whole scene, where no halo is enough: every rank gathers the maps and computes it.
    func whole(_ inputs: SceneMap..., channels: Int = 1, _ body: (SceneBlock) throws -> [Float]) throws -> SceneMap {
        let own = (gathering.own.first?.lowerBound ?? 0) ..< (gathering.own.last?.upperBound ?? 0), width = columns * channels
        let result = try body(SceneBlock(rows: 0 ..< rows, columns: columns, values: inputs.map { try gathering.collect($0.values(of: own)) }))
        return SceneMap(channels: channels) { Array(result[$0.lowerBound * width ..< $0.upperBound * width]) }
    }
}

extension State {
    /// State of so many Doubles, of which it keeps 48 bits: a number is the sum of two of Float32.
    static func inDouble(_ count: Int) -> State { State([2, count], .constant(0)) }
}

/// Numbers as a variable made by `State.inDouble` takes them.
func halves(of numbers: [Double]) -> [Double] { numbers.map { Double(Float($0)) } + numbers.map { $0 - Double(Float($0)) } }
