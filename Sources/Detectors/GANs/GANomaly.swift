import Graphs
import Networks

/// GANomaly (Akçay, Atapour-Abarghouei, Breckon, ACCV 2018): a code that the re-encoder does not recover is an anomaly's.
///
/// | paper | here |
/// |---|---|
/// | G_E, G_D, E | `encoder`, `decoder`, `reencoder` |
/// | D, f | `head` of `features`, `features` |
/// | L_adv, L_enc | `adversarialLoss`, `encodingLoss` |
/// | L_con, and L_G: equation 6 | in `train` |
/// | A(x), equation 7 | the score `latentL1` |
///
/// Departures: means of absolute and squared differences instead of norms, as in the authors' program, to which the weights
/// 1 : 50 : 1 belong; D's optimizer begins again with D where D is drawn anew; running statistics when scoring.
///
/// The authors' program has trained in four ways since 2018, and anomalib, whose figures are often quoted, in a fifth. Each is a
/// variant. Not taken over is how they choose what to report: the best epoch by the test set, scores scaled by it (anomalib: batch by
/// batch). anomalib sizes its networks by the smaller side before it pads, which fits only some oblong images; here by the square.
public struct GANomaly: Detector {
    public static let name = "ganomaly"
    public static let summary = "GANomaly: encoder, decoder, encoder against a discriminator (Akçay et al., ACCV 2018)"
    public static let shapes =
        "[height, width, channels]: the smaller side a power of two from 16 on, the larger a multiple of a quarter of it; "
        + "with networks anomalib any, the larger side from 17 on"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released-2018-07", "D first with whole losses, then G against D's answer instead of its features (first release)") {
                ($0.order, $0.discriminatorLoss, $0.adversarialLoss) = (.discriminatorFirst, .sum, .crossEntropy)
                $0.reinitialize = .weightsOnly
            },
            Variant<Settings>("released-2018-10", "as 2018-07, but D brings the features of x and x̂ together: no adversary at all") {
                ($0.order, $0.discriminatorLoss, $0.adversarialLoss) = (.discriminatorFirst, .features, .crossEntropy)
                $0.reinitialize = .weightsOnly
            },
            Variant<Settings>("released-2019-08", "the corrected order, but L_adv has a value and no derivative for G") {
                $0.adversarialLoss = .detachedFeatures
                $0.reinitialize = .weightsOnly
            },
            Variant<Settings>("released-2019-10", "the corrected order; D's optimizer keeps its state when D is drawn anew") {
                $0.reinitialize = .weightsOnly
            },
            Variant<Settings>("anomalib", "the networks and losses of the anomalib library; any image with a side from 17 on") {
                ($0.networks, $0.adversarialLoss, $0.encodingLoss) = (.anomalib, .answers, .smoothL1)
                ($0.reinitialize, $0.defaultScore) = (.off, .latentL2)
            },
        ]
    }

    public enum Program: String, SettingChoice { case authors, anomalib }
    public enum AdversarialLoss: String, SettingChoice { case features, detachedFeatures, answers, crossEntropy }
    public enum EncodingLoss: String, SettingChoice { case squared, smoothL1 }
    public enum DiscriminatorLoss: String, SettingChoice { case mean, sum, features }
    public enum Order: String, SettingChoice { case together, discriminatorFirst }
    public enum Redraw: String, SettingChoice { case off, weightsOnly, withOptimizer }
    public enum Score: String, SettingChoice { case latentL1, latentL2 }

    public struct Settings: DetectorSettings {
        @Setting("size of the code z", in: 1 ... 65536, source: "paper, section 4")
        public var latent = 100
        @Setting("channels after the first convolution; each further one doubles them", in: 1 ... 1024, source: "authors' program")
        public var width = 64
        @Setting("further 3×3 convolutions at the widest resolution of encoders and decoder", in: 0 ... 8, source: "authors' program")
        public var extraLayers = 0
        @Setting(
            "whose padding and initial values: anomalib pads the image to a square of a power of two, its first convolution by 4, "
                + "and draws weights as PyTorch does", source: "authors' program, 2019-10")
        public var networks = Program.authors
        @Setting("weight of L_adv", in: 0 ... 1e6, source: "paper, section 4")
        public var adversarial = 1.0
        @Setting("weight of L_con", in: 0 ... 1e6, source: "paper, section 4")
        public var contextual = 50.0
        @Setting("weight of L_enc", in: 0 ... 1e6, source: "paper, section 4")
        public var encoding = 1.0
        @Setting(
            "L_adv: the squared distance of D's features of x and x̂, the same without a derivative for G, that of D's answers, or "
                + "the cross-entropy of D's answer to x̂ with that to a real one", source: "authors' program, 2019-10")
        public var adversarialLoss = AdversarialLoss.features
        @Setting("L_enc: the squared distance of z and ẑ, or one that is linear from 1 on", source: "authors' program, 2019-10")
        public var encodingLoss = EncodingLoss.squared
        @Setting(
            "L_D: the mean or the sum of the cross-entropies of x and of x̂, or the squared distance of their features, which trains "
                + "no classifier", source: "authors' program, 2019-10")
        public var discriminatorLoss = DiscriminatorLoss.mean
        @Setting("learning rate of both optimizers", in: 0 ... 1, source: "authors' program")
        public var learningRate = 2e-4
        @Setting("β1 of both optimizers", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        @Setting("whether G and D move on the same losses' values or D before G is judged", source: "authors' program, 2019-10")
        public var order = Order.together
        @Setting("what is drawn anew when L_D, or either part of a sum, falls below 1e-5", source: "authors' program")
        public var reinitialize = Redraw.withOptimizer
        @Setting("the score that is reported first", source: "paper, equation 7")
        public var defaultScore = Score.latentL1
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential, reencoder: Sequential
    let features: Sequential, head: Convolution
    private let settings: Settings, pyramid: Pyramid
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        pyramid = try Pyramid(sample, width: settings.width, extraLayers: settings.extraLayers, as: settings.networks)
        encoder = pyramid.encoder(to: settings.latent)
        decoder = pyramid.decoder(from: settings.latent)
        reencoder = pyramid.encoder(to: settings.latent)
        features = pyramid.trunk()
        head = pyramid.last(to: 1)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 15, train)] }

    /// One look at x and one at x̂ serve both, where they move together. Else D moves first, and G is judged by the D that has moved.
    func train(_ step: TrainingStep) {
        let x = pyramid.framed(step.minibatch())
        let z = encoder(x), x̂ = decoder(z), ẑ = reencoder(x̂)

        let (discriminator, least) = discriminatorLoss(x, x̂.detached)
        if settings.order == .discriminatorFirst { moveDiscriminator(step, by: discriminator) }

        let adversarial = adversarialLoss(x, x̂)
        let contextual = mean(abs(x - x̂))
        let encoding = encodingLoss(z, ẑ)
        let generator = settings.adversarial * adversarial + settings.contextual * contextual + settings.encoding * encoding
        step.update(encoder, decoder, reencoder, minimizing: generator, with: adam)
        if settings.order == .together { moveDiscriminator(step, by: discriminator) }

        if settings.reinitialize != .off {
            step.reinitialize(features, head, when: least, below: 1e-5, withOptimizer: settings.reinitialize == .withOptimizer)
        }
        step.report("adversarial", adversarial)
        step.report("contextual", contextual)
        step.report("encoding", encoding)
        step.report("generator", generator)
        step.report("discriminator", discriminator)
    }

    private func moveDiscriminator(_ step: TrainingStep, by loss: Replicated) {
        switch settings.discriminatorLoss {
        case .mean, .sum: step.update(features, head, minimizing: loss, with: adam)
        case .features: step.update(features, minimizing: loss, with: adam)  // the head has no part in it
        }
    }

    private func adversarialLoss(_ x: Batched, _ x̂: Batched) -> Replicated {
        switch settings.adversarialLoss {
        case .features: mean(square(features(x).detached - features(x̂)))
        case .detachedFeatures: mean(square(features(x) - features(x̂))).detached
        case .answers: mean(square(sigmoid(D(x)).detached - sigmoid(D(x̂))))
        case .crossEntropy: mean(bce(logits: D(x̂), 1))
        }
    }

    private func encodingLoss(_ z: Batched, _ ẑ: Batched) -> Replicated {
        switch settings.encodingLoss {
        case .squared: mean(square(z - ẑ))
        case .smoothL1: mean(smoothL1(z - ẑ))
        }
    }

    /// L_D; and that part of it which, next to nothing, shows that D has won.
    private func discriminatorLoss(_ x: Batched, _ x̂: Batched) -> (loss: Replicated, least: Replicated) {
        func crossEntropies() -> (real: Replicated, fake: Replicated) { (mean(bce(logits: D(x), 1)), mean(bce(logits: D(x̂), 0))) }
        switch settings.discriminatorLoss {
        case .mean:
            let (real, fake) = crossEntropies(), loss = 0.5 * real + 0.5 * fake
            return (loss, loss)
        case .sum:
            let (real, fake) = crossEntropies()
            return (real + fake, minimum(real, fake))
        case .features:
            let loss = mean(square(features(x) - features(x̂)))
            return (loss, loss)
        }
    }

    private func D(_ x: Batched) -> Batched { head(features(x)) }

    public func score(_ scoring: Scoring) {
        let image = scoring.x, z = encoder(pyramid.framed(image)), x̂ = decoder(z), ẑ = reencoder(x̂)
        let latentL1 = l1(z - ẑ), latentL2 = sum(square(z - ẑ)) / Double(z.shape.count)
        if settings.defaultScore == .latentL2 { scoring.score("latentL2", latentL2) }
        scoring.score("latentL1", latentL1)
        if settings.defaultScore == .latentL1 { scoring.score("latentL2", latentL2) }
        let reconstruction = pyramid.cropped(x̂)
        scoring.map("residual", sum(abs(image - reconstruction), axis: 2) / Double(image.shape.extents[2]))
        scoring.reconstruction("reconstruction", reconstruction)
        scoring.latent("z", z)
    }
}
