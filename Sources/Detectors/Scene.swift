import Graphs

/// A detector whose scores need a whole scene: the statistics of its pixels, their neighborhoods.
public protocol SceneDetector: Detector {
    /// Declares scores of pixels by maps of the scene; larger is more anomalous. They follow the scores of single samples.
    func score(_ scene: Scene) throws
}

/// Numbers of each pixel of a scene, computed row by row as they are asked for: no rank holds more than it works on.
public struct SceneMap {
    /// Numbers of a pixel.
    public let channels: Int
    let rows: (Range<Int>) throws -> [Float]

    /// - Parameter rows: gives the numbers of some rows, pixel after pixel; always the same for the same row.
    public init(channels: Int, rows: @escaping (Range<Int>) throws -> [Float]) { (self.channels, self.rows) = (channels, rows) }

    /// The numbers of some rows, pixel after pixel.
    public func values(of range: Range<Int>) throws -> [Float] { try rows(range) }
}

/// Some rows of a scene with the numbers that maps have there.
public struct SceneBlock {
    public let rows: Range<Int>, columns: Int
    /// Of each map, pixel after pixel.
    public let values: [[Float]]
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

        public init(
            sum: @escaping (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double],
            maximum: @escaping (_ count: Int, _ block: (Range<Int>) throws -> [Double]) throws -> [Double]
        ) {
            (self.sum, self.maximum) = (sum, maximum)
        }
    }
    public let rows: Int, columns: Int
    /// Scores declared so far.
    public private(set) var scores: [(name: String, map: SceneMap)] = []
    private let maps: [String: SceneMap]
    private let gathering: Gathering

    /// - Parameter maps: those that the detector's scoring of single samples declares, by name.
    public init(rows: Int, columns: Int, maps: [String: SceneMap], gathering: Gathering) {
        (self.rows, self.columns, self.maps, self.gathering) = (rows, columns, maps, gathering)
    }

    /// A map that the scoring of single samples declares.
    public subscript(name: String) -> SceneMap {
        guard let map = maps[name] else { preconditionFailure("the scoring declares no map \(name); it has \(maps.keys.sorted())") }
        return map
    }

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

    /// Mean [channels] and covariance [channels · channels], by the number of pixels, of a map.
    public func moments(of map: SceneMap) throws -> (mean: [Double], covariance: [Double]) {
        let n = map.channels, pixels = Double(rows * columns)
        let mean = try total(of: map, count: n) { pixel, sums in
            for (channel, value) in pixel.enumerated() { sums[channel] += Double(value) }
        }.map { $0 / pixels }
        let covariance = try total(of: map, count: n * n) { pixel, sums in
            let centered = zip(pixel, mean).map { Double($0) - $1 }
            for i in 0 ..< n { for j in 0 ..< n { sums[i * n + j] += centered[i] * centered[j] } }
        }.map { $0 / pixels }
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
        return SceneMap(channels: channels) { wanted in
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
        let width = columns * map.channels
        return SceneMap(channels: map.channels) { wanted in
            // rows that are missing side by side are computed together
            var start = wanted.lowerBound
            while let first = (start ..< wanted.upperBound).first(where: { known[$0] == nil }) {
                let end = (first ..< wanted.upperBound).first { known[$0] != nil } ?? wanted.upperBound
                let values = try map.values(of: first ..< end)
                for row in first ..< end { known[row] = Array(values[(row - first) * width ..< (row - first + 1) * width]) }
                start = end
            }
            return wanted.flatMap { known[$0]! }
        }
    }
}
