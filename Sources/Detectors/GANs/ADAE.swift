import Graphs
import Networks

/// ADAE, adversarial dual autoencoders (Vu, Ueta, Hashimoto, Maeno, Pranata, Shen 2019): G and D are both autoencoders. D brings real
/// images back well and G's badly; G makes what D brings back well. What is left of an image after both is the score.
///
/// | paper | here |
/// |---|---|
/// | G, D | `generator`, `discriminator` |
/// | L_D: equation 1 | `discriminatorLoss` |
/// | L_G: equation 2 | `generatorLoss` |
/// | A(x) = ‖x − D(G(x))‖₂ | the score `reconstruction` |
///
/// The authors released no program. Layers are of an unofficial one whose numbers of channels are the paper's, with its 4×4 layers taken
/// without padding, so that a code is 1×1; its defaults are the initial values. L1 norms are means over all elements. D moves first. The
/// paper also balances the learning rates of both by a formula that we have not seen; here they are equal. Danger in any version: D may
/// learn to wreck all that G makes, and the score then measures D alone: look at `real` and `fake`.
public struct ADAE: Detector {
    public static let name = "adae"
    public static let summary = "ADAE: two autoencoders against each other (Vu et al., 2019)"
    public static let shapes = HalvingGrid.shapes
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("mnist", "the paper's size for MNIST") { ($0.width, $0.latent) = (16, 32) },
            Variant<Settings>("yeonghyeon", "the losses and rate of YeongHyeon's program: half the adversarial terms, L_D's distance from 0") {
                ($0.adversarial, $0.discriminatorLoss, $0.learningRate) = (0.5, .absolute, 1e-4)
            },
        ]
    }

    public enum DiscriminatorLoss: String, SettingChoice { case difference, absolute }

    public struct Settings: DetectorSettings {
        @Setting("size of the codes of both autoencoders", in: 1 ... 65536, source: "paper, section 4; MNIST: 32")
        public var latent = 128
        @Setting("channels after the first convolution; each further one adds as many", in: 1 ... 1024, source: "unofficial program; MNIST: 16")
        public var width = 64
        @Setting("weight of the terms of what G makes, in both losses", in: 0 ... 1e6, source: "paper, equations 1 and 2")
        public var adversarial = 1.0
        @Setting("L_D: the error of real images less that of G's, or how far that is from 0", source: "paper, equation 1")
        public var discriminatorLoss = DiscriminatorLoss.difference
        @Setting("learning rate of both optimizers", in: 0 ... 1, source: "paper, section 4")
        public var learningRate = 1e-5
        @Setting("β1 of both optimizers", in: 0 ... 0.999, source: "paper, section 4")
        public var beta1 = 0.5
        public init() {}
    }

    let generator: Sequential, discriminator: Sequential
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let image = try HalvingGrid(sample)
        generator = image.autoencoder(width: settings.width, latent: settings.latent)
        discriminator = image.autoencoder(width: settings.width, latent: settings.latent)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 100, train)] }

    /// D moves first; G is judged by the D that has moved.
    func train(_ step: TrainingStep) {
        let x = step.minibatch(), x̂ = generator(x)

        let real = error(x, discriminator(x)), fake = error(x̂.detached, discriminator(x̂.detached))
        let discriminatorLoss = discriminatorLoss(real, fake)
        step.update(discriminator, minimizing: discriminatorLoss, with: adam)

        let generatorLoss = error(x, x̂) + settings.adversarial * error(x̂, discriminator(x̂))
        step.update(generator, minimizing: generatorLoss, with: adam)
        step.report("real", real)
        step.report("fake", fake)
        step.report("discriminator", discriminatorLoss)
        step.report("generator", generatorLoss)
    }

    private func error(_ a: Batched, _ b: Batched) -> Replicated { mean(abs(a - b)) }

    private func discriminatorLoss(_ real: Replicated, _ fake: Replicated) -> Replicated {
        let difference = real - settings.adversarial * fake
        return settings.discriminatorLoss == .difference ? difference : abs(difference)
    }

    /// reconstruction: ‖x − D(G(x))‖₂; generator: ‖x − G(x)‖₂.
    public func score(_ scoring: Scoring) {
        let x = scoring.x, x̂ = generator(x), twice = discriminator(x̂)
        scoring.score("reconstruction", l2(x - twice))
        scoring.score("generator", l2(x - x̂))
        scoring.map("residual", sum(abs(x - twice), axis: 2) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", twice)
    }
}

extension HalvingGrid {
    /// One of ADAE's autoencoders. Norms follow activations.
    fileprivate func autoencoder(width: Int, latent: Int) -> Sequential {
        let narrow = (0 ... halvings).map { $0 == 0 ? channels : $0 * width }
        let wide = Array(repeating: width, count: halvings) + [32]
        return Sequential {
            for (from, to) in zip(narrow, narrow.dropFirst()) {
                Convolution.same(from: from, to: to, kernel: 3, stride: 2, bias: true, weight: .glorot(9 * from, 9 * to))
                normed(.relu, to)
            }
            Convolution(
                from: narrow.last!, to: width, kernel: grid, bias: true, weight: .glorot(places * narrow.last!, places * width))
            normed(.relu, width)
            Convolution(from: width, to: latent, kernel: 1, bias: true, weight: .glorot(width, latent))
            normed(.relu, latent)
            TransposedConvolution(from: latent, to: width, kernel: grid, bias: true, weight: .glorot(places * latent, places * width))
            normed(.leakyReLU(0.3), width)
            for (from, to) in zip(wide, wide.dropFirst()) {
                TransposedConvolution.same(from: from, to: to, kernel: 3, stride: 2, bias: true, weight: .glorot(9 * from, 9 * to))
                normed(.leakyReLU(0.3), to)
            }
            Convolution.same(from: 32, to: channels, kernel: 2, bias: true, weight: .glorot(4 * 32, 4 * channels))
            Activation.tanh
        }
    }

    private func normed(_ activation: Activation, _ channels: Int) -> Sequential {
        Sequential {
            activation
            BatchNorm(channels, momentum: 0.01, epsilon: 1e-3, scale: .constant(1))
        }
    }
}
