import Graphs
import Networks

/// OCGAN (Perera, Nallapati, Xiang, CVPR 2019) as a reimplementation in TensorFlow has it, for 28×28 images with values in [0, 1]: other
/// networks, an autoencoder trained alone at first, and several updates of each network by one minibatch. `OCGAN` has the paper's losses
/// and the authors' networks.
///
/// | paper | here |
/// |---|---|
/// | En, De | `encoder`, `decoder`: 288 numbers in [-1, 1] |
/// | D_l, D_v, C | `latentDiscriminator`, `visualDiscriminator`, `classifier` |
/// | informative-negative mining | `mined` |
/// | λ·l_MSE + l_latent + l_visual | `train` |
///
/// Our default is the search of `OCGAN`: every code goes down its own loss, by a new slope in each step. The program's moves it by its share
/// of the minibatch's mean and takes the slope once for all steps; that is the variant `released`. In both batch norm is what the program
/// runs: its layers never learn that they are in training, so that by statistics which never move they scale and shift and no more. Initial
/// values are those of the program's library, Glorot's.
public struct CompactOCGAN: OneClassGAN {
    public static let name = "ocgan-compact"
    public static let summary = "OCGAN by smaller networks, the autoencoder first alone (reimplementation of Perera et al., CVPR 2019)"
    public static let shapes = "[28, 28, channels]"
    public static let inputRange = 0.0 ... 1.0
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released", "mining by one slope of the minibatch's mean for all its steps") { $0.miningGradient = .once }
        ]
    }

    public enum MiningGradient: String, SettingChoice { case renewed, once }

    public struct Settings: DetectorSettings {
        @Setting("channels of En and De at the full resolution; twice as many further in", in: 1 ... 1024, source: "TF reimplementation")
        public var width = 32
        @Setting("channels of D_v; C has twice as many, then four times", in: 1 ... 1024, source: "TF reimplementation")
        public var visualWidth = 16
        @Setting("D_l's first layer; it halves three times", in: 8 ... 65536, source: "TF reimplementation")
        public var latentWidth = 128
        @Setting("σ: deviation of the noise on what En sees in training", in: 0 ... 10, source: "TF reimplementation")
        public var noise = 1e-5
        @Setting("λ: weight of the mean squared error", in: 0 ... 1e6, source: "paper")
        public var reconstructionWeight = 10.0
        @Setting("updates of C by a minibatch", in: 1 ... 1000, source: "TF reimplementation")
        public var classifierSteps = 5
        @Setting("updates of D_l by a minibatch", in: 1 ... 1000, source: "TF reimplementation")
        public var latentSteps = 3
        @Setting("updates of D_v by a minibatch", in: 1 ... 1000, source: "TF reimplementation")
        public var visualSteps = 2
        @Setting("updates of En and De by a minibatch", in: 1 ... 1000, source: "TF reimplementation")
        public var autoencoderSteps = 5
        @Setting("steps of the search for codes that decode badly", in: 1 ... 1000, source: "TF reimplementation")
        public var miningSteps = 5
        @Setting("η: rate of that search", in: 0 ... 1000, source: "TF reimplementation")
        public var miningRate = 1.0
        @Setting("its slope: renewed in each step, by each sample's own loss; or one of the minibatch's mean for all", source: "paper")
        public var miningGradient = MiningGradient.renewed
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential
    let latentDiscriminator: Sequential, visualDiscriminator: Sequential, classifier: Sequential
    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard sample.rank == 3, sample.extents.prefix(2) == [28, 28], sample.extents[2] > 0 else {
            throw FormError("samples of \(sample) do not fit: it takes [28, 28, channels], as 28×28×1; resize them in transforms")
        }
        let layers = CompactOneClassLayers(channels: sample.extents[2], width: settings.width), q = settings.visualWidth
        (encoder, decoder) = (layers.encoder(), layers.decoder())
        (visualDiscriminator, classifier) = (layers.critic([q, q, q]), layers.critic([2 * q, 4 * q, 4 * q]))
        latentDiscriminator = layers.latentDiscriminator(width: settings.latentWidth)
        self.settings = settings
    }

    public var stages: [Stage] {
        [
            .train("reconstruction", epochs: 20) { step in step.evaluating { reconstruct(step) } },
            .train("training", epochs: 30) { step in step.evaluating { train(step) } },
        ]
    }

    private func reconstruct(_ step: TrainingStep) {
        let x = step.minibatch(), loss = mean(square(x - decoder(encoder(noisy(x, step)))))
        step.update(encoder, decoder, minimizing: loss, with: Adam(rate: 3e-4, beta1: 0.9))
        step.report("reconstruction", loss)
    }

    private func train(_ step: TrainingStep) {
        let x = step.minibatch(), x̃ = noisy(x, step), l1 = encoder(x̃), x̂ = decoder(l1)
        func drawn() -> Batched { 2 * step.uniform(l1.shape) - 1 }
        step.repeated(settings.classifierSteps) {
            let loss = 0.5 * (judged(classifier(x̂.detached), 1) + judged(classifier(decoder(drawn()).detached), 0))
            step.update(classifier, minimizing: loss, with: Adam(rate: 1e-4, beta1: 0.9))
            step.report("classifier", loss)
        }
        step.repeated(settings.latentSteps) {
            let loss = 0.5 * (judged(latentDiscriminator(drawn()), 1) + judged(latentDiscriminator(l1.detached), 0))
            step.update(latentDiscriminator, minimizing: loss, with: Adam(rate: 1e-5, beta1: 0.9))
            step.report("latent", loss)
        }
        step.repeated(settings.visualSteps) {
            let loss = 0.5 * (judged(visualDiscriminator(x), 1) + judged(visualDiscriminator(decoder(drawn()).detached), 0))
            step.update(visualDiscriminator, minimizing: loss, with: Adam(rate: 1e-5, beta1: 0.9))
            step.report("visual", loss)
        }
        let negative = mined(from: drawn(), step)
        step.repeated(settings.autoencoderSteps) {
            let l1 = encoder(x̃), reconstruction = mean(square(x - decoder(l1)))
            let deceived = judged(latentDiscriminator(l1), 1) + judged(visualDiscriminator(decoder(negative)), 1)
            let loss = settings.reconstructionWeight * reconstruction + deceived
            step.update(encoder, decoder, minimizing: loss, with: Adam(rate: 3e-5, beta1: 0.9))
            step.report("reconstruction", reconstruction)
            step.report("autoencoder", loss)
        }
    }

    private func noisy(_ x: Batched, _ step: TrainingStep) -> Batched { x + settings.noise * step.normal(x.shape) }

    /// Codes that C calls fake when they are decoded. One slope applied again and again is one long step, with the bounds at its end.
    private func mined(from l2: Batched, _ step: TrainingStep) -> Batched {
        let isOnce = settings.miningGradient == .once
        let rate = isOnce ? settings.miningRate * Double(settings.miningSteps) / Double(step.trace.minibatch) : settings.miningRate
        return step.search(from: l2, steps: isOnce ? 1 : settings.miningSteps, with: SGD(rate: rate), within: -1 ... 1) {
            bce(logits: answer(classifier(decoder($0))), 0)
        }
    }

    public func score(_ scoring: Scoring) { score(scoring, seen: scoring.x) }
}
