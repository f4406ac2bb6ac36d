import Graphs
import Networks

/// OCGAN (Perera, Nallapati, Xiang, CVPR 2019): a denoising autoencoder whose bounded codes are to hold the normal class alone. D_l lets
/// codes fill the cube, D_v lets whatever they decode to look real, and the codes that a classifier finds to decode badly are searched for
/// and trained on.
///
/// | paper | here |
/// |---|---|
/// | En, De | `encoder`, `decoder` |
/// | D_l, D_v, C | `latentDiscriminator`, `visualDiscriminator`, `classifier` |
/// | informative-negative mining | `mined` |
/// | λ·l_MSE + l_latent + l_visual | `updateAutoencoder` |
/// | the reconstruction's error | the score `reconstruction` |
///
/// Networks, initial values and rates as in the authors' program, for images of 61×61 or 125×125; of other sides, which halve down to a grid
/// that one more convolution takes as a whole, the same convolutions with zeros around. The program suggests minibatches of 512. Mining goes
/// down the loss that has C call a decoded code fake, each code for itself and on running statistics; the paper goes up the loss of calling
/// it real, the same direction.
///
/// Departures: the last epoch's networks are kept, not those of the least error on normals held out. The authors' program cannot have given
/// their figures; what of it can run is the variant `released-2019`. Not taken over: noise drawn once for all epochs, and searches that meet
/// each other in batch norm.
public struct OCGAN: OneClassGAN {
    public static let name = "ocgan"
    public static let summary = "OCGAN: an autoencoder whose whole latent space decodes to the normal class (Perera et al., CVPR 2019)"
    public static let shapes = HalvingGrid.shapes + "; or 61×61, 125×125"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>(
                "released-2019",
                "unbounded codes, D_l with 16 answers, other weights and order, mining from epoch 151 in one step, noise on what is scored"
            ) {
                ($0.latentActivation, $0.latentDiscriminator, $0.order) = (.leaky, .doubleSigmoid, .released)
                ($0.reconstructionWeight, $0.latentWeight, $0.noise, $0.noisyInput, $0.momentum) = (250, 10, 0.02, true, 0.9)
                ($0.negativeSource, $0.miningFrom, $0.miningSteps, $0.miningRate) = (.tanhUniform, 151, 1, 2)
            }
        ]
    }

    public enum LatentActivation: String, SettingChoice { case tanh, leaky }
    public enum LatentDiscriminator: String, SettingChoice { case logit, doubleSigmoid }
    public enum NegativeSource: String, SettingChoice { case uniform, tanhUniform }
    public enum Order: String, SettingChoice { case paper, released }

    public struct Settings: DetectorSettings {
        @Setting("size of the codes", in: 1 ... 65536, source: "authors' program")
        public var latent = 16
        @Setting("channels after the first convolution of En and C; each further one doubles them", in: 1 ... 1024, source: "authors' program")
        public var width = 64
        @Setting("the same of D_v", in: 1 ... 1024, source: "authors' program")
        public var visualWidth = 12
        @Setting("D_l's first layer; it halves three times", in: 8 ... 65536, source: "authors' program")
        public var latentWidth = 128
        @Setting("D_l's answer: a logit, or what a sigmoid makes of its last layer, taken for logits", source: "paper")
        public var latentDiscriminator = LatentDiscriminator.logit
        @Setting("σ: deviation of the noise on what En sees in training", in: 0 ... 10, source: "authors' read-me")
        public var noise = 0.2
        @Setting("what bounds the codes: tanh, or nothing but a leaky ReLU", source: "paper")
        public var latentActivation = LatentActivation.tanh
        @Setting("λ: weight of the mean squared error", in: 0 ... 1e6, source: "paper")
        public var reconstructionWeight = 10.0
        @Setting("weight of D_l's part in the loss of En", in: 0 ... 1e6, source: "paper")
        public var latentWeight = 1.0
        @Setting("share that dropout takes of De's last hidden layer", in: 0 ... 0.99, source: "authors' program")
        public var dropout = 0.5
        @Setting("share of the new in the running statistics of batch norm", in: 0 ... 1, source: "ours; authors' program: 0.9")
        public var momentum = 0.1
        @Setting(
            "where mining begins and moves: at the codes from U(−1, 1) that D_l and D_v have too, or in v of codes tanh(v), v from another such draw",
            source: "paper")
        public var negativeSource = NegativeSource.uniform
        @Setting("steps of the search for codes that decode badly", in: 1 ... 1000, source: "TF reimplementation")
        public var miningSteps = 5
        @Setting("η: rate of that search", in: 0 ... 1000, source: "TF reimplementation")
        public var miningRate = 1.0
        @Setting("the epoch with which mining begins; the first is 1", in: 1 ... 1_000_000, source: "paper, which mines from the start")
        public var miningFrom = 1
        @Setting(
            "of a step: C, D_l and D_v, mining, En and De; or mining, D_v and D_l against what running statistics give, C, En and De",
            source: "TF reimplementation")
        public var order = Order.paper
        @Setting("whether what is scored has noise too", source: "paper, which has none")
        public var noisyInput = false
        @Setting("learning rate of Adam", in: 0 ... 1, source: "authors' program")
        public var learningRate = 2e-4
        @Setting("β1 of Adam", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential
    let latentDiscriminator: Sequential, visualDiscriminator: Sequential, classifier: Sequential
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let layers = try OneClassLayers(sample, settings)
        (encoder, decoder) = (layers.encoder(), layers.decoder())
        (visualDiscriminator, classifier) = (layers.critic(width: settings.visualWidth), layers.critic(width: settings.width))
        latentDiscriminator = layers.latentDiscriminator()
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 201, train)] }

    func train(_ step: TrainingStep) {
        let x = step.minibatch(), noisy = x + settings.noise * step.normal(x.shape)
        let l1 = encoder(noisy), x̂ = decoder(l1)
        let l2 = 2 * step.uniform(l1.shape) - 1, drawn = decoder(l2)
        switch settings.order {
        case .paper:
            updateClassifier(step, normal: x̂, drawn: drawn)
            updateDiscriminators(step, codes: (real: l2, fake: l1), images: (real: x, fake: drawn))
            updateAutoencoder(step, x, x̂, l1, negative: mined(from: l2, step))
        case .released:
            let negative = mined(from: l2, step), (fakeCodes, fakeImages) = step.evaluating { (encoder(noisy), decoder(l2)) }
            updateDiscriminators(step, codes: (real: l2, fake: fakeCodes), images: (real: x, fake: fakeImages))
            updateClassifier(step, normal: x̂, drawn: drawn)
            updateAutoencoder(step, x, x̂, l1, negative: negative)
        }
    }

    private func updateClassifier(_ step: TrainingStep, normal: Batched, drawn: Batched) {
        let loss = 0.5 * (judged(classifier(normal.detached), 1) + judged(classifier(drawn.detached), 0))
        step.update(classifier, minimizing: loss, with: adam)
        step.report("classifier", loss)
    }

    private func updateDiscriminators(_ step: TrainingStep, codes: (real: Batched, fake: Batched), images: (real: Batched, fake: Batched)) {
        let latent = 0.5 * (judged(codes: codes.real, 1) + judged(codes: codes.fake.detached, 0))
        step.update(latentDiscriminator, minimizing: latent, with: adam)
        let visual = 0.5 * (judged(visualDiscriminator(images.real), 1) + judged(visualDiscriminator(images.fake.detached), 0))
        step.update(visualDiscriminator, minimizing: visual, with: adam)
        step.report("latent", latent)
        step.report("visual", visual)
    }

    private func updateAutoencoder(_ step: TrainingStep, _ x: Batched, _ x̂: Batched, _ l1: Batched, negative: Batched) {
        let reconstruction = mean(square(x - x̂))
        let loss =
            settings.reconstructionWeight * reconstruction + settings.latentWeight * judged(codes: l1, 1)
            + judged(visualDiscriminator(decoder(negative)), 1)
        step.update(encoder, decoder, minimizing: loss, with: adam)
        step.report("reconstruction", reconstruction)
        step.report("autoencoder", loss)
    }

    /// Codes that C calls fake when they are decoded.
    private func mined(from l2: Batched, _ step: TrainingStep) -> Batched {
        func code(_ place: Batched) -> Batched { settings.negativeSource == .uniform ? place : tanh(place) }
        let first = settings.negativeSource == .uniform ? l2 : 2 * step.uniform(l2.shape) - 1
        let found = step.evaluating {
            step.search(
                from: first, steps: settings.miningSteps, with: SGD(rate: settings.miningRate),
                within: settings.negativeSource == .uniform ? -1 ... 1 : nil
            ) { bce(logits: answer(classifier(decoder(code($0)))), 0) }
        }
        guard settings.miningFrom > 1 else { return code(found) }
        return code(first + (found - first) * step.value(of: .levels(0, from: [settings.miningFrom - 1: 1])))
    }

    /// By D_l, each of whose answers counts for itself.
    private func judged(codes: Batched, _ label: Double) -> Replicated { mean(bce(logits: latentDiscriminator(codes), label)) }

    public func score(_ scoring: Scoring) {
        score(scoring, seen: settings.noisyInput ? scoring.x + settings.noise * scoring.normal(scoring.x.shape) : scoring.x)
    }
}
