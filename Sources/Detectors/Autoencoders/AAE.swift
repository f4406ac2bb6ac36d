import Graphs
import Networks

/// Adversarial autoencoders (Makhzani et al., 2015), as Chen & Konukoglu (2018) constrain them for lesions in images of the brain: codes of
/// normal samples are drawn towards N(0, I) by a critic, and a sample is to have the code of its reconstruction, so that a lesion does not
/// come back. What is left of a sample tells an anomaly.
///
/// | paper | here |
/// |---|---|
/// | Enc, Dec, the critic of codes | `encoder`, `decoder`, `critic` |
/// | reconstruction ‖x − x̂‖ | `reconstructionLoss` |
/// | latent consistency λ·‖z − Enc(x̂)‖² | in `train` |
/// | WGAN-GP of codes: L_C, L_G | `updateCritic`, and the end of `train` |
/// | the map \|x − x̂\| | the map `residual`; its mean and 99th percentile are scores |
///
/// Networks, initial values and rates of images as in the authors' program, of any number of channels and without its second output, which
/// it does not use; of vectors those of Deep SAD's tables (Ruff et al., 2020). In the authors' signs the critic is low for the prior and E
/// goes down it. The variant `plain` is the adversarial autoencoder without the constraint, with a discriminator instead of the critic.
///
/// Departures: every update of the critic has codes of its own from the prior, and there are 5 of them in a step (10 in the first 20
/// epochs), where the program takes one draw for 20 (200): the variant `released`. Where their number changes a stage ends, and with it what
/// Adam keeps. Scores are of the whole image, since sets have no masks of the brain.
public struct AAE: Detector {
    public static let name = "aae"
    public static let summary = "AAE: a constrained adversarial autoencoder (Chen & Konukoglu, 2018), or a plain one (Makhzani et al., 2015)"
    public static let shapes =
        "[features], scaled to 0 to 1, or [height, width, channels] with both sides multiples of 16 (2 to the power of halvings)"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("plain", "no latent consistency, a discriminator by cross-entropy instead of the critic, Adam at 1e-3") {
                ($0.adversary, $0.lambda) = (.crossEntropy, 0)
                ($0.learningRate, $0.beta1, $0.beta2) = (1e-3, 0.9, 0.999)
            },
            Variant<Settings>("released", "20 updates of the critic in a step (200 in the first 20 epochs) on one draw from the prior") {
                ($0.criticSteps, $0.earlyCriticSteps, $0.prior) = (20, 200, .shared)
            },
        ]
    }

    public enum Adversary: String, SettingChoice { case wasserstein, crossEntropy }
    public enum Reconstruction: String, SettingChoice { case root, squared }
    public enum Prior: String, SettingChoice { case fresh, shared }

    public struct Settings: DetectorSettings {
        @Setting("size of the code z; none is 128 for images and a quarter of the width for vectors", in: 1 ... 65536, source: "authors' program")
        public var latent: Int? = nil
        @Setting(
            "of images: channels at the full resolution, doubled by every halving; of vectors: size of the first hidden layer, twice the second's. "
                + "None is 16 for images, and for vectors 128 from 64 features on, else 32", in: 2 ... 1024, source: "authors' program; Deep SAD")
        public var width: Int? = nil
        @Setting("how often images are halved", in: 1 ... 8, source: "authors' program")
        public var halvings = 4
        @Setting(
            "size of the critic's first layer; none is 200 for images, whose second has the double, and 128 for vectors, whose second has the same",
            in: 1 ... 65536, source: "authors' program")
        public var critic: Int? = nil
        @Setting("what draws codes towards the prior", source: "authors' program")
        public var adversary = Adversary.wasserstein
        @Setting("λ: weight of the latent consistency", in: 0 ... 1e6, source: "authors' program")
        public var lambda = 0.5
        @Setting("the reconstruction's loss: the root of the sum of a sample's squared differences, or the sum", source: "authors' program")
        public var reconstruction = Reconstruction.root
        @Setting("updates of the critic in a step", in: 1 ... 1000, source: "ours; authors' program: 20")
        public var criticSteps = 5
        @Setting("updates of the critic in a step of the first 20 epochs", in: 1 ... 1000, source: "ours; authors' program: 200")
        public var earlyCriticSteps = 10
        @Setting(
            "whether every update of the critic has its own draw from the prior or all of a step share one", source: "WGAN-GP, Gulrajani et al., 2017"
        )
        public var prior = Prior.fresh
        @Setting("weight of the gradient penalty", in: 0 ... 1e6, source: "authors' program")
        public var penalty = 10.0
        @Setting("learning rate of the three optimizers", in: 0 ... 1, source: "authors' program")
        public var learningRate = 2e-5
        @Setting("β1 of the three optimizers", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        @Setting("β2 of the three optimizers", in: 0 ... 0.999999, source: "authors' program")
        public var beta2 = 0.9
        public init() {}
    }

    let encoder: Sequential, decoder: Sequential, critic: Sequential
    private let settings: Settings, latent: Int
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let hidden: [Int]
        if sample.rank == 1, sample.count > 0 {
            let width = settings.width ?? (sample.count >= 64 ? 128 : 32)
            latent = settings.latent ?? max(1, width / 4)
            (encoder, decoder) = vectorAutoencoder(features: sample.count, latent: latent, width: width)
            hidden = Array(repeating: settings.critic ?? 128, count: 2)
        } else {
            latent = settings.latent ?? 128
            let networks = try ResidualAutoencoder(sample, latent: latent, width: settings.width ?? 16, halvings: settings.halvings)
            (encoder, decoder) = (networks.encoder(), networks.decoder())
            hidden = [settings.critic ?? 200, 2 * (settings.critic ?? 200)]
        }
        let widths = [latent] + hidden
        critic = Sequential {
            for (from, to) in zip(widths, widths.dropFirst()) {
                Dense(from: from, to: to, weight: .normal(mean: 0, deviation: 0.01))
                Activation.leakyReLU(0.2)
            }
            Dense(from: hidden[1], to: 1, weight: .normal(mean: 0, deviation: 0.01))
        }
        self.settings = settings
    }

    /// 300 epochs; the first 20 apart, where the critic has another number of updates in them.
    public var stages: [Stage] {
        guard settings.adversary == .wasserstein, settings.earlyCriticSteps != settings.criticSteps else {
            return [.train("training", epochs: 300) { train($0, criticSteps: settings.criticSteps) }]
        }
        return [
            .train("early", epochs: 20) { train($0, criticSteps: settings.earlyCriticSteps) },
            .train("training", epochs: 280) { train($0, criticSteps: settings.criticSteps) },
        ]
    }

    /// The autoencoder; then the critic of the codes that it gives now; then E against the critic.
    private func train(_ step: TrainingStep, criticSteps: Int) {
        let x = step.minibatch(), z = encoder(x), x̂ = decoder(z)
        let reconstruction = reconstructionLoss(x, x̂)
        if settings.lambda == 0 {
            step.update(encoder, decoder, minimizing: reconstruction, with: adam)
        } else {
            let consistency = average(sum(square(z - step.evaluating { encoder(x̂) })))
            step.update(encoder, decoder, minimizing: reconstruction + settings.lambda * consistency, with: adam)
            step.report("consistency", consistency)
        }

        let code = encoder(x), adversarial: Replicated
        switch settings.adversary {
        case .wasserstein:
            let shared = settings.prior == .shared ? step.normal([latent]) : nil
            step.repeated(criticSteps) { updateCritic(step, prior: shared ?? step.normal([latent]), code: code.detached) }
            adversarial = mean(critic(code))
        case .crossEntropy:
            let prior = step.normal([latent])
            let loss = mean(bce(logits: critic(prior), 1)) + mean(bce(logits: critic(code.detached), 0))
            step.update(critic, minimizing: loss, with: adam)
            step.report("critic", loss)
            adversarial = mean(bce(logits: critic(code), 1))
        }
        step.update(encoder, minimizing: adversarial, with: adam)
        step.report("reconstruction", reconstruction)
        step.report("adversarial", adversarial)
    }

    /// L_C: low for the prior, high for codes, with a slope of 1 between them.
    private func updateCritic(_ step: TrainingStep, prior: Batched, code: Batched) {
        let η = step.uniform([]), between = η * prior + (1 - η) * code
        let slope = l2(gradient(of: critic(between), by: between))
        let wasserstein = mean(critic(prior)) - mean(critic(code)), penalty = average(square(slope - 1))
        step.update(critic, minimizing: wasserstein + settings.penalty * penalty, with: adam)
        step.report("wasserstein", wasserstein)
        step.report("penalty", penalty)
    }

    private func reconstructionLoss(_ x: Batched, _ x̂: Batched) -> Replicated {
        let distance = sum(square(x - x̂))
        return switch settings.reconstruction {
        case .root: average(sqrt(distance + 1e-8))
        case .squared: average(distance)
        }
    }

    /// residual: the mean of |x − x̂|; latent: the distance of the codes of x and x̂; percentile: of images, the 99th of the map.
    public func score(_ scoring: Scoring) {
        let x = scoring.x, z = encoder(x), x̂ = decoder(z), difference = abs(x - x̂)
        scoring.score("residual", sum(difference) / Double(x.shape.count))
        scoring.score("latent", l2(z - encoder(x̂)))
        if x.shape.rank == 3 {
            let map = sum(difference, axis: 2) / Double(x.shape.extents[2])
            scoring.host("percentile", from: map) { percentile(0.99, of: $0[0]) }
            scoring.map("residual", map)
        }
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }
}

/// Between the two numbers next to it in order, in proportion.
private func percentile(_ share: Double, of numbers: [Float]) -> Double {
    let ascending = numbers.sorted(), place = share * Double(ascending.count - 1), below = Int(place)
    let next = Double(ascending[min(below + 1, ascending.count - 1)]), least = Double(ascending[below])
    return least + (place - Double(below)) * (next - least)
}
