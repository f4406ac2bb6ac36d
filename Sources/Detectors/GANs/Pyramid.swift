import Graphs
import Networks

/// The DCGAN-like networks of GANomaly and its kin: convolutions 4/2/1 that halve the image and double the channels until a
/// small grid is left (4×4 of a square image), which one more takes as a whole; and the same way back.
struct Pyramid {
    private let channels: Int, width: Int, extraLayers: Int
    /// Halvings after the first.
    private let stages: Int
    /// What is left of the image.
    private let grid: (Int, Int)
    private var widest: Int { width << stages }

    /// - Throws: where the sides cannot be halved down to the grid.
    init(_ sample: Shape, width: Int, extraLayers: Int) throws(FormError) {
        let extents = sample.extents, smaller = extents.prefix(2).min() ?? 0
        guard extents.count == 3, extents[2] > 0, smaller >= 16, smaller.nonzeroBitCount == 1,
            extents[0] % (smaller / 4) == 0, extents[1] % (smaller / 4) == 0
        else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from 16 on "
                    + "and the larger a multiple of a quarter of it, as 32×32×3 or 64×96×1")
        }
        (channels, self.width, self.extraLayers) = (extents[2], width, extraLayers)
        stages = (smaller / 8).trailingZeroBitCount
        grid = (extents[0] >> (stages + 1), extents[1] >> (stages + 1))
    }

    /// Everything before the last convolution.
    func trunk() -> Sequential {
        Sequential {
            Convolution(from: channels, to: width, kernel: 4, stride: 2, padding: 1)
            Activation.leakyReLU(0.2)
            for _ in 0 ..< extraLayers {
                Convolution(from: width, to: width, kernel: 3, padding: 1)
                BatchNorm(width)
                Activation.leakyReLU(0.2)
            }
            for stage in 0 ..< stages {
                Convolution(from: width << stage, to: width << (stage + 1), kernel: 4, stride: 2, padding: 1)
                BatchNorm(width << (stage + 1))
                Activation.leakyReLU(0.2)
            }
        }
    }

    /// The convolution that takes the grid as a whole: 1×1×`features`.
    func last(to features: Int) -> Convolution { Convolution(from: widest, to: features, kernel: grid) }

    func encoder(to latent: Int) -> Sequential {
        Sequential {
            trunk()
            last(to: latent)
        }
    }

    func decoder(from latent: Int) -> Sequential {
        Sequential {
            TransposedConvolution(from: latent, to: widest, kernel: grid)
            BatchNorm(widest)
            Activation.relu
            for stage in (0 ..< stages).reversed() {
                TransposedConvolution(from: width << (stage + 1), to: width << stage, kernel: 4, stride: 2, padding: 1)
                BatchNorm(width << stage)
                Activation.relu
            }
            for _ in 0 ..< extraLayers {
                Convolution(from: width, to: width, kernel: 3, padding: 1)
                BatchNorm(width)
                Activation.relu
            }
            TransposedConvolution(from: width, to: channels, kernel: 4, stride: 2, padding: 1)
            Activation.tanh
        }
    }
}
