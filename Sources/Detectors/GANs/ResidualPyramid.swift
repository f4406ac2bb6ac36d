import Graphs
import Networks

/// The residual networks of the WGAN-GP work: blocks that halve the image and double the channels, up to 8 times as many, until a small
/// grid is left (4×4 of a square image); and the same way back.
struct ResidualPyramid {
    private let channels: Int, width: Int
    /// Channels before the first block and after each.
    private let widths: [Int]
    /// What is left of the image.
    private let grid: (Int, Int)

    /// - Throws: where the sides cannot be halved down to the grid.
    init(_ sample: Shape, width: Int) throws(FormError) {
        let halving = try HalvingGrid(sample)
        (channels, grid, self.width) = (halving.channels, halving.grid, width)
        widths = (0 ... halving.halvings).map { width * min(1 << $0, 8) }
    }

    /// Numbers that the trunk leaves of a sample.
    private var featureCount: Int { grid.0 * grid.1 * widths.last! }

    /// Everything of a critic before its last layer; `norm` makes the norm of so many channels.
    func trunk(norm: (Int) -> any Layer) -> Sequential {
        Sequential {
            Convolution(from: channels, to: width, kernel: 3, padding: 1, bias: true, weight: uniform(gain: 2, channels, width, kernel: 3))
            for (from, to) in zip(widths, widths.dropFirst()) {
                Residual {
                    Rearrangement.averagePool(2)
                    pointwise(from, to)
                } main: {
                    norm(from)
                    Activation.relu
                    local(from, from)
                    norm(from)
                    Activation.relu
                    local(from, to, bias: true)
                    Rearrangement.averagePool(2)
                }
            }
        }
    }

    /// The last layer of a critic, from what the trunk leaves.
    func head() -> Dense { dense(featureCount, 1) }

    /// - Parameter within: whether codes are kept within ±1.
    func encoder(to code: Int, within: Bool) -> Sequential {
        Sequential {
            trunk(norm: batchNorm)
            dense(featureCount, code)
            if within { Activation.tanh }
        }
    }

    func generator(from code: Int) -> Sequential {
        let widest = 8 * width, narrowing = [widest] + widths.dropLast().reversed()
        return Sequential {
            dense(code, grid.0 * grid.1 * widest)
            Rearrangement.reshape([grid.0, grid.1, widest])
            for (from, to) in zip(narrowing, narrowing.dropFirst()) {
                Residual {
                    Rearrangement.nearestUpsample(2)
                    pointwise(from, to)
                } main: {
                    batchNorm(from)
                    Activation.relu
                    Rearrangement.nearestUpsample(2)
                    local(from, to)
                    batchNorm(to)
                    Activation.relu
                    local(to, to, bias: true)
                }
            }
            batchNorm(width)
            Activation.relu
            local(width, channels, bias: true)
            Activation.tanh
        }
    }
}

// MARK: Layers with the authors' initial values: uniform, of variance gain / (fan in + fan out)

private func uniform(gain: Double, _ from: Int, _ to: Int, kernel: Int = 1) -> Initializer {
    .uniform(bound: (3 * gain / Double((from + to) * kernel * kernel)).squareRoot())
}

private func batchNorm(_ channels: Int) -> any Layer { BatchNorm(channels, momentum: 0.01, epsilon: 1e-3, scale: .constant(1)) }

private func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: uniform(gain: 2, from, to)) }

private func pointwise(_ from: Int, _ to: Int) -> Convolution {
    Convolution(from: from, to: to, kernel: 1, bias: true, weight: uniform(gain: 2, from, to))
}

private func local(_ from: Int, _ to: Int, bias: Bool = false) -> Convolution {
    Convolution(from: from, to: to, kernel: 3, padding: 1, bias: bias, weight: uniform(gain: 4, from, to, kernel: 3))
}
