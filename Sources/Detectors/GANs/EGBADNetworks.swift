import Graphs
import Networks

/// EGBAD's networks of a kind of samples.
protocol EGBADNetworks {
    func encoder() -> Sequential
    func generator() -> Sequential
    func discriminator() -> PairDiscriminator
}

/// Those of KDD99: dense layers with biases, from Glorot's initial values.
struct EGBADVectorNetworks: EGBADNetworks {
    let features: Int, latent: Int, width: Int

    func encoder() -> Sequential {
        Sequential {
            dense(features, width)
            Activation.leakyReLU(0.1)
            dense(width, latent)
        }
    }

    func generator() -> Sequential {
        Sequential {
            dense(latent, width)
            Activation.relu
            dense(width, 2 * width)
            Activation.relu
            dense(2 * width, features)
        }
    }

    func discriminator() -> PairDiscriminator {
        func hidden(from inputs: Int) -> Sequential {
            Sequential {
                dense(inputs, 2 * width)
                Activation.leakyReLU(0.1)
                Dropout(0.2)
            }
        }
        return PairDiscriminator(
            sample: hidden(from: features), code: hidden(from: latent), joint: hidden(from: 4 * width), head: dense(2 * width, 1))
    }

    private func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: .glorot(from, to)) }
}

/// Those of MNIST, whose 28×28 halve twice, for images that halve `halvings` times until the smaller side is 5 to 8: biases in every layer,
/// initial values from N(0, 0.02²).
struct EGBADImageNetworks: EGBADNetworks {
    let channels: Int, latent: Int, width: Int, hidden: Int
    /// Channels of E after each halving.
    private let widths: [Int]
    /// What is left of the image.
    private let grid: Shape

    init(_ sample: Shape, latent: Int, width: Int, hidden: Int) throws(FormError) {
        let extents = sample.extents, smaller = extents.prefix(2).min() ?? 0
        var halvings = 0
        while smaller >> halvings > 8 { halvings += 1 }
        guard extents.count == 3, extents[2] > 0, halvings > 0, extents.prefix(2).allSatisfy({ $0 % (1 << halvings) == 0 }) else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with the smaller side 5 to 8 times a power "
                    + "of two from 2 on and the larger a multiple of that power, as 121, 28×28×1 or 32×48×3")
        }
        (channels, self.latent, self.width, self.hidden) = (extents[2], latent, width, hidden)
        widths = (0 ..< halvings).map { width << $0 }
        grid = [extents[0] >> halvings, extents[1] >> halvings, widths.last!]
    }

    func encoder() -> Sequential {
        let narrow = width / 2
        return Sequential {
            Convolution.same(from: channels, to: narrow, kernel: 3, bias: true)
            Activation.leakyReLU(0.1)
            for (from, to) in zip([narrow] + widths, widths) {
                Convolution.same(from: from, to: to, kernel: 3, stride: 2, bias: true)
                norm(to)
                Activation.leakyReLU(0.1)
            }
            dense(grid.count, latent)
        }
    }

    func generator() -> Sequential {
        let narrowing = Array(widths.reversed())
        return Sequential {
            dense(latent, hidden)
            norm(hidden)
            Activation.relu
            dense(hidden, grid.count)
            norm(grid.count)  // of each element
            Activation.relu
            Rearrangement.reshape(grid)
            for (from, to) in zip(narrowing, narrowing.dropFirst()) {
                TransposedConvolution(from: from, to: to, kernel: 4, stride: 2, padding: 1, bias: true)
                norm(to)
                Activation.relu
            }
            TransposedConvolution(from: width, to: channels, kernel: 4, stride: 2, padding: 1, bias: true)
            Activation.tanh
        }
    }

    func discriminator() -> PairDiscriminator {
        func dropping(_ layers: any Layer...) -> Sequential {
            Sequential {
                for layer in layers { layer }
                Activation.leakyReLU(0.1)
                Dropout(0.5)
            }
        }
        return PairDiscriminator(
            sample: Sequential {
                dropping(Convolution(from: channels, to: width, kernel: 4, stride: 2, padding: 1, bias: true))
                for _ in widths.dropFirst() {
                    dropping(Convolution(from: width, to: width, kernel: 4, stride: 2, padding: 1, bias: true), norm(width))
                }
            },
            code: dropping(dense(latent, hidden / 2)), joint: dropping(dense(grid.count / widths.last! * width + hidden / 2, hidden)),
            head: dense(hidden, 1))
    }

    private func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: .normal(mean: 0, deviation: 0.02)) }

    private func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, momentum: 0.01, epsilon: 1e-3, scale: .constant(1)) }
}
