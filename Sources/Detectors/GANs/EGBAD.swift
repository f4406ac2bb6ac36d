import Graphs
import Networks

/// EGBAD (Zenati, Foo, Lecouat, Manek, Chandrasekhar, 2018): a BiGAN, whose encoder finds the code of a sample in one pass; what the
/// generator does not bring back, and what the discriminator sees in the pair, tell an anomaly.
///
/// | paper | here |
/// |---|---|
/// | E, G, D | `encoder`, `generator`, `discriminator` |
/// | f_D: D's last layer but one | `discriminator.features` |
/// | V(D, E, G) | `updateDiscriminator`; G and E take the non-saturating form, in `train` |
/// | A(x) = α·L_G + (1 − α)·L_D | the scores |
/// | L_D by σ, by f_m | `crossEntropy`, `featureMatching` |
///
/// Networks of vectors and of images as in the authors' program; images of other sides than MNIST's in its manner. G's and E's running
/// statistics move in their own update alone, D's in its own. Scores are those of the weights' moving averages.
///
/// Departures: D's minibatch and that of G and E follow each other in one order, where the authors shuffle the set twice, so an epoch has
/// half the steps of theirs and twice as many are made; averages are taken after the updates, which the authors leave to chance; their
/// cross-entropy is of the pair (G(E(x)), E(x)), the paper's of (x, E(x)): the variant `released`. Their KDD99 is not scaled: leave the
/// recipe's `transforms` out to repeat that.
public struct EGBAD: Detector {
    public static let name = "egbad"
    public static let summary = "EGBAD: a bidirectional GAN (Zenati et al., 2018)"
    public static let shapes =
        "[features], or [height, width, channels]: the smaller side 5 to 8 times a power of two from 2 on, the larger a multiple of that power"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released", "the cross-entropy of D's answer to the reconstruction and the code, instead of the sample and the code") {
                $0.crossEntropyPair = .reconstruction
            }
        ]
    }

    public enum CrossEntropyPair: String, SettingChoice { case sample, reconstruction }

    public struct Settings: DetectorSettings {
        @Setting("size of the code z; none is 32 for vectors and 200 for images", in: 1 ... 65536, source: "authors' program")
        public var latent: Int? = nil
        @Setting(
            "of vectors: size of E's hidden layer, of which the other layers have the double; of images: channels of D's convolutions and of E's "
                + "second one, which has the half before it and doubles after it", in: 2 ... 1024, source: "authors' program")
        public var width = 64
        @Setting("of images: size of the dense layers of G and D; that of the code alone has the half", in: 2 ... 65536, source: "authors' program")
        public var hidden = 1024
        @Setting(
            "α: weight of the distance from the reconstruction in the scores, beside 1 − α of what D sees", in: 0 ... 1, source: "authors' program")
        public var alpha = 0.9
        @Setting("whose pair with the code the cross-entropy is of", source: "paper")
        public var crossEntropyPair = CrossEntropyPair.sample
        @Setting(
            "share of the averaged weights that a step leaves; none is 0.9999 for vectors and 0.999 for images", in: 0 ... 0.999999,
            source: "authors' program")
        public var averageDecay: Double? = nil
        @Setting("learning rate of the three optimizers", in: 0 ... 1, source: "authors' program")
        public var learningRate = 1e-5
        @Setting("β1 of the three optimizers", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        public init() {}
    }

    /// The networks whose weights are averaged.
    struct Averages: Network { let encoder: Sequential, generator: Sequential, discriminator: PairDiscriminator }

    let encoder: Sequential, generator: Sequential, discriminator: PairDiscriminator
    /// Moving averages, which score.
    let averages: Averages
    private let settings: Settings, latent: Int, averageDecay: Double, epochs: Int
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let networks: any EGBADNetworks
        if sample.rank == 1, sample.count > 0 {
            (latent, averageDecay, epochs) = (settings.latent ?? 32, settings.averageDecay ?? 0.9999, 2 * 50)
            networks = EGBADVectorNetworks(features: sample.count, latent: latent, width: settings.width)
        } else {
            (latent, averageDecay, epochs) = (settings.latent ?? 200, settings.averageDecay ?? 0.999, 2 * 100)
            networks = try EGBADImageNetworks(sample, latent: latent, width: settings.width, hidden: settings.hidden)
        }
        (encoder, generator, discriminator) = (networks.encoder(), networks.generator(), networks.discriminator())
        averages = Averages(encoder: networks.encoder(), generator: networks.generator(), discriminator: networks.discriminator())
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: epochs, train)] }

    /// D on one minibatch, then G and E on another, both against the D that has moved.
    func train(_ step: TrainingStep) {
        updateDiscriminator(step)

        let x = step.minibatch(), z = step.normal([latent])
        let code = encoder(x), image = generator(z)
        let (real, fake) = step.frozenStatistics { (discriminator(x, code), discriminator(image, z)) }
        let generatorLoss = mean(bce(logits: fake, 1)), encoderLoss = mean(bce(logits: real, 0))
        step.update(generator, minimizing: generatorLoss, with: adam)
        step.update(encoder, minimizing: encoderLoss, with: adam)

        step.average(encoder, into: averages.encoder, decay: averageDecay)
        step.average(generator, into: averages.generator, decay: averageDecay)
        step.average(discriminator, into: averages.discriminator, decay: averageDecay)
        step.report("generator", generatorLoss)
        step.report("encoder", encoderLoss)
    }

    private func updateDiscriminator(_ step: TrainingStep) {
        let x = step.minibatch(), z = step.normal([latent])
        let (code, image) = step.frozenStatistics { (encoder(x), generator(z)) }
        let loss = mean(bce(logits: discriminator(x, code), 1)) + mean(bce(logits: discriminator(image, z), 0))
        step.update(discriminator, minimizing: loss, with: adam)
        step.report("discriminator", loss)
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, z = averages.encoder(x), x̂ = averages.generator(z), D = averages.discriminator
        let judged = settings.crossEntropyPair == .sample ? x : x̂
        let residual = l1(x - x̂)
        func score(_ discrimination: Batched) -> Batched { settings.alpha * residual + (1 - settings.alpha) * discrimination }
        scoring.score("featureMatching", score(l1(D.features(x, z) - D.features(x̂, z))))
        scoring.score("crossEntropy", score(sum(bce(logits: D(judged, z), 1))))
        if x.shape.rank == 3 { scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2])) }
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }
}
