import Graphs
import Networks

/// The generator of Skip-GANomaly: convolutions that halve an image L times, until its smaller side is 1, and as many that double it
/// again, each of these with what the way down had at its resolution beside what comes from below.
///
/// | level | down | up |
/// |---|---|---|
/// | 1 | conv: C → w₁ | ReLU, transposed conv: 2w₁ → C, tanh |
/// | i | leaky ReLU, conv: wᵢ₋₁ → wᵢ, batch norm | ReLU, transposed conv: 2wᵢ → wᵢ₋₁, batch norm |
/// | L | leaky ReLU, conv: w_L₋₁ → w_L | ReLU, transposed conv: w_L → w_L₋₁, batch norm |
struct UNet: Layer {
    let down: [Sequential], up: [Sequential]

    /// - Parameters:
    ///   - sample: [height, width, channels], the smaller side a power of two from 4 on, the larger a multiple of it.
    ///   - width: channels of the first level; each further one has twice as many, up to 8 times.
    init(_ sample: Shape, width: Int) {
        let channels = sample.extents[2], levels = sample.extents.prefix(2).min()!.trailingZeroBitCount
        let widths = (0 ..< levels).map { width << min($0, 3) }
        down = widths.indices.map { level in
            Sequential {
                if level > 0 { Activation.leakyReLU(0.2) }
                Convolution(from: level == 0 ? channels : widths[level - 1], to: widths[level], kernel: 4, stride: 2, padding: 1)
                if level > 0, level < levels - 1 { BatchNorm(widths[level]) }
            }
        }
        up = widths.indices.reversed().map { level in
            let from = level == levels - 1 ? widths[level] : 2 * widths[level], to = level == 0 ? channels : widths[level - 1]
            return Sequential {
                Activation.relu
                TransposedConvolution(from: from, to: to, kernel: 4, stride: 2, padding: 1, bias: level == 0)
                if level == 0 { Activation.tanh } else { BatchNorm(to) }
            }
        }
    }

    func callAsFunction(_ x: Batched) -> Batched {
        let levels = down.reduce([x]) { $0 + [$1($0.last!)] }.dropFirst()
        let deepest = up[0](levels.last!)
        return zip(up.dropFirst(), levels.dropLast().reversed()).reduce(deepest) { below, next in
            next.0(concatenated([next.1, below], axis: 2))
        }
    }
}
