import Graphs
import Networks

/// ALAD (Zenati, Romain, Foo, Lecouat, Chandrasekhar, ICDM 2018): a BiGAN with two more discriminators, which hold E and G to bring samples
/// and codes back. What the discriminator of samples sees of the difference to the reconstruction tells an anomaly.
///
/// | paper | here |
/// |---|---|
/// | G, E | `generator`, `encoder` |
/// | D_xz, D_xx, D_zz | `pairDiscriminator`, `sampleDiscriminator`, `codeDiscriminator` |
/// | f_xx: D_xx's last layer but one | `sampleDiscriminator.features` |
/// | V(D_xz, D_xx, D_zz, E, G) | `updateDiscriminators`, `updateGeneratorAndEncoder` |
/// | A(x) = ‖f_xx(x, x) − f_xx(x, G(E(x)))‖₁ | the score `featureMatching` |
/// | the scores it is compared with | `logit`, `l1`, `l2` |
///
/// Networks as in the authors' program and the paper's tables IX and XI; G and E take the non-saturating form of V. G's and E's running
/// statistics move in their own update alone, the discriminators' in theirs; spectral norm iterates at every application in training.
/// Scores are those of the weights' moving averages.
///
/// Departures: as in EGBAD two minibatches of one order make a step, so an epoch has half the steps of the authors' and twice as many are
/// made; training ends after its epochs, where the authors stop images' early; of the two discriminators that do not score no averages are
/// kept. What their program does and the paper does not say is the variant `released`: it puts x and x̂ one above the other instead of
/// channel by channel, differentiates the norm's iteration, and lets five losses share Adam's count of steps. Their tables are not scaled:
/// leave the recipe's `transforms` out to repeat that.
public struct ALAD: Detector {
    public static let name = "alad"
    public static let summary = "ALAD: a bidirectional GAN that is held to bring samples and codes back (Zenati et al., ICDM 2018)"
    public static let shapes =
        "[features], or [height, width, channels]: the smaller side a power of two from 16 on, the larger a multiple of a quarter of it"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("arrhythmia", "the networks of vectors as the authors have them for Arrhythmia, where they are KDD99's otherwise") {
                $0.vectorNetworks = .arrhythmia
            },
            Variant<Settings>("released", "pairs of images one above the other, spectral norms' iterations differentiated, one count of Adam's steps")
            {
                ($0.pairing, $0.spectralGradient, $0.adam) = (.height, .through, .sharedStepCount)
            },
        ]
    }

    public enum VectorNetworks: String, SettingChoice { case kdd99, arrhythmia }
    public enum Pairing: String, SettingChoice { case channels, height }
    public enum SpectralGradient: String, SettingChoice { case constant, through }
    public enum StepCount: String, SettingChoice { case ownStepCounts, sharedStepCount }

    public struct Settings: DetectorSettings {
        @Setting(
            "size of the code z; none is 100 for images, of vectors 32 for KDD99's networks and 64 for Arrhythmia's", in: 1 ... 65536,
            source: "paper, tables")
        public var latent: Int? = nil
        @Setting("whose layers those of vectors are", source: "authors' program")
        public var vectorNetworks = VectorNetworks.kdd99
        @Setting(
            "of images: E's channels after the first halving, which double up to four times as many; of vectors: the unit of all layers, which KDD99's "
                + "E has hidden. None is 128 for images and 64 for vectors", in: 2 ... 1024, source: "paper, tables IX and XI")
        public var width: Int? = nil
        @Setting("of images: size of D_xz's joint layer; those of the code alone have the half", in: 2 ... 65536, source: "paper, table IX")
        public var hidden = 1024
        @Setting("along which axis D_xx gets its two images", source: "a reimplementation that repeats the paper's figures")
        public var pairing = Pairing.channels
        @Setting("whether spectral norm's iteration is a constant for derivatives or is differentiated through", source: "Miyato et al., 2018")
        public var spectralGradient = SpectralGradient.constant
        @Setting("whether each network's optimizer counts its own steps or all count together", source: "Kingma & Ba, 2015")
        public var adam = StepCount.ownStepCounts
        @Setting("share of the averaged weights that a step leaves", in: 0 ... 0.999999, source: "authors' program")
        public var averageDecay = 0.999
        @Setting("learning rate of the optimizers; none is 2e-4 for images and 1e-5 for vectors", in: 0 ... 1, source: "paper, tables IX and XI")
        public var learningRate: Double? = nil
        @Setting("β1 of the optimizers", in: 0 ... 0.999, source: "paper, tables IX and XI")
        public var beta1 = 0.5
        public init() {}
    }

    /// The networks whose weights are averaged.
    struct Averages: Network { let encoder: Sequential, generator: Sequential, sampleDiscriminator: TwinDiscriminator }

    let encoder: Sequential, generator: Sequential
    let pairDiscriminator: PairDiscriminator, sampleDiscriminator: TwinDiscriminator, codeDiscriminator: TwinDiscriminator
    /// Moving averages, which score: of D_xz and D_zz nothing is scored.
    let averages: Averages
    private let settings: Settings, latent: Int, adam: Adam, epochs: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let networks: any ALADNetworks, rate: Double
        if sample.rank == 1, sample.count > 0 {
            let isKDD = settings.vectorNetworks == .kdd99
            (latent, rate, epochs) = (settings.latent ?? (isKDD ? 32 : 64), 1e-5, isKDD ? 2 * 100 : 2 * 1000)
            let sizes =
                isKDD
                ? ALADVectorNetworks.Sizes(encoder: [1], joint: 2, twins: [2], codes: [0.5])
                : ALADVectorNetworks.Sizes(encoder: [4, 2], joint: 4, twins: [4, 2], codes: [1, 0.5])
            networks = ALADVectorNetworks(features: sample.count, latent: latent, unit: settings.width ?? 64, sizes: sizes)
        } else {
            (latent, rate, epochs) = (settings.latent ?? 100, 2e-4, 2 * 100)
            networks = try ALADImageNetworks(
                sample, latent: latent, width: settings.width ?? 128, hidden: settings.hidden, pairing: settings.pairing,
                slope: settings.spectralGradient == .constant ? .ofWeightsAlone : .throughIteration)
        }
        (encoder, generator, pairDiscriminator) = (networks.encoder(), networks.generator(), networks.pairDiscriminator())
        (sampleDiscriminator, codeDiscriminator) = (networks.sampleDiscriminator(), networks.codeDiscriminator())
        averages = Averages(
            encoder: networks.encoder(), generator: networks.generator(), sampleDiscriminator: networks.sampleDiscriminator())
        adam = Adam(rate: settings.learningRate ?? rate, beta1: settings.beta1)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: epochs, train)] }

    /// The three discriminators on one minibatch, then G and E at once on another, against those that have moved.
    func train(_ step: TrainingStep) {
        updateDiscriminators(step)
        updateGeneratorAndEncoder(step)
        step.average(encoder, into: averages.encoder, decay: settings.averageDecay)
        step.average(generator, into: averages.generator, decay: settings.averageDecay)
        step.average(sampleDiscriminator, into: averages.sampleDiscriminator, decay: settings.averageDecay)
    }

    private func updateDiscriminators(_ step: TrainingStep) {
        let cycles = step.frozenStatistics { Cycles(self, x: step.minibatch(), z: step.normal([latent])) }
        let judged = Judgment(self, of: cycles)
        let pair = judged.pairs(real: 1, fake: 0), sample = judged.samples(same: 1, other: 0), code = judged.codes(same: 1, other: 0)
        move(step, pairDiscriminator, down: pair)
        move(step, sampleDiscriminator, down: sample)
        move(step, codeDiscriminator, down: code)
        step.report("pairDiscriminator", pair)
        step.report("sampleDiscriminator", sample)
        step.report("codeDiscriminator", code)
    }

    private func updateGeneratorAndEncoder(_ step: TrainingStep) {
        let cycles = Cycles(self, x: step.minibatch(), z: step.normal([latent]))
        let judged = step.frozenStatistics { Judgment(self, of: cycles) }
        let cycle = judged.samples(same: 0, other: 1) + judged.codes(same: 0, other: 1)
        let generatorLoss = mean(bce(logits: judged.fakePair, 1)) + cycle
        let encoderLoss = mean(bce(logits: judged.realPair, 0)) + cycle
        move(step, generator, down: generatorLoss)
        move(step, encoder, down: encoderLoss)
        step.report("generator", generatorLoss)
        step.report("encoder", encoderLoss)
    }

    private func move(_ step: TrainingStep, _ network: any Network, down loss: Replicated) {
        step.update(network, minimizing: loss, with: adam, group: settings.adam == .sharedStepCount ? "adam" : nil)
    }

    /// x and z with what E and G make of them, there and back; statistics move in this order.
    private struct Cycles {
        let x: Batched, z: Batched
        /// G(z) and E(x).
        let image: Batched, code: Batched
        /// G(E(x)) and E(G(z)).
        let imageBack: Batched, codeBack: Batched

        init(_ detector: ALAD, x: Batched, z: Batched) {
            (self.x, self.z) = (x, z)
            (image, code) = (detector.generator(z), detector.encoder(x))
            (imageBack, codeBack) = (detector.generator(code), detector.encoder(image))
        }
    }

    /// The discriminators' logits.
    private struct Judgment {
        let realPair: Batched, fakePair: Batched
        let sameSamples: Batched, otherSamples: Batched, sameCodes: Batched, otherCodes: Batched

        init(_ detector: ALAD, of cycles: Cycles) {
            let (x, z) = (cycles.x, cycles.z)
            realPair = detector.pairDiscriminator(x, cycles.code)
            fakePair = detector.pairDiscriminator(cycles.image, z)
            sameSamples = detector.sampleDiscriminator(x, x)
            otherSamples = detector.sampleDiscriminator(x, cycles.imageBack)
            sameCodes = detector.codeDiscriminator(z, z)
            otherCodes = detector.codeDiscriminator(z, cycles.codeBack)
        }

        func pairs(real: Double, fake: Double) -> Replicated { mean(bce(logits: realPair, real)) + mean(bce(logits: fakePair, fake)) }
        func samples(same: Double, other: Double) -> Replicated { mean(bce(logits: sameSamples, same)) + mean(bce(logits: otherSamples, other)) }
        func codes(same: Double, other: Double) -> Replicated { mean(bce(logits: sameCodes, same)) + mean(bce(logits: otherCodes, other)) }
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, z = averages.encoder(x), x̂ = averages.generator(z), D = averages.sampleDiscriminator
        scoring.score("featureMatching", l1(D.features(x, x) - D.features(x, x̂)))
        scoring.score("logit", sum(bce(logits: D(x, x̂), 1)))
        scoring.score("l1", l1(x - x̂))
        scoring.score("l2", l2(x - x̂))
        if x.shape.rank == 3 { scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2])) }
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }
}
