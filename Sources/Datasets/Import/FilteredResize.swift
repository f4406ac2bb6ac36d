/// Bilinear resizing of pictures, [height, width, channels], with a filter against aliasing: an output pixel is the mean of the input
/// under a triangle that is as wide as two output pixels where that is more than two input pixels.
///
/// (As `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=True)`.)
struct FilteredResize {
    private struct Taps {
        let first: Int
        let weights: [Double]
    }

    private let width: Int
    private let channels: Int
    private let rows: [Taps]
    private let columns: [Taps]

    init(from: (height: Int, width: Int), to: (height: Int, width: Int), channels: Int) {
        (width, self.channels) = (from.width, channels)
        (rows, columns) = (Self.taps(from.height, to.height), Self.taps(from.width, to.width))
    }

    private static func taps(_ from: Int, _ to: Int) -> [Taps] {
        let scale = Double(from) / Double(to), reach = max(scale, 1)
        return (0 ..< to).map { place in
            let center = (Double(place) + 0.5) * scale
            let first = max(Int(center - reach + 0.5), 0), last = min(Int(center + reach + 0.5), from)
            let weights = (first ..< last).map { max(0, 1 - abs((Double($0) + 0.5 - center) / reach)) }, sum = weights.reduce(0, +)
            return Taps(first: first, weights: weights.map { $0 / sum })
        }
    }

    /// Columns first, then rows.
    func callAsFunction(_ picture: [Double]) -> [Double] {
        let height = picture.count / (width * channels), size = columns.count * channels
        var narrow = [Double](repeating: 0, count: height * size)
        for row in 0 ..< height {
            for (x, taps) in columns.enumerated() {
                for channel in 0 ..< channels {
                    var sum = 0.0
                    for (tap, weight) in taps.weights.enumerated() { sum += weight * picture[(row * width + taps.first + tap) * channels + channel] }
                    narrow[row * size + x * channels + channel] = sum
                }
            }
        }
        var result = [Double](repeating: 0, count: rows.count * size)
        for (y, taps) in rows.enumerated() {
            for (tap, weight) in taps.weights.enumerated() {
                for place in 0 ..< size { result[y * size + place] += weight * narrow[(taps.first + tap) * size + place] }
            }
        }
        return result
    }
}
