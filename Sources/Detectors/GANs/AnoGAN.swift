import Graphs
import Networks

/// AnoGAN (Schlegl, Seeböck, Waldstein, Schmidt-Erfurth, Langs, IPMI 2017): a DCGAN of normal images. A sample is mapped to a code z by
/// going down a loss from a random one, so that G(z) resembles it in pixels and in D's features; what cannot be matched is anomalous.
///
/// | paper | here |
/// |---|---|
/// | G, D | `generator`, `head` of `features` |
/// | V(D, G): equation 1 | `train`, with the non-saturating form for G |
/// | f: an intermediate layer of D | `features` |
/// | L_R, L_D: equations 2 and 4 | `residual`, `discrimination` |
/// | L(z) = (1 − λ)·L_R + λ·L_D, and A(x) = L(z_Γ) | `score`, the score `combined` |
///
/// The authors released no program: layers, initial values and rates are those of DCGAN in its best-known programs, the search's rates
/// those of the authors of EGBAD and ALAD for their comparison. D's part is the distance of features, as the paper has it in the end, or
/// the cross-entropy of D's answer to G(z), which it compares that with: the variant `cross-entropy`. A sample begins from a code of its
/// own number, so it is scored alike whatever it is scored with; of several starts the best counts.
public struct AnoGAN: Detector {
    public static let name = "anogan"
    public static let summary = "AnoGAN: a DCGAN and a search for each sample's code (Schlegl et al., IPMI 2017)"
    public static let shapes = HalvingGrid.shapes
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("cross-entropy", "the cross-entropy of D's answer to G(z) in place of the distance of features") {
                $0.discrimination = .crossEntropy
            }
        ]
    }

    public enum Prior: String, SettingChoice { case uniform, normal }
    public enum Discrimination: String, SettingChoice { case features, crossEntropy }

    public struct Settings: DetectorSettings {
        @Setting("size of the code z", in: 1 ... 65536, source: "DCGAN")
        public var latent = 100
        @Setting("channels at half the resolution; each further halving doubles them", in: 1 ... 1024, source: "DCGAN")
        public var width = 64
        @Setting("what G learns from: codes on ±1 or of N(0, 1)", source: "DCGAN")
        public var prior = Prior.uniform
        @Setting("learning rate of Adam for G and D", in: 0 ... 1, source: "DCGAN")
        public var learningRate = 2e-4
        @Setting("β1 of Adam for G and D", in: 0 ... 0.999, source: "DCGAN")
        public var beta1 = 0.5
        @Setting("Γ: steps of the search", in: 1 ... 100_000, source: "paper, section 3")
        public var searchSteps = 500
        @Setting("searches of a sample, of which the one with the least loss counts", in: 1 ... 64, source: "paper, which has one")
        public var restarts = 1
        @Setting(
            "learning rate of Adam in the search's first two fifths; a tenth of it in the third, and then a twentieth", in: 0 ... 10,
            source: "EGBAD's authors' program")
        public var searchRate = 1e-2
        @Setting("λ: share of D's part in the search's loss", in: 0 ... 1, source: "paper, section 3")
        public var lambda = 0.1
        @Setting("D's part: the distance of features of x and G(z), or the cross-entropy of D's answer to G(z)", source: "paper, section 2.2")
        public var discrimination = Discrimination.features
        public init() {}
    }

    let generator: Sequential
    let features: Sequential, head: Dense
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let image = try HalvingGrid(sample)
        generator = image.generator(from: settings.latent, width: settings.width)
        features = image.features(width: settings.width)
        head = image.dense(from: image.places * (settings.width << (image.halvings - 1)), to: 1)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 20, train)] }

    private func D(_ x: Batched) -> Batched { head(features(x)) }

    /// D moves first; G is judged by the D that has moved, on codes of its own.
    func train(_ step: TrainingStep) {
        let x = step.minibatch()
        let discriminator = mean(bce(logits: D(x), 1)) + mean(bce(logits: D(generator(code(step)).detached), 0))
        step.update(features, head, minimizing: discriminator, with: adam)

        let deceiving = mean(bce(logits: D(generator(code(step))), 1))
        step.update(generator, minimizing: deceiving, with: adam)
        step.report("discriminator", discriminator)
        step.report("generator", deceiving)
    }

    private func code(_ step: TrainingStep) -> Batched {
        switch settings.prior {
        case .uniform: 2 * step.uniform([settings.latent]) - 1
        case .normal: step.normal([settings.latent])
        }
    }

    // MARK: Scoring

    /// A sample that codes are searched for, with its features.
    private typealias Target = (x: Batched, f: Batched)

    /// combined: L(z_Γ); residual: L_R there; feature: D's part there; discriminator: D's answer to x alone, without a search.
    public func score(_ scoring: Scoring) {
        let x = scoring.x, target = (x: x, f: features(x)), z = code(of: target, scoring), x̂ = generator(z)
        scoring.score("combined", loss(target, z))
        scoring.score("residual", l1(x - x̂))
        scoring.score("feature", discrimination(target, x̂))
        scoring.score("discriminator", -D(x))
        scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }

    /// z_Γ.
    private func code(of target: Target, _ scoring: Scoring) -> Batched {
        let steps = settings.searchSteps, rate = settings.searchRate
        let adam = Adam(rate: .levels(rate, from: [2 * steps / 5: rate / 10, 3 * steps / 5: rate / 20]))
        let found = (0 ..< settings.restarts).map { _ in
            scoring.search(from: scoring.truncatedNormal([settings.latent]), steps: steps, with: adam) { loss(target, $0) }
        }
        return found.dropFirst().reduce(found[0]) { best, z in
            select((loss(target, best) - loss(target, z)).reshaped([1]).broadcast(to: z.shape), z, else: best)
        }
    }

    /// L(z).
    private func loss(_ target: Target, _ z: Batched) -> Batched {
        let x̂ = generator(z)
        return (1 - settings.lambda) * l1(target.x - x̂) + settings.lambda * discrimination(target, x̂)
    }

    private func discrimination(_ target: Target, _ x̂: Batched) -> Batched {
        switch settings.discrimination {
        case .features: l1(target.f - features(x̂))
        case .crossEntropy: bce(logits: D(x̂), 1).reshaped([])
        }
    }
}

extension HalvingGrid {
    fileprivate func dense(from: Int, to: Int) -> Dense { Dense(from: from, to: to, weight: .normal(mean: 0, deviation: 0.02)) }

    fileprivate func generator(from latent: Int, width: Int) -> Sequential {
        let widths = (0 ..< halvings).reversed().map { width << $0 }
        return Sequential {
            dense(from: latent, to: places * widths[0])
            Rearrangement.reshape([grid.0, grid.1, widths[0]])
            normed(widths[0], .relu)
            for (from, to) in zip(widths, widths.dropFirst()) {
                TransposedConvolution.same(from: from, to: to, kernel: 5, stride: 2, bias: true)
                normed(to, .relu)
            }
            TransposedConvolution.same(from: width, to: channels, kernel: 5, stride: 2, bias: true)
            Activation.tanh
        }
    }

    fileprivate func features(width: Int) -> Sequential {
        let widths = (0 ..< halvings).map { width << $0 }
        return Sequential {
            halving(channels, width)
            Activation.leakyReLU(0.2)
            for (from, to) in zip(widths, widths.dropFirst()) {
                halving(from, to)
                normed(to, .leakyReLU(0.2))
            }
        }
    }

    private func halving(_ from: Int, _ to: Int) -> Convolution {
        .same(from: from, to: to, kernel: 5, stride: 2, bias: true, weight: .truncatedNormal(deviation: 0.02))
    }

    private func normed(_ channels: Int, _ activation: Activation) -> Sequential {
        Sequential {
            BatchNorm(channels)
            activation
        }
    }
}
