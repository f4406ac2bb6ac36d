import Graphs
import Networks

/// A plain autoencoder of spectra: what is left of a pixel by a network that was trained on all pixels of the scene.
public struct SpectralAutoencoder: SceneDetector {
    public static let name = "spectral-ae"
    public static let summary = "an autoencoder of a scene's spectra: what is left of a pixel, a baseline"
    public static let shapes = "pixels of a scene, of up to 4096 bands"
    public static func microbatch(of minibatch: Int) -> Int { min(128, max(1, minibatch / 4)) }

    public struct Settings: DetectorSettings {
        @Setting("size of the code; ⌊√bands + 1⌋ unless given", in: 1 ... 4096, source: "Jiang et al. 2020 (second-hand)")
        public var latent: Int? = nil
        @Setting("size of the hidden layers", in: 1 ... 65536, source: "ours")
        public var width = 128
        @Setting("learning rate of Adam", in: 0 ... 1, source: "ours")
        public var learningRate = 1e-3
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential
    private let rate: Double, bands: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        bands = try bandCount(of: sample, most: 4096)
        let latent = settings.latent ?? Int(Double(bands).squareRoot() + 1), width = settings.width
        func perceptron(_ from: Int, _ to: Int) -> Sequential {
            Sequential {
                Dense(from: from, to: width, weight: .glorot(from, width))
                Activation.leakyReLU(0.2)
                Dense(from: width, to: to, weight: .glorot(width, to))
            }
        }
        (encoder, decoder, rate) = (perceptron(bands, latent), perceptron(latent, bands), settings.learningRate)
    }

    public var stages: [Stage] {
        [
            .train("training", epochs: 50) { step in
                let x = step.minibatch(), loss = mean(square(x - decoder(encoder(x))))
                step.update(encoder, decoder, minimizing: loss, with: Adam(rate: rate))
                step.report("reconstruction", loss)
            }
        ]
    }

    public func score(_ scoring: Scoring) {
        let error = sum(square(scoring.x - decoder(encoder(scoring.x))))
        scoring.map("error", sqrt(error).reshaped([1]))
    }

    public func score(_ scene: Scene) { scene.score("residual", scene["error"]) }
}
