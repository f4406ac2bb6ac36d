import Graphs
import Networks

/// ALOCC (Sabokrou, Khalooei, Fathy, Adeli, CVPR 2018): R refines noisy normal samples until D cannot tell them from real ones. It
/// distorts what is not normal, so D sees an anomaly better after R than before.
///
/// | paper | here |
/// |---|---|
/// | R | `refiner` |
/// | D | `discriminator` |
/// | x̃ = x + η, η ~ N(0, σ²) | in `train` |
/// | L_R, and L_R+D + λ·L_R | `refinement`, `train` |
/// | D(R(x)) > τ | the score `refined` |
/// | D(x) > τ | the score `direct` |
///
/// Networks, initial values and rates as in the authors' program, which suggests minibatches of 128. Departures: the non-saturating
/// form of R's loss; the sum of squares, where the paper leaves open how λ's term is reduced; noise that is drawn anew in every step;
/// no noise and running statistics when scoring; a fixed number of epochs, where the authors stop by eye.
///
/// The authors' program trains otherwise than their paper: the variant `released`. Not taken over: noise drawn once for all epochs and
/// cut to the range of the data, and scores by the statistics of batches of 504.
public struct ALOCC: Detector {
    public static let name = "alocc"
    public static let summary = "ALOCC: a refiner of noisy samples against a discriminator (Sabokrou et al., CVPR 2018)"
    public static let shapes = "[height, width, channels], any"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released", "R's output as logits of the noisy sample, R moved twice a step, D's answer to x itself as the score") {
                ($0.refinement, $0.lambda, $0.generatorSteps, $0.defaultScore) = (.released, 0.2, 2, .direct)
            },
            Variant<Settings>("paper-2018", "the networks of the paper, four times as wide and one stage deeper") {
                ($0.networks, $0.width) = (.paper, 64)
            },
        ]
    }

    public enum Program: String, SettingChoice { case authors, paper }
    public enum Refinement: String, SettingChoice { case squaredSum, squaredMean, released }
    public enum Score: String, SettingChoice { case refined, direct }

    public struct Settings: DetectorSettings {
        @Setting("whose stages R has: those of the authors' program, three each way, or of the paper, four", source: "authors' program")
        public var networks = Program.authors
        @Setting("channels after D's first convolution; each further one doubles them", in: 1 ... 1024, source: "authors' program; paper: 64")
        public var width = 16
        @Setting("σ: deviation of the noise on what R sees in training", in: 0 ... 10, source: "authors' program")
        public var noise = 0.155
        @Setting("weight of L_R", in: 0 ... 1e6, source: "paper, section 4")
        public var lambda = 0.4
        @Setting(
            "L_R: the squared distance of x and R(x̃), its mean over elements, or the cross-entropy of R(x̃) as logits with x̃",
            source: "paper, equation 4")
        public var refinement = Refinement.squaredSum
        @Setting("updates of R for each of D, on the same noisy samples", in: 1 ... 8, source: "paper, section 3")
        public var generatorSteps = 1
        @Setting("learning rate of RMSProp for R and D", in: 0 ... 1, source: "authors' program")
        public var learningRate = 0.002
        @Setting("the score that is reported first", source: "paper, section 3.3")
        public var defaultScore = Score.refined
        public init() {}
    }

    let refiner: Sequential, discriminator: Sequential
    private let settings: Settings
    private var rmsProp: RMSProp { RMSProp(rate: settings.learningRate) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard sample.rank == 3, sample.count > 0 else {
            throw FormError("samples of \(sample) do not fit: it takes [height, width, channels] of any size, as 28×28×1")
        }
        let layers = RefinementLayers(sample, width: settings.width, as: settings.networks)
        (refiner, discriminator) = (layers.refiner(), layers.discriminator())
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 40, train)] }

    /// D moves first; R is judged by the D that has moved.
    func train(_ step: TrainingStep) {
        let x = step.minibatch(), x̃ = x + settings.noise * step.normal(x.shape)

        let real = mean(bce(logits: discriminator(x), 1))
        let fake = mean(bce(logits: discriminator(refiner(x̃).detached), 0))
        step.update(discriminator, minimizing: real + fake, with: rmsProp)

        var losses: (adversarial: Replicated, refinement: Replicated)?
        for _ in 0 ..< settings.generatorSteps {
            let x̂ = refiner(x̃), adversarial = mean(bce(logits: discriminator(x̂), 1)), refinement = refinement(x, x̃, x̂)
            step.update(refiner, minimizing: adversarial + settings.lambda * refinement, with: rmsProp, group: "refiner")
            losses = (adversarial, refinement)
        }
        step.report("discriminator", real + fake)
        step.report("adversarial", losses!.adversarial)
        step.report("refinement", losses!.refinement)
    }

    /// L_R.
    private func refinement(_ x: Batched, _ x̃: Batched, _ x̂: Batched) -> Replicated {
        switch settings.refinement {
        case .squaredSum: average(sum(square(x - x̂)))
        case .squaredMean: mean(square(x - x̂))
        case .released: mean(softplus(x̂) - x̃ * x̂)
        }
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, x̂ = refiner(x)
        let scores = [(Score.refined, -discriminator(x̂)), (Score.direct, -discriminator(x))]
        for (name, value) in settings.defaultScore == .refined ? scores : scores.reversed() { scoring.score(name.rawValue, value) }
        scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2]))
        scoring.reconstruction("refined", x̂)
    }
}

/// ALOCC's convolutions of 5×5, which halve the sides (upwards, where they are odd), and the way back.
private struct RefinementLayers {
    let sample: Shape, width: Int, program: ALOCC.Program
    private var epsilon: Double { program == .authors ? 1e-5 : 1e-6 }

    init(_ sample: Shape, width: Int, as program: ALOCC.Program) { (self.sample, self.width, self.program) = (sample, width, program) }

    func refiner() -> Sequential {
        let channels = sample.extents[2]
        let (down, up) = program == .authors ? ([2, 4, 8], [2, 1]) : ([1, 2, 4, 8], [4, 2, 1])
        let inward = [channels] + down.map { $0 * width }, outward = [inward.last!] + up.map { $0 * width } + [channels]
        // of the image and after each halving
        let sides = down.reduce([Array(sample.extents.prefix(2))]) { sides, _ in sides + [sides.last!.map { ($0 + 1) / 2 }] }
        return Sequential {
            for (from, to) in zip(inward, inward.dropFirst()) {
                halving(from, to)
                norm(to)
                Activation.leakyReLU(0.2)
            }
            for (place, (from, to)) in zip(outward, outward.dropFirst()).enumerated() {
                TransposedConvolution.same(from: from, to: to, kernel: 5, stride: 2, sides: sides[down.count - 1 - place], bias: true)
                if place < up.count {
                    norm(to)
                    Activation.relu
                } else {
                    Activation.tanh
                }
            }
        }
    }

    func discriminator() -> Sequential {
        let widths = [sample.extents[2]] + [1, 2, 4, 8].map { $0 * width }
        let left = sample.extents.prefix(2).reduce(1) { $0 * (($1 + 15) / 16) }  // places after four halvings
        return Sequential {
            for (place, (from, to)) in zip(widths, widths.dropFirst()).enumerated() {
                halving(from, to)
                if place > 0 { norm(to) }
                Activation.leakyReLU(0.2)
            }
            Dense(from: left * widths.last!, to: 1, weight: .normal(mean: 0, deviation: 0.02))
        }
    }

    private func halving(_ from: Int, _ to: Int) -> Convolution {
        .same(from: from, to: to, kernel: 5, stride: 2, bias: true, weight: .truncatedNormal(deviation: 0.02))
    }

    private func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, epsilon: epsilon, scale: .constant(1)) }
}
