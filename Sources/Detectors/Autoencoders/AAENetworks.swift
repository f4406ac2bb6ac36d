import Graphs
import Networks

/// The encoder and decoder of Chen & Konukoglu: blocks of two ways that halve the image and double the channels, and the same way back;
/// kernels of 3×3 with TensorFlow's padding SAME, biases and batch norm.
struct ResidualAutoencoder {
    private let channels: Int, latent: Int
    /// Channels before the first block and after each.
    private let widths: [Int]
    /// What is left of the image.
    private let grid: Shape

    /// - Throws: where the sides cannot be halved so often.
    init(_ sample: Shape, latent: Int, width: Int, halvings: Int) throws(FormError) {
        let extents = sample.extents, factor = 1 << halvings
        guard extents.count == 3, extents.allSatisfy({ $0 > 0 }), extents.prefix(2).allSatisfy({ $0 % factor == 0 }) else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with both sides multiples of \(factor), as 121 or "
                    + "\(4 * factor)×\(6 * factor)×1")
        }
        (channels, self.latent) = (extents[2], latent)
        widths = (0 ... halvings).map { width << $0 }
        grid = [extents[0] >> halvings, extents[1] >> halvings, widths.last!]
    }

    func encoder() -> Sequential {
        Sequential {
            Convolution.same(from: channels, to: widths[0], kernel: 3, bias: true, weight: initial)
            Activation.leakyReLU(0.2)
            norm(widths[0], deviation: 0.01)
            Activation.leakyReLU(0.2)
            for width in widths.dropLast() {
                Residual {
                    down(width, 2 * width, stride: 2)
                } main: {
                    down(width, width, stride: 2)
                    down(width, 2 * width)
                }
            }
            Dense(from: grid.count, to: latent, weight: initial)
        }
    }

    func decoder() -> Sequential {
        let narrowing = Array(widths.dropLast().reversed())
        return Sequential {
            Dense(from: latent, to: grid.count, weight: initial)
            Activation.leakyReLU(0.2)
            Rearrangement.reshape(grid)
            Convolution.same(from: widths.last!, to: narrowing[0], kernel: 3, bias: true, weight: initial)
            Activation.leakyReLU(0.2)
            for width in narrowing {
                Residual {
                    up(width, width / 2, stride: 2)
                } main: {
                    up(width, width, stride: 2)
                    up(width, width / 2)
                }
            }
            Convolution.same(from: widths[0] / 2, to: channels, kernel: 3, bias: true, weight: initial)
        }
    }

    private var initial: Initializer { .truncatedNormal(deviation: 0.02) }

    private func norm(_ channels: Int, deviation: Double = 0.02) -> BatchNorm { BatchNorm(channels, scale: .normal(mean: 1, deviation: deviation)) }

    private func down(_ from: Int, _ to: Int, stride: Int = 1) -> Sequential {
        Sequential {
            Convolution.same(from: from, to: to, kernel: 3, stride: stride, bias: true, weight: initial)
            norm(to)
            Activation.leakyReLU(0.2)
        }
    }

    private func up(_ from: Int, _ to: Int, stride: Int = 1) -> Sequential {
        Sequential {
            TransposedConvolution.same(from: from, to: to, kernel: 3, stride: stride, bias: true, weight: initial)
            norm(to)
            Activation.leakyReLU(0.2)
        }
    }
}

/// Deep SAD's networks of vectors: two hidden layers without biases, with batch norm without scale and shift, and the same way back to
/// numbers from 0 to 1.
func vectorAutoencoder(features: Int, latent: Int, width: Int) -> (encoder: Sequential, decoder: Sequential) {
    func dense(_ from: Int, _ to: Int) -> Dense {
        Dense(from: from, to: to, bias: false, weight: .uniform(bound: 1 / Double(from).squareRoot()))
    }
    func through(_ sizes: [Int]) -> Sequential {
        Sequential {
            for (from, to) in zip(sizes.dropLast(), sizes.dropFirst().dropLast()) {
                dense(from, to)
                BatchNorm(to, epsilon: 1e-4, affine: false)
                Activation.leakyReLU(0.01)
            }
            dense(sizes[sizes.count - 2], sizes.last!)
        }
    }
    let sizes = [features, width, width / 2, latent]
    let decoder = Sequential {
        through(sizes.reversed())
        Activation.sigmoid
    }
    return (through(sizes), decoder)
}
