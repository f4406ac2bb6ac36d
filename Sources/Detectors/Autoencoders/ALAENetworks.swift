import Graphs
import Networks

/// ALAE's networks between samples and codes.
protocol LatentNetworks {
    /// G.
    func generator() -> any Layer
    /// E.
    func encoder() -> any Layer
}

extension ALAE {
    /// z over the root of its mean square.
    static func unit(_ z: Batched) -> Batched {
        let last = z.shape.rank - 1, size = sum(square(z), axis: last) / Double(z.shape.extents[last])
        return z * (1 / sqrt(size + 1e-8)).broadcast(to: z.shape)
    }

    /// F.
    static func mapping(_ latent: Int, layers: Int) -> Sequential {
        Sequential {
            for _ in 0 ..< layers {
                Dense(from: latent, to: latent, equalized: EqualizedRate(multiplier: 0.1))
                Activation.leakyReLU(0.2)
            }
        }
    }

    /// D.
    static func discriminator(_ latent: Int) -> Sequential {
        Sequential {
            for outputs in [latent, latent, 1] { Dense(from: latent, to: outputs, equalized: EqualizedRate(multiplier: 0.1)) }
        }
    }
}

/// Those of the program's dense configuration, of samples of any shape.
struct DenseLatentNetworks: LatentNetworks {
    private let sample: Shape, latent: Int, width: Int

    init(_ sample: Shape, latent: Int, width: Int) { (self.sample, self.latent, self.width) = (sample, latent, width) }

    func generator() -> any Layer {
        Sequential {
            hidden(from: latent, to: width)
            hidden(from: width, to: width)
            Dense(from: width, to: sample.count, equalized: EqualizedRate())
            Rearrangement.reshape(sample)
        }
    }

    func encoder() -> any Layer {
        Sequential {
            Rearrangement.reshape([sample.count])
            hidden(from: sample.count, to: width)
            hidden(from: width, to: width)
            hidden(from: width, to: latent)
        }
    }

    private func hidden(from: Int, to: Int) -> Sequential {
        Sequential {
            Dense(from: from, to: to, equalized: EqualizedRate())
            Activation.leakyReLU(0.2)
        }
    }
}

/// Those of its convolutional configurations, without growing: E halves an image until its smaller side is 2 and reads the code off the
/// means and deviations of channels on the way; G is the generator of StyleGAN (Karras et al., CVPR 2019).
struct StyleNetworks: LatentNetworks {
    private let channels: Int, latent: Int
    /// Channels at the full resolution and after each halving.
    private let widths: [Int]
    /// Height and width that G begins with.
    private let grid: (Int, Int)

    /// - Throws: where the sides cannot be halved so often.
    init(_ sample: Shape, latent: Int, width: Int, widest: Int) throws(FormError) {
        let extents = sample.extents, smaller = extents.prefix(2).min() ?? 0
        guard extents.count == 3, extents[2] > 0, smaller >= 8, smaller.nonzeroBitCount == 1,
            extents.prefix(2).allSatisfy({ $0 % (smaller / 2) == 0 })
        else {
            throw FormError(
                "samples of \(sample) do not fit: its convolutions take [height, width, channels] with the smaller side a power of two from 8 on "
                    + "and the larger a multiple of half of it, as 32×32×1 or 64×96×3; or set networks to dense")
        }
        let halvings = smaller.trailingZeroBitCount - 1
        (channels, self.latent) = (extents[2], latent)
        widths = (0 ... halvings).map { min(width << $0, widest) }
        grid = (extents[0] >> (halvings - 1), extents[1] >> (halvings - 1))
    }

    func encoder() -> any Layer {
        StyleEncoder(
            input: Convolution(from: channels, to: widths[0], kernel: 1, bias: true, equalized: EqualizedRate()),
            blocks: zip(widths, widths.dropFirst()).map { from, to in
                StyleEncoder.Block(
                    first: convolution(from, from), firstStyle: style(from: 2 * from, to: latent), second: convolution(from, to),
                    secondStyle: style(from: 2 * to, to: latent))
            })
    }

    func generator() -> any Layer {
        let widening = Array(widths.reversed())
        return StyleGenerator(
            constant: Parameter([grid.0, grid.1, widening[0]], .constant(1)),
            blocks: zip(widening, widening.dropFirst()).enumerated().map { place, widths in
                let (from, to) = widths
                return StyleGenerator.Block(
                    up: place == 0 ? nil : convolution(from, to, bias: false), first: injection(place == 0 ? from : to),
                    second: convolution(place == 0 ? from : to, to, bias: false), last: injection(to))
            },
            output: Convolution(from: widths[0], to: channels, kernel: 1, bias: true, equalized: EqualizedRate(gain: 0.03)))
    }

    private func convolution(_ from: Int, _ to: Int, bias: Bool = true) -> Convolution {
        Convolution(from: from, to: to, kernel: 3, padding: 1, bias: bias, equalized: EqualizedRate())
    }

    private func style(from: Int, to: Int) -> Dense { Dense(from: from, to: to, equalized: EqualizedRate(gain: 1)) }

    private func injection(_ channels: Int) -> StyleGenerator.Injection {
        StyleGenerator.Injection(channels, style: style(from: latent, to: 2 * channels))
    }
}
