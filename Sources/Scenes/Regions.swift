extension GrayImage {
    /// From the smallest and largest value to 0 and 1; all 0 where they are equal.
    public var normalized: GrayImage {
        let low = values.min() ?? 0, high = values.max() ?? 0
        return GrayImage(rows: rows, columns: columns, values.map { high > low ? ($0 - low) / (high - low) : 0 })
    }

    /// The largest of each pixel and its neighbors to the right, below, and between: dilation by a square of 2×2.
    public var dilatedBySquare: GrayImage {
        var result = self
        for row in 0 ..< rows {
            for column in 0 ..< columns {
                let (below, right) = (min(row + 1, rows - 1), min(column + 1, columns - 1))
                let around = [(row, column), (below, column), (row, right), (below, right)]
                result.values[row * columns + column] = around.map { values[$0.0 * columns + $0.1] }.max()!
            }
        }
        return result
    }

    /// The threshold that parts the values best into two classes (Otsu, IEEE TSMC 9(1), 1979): the middle of one of 256 bins.
    public var otsuThreshold: Double {
        let low = values.min() ?? 0, high = values.max() ?? 0, bins = 256
        guard high > low else { return low }
        var counts = Array(repeating: 0.0, count: bins)
        for value in values { counts[min(bins - 1, Int((value - low) / (high - low) * Double(bins)))] += 1 }
        let centers = (0 ..< bins).map { low + (high - low) * (Double($0) + 0.5) / Double(bins) }
        let total = Double(values.count), sum = zip(counts, centers).reduce(0) { $0 + $1.0 * $1.1 }
        var (best, threshold, weight, below) = (-1.0, low, 0.0, 0.0)
        for bin in 0 ..< bins - 1 {
            weight += counts[bin]
            below += counts[bin] * centers[bin]
            guard weight > 0, weight < total else { continue }
            let difference = below / weight - (sum - below) / (total - weight)
            let between = weight * (total - weight) * difference * difference
            if between > best { (best, threshold) = (between, centers[bin]) }
        }
        return threshold
    }

    /// Which pixels lie above a level, in a region (of pixels that meet at sides or corners) of at most so many.
    public func regions(above level: Double, ofAtMost most: Int) -> [Bool] {
        var seen = values.map { $0 <= level }, kept = Array(repeating: false, count: values.count)
        for first in values.indices where !seen[first] {
            var region = [first], next = 0
            seen[first] = true
            while next < region.count {
                let (row, column) = region[next].quotientAndRemainder(dividingBy: columns)
                next += 1
                for y in max(0, row - 1) ... min(rows - 1, row + 1) {
                    for x in max(0, column - 1) ... min(columns - 1, column + 1) where !seen[y * columns + x] {
                        seen[y * columns + x] = true
                        region.append(y * columns + x)
                    }
                }
            }
            if region.count <= most { for pixel in region { kept[pixel] = true } }
        }
        return kept
    }
}
