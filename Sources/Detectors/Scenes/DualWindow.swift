import Graphs
import LinearAlgebra

/// A window around a pixel with a smaller one cut out of its middle: the pixels between are taken for background.
struct DualWindow {
    /// Sides in pixels, odd.
    let outer: Int, inner: Int

    /// - Throws: where they are no such windows.
    init(outer: Int, inner: Int) throws(FormError) {
        guard outer % 2 == 1, inner % 2 == 1, inner < outer else {
            throw FormError("windows of \(outer) and \(inner) pixels do not fit; take odd numbers, the inner one smaller")
        }
        (self.outer, self.inner) = (outer, inner)
    }

    /// The rows or columns of both windows around a place of `count`: near the border the outer one is moved inside, the inner one cut off.
    fileprivate func ranges(around place: Int, of count: Int) -> (outer: Range<Int>, inner: Range<Int>) {
        let first = min(max(place - outer / 2, 0), count - outer)
        return (first ..< first + outer, max(place - inner / 2, 0) ..< min(place + inner / 2 + 1, count))
    }
}

extension Scene {
    /// One number a pixel, made of it and of the pixels between two windows around it.
    /// - Parameter number: `ring` has a row for each of those pixels.
    /// - Throws: where the scene is smaller than the outer window.
    func dualWindow(_ window: DualWindow, over map: SceneMap, _ number: @escaping (_ pixel: [Double], _ ring: Matrix) throws -> Double) throws
        -> SceneMap
    {
        let (rows, columns, bands) = (rows, columns, map.channels)
        guard window.outer <= min(rows, columns) else {
            throw FormError("a window of \(window.outer) pixels does not fit a scene of \(rows)×\(columns); set settings.outer smaller")
        }
        return SceneMap(channels: 1) { wanted in
            guard let first = wanted.first, let last = wanted.last else { return [] }
            // what the windows of these rows reach: at a border as far as their whole side
            let around = window.ranges(around: first, of: rows).outer.lowerBound ..< window.ranges(around: last, of: rows).outer.upperBound
            let values = try map.values(of: around).map(Double.init)
            func pixels(_ row: Int, _ columns: Range<Int>) -> ArraySlice<Double> {
                let start = (row - around.lowerBound) * self.columns
                return values[(start + columns.lowerBound) * bands ..< (start + columns.upperBound) * bands]
            }
            var result: [Float] = []
            for row in wanted {
                let vertical = window.ranges(around: row, of: rows)
                for column in 0 ..< columns {
                    let horizontal = window.ranges(around: column, of: columns)
                    var ring: [Double] = []
                    ring.reserveCapacity(window.outer * window.outer * bands)
                    for line in vertical.outer {
                        if vertical.inner.contains(line) {
                            ring += pixels(line, horizontal.outer.lowerBound ..< horizontal.inner.lowerBound)
                            ring += pixels(line, horizontal.inner.upperBound ..< horizontal.outer.upperBound)
                        } else {
                            ring += pixels(line, horizontal.outer)
                        }
                    }
                    let background = Matrix(rows: ring.count / bands, columns: bands, ring)
                    result.append(Float(try number(Array(pixels(row, column ..< column + 1)), background)))
                }
            }
            return result
        }
    }
}
