import Graphs
import Networks

/// OCGAN's convolutions of 5×5 at stride 2: without padding of images of 61×61 and 125×125, of others with zeros around, so that they
/// halve the sides down to a grid.
struct OneClassLayers {
    private let channels: Int, widths: [Int], padding: Int
    /// Of the convolution to the code and back.
    let grid: (Int, Int)
    let settings: OCGAN.Settings

    init(_ sample: Shape, _ settings: OCGAN.Settings) throws(FormError) {
        self.settings = settings
        let sides = sample.extents.prefix(2), unpadded = [61: 3, 125: 4]
        if sample.rank == 3, sample.extents[2] > 0, sides.min() == sides.max(), let stages = unpadded[sides[0]] {
            (channels, padding, grid) = (sample.extents[2], 0, (5, 5))
            widths = (0 ..< stages).map { settings.width << $0 }
        } else {
            let image: HalvingGrid
            do { image = try HalvingGrid(sample) } catch { throw FormError("\(error), or of both 61 or both 125") }
            (channels, padding, grid) = (image.channels, 2, image.grid)
            widths = (0 ..< image.halvings).map { settings.width << $0 }
        }
    }

    func encoder() -> Sequential {
        Sequential {
            halving(channels, widths[0], bias: true)
            Activation.leakyReLU(0.2)
            for (from, to) in zip(widths, widths.dropFirst()) {
                halving(from, to)
                norm(to)
                Activation.leakyReLU(0.2)
            }
            Convolution(from: widths.last!, to: settings.latent, kernel: grid)
            if settings.latentActivation == .tanh { Activation.tanh } else { Activation.leakyReLU(0.2) }
        }
    }

    func decoder() -> Sequential {
        let outward = [settings.latent] + widths.reversed()
        return Sequential {
            for (place, (from, to)) in zip(outward, outward.dropFirst()).enumerated() {
                if place == 0 { TransposedConvolution(from: from, to: to, kernel: grid) } else { doubling(from, to) }
                norm(to)
                if place == widths.count - 1 { Dropout(settings.dropout) }
                Activation.relu
            }
            doubling(widths[0], channels, bias: true)
            Activation.tanh
        }
    }

    func critic(width: Int) -> Sequential {
        Sequential {
            halving(channels, width, bias: true)
            Activation.leakyReLU(0.2)
            for factor in [1, 2] {
                halving(factor * width, 2 * factor * width)
                norm(2 * factor * width)
                Activation.leakyReLU(0.2)
            }
            halving(4 * width, 1, bias: true)
        }
    }

    func latentDiscriminator() -> Sequential {
        let widths = [settings.latent] + (0 ..< 4).map { settings.latentWidth >> $0 }, isLogit = settings.latentDiscriminator == .logit
        return Sequential {
            for (place, (from, to)) in zip(widths, widths.dropFirst()).enumerated() {
                dense(from, to)
                if isLogit || place < 3 { Activation.relu } else { Activation.sigmoid }
            }
            if isLogit { dense(widths.last!, 1) }
        }
    }

    private func dense(_ from: Int, _ to: Int) -> Dense { Dense(from: from, to: to, weight: .normal(mean: 0, deviation: 0.02)) }

    private func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, momentum: settings.momentum) }

    private func halving(_ from: Int, _ to: Int, bias: Bool = false) -> Convolution {
        Convolution(from: from, to: to, kernel: 5, stride: 2, padding: padding, bias: bias)
    }

    /// Back to the sides that a halving began with, which were even where it has padding.
    private func doubling(_ from: Int, _ to: Int, bias: Bool = false) -> TransposedConvolution {
        TransposedConvolution(from: from, to: to, kernel: 5, stride: 2, padding: padding, outputPadding: padding == 0 ? 0 : 1, bias: bias)
    }
}
