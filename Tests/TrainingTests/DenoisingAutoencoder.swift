import Detectors
import Graphs
import Networks

/// A denoising autoencoder (Vincent, Larochelle, Bengio, Manzagol, ICML 2008): it learns to take noise off normal samples, and does worse
/// on what it has not seen.
public struct DenoisingAutoencoder: Detector {
    public static let name = "denoising-autoencoder"
    public static let summary = "a denoising autoencoder (Vincent et al., ICML 2008)"
    public static let shapes = "[height, width, channels], both sides multiples of 4"
    public static var variants: [Variant<Settings>] { [Variant<Settings>("plain", "no noise: an autoencoder") { $0.noise = 0 }] }

    public struct Settings: DetectorSettings {
        @Setting("channels after the first convolution, doubled by the second", in: 1 ... 1024, source: "ours")
        public var width = 16
        @Setting("size of the code", in: 1 ... 65536, source: "ours")
        public var latent = 32
        @Setting("deviation of the noise on what it sees in training", in: 0 ... 10, source: "ours")
        public var noise = 0.2
        @Setting("learning rate of Adam", in: 0 ... 1, source: "ours")
        public var learningRate = 1e-3
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential
    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard sample.rank == 3, sample.extents[0] % 4 == 0, sample.extents[1] % 4 == 0 else {
            throw FormError("samples of \(sample) do not fit: both sides of an image have to be multiples of 4, as 32×32×1")
        }
        let channels = sample.extents[2], width = settings.width
        let grid: Shape = [sample.extents[0] / 4, sample.extents[1] / 4, 2 * width]
        encoder = Sequential {
            Convolution(from: channels, to: width, kernel: 4, stride: 2, padding: 1)
            BatchNorm(width)
            Activation.relu
            Convolution(from: width, to: 2 * width, kernel: 4, stride: 2, padding: 1)
            BatchNorm(2 * width)
            Activation.relu
            Dense(from: grid.count, to: settings.latent, weight: .glorot(grid.count, settings.latent))
        }
        decoder = Sequential {
            Dense(from: settings.latent, to: grid.count, weight: .glorot(settings.latent, grid.count))
            Rearrangement.reshape(grid)
            Activation.relu
            TransposedConvolution(from: 2 * width, to: width, kernel: 4, stride: 2, padding: 1)
            BatchNorm(width)
            Activation.relu
            TransposedConvolution(from: width, to: channels, kernel: 4, stride: 2, padding: 1)
        }
        self.settings = settings
    }

    public var stages: [Stage] {
        [
            .train("training", epochs: 20) { step in
                let x = step.minibatch(), x̃ = x + settings.noise * step.normal(x.shape)
                let loss = mean(square(x - decoder(encoder(x̃))))
                step.update(encoder, decoder, minimizing: loss, with: Adam(rate: settings.learningRate))
                step.report("loss", loss)
            }
        ]
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, x̂ = decoder(encoder(x))
        scoring.score("residual", sum(square(x - x̂)) / Double(x.shape.count))
        scoring.map("residual", sum(square(x - x̂), axis: 2))
        scoring.reconstruction("denoised", x̂)
    }
}
