import Graphs
import Networks

/// GANomaly (Akçay, Atapour-Abarghouei, Breckon, ACCV 2018): a code that the re-encoder does not recover is an anomaly's.
///
/// | paper | here |
/// |---|---|
/// | G_E, G_D, E | `encoder`, `decoder`, `reencoder` |
/// | D, f | `head` of `features`, `features` |
/// | L_adv, L_con, L_enc | `adversarial`, `contextual`, `encoding` |
/// | A(x), equation 7 | the score `latentL1` |
///
/// Departures: means of absolute and squared differences instead of norms, as in the authors' program, to which the weights
/// 1 : 50 : 1 belong; D's optimizer begins again with D where D is drawn anew; running statistics when scoring.
public struct GANomaly: Detector {
    public static let name = "ganomaly"
    public static let summary = "GANomaly: encoder, decoder, encoder against a discriminator (Akçay et al., ACCV 2018)"
    public static let shapes = "[height, width, channels]: the smaller side a power of two from 16 on, the larger a multiple of a quarter of it"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released-2018-07", "D first with whole losses, then G against D's answer instead of its features (first release)") {
                $0.order = .discriminatorFirst
                $0.reinitialize = .weightsOnly
            },
            Variant<Settings>("released-2019-10", "the corrected order; D's optimizer keeps its state when D is drawn anew") {
                $0.reinitialize = .weightsOnly
            },
        ]
    }

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
        @Setting("weight of L_adv", in: 0 ... 1e6, source: "paper, section 4")
        public var adversarial = 1.0
        @Setting("weight of L_con", in: 0 ... 1e6, source: "paper, section 4")
        public var contextual = 50.0
        @Setting("weight of L_enc", in: 0 ... 1e6, source: "paper, section 4")
        public var encoding = 1.0
        @Setting("learning rate of both optimizers", in: 0 ... 1, source: "authors' program")
        public var learningRate = 2e-4
        @Setting("β1 of both optimizers", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        @Setting("whether G and D move on the same losses' values or D before G is judged", source: "authors' program, 2019-10")
        public var order = Order.together
        @Setting("what is drawn anew when L_D falls below 1e-5", source: "authors' program")
        public var reinitialize = Redraw.withOptimizer
        @Setting("the score that is reported first", source: "paper, equation 7")
        public var defaultScore = Score.latentL1
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential, reencoder: Sequential
    let features: Sequential, head: Convolution
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let pyramid = try Pyramid(sample, width: settings.width, extraLayers: settings.extraLayers)
        encoder = pyramid.encoder(to: settings.latent)
        decoder = pyramid.decoder(from: settings.latent)
        reencoder = pyramid.encoder(to: settings.latent)
        features = pyramid.trunk()
        head = pyramid.last(to: 1)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 15, settings.order == .together ? together : discriminatorFirst)] }

    /// One look at x and one at x̂ serve both: D moves after G, by the losses it had before.
    func together(_ step: TrainingStep) {
        let x = step.minibatch()
        let z = encoder(x), x̂ = decoder(z), ẑ = reencoder(x̂)
        let real = features(x), fake = features(x̂)

        let adversarial = mean(square(real.detached - fake))
        let contextual = mean(abs(x - x̂))
        let encoding = mean(square(z - ẑ))
        let generator = settings.adversarial * adversarial + settings.contextual * contextual + settings.encoding * encoding
        let discriminator = 0.5 * mean(bce(logits: head(real), 1)) + 0.5 * mean(bce(logits: head(features(x̂.detached)), 0))

        step.update(encoder, decoder, reencoder, minimizing: generator, with: adam)
        step.update(features, head, minimizing: discriminator, with: adam)
        redraw(step, when: discriminator)
        report(step, adversarial, contextual, encoding, generator, discriminator)
    }

    /// The first release: D moves by whole losses, then G is judged by the D that has moved.
    func discriminatorFirst(_ step: TrainingStep) {
        let x = step.minibatch()
        let z = encoder(x), x̂ = decoder(z), ẑ = reencoder(x̂)
        let real = mean(bce(logits: head(features(x)), 1)), fake = mean(bce(logits: head(features(x̂.detached)), 0))
        step.update(features, head, minimizing: real + fake, with: adam)

        let adversarial = mean(bce(logits: head(features(x̂)), 1))
        let contextual = mean(abs(x - x̂))
        let encoding = mean(square(z - ẑ))
        let generator = settings.adversarial * adversarial + settings.contextual * contextual + settings.encoding * encoding
        step.update(encoder, decoder, reencoder, minimizing: generator, with: adam)
        redraw(step, when: -maximum(-real, -fake))
        report(step, adversarial, contextual, encoding, generator, real + fake)
    }

    private func redraw(_ step: TrainingStep, when loss: Replicated) {
        if settings.reinitialize == .off { return }
        step.reinitialize(features, head, when: loss, below: 1e-5, withOptimizer: settings.reinitialize == .withOptimizer)
    }

    private func report(
        _ step: TrainingStep, _ adversarial: Replicated, _ contextual: Replicated, _ encoding: Replicated,
        _ generator: Replicated, _ discriminator: Replicated
    ) {
        step.report("adversarial", adversarial)
        step.report("contextual", contextual)
        step.report("encoding", encoding)
        step.report("generator", generator)
        step.report("discriminator", discriminator)
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, z = encoder(x), x̂ = decoder(z), ẑ = reencoder(x̂)
        let latentL1 = l1(z - ẑ), latentL2 = sum(square(z - ẑ)) / Double(z.shape.count)
        if settings.defaultScore == .latentL2 { scoring.score("latentL2", latentL2) }
        scoring.score("latentL1", latentL1)
        if settings.defaultScore == .latentL1 { scoring.score("latentL2", latentL2) }
        scoring.map("residual", sum(abs(x - x̂), to: [x.shape.extents[0], x.shape.extents[1], 1]) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", x̂)
    }
}
