/// Bilinear resizing of images, [height, width, channels], with half-pixel centers: output pixel i looks at
/// (i + 1/2) · from / to - 1/2 of the input, held inside it, and blends its two neighbors along each axis. No filter against
/// aliasing: shrinking to less than half skips pixels. Formed in Double and rounded once: to the nearest byte, ties to even, or to Float.
///
/// (As `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False)`.)
struct Resize: Sendable {
    private struct Tap {
        let low: Int, high: Int, weight: Double
    }

    private let width: Int
    private let channels: Int
    private let rows: [Tap]
    private let columns: [Tap]

    init(from: (height: Int, width: Int), to: (height: Int, width: Int), channels: Int) {
        (width, self.channels) = (from.width, channels)
        (rows, columns) = (Self.taps(from.height, to.height), Self.taps(from.width, to.width))
    }

    private static func taps(_ from: Int, _ to: Int) -> [Tap] {
        (0 ..< to).map { place in
            let center = max((Double(place) + 0.5) * Double(from) / Double(to) - 0.5, 0), low = min(Int(center), from - 1)
            return Tap(low: low, high: min(low + 1, from - 1), weight: center - Double(low))
        }
    }

    /// The resized image, of the input's bytes in row-major order.
    func callAsFunction(_ image: ArraySlice<UInt8>) -> [UInt8] { blended(image, Double.init) { UInt8($0.rounded(.toNearestOrEven)) } }

    /// The resized image, of the input's values in row-major order.
    func callAsFunction(_ image: [Float]) -> [Float] { blended(image[...], Double.init) { Float($0) } }

    @inline(__always)
    private func blended<Value>(_ image: ArraySlice<Value>, _ double: (Value) -> Double, _ rounded: (Double) -> Value) -> [Value] {
        var output: [Value] = []
        output.reserveCapacity(rows.count * columns.count * channels)
        image.withUnsafeBufferPointer { pixels in
            func at(_ y: Int, _ x: Int, _ channel: Int) -> Double { double(pixels[(y * width + x) * channels + channel]) }
            for row in rows {
                for column in columns {
                    for channel in 0 ..< channels {
                        let top = (1 - column.weight) * at(row.low, column.low, channel) + column.weight * at(row.low, column.high, channel)
                        let bottom = (1 - column.weight) * at(row.high, column.low, channel) + column.weight * at(row.high, column.high, channel)
                        output.append(rounded((1 - row.weight) * top + row.weight * bottom))
                    }
                }
            }
        }
        return output
    }
}
