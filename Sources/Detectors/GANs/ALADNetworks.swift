import Graphs
import Networks

/// What ALAD consists of, for samples of one kind.
protocol ALADNetworks {
    func encoder() -> Sequential
    func generator() -> Sequential
    /// D_xz.
    func pairDiscriminator() -> PairDiscriminator
    /// D_xx.
    func sampleDiscriminator() -> TwinDiscriminator
    /// D_zz.
    func codeDiscriminator() -> TwinDiscriminator
}

/// A discriminator of two things of one kind, side by side along an axis.
struct TwinDiscriminator: Network {
    let trunk: Sequential, head: Dense, axis: Int

    /// f: what is before the last layer.
    func features(_ a: Batched, _ b: Batched) -> Batched { trunk(concatenated([a, b], axis: axis)) }

    /// The logit.
    func callAsFunction(_ a: Batched, _ b: Batched) -> Batched { head(features(a, b)) }
}

/// Those of KDD99 and Arrhythmia: dense layers with biases, from Glorot's initial values; all sizes are multiples of a unit, which is 64.
struct ALADVectorNetworks: ALADNetworks {
    /// Sizes of layers before the last, in units of `unit`: of E (G's, turned around), of D_xz behind both parts, of D_xx, of D_zz.
    struct Sizes { let encoder: [Double], joint: Double, twins: [Double], codes: [Double] }
    let features: Int, latent: Int, unit: Int, sizes: Sizes

    func encoder() -> Sequential { hidden([features] + sizes.encoder.map(size), to: latent, .leakyReLU(0.2)) }

    func generator() -> Sequential {
        // KDD99's has one layer more than its encoder
        let layers = sizes.encoder.count == 1 ? [1, 2] : Array(sizes.encoder.reversed())
        return hidden([latent] + layers.map(size), to: features, .relu)
    }

    func pairDiscriminator() -> PairDiscriminator {
        let each = size(2), joint = size(sizes.joint)
        return PairDiscriminator(
            sample: Sequential {
                dense(features, each)
                BatchNorm(each, momentum: 0.01, epsilon: 1e-3, scale: .constant(1))
                Activation.leakyReLU(0.2)
            },
            code: dropping([latent, each], 0.5), joint: dropping([2 * each, joint], 0.5), head: dense(joint, 1))
    }

    func sampleDiscriminator() -> TwinDiscriminator { twins(of: features, sizes.twins) }
    func codeDiscriminator() -> TwinDiscriminator { twins(of: latent, sizes.codes) }

    private func twins(of extent: Int, _ units: [Double]) -> TwinDiscriminator {
        let layers = units.map(size)
        return TwinDiscriminator(trunk: dropping([2 * extent] + layers, 0.2), head: dense(layers.last!, 1), axis: 0)
    }

    private func size(_ units: Double) -> Int { max(1, Int(units * Double(unit))) }

    private func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: .glorot(from, to)) }

    private func hidden(_ sizes: [Int], to last: Int, _ activation: Activation) -> Sequential {
        Sequential {
            for (from, to) in zip(sizes, sizes.dropFirst()) {
                dense(from, to)
                activation
            }
            dense(sizes.last!, last)
        }
    }

    private func dropping(_ sizes: [Int], _ rate: Double) -> Sequential {
        Sequential {
            for (from, to) in zip(sizes, sizes.dropFirst()) {
                dense(from, to)
                Activation.leakyReLU(0.2)
                Dropout(rate)
            }
        }
    }
}

/// Those of CIFAR-10 and SVHN, whose 32×32 halve three times down to 4×4, for images of other sides: biases in every layer, initial values
/// from N(0, 0.01²). Spectral norm is in E before its last layer and in the discriminators before theirs.
struct ALADImageNetworks: ALADNetworks {
    private let sample: Shape, latent: Int, width: Int, hidden: Int
    private let pairing: ALAD.Pairing, slope: SpectralNorm.Slope
    /// Channels of E after each halving.
    private let widths: [Int]
    /// What is left of the image.
    private let grid: (Int, Int)
    private var channels: Int { sample.extents[2] }

    init(_ sample: Shape, latent: Int, width: Int, hidden: Int, pairing: ALAD.Pairing, slope: SpectralNorm.Slope) throws(FormError) {
        let extents = sample.extents, smaller = extents.prefix(2).min() ?? 0
        guard extents.count == 3, extents[2] > 0, smaller >= 16, smaller.nonzeroBitCount == 1,
            extents.prefix(2).allSatisfy({ $0 % (smaller / 4) == 0 })
        else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [features], or [height, width, channels] with the smaller side a power of two from "
                    + "16 on and the larger a multiple of a quarter of it, as 121, 32×32×3 or 64×96×1")
        }
        let halvings = smaller.trailingZeroBitCount - 2
        (self.sample, self.latent, self.width, self.hidden, self.pairing, self.slope) = (sample, latent, width, hidden, pairing, slope)
        widths = (0 ..< halvings).map { width * min(1 << $0, 4) }
        grid = (extents[0] >> halvings, extents[1] >> halvings)
    }

    func encoder() -> Sequential {
        Sequential {
            for (from, to) in zip([channels] + widths, widths) {
                halving(from, to)
                norm(to)
                Activation.leakyReLU(0.2)
            }
            Convolution(from: widths.last!, to: latent, kernel: grid, bias: true, weight: initial)
            Rearrangement.reshape([latent])
        }
    }

    func generator() -> Sequential {
        let narrowing = Array(widths.reversed())
        return Sequential {
            Rearrangement.reshape([1, 1, latent])
            TransposedConvolution(from: latent, to: narrowing[0], kernel: grid, bias: true, weight: initial)
            norm(narrowing[0])
            Activation.relu
            for (from, to) in zip(narrowing, narrowing.dropFirst()) {
                TransposedConvolution(from: from, to: to, kernel: 4, stride: 2, padding: 1, bias: true, weight: initial)
                norm(to)
                Activation.relu
            }
            TransposedConvolution(from: width, to: channels, kernel: 4, stride: 2, padding: 1, bias: true, weight: initial)
            Activation.tanh
        }
    }

    func pairDiscriminator() -> PairDiscriminator {
        let half = hidden / 2
        return PairDiscriminator(
            sample: Sequential {
                halving(channels, width)
                Activation.leakyReLU(0.2)
                for (from, to) in zip(widths, widths.dropFirst()) {
                    halving(from, to)
                    norm(to)
                    Activation.leakyReLU(0.2)
                }
            },
            code: dropping(dense(latent, half), dense(half, half)), joint: dropping(dense(grid.0 * grid.1 * widths.last! + half, hidden)),
            head: last(hidden))
    }

    func sampleDiscriminator() -> TwinDiscriminator {
        let axis = pairing == .channels ? 2 : 0, halvings = widths.count - 1  // down to the double of E's grid
        let layers = [pairing == .channels ? 2 * channels : channels, width / 2] + Array(repeating: width, count: halvings - 1)
        let places = grid.0 * grid.1 * 4 * (pairing == .channels ? 1 : 2)
        return TwinDiscriminator(
            trunk: Sequential {
                for (from, to) in zip(layers, layers.dropFirst()) {
                    dropping(
                        Convolution.same(from: from, to: to, kernel: 5, stride: 2, bias: true, weight: initial).spectrallyNormalized(slope: slope))
                }
            }, head: last(places * layers.last!), axis: axis)
    }

    func codeDiscriminator() -> TwinDiscriminator {
        let (first, second) = (width / 2, max(1, width / 4))
        return TwinDiscriminator(trunk: dropping(dense(2 * latent, first), dense(first, second)), head: last(second), axis: 0)
    }

    // MARK: Layers

    private var initial: Initializer { .normal(mean: 0, deviation: 0.01) }

    private func halving(_ from: Int, _ to: Int) -> Convolution {
        Convolution(from: from, to: to, kernel: 4, stride: 2, padding: 1, bias: true, weight: initial).spectrallyNormalized(slope: slope)
    }

    private func dense(_ from: Int, _ to: Int) -> Dense { last(from, to).spectrallyNormalized(slope: slope) }

    private func last(_ from: Int, _ to: Int = 1) -> Dense { Dense(from: from, to: to, weight: initial) }

    private func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, momentum: 0.01, epsilon: 1e-3, scale: .constant(1)) }

    private func dropping(_ layers: any Layer...) -> Sequential {
        Sequential {
            for layer in layers {
                layer
                Activation.leakyReLU(0.2)
                Dropout(0.2)
            }
        }
    }
}
