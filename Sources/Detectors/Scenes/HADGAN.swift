import Graphs
import Networks

/// HADGAN (Jiang, Li, Xie & Du, "Discriminative reconstruction constrained generative adversarial network for hyperspectral anomaly
/// detection", IEEE TGRS 58(7), 2020): an autoencoder of spectra learns the background between two critics, and what it leaves of a scene is
/// judged spectrally and spatially.
///
/// | the paper | here |
/// |---|---|
/// | E, De, D_Z, D_I | `encoder`, `decoder`, `latentCritic`, `imageCritic` |
/// | L_R, reconstruction | `reconstruction` |
/// | L_ziz = ‖ẑ − E(De(ẑ))‖² / d, consistency | `consistency` |
/// | L_s = ‖E(x)‖² / d, shrink | `shrink` |
/// | L_AE = α₀L_R + α₁L_ziz + α₂L_s | `train` |
/// | D_spectral, D_spatial, D_SS | `ResidualScores` |
///
/// There is no released program: networks and losses are those that two re-implementations give, which differ in `loss`, `codeDropout`,
/// `consistencyOf` and `discriminatorSteps`. Departures: minibatches of random pixels instead of the whole scene, so that a scene may be
/// larger than memory; and defaults that are one setting for all scenes, the best of those tried on made ones
/// (`datasets/SCENE-SETTINGS.md`), with networks an eighth as wide as the paper's.
public struct HADGAN: SceneDetector {
    public static let name = "hadgan"
    public static let summary = "HADGAN: reconstruction between two critics, judged spectrally and spatially, Jiang et al. 2020"
    public static let shapes = "pixels of a scene, of up to 4096 bands"
    public static func microbatch(of minibatch: Int) -> Int { min(128, max(1, minibatch / 4)) }

    public enum Loss: String, SettingChoice { case squared, norm }
    public enum Code: String, SettingChoice { case prior, encoded }
    public enum Shrink: String, SettingChoice { case squared, absolute }

    public struct Settings: DetectorSettings {
        @Setting("d, size of the code; ⌊√bands + 1⌋ unless given", in: 1 ... 4096, source: "Jiang et al. 2020 (second-hand)")
        public var latent: Int? = nil
        @Setting("size of the hidden layers", in: 1 ... 65536, source: "ours, for speed; Jiang et al. 2020 (second-hand): 1000")
        public var width = 128
        @Setting("L_R and L_ziz as mean squares, or as lengths over 2·bands", source: "the two re-implementations")
        public var loss = Loss.squared
        @Setting("what L_ziz codes again: draws from N(0, I), or codes of the pixels", source: "f-AnoGAN; a re-implementation")
        public var consistencyOf = Code.prior
        @Setting("L_s of squares or of absolute values", source: "Jiang et al. 2020 (second-hand)")
        public var shrink = Shrink.squared
        @Setting("α₀, weight of L_R", in: 0 ... 1e6, source: "unverified")
        public var reconstruction = 1.0
        @Setting("α₁, weight of L_ziz", in: 0 ... 1e6, source: "unverified")
        public var consistency = 1.0
        @Setting("α₂, weight of L_s", in: 0 ... 1e6, source: "unverified")
        public var shrinkage = 0.1
        @Setting("share of the code that dropout takes away in training", in: 0 ... 0.99, source: "a re-implementation (0.5)")
        public var codeDropout = 0.0
        @Setting("updates of the critics in a step", in: 1 ... 100, source: "Jiang et al. 2020 (second-hand)")
        public var discriminatorSteps = 1
        @Setting("learning rate: RMSProp for E, Adam for the rest", in: 0 ... 1, source: "ours, chosen on made scenes")
        public var learningRate = 3e-4
        @Setting("weight decay of E and De", in: 0 ... 1, source: "unverified")
        public var weightDecay = 1e-5
        @Setting("K: bands of least energy whose regions are looked at", in: 1 ... 4096, source: "Jiang et al. 2020 (second-hand)")
        public var bands = 3
        @Setting("λ, pixels: smaller bright and dark parts are taken for anomalies", in: 1 ... 1_000_000, source: "ours, chosen on made scenes")
        public var area = 64
        @Setting("radius of the guided filter, pixels", in: 1 ... 1000, source: "ours, one for all scenes")
        public var radius = 1
        @Setting("ε of the guided filter, for numbers scaled to [0, 1]", in: 1e-12 ... 1e6, source: "ours, one for all scenes")
        public var epsilon = 1e-2
        @Setting("λ₁, weight of D_spatial in D_SS", in: 0 ... 1, source: "ours, chosen on made scenes; Jiang et al. 2020 (second-hand): 0.5")
        public var weight = 0.25
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential, latentCritic: Sequential, imageCritic: Sequential
    private let settings: Settings, latent: Int, spectrum: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        spectrum = try bandCount(of: sample, most: 4096)
        latent = settings.latent ?? Int(Double(spectrum).squareRoot() + 1)
        let width = settings.width
        func dense(_ from: Int, _ to: Int, bias: Bool = true) -> Dense {
            Dense(from: from, to: to, bias: bias, weight: .uniform(bound: 1 / Double(from).squareRoot()))
        }
        func perceptron(_ from: Int, _ to: Int, norm: Bool = false, bias: Bool) -> Sequential {
            Sequential {
                for inputs in [from, width] {
                    dense(inputs, width)
                    if norm { BatchNorm(width, scale: .constant(1)) }
                    Activation.leakyReLU(0.2)
                }
                dense(width, to, bias: bias)
            }
        }
        encoder = perceptron(spectrum, latent, norm: true, bias: false)
        decoder = perceptron(latent, spectrum, bias: false)
        latentCritic = perceptron(latent, 1, bias: true)
        imageCritic = perceptron(spectrum, 1, bias: true)
        self.settings = settings
    }

    // MARK: Losses

    /// Of a vector that should be 0: its mean square, or its length over 2·bands.
    private func size(_ difference: Batched) -> Replicated {
        switch settings.loss {
        case .squared: mean(square(difference))
        case .norm: average(sqrt(sum(square(difference)) + 1e-8)) / Double(2 * spectrum)
        }
    }

    private func shrink(_ z: Batched) -> Replicated { settings.shrink == .squared ? mean(square(z)) : mean(abs(z)) }

    private func judged(_ logits: Batched, _ label: Double) -> Replicated { mean(bce(logits: logits, label)) }

    // MARK: Training

    public var stages: [Stage] { [.train("training", epochs: 30, train)] }

    private func train(_ step: TrainingStep) {
        let adam = Adam(rate: settings.learningRate)
        if settings.discriminatorSteps > 1 {
            step.repeated(settings.discriminatorSteps - 1) { updateCritics(step, step.minibatch(), adam) }
        }
        let x = step.minibatch(), z = updateCritics(step, x, adam), code = Dropout(settings.codeDropout)(z), x̂ = decoder(code)

        let ẑ = settings.consistencyOf == .prior ? step.normal([latent]) : z.detached
        let common =
            settings.reconstruction * size(x - x̂) + settings.consistency * size(ẑ - encoder(decoder(ẑ))) + settings.shrinkage * shrink(z)
        // each is deceived by its own network alone: E's part does not reach De, nor De's E
        let latentAdversarial = judged(latentCritic(z), 1), imageAdversarial = judged(imageCritic(decoder(code.detached)), 1)
        let rmsprop = RMSProp(rate: settings.learningRate, decay: 0.99, epsilon: 1e-8, weightDecay: settings.weightDecay, form: .pyTorch)
        step.update(encoder, minimizing: common + latentAdversarial, with: rmsprop)
        step.update(
            decoder, minimizing: common + imageAdversarial, with: Adam(rate: settings.learningRate, weightDecay: settings.weightDecay))
        step.report("reconstruction", size(x - x̂))
        step.report("loss", common)
        step.report("latent", latentAdversarial)
        step.report("image", imageAdversarial)
    }

    /// Each tells the real from what E and De make. Returns the codes.
    @discardableResult
    private func updateCritics(_ step: TrainingStep, _ x: Batched, _ adam: Adam) -> Batched {
        let z = encoder(x), x̂ = decoder(z)
        // the updates of a step share what Adam keeps
        step.update(
            latentCritic, minimizing: judged(latentCritic(step.normal([latent])), 1) + judged(latentCritic(z.detached), 0), with: adam,
            group: "latentCritic")
        step.update(
            imageCritic, minimizing: judged(imageCritic(x), 1) + judged(imageCritic(x̂.detached), 0), with: adam, group: "imageCritic")
        return z
    }

    // MARK: Scores

    public func score(_ scoring: Scoring) { scoring.map("residual", abs(scoring.x - decoder(encoder(scoring.x)))) }

    public func score(_ scene: Scene) throws {
        let scores = ResidualScores(
            bands: settings.bands, area: settings.area, weight: settings.weight, radius: settings.radius, epsilon: settings.epsilon)
        try scores.declare(of: scene["residual"], in: scene)
    }
}
