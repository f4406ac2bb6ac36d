import Graphs
import Networks

/// The networks of `CompactOCGAN`, for 28×28 images; biases in every layer.
struct CompactOneClassLayers {
    /// Of the image; and of En and De at the full resolution.
    let channels: Int, width: Int

    /// 28 → 14 → 7 → 5 → 3 a side.
    func encoder() -> Sequential {
        Sequential {
            for (from, to) in [(channels, width), (width, 2 * width)] {
                convolution(from, to, padding: 1)
                Activation.tanh
                convolution(to, to, padding: 1)
                Activation.tanh
                norm(to)
                Rearrangement.maxPool(2)
            }
            for from in [2 * width, width] {
                convolution(from, width, padding: 0)
                Activation.tanh
            }
        }
    }

    /// 3 → 6 → 12 → 24 → 26 → 28 a side.
    func decoder() -> Sequential {
        Sequential {
            for (from, to, padding) in [(width, width, 1), (width, 2 * width, 1), (2 * width, 2 * width, 0)] {
                Rearrangement.nearestUpsample(2)
                transposed(from, to, padding: padding)
                Activation.tanh
                transposed(to, to, padding: padding)
                Activation.tanh
                norm(to)
            }
            transposed(2 * width, channels, padding: 1)
            Activation.sigmoid
        }
    }

    func critic(_ widths: [Int]) -> Sequential {
        func halving(_ from: Int, _ to: Int) -> Convolution {
            .same(from: from, to: to, kernel: 5, stride: 2, bias: true, weight: .glorot(25 * from, 25 * to))
        }
        return Sequential {
            for (from, to) in zip([channels] + widths, widths) {
                halving(from, to)
                norm(to)
                Activation.leakyReLU(0.2)
            }
            halving(widths.last!, 1)
        }
    }

    func latentDiscriminator(width first: Int) -> Sequential {
        let widths = [9 * width] + (0 ..< 4).map { first >> $0 }
        func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: .glorot(from, to)) }
        return Sequential {
            for (from, to) in zip(widths, widths.dropFirst()) {
                dense(from, to)
                norm(to)
                Activation.relu
            }
            dense(widths.last!, 1)
        }
    }

    private func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, momentum: 0.01, epsilon: 1e-3, scale: .constant(1)) }

    private func convolution(_ from: Int, _ to: Int, padding: Int) -> Convolution {
        Convolution(from: from, to: to, kernel: 3, padding: padding, bias: true, weight: .glorot(9 * from, 9 * to))
    }

    private func transposed(_ from: Int, _ to: Int, padding: Int) -> TransposedConvolution {
        TransposedConvolution(from: from, to: to, kernel: 3, padding: padding, bias: true, weight: .glorot(9 * from, 9 * to))
    }
}
