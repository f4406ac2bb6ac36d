extension GrayImage {
    /// The mean over the window of (2·radius + 1)² pixels around each; beyond the image its border goes on.
    public func boxMean(radius: Int) -> GrayImage {
        func along(_ image: GrayImage, _ length: Int, _ lines: Int, _ place: (_ line: Int, _ position: Int) -> Int) -> GrayImage {
            var result = image
            for line in 0 ..< lines {
                for position in 0 ..< length {
                    // summed anew for each place, so that no rounding depends on where a block begins
                    let sum = (position - radius ... position + radius).reduce(0) { $0 + image.values[place(line, min(max($1, 0), length - 1))] }
                    result.values[place(line, position)] = sum / Double(2 * radius + 1)
                }
            }
            return result
        }
        let inRows = along(self, columns, rows) { $0 * columns + $1 }
        return along(inRows, rows, columns) { $1 * columns + $0 }
    }

    /// Guided filter (He, Sun & Tang 2013) with the image as its own guide: smooths where windows vary less than `epsilon`, and keeps edges.
    ///
    /// A pixel's result depends on no pixel farther than 2·radius away.
    public func guidedFiltered(radius: Int, epsilon: Double) -> GrayImage {
        let mean = boxMean(radius: radius)
        let squares = GrayImage(rows: rows, columns: columns, values.map { $0 * $0 }).boxMean(radius: radius)
        let variance = zip(squares.values, mean.values).map { $0 - $1 * $1 }
        let slope = variance.map { $0 / ($0 + epsilon) }
        let offset = zip(mean.values, slope).map { $0 - $1 * $0 }
        let slopes = GrayImage(rows: rows, columns: columns, slope).boxMean(radius: radius)
        let offsets = GrayImage(rows: rows, columns: columns, offset).boxMean(radius: radius)
        return GrayImage(rows: rows, columns: columns, values.indices.map { slopes.values[$0] * values[$0] + offsets.values[$0] })
    }
}
