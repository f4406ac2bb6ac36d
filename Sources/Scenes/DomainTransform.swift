import Foundation

extension GrayImage {
    /// The recursive filter of the domain transform (Gastal & Oliveira, ACM TOG 30(4), 2011): smooths along rows and columns, but not over
    /// the edges of other images.
    ///
    /// - Parameters:
    ///   - guides: images whose steps are edges.
    ///   - spatial: σ_s, pixels.
    ///   - range: σ_r, in the guides' numbers.
    public func domainFiltered(by guides: [GrayImage], spatial: Double, range: Double, iterations: Int = 3) -> GrayImage {
        // how far each pixel is from the one before it in its row, and in its column
        let inRows = distances(in: guides, ratio: spatial / range, step: 1), inColumns = distances(in: guides, ratio: spatial / range, step: columns)
        var result = self
        for iteration in 1 ... iterations {
            let share = 3.0.squareRoot() * pow(2, Double(iterations - iteration)) / (pow(4, Double(iterations)) - 1).squareRoot()
            let feedback = exp(-(2.0.squareRoot()) / (spatial * share))
            let rowWeights = inRows.map { pow(feedback, $0) }, columnWeights = inColumns.map { pow(feedback, $0) }
            for row in 0 ..< rows { result.recurse(from: row * columns, step: 1, count: columns, rowWeights) }
            for column in 0 ..< columns { result.recurse(from: column, step: columns, count: rows, columnWeights) }
        }
        return result
    }

    private func distances(in guides: [GrayImage], ratio: Double, step: Int) -> [Double] {
        values.indices.map { pixel in
            let hasOneBefore = step == 1 ? pixel % columns > 0 : pixel >= columns
            return hasOneBefore ? 1 + ratio * guides.reduce(0) { $0 + abs($1.values[pixel] - $1.values[pixel - step]) } : 0
        }
    }

    /// Forth and back along a line.
    private mutating func recurse(from first: Int, step: Int, count: Int, _ weights: [Double]) {
        for place in stride(from: 1, to: count, by: 1) {
            let pixel = first + place * step
            values[pixel] += weights[pixel] * (values[pixel - step] - values[pixel])
        }
        for place in stride(from: count - 2, through: 0, by: -1) {
            let pixel = first + place * step
            values[pixel] += weights[pixel + step] * (values[pixel + step] - values[pixel])
        }
    }
}
