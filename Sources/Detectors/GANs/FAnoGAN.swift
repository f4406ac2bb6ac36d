import Graphs
import Networks

/// f-AnoGAN (Schlegl, Seeböck, Waldstein, Langs, Schmidt-Erfurth, Medical Image Analysis 2019): a WGAN of normal samples, then an
/// encoder that finds their codes in one pass; what the two do not bring back is an anomaly's.
///
/// | paper | here |
/// |---|---|
/// | G, D, E | `generator`, `critic`, `encoder` |
/// | f: D's last layer but one | `features` |
/// | stage 1: WGAN-GP | `trainGAN` |
/// | stage 2: L_izi_f, L_izi, L_ziz | `trainEncoder` |
/// | A(x) = A_R + κ·A_D | the score `combined` |
/// | D's output alone | the score `discriminator` |
///
/// Networks, initial values and rates as in the authors' program. Departures: 1e-12 under the root of the penalty's norm; a step ends
/// with G's update instead of beginning with it, which is the same sequence, since the authors leave out the very first one. The authors
/// mirror every second image while loading, which is a recipe's `transforms`.
public struct FAnoGAN: Detector {
    public static let name = "f-anogan"
    public static let summary = "f-AnoGAN: a WGAN and an encoder that inverts it (Schlegl et al., Medical Image Analysis 2019)"
    public static let shapes = HalvingGrid.shapes
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("izi", "E learns to bring images back, without a look at D's features") { $0.encoderLoss = .izi },
            Variant<Settings>("ziz", "E learns to bring codes back; it sees images of G alone") { $0.encoderLoss = .ziz },
            Variant<Settings>("dbbbbm", "E learns by Adam, as in dbbbbm's program (which takes 300 epochs for it)") {
                ($0.encoderOptimizer, $0.encoderLearningRate) = (.adam, 1e-4)
            },
        ]
    }

    public enum EncoderLoss: String, SettingChoice { case izif, izi, ziz }
    public enum EncoderOutput: String, SettingChoice { case tanh, linear }
    public enum EncoderOptimizer: String, SettingChoice { case rmsProp, adam }

    public struct Settings: DetectorSettings {
        @Setting("size of the code z", in: 1 ... 65536, source: "authors' program")
        public var latent = 128
        @Setting("channels at the full resolution; each halving doubles them, up to 8 times as many", in: 1 ... 1024, source: "authors' program")
        public var width = 64
        @Setting("updates of D for each of G", in: 1 ... 100, source: "authors' program")
        public var criticSteps = 5
        @Setting("weight of the gradient penalty", in: 0 ... 1e6, source: "authors' program")
        public var penalty = 10.0
        @Setting("κ: weight of the distance in D's features, in E's loss and in the score", in: 0 ... 1e6, source: "authors' program")
        public var kappa = 1.0
        @Setting("learning rate of Adam for G and D", in: 0 ... 1, source: "authors' program")
        public var learningRate = 1e-4
        @Setting("learning rate for E", in: 0 ... 1, source: "authors' program")
        public var encoderLearningRate = 5e-5
        @Setting("what moves E: RMSProp, or Adam as for G and D", source: "authors' program")
        public var encoderOptimizer = EncoderOptimizer.rmsProp
        @Setting(
            "what E learns from: images that come back, and their features; images alone; or codes that come back", source: "paper, section 2.2")
        public var encoderLoss = EncoderLoss.izif
        @Setting("E's last function: tanh keeps codes within one deviation of what G knows", source: "authors' program")
        public var encoderOutput = EncoderOutput.tanh
        public init() {}
    }

    let generator: Sequential, encoder: Sequential
    let features: Sequential, head: Dense
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: 0, beta2: 0.9) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let blocks = try ResidualPyramid(sample, width: settings.width)
        generator = blocks.generator(from: settings.latent)
        encoder = blocks.encoder(to: settings.latent, within: settings.encoderOutput == .tanh)
        features = blocks.trunk { LayerNorm($0) }  // batch norm would mix the samples whose slopes the penalty tells apart
        head = blocks.head()
        self.settings = settings
    }

    /// 7 epochs, and 3 for the 50,000 minibatches of 64 that the authors took of their million patches.
    public var stages: [Stage] { [.train("gan", epochs: 7, trainGAN), .train("encoder", epochs: 3, trainEncoder)] }

    func critic(_ x: Batched) -> Batched { head(features(x)) }

    /// Stage 1: several updates of D, then one of G.
    func trainGAN(_ step: TrainingStep) {
        step.repeated(settings.criticSteps) { updateCritic(step) }
        let adversarial = -mean(critic(generator(step.normal([settings.latent]))))
        step.update(generator, minimizing: adversarial, with: adam)
        step.report("generator", adversarial)
    }

    /// One update of D, with a minibatch and noise of its own.
    func updateCritic(_ step: TrainingStep) {
        let x = step.minibatch()
        let x̂ = step.frozenStatistics { generator(step.normal([settings.latent])) }.detached
        let between = x + step.uniform([]) * (x̂ - x)
        let slope = gradient(of: critic(between), by: between)

        let wasserstein = mean(critic(x̂)) - mean(critic(x))
        let penalty = average(square(sqrt(sum(square(slope)) + 1e-12) - 1))
        step.update(features, head, minimizing: wasserstein + settings.penalty * penalty, with: adam)
        step.report("wasserstein", wasserstein)
        step.report("penalty", penalty)
    }

    /// Stage 2: E learns to invert the finished G.
    func trainEncoder(_ step: TrainingStep) {
        guard settings.encoderLoss != .ziz else { return trainEncoderByCodes(step) }
        let x = step.minibatch()
        let z = encoder(x), x̂ = step.evaluating { generator(z) }

        let image = mean(square(x - x̂))
        let feature = mean(square(features(x) - features(x̂)))
        moveEncoder(step, by: settings.encoderLoss == .izif ? image + settings.kappa * feature : image)
        step.report("image", image)
        if settings.encoderLoss == .izif { step.report("feature", feature) }
    }

    /// L_ziz, without a look at samples.
    private func trainEncoderByCodes(_ step: TrainingStep) {
        let z = step.normal([settings.latent]), x̂ = step.evaluating { generator(z) }
        let code = mean(square(z - encoder(x̂)))
        moveEncoder(step, by: code)
        step.report("code", code)
    }

    private func moveEncoder(_ step: TrainingStep, by loss: Replicated) {
        switch settings.encoderOptimizer {
        case .rmsProp: step.update(encoder, minimizing: loss, with: RMSProp(rate: settings.encoderLearningRate))
        case .adam: step.update(encoder, minimizing: loss, with: Adam(rate: settings.encoderLearningRate, beta1: 0, beta2: 0.9))
        }
    }

    /// combined: A_R + κ·A_D; residual: A_R alone, the mean squared distance of the images; latent: that of the codes; discriminator:
    /// D's answer to x alone.
    public func score(_ scoring: Scoring) {
        func distance(_ a: Batched, _ b: Batched) -> Batched { sum(square(a - b)) / Double(a.shape.count) }
        let x = scoring.x, z = encoder(x), x̂ = generator(z)
        let residual = distance(x, x̂)
        scoring.score("combined", residual + settings.kappa * distance(features(x), features(x̂)))
        scoring.score("residual", residual)
        scoring.score("latent", distance(z, encoder(x̂)))
        scoring.score("discriminator", -critic(x))
        scoring.map("residual", sum(abs(x - x̂), to: [x.shape.extents[0], x.shape.extents[1], 1]) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }
}
