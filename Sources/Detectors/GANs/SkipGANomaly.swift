import Graphs
import Networks

/// Skip-GANomaly (Akçay, Atapour-Abarghouei, Breckon, IJCNN 2019): a U-Net that reconstructs x, against a discriminator whose features
/// tell an image from its reconstruction. Skip connections let anomalies through, so the score leans on both.
///
/// | paper | here |
/// |---|---|
/// | G | `generator` |
/// | D, f | `head` of `features`, `features` |
/// | L_adv, L_con, L_lat and their sum | `train` |
/// | A(x) = λ·R(x) + (1 − λ)·L(x) | the score `combined` of `residual` and `latent` |
///
/// Networks, initial values and rates as in the authors' program. Departures: the non-saturating form of L_adv; D's optimizer begins
/// again with D where D is drawn anew; running statistics when scoring. R and L are added as they are: scaling a score to [0, 1] over a
/// set, as the authors do, comes after and orders nothing anew.
///
/// The authors' program lets D also bring the features of x and x̂ together, as G does, which is no adversary there: the variant
/// `released`. Not taken over: a tensor that it adds to x and never draws (`inputNoise` is that tensor drawn); that its D looks at x̂
/// twice, which moves D's running statistics twice; scores by the batch's own statistics; and the best epoch by the test set.
public struct SkipGANomaly: Detector {
    public static let name = "skip-ganomaly"
    public static let summary = "Skip-GANomaly: a U-Net against a discriminator's features (Akçay et al., IJCNN 2019)"
    public static let shapes = "[height, width, channels]: the smaller side a power of two from 32 on, the larger a multiple of it"
    public static var variants: [Variant<Settings>] {
        [
            Variant<Settings>("released", "D lowers L_lat too, and its optimizer keeps its state when D is drawn anew") {
                ($0.discriminatorLatentTerm, $0.reinitialize) = (true, .weightsOnly)
            }
        ]
    }

    public enum Redraw: String, SettingChoice { case off, weightsOnly, withOptimizer }
    public enum Distance: String, SettingChoice { case squared, absolute }

    public struct Settings: DetectorSettings {
        @Setting(
            "channels after the first convolution; each further one doubles them, in G up to 8 times as many", in: 1 ... 1024,
            source: "authors' program")
        public var width = 64
        @Setting("numbers of D's features f(x)", in: 1 ... 65536, source: "authors' program")
        public var features = 100
        @Setting("weight of L_adv", in: 0 ... 1e6, source: "authors' program")
        public var adversarial = 1.0
        @Setting("weight of L_con", in: 0 ... 1e6, source: "authors' program")
        public var contextual = 50.0
        @Setting("weight of L_lat", in: 0 ... 1e6, source: "authors' program")
        public var latent = 1.0
        @Setting("whether D lowers L_lat too, by this weight, as the authors' program has it", source: "paper, section 3")
        public var discriminatorLatentTerm = false
        @Setting("deviation of normal noise on what G sees in training", in: 0 ... 10, source: "paper, which has none")
        public var inputNoise = 0.0
        @Setting("learning rate of both optimizers", in: 0 ... 1, source: "authors' program")
        public var learningRate = 2e-4
        @Setting("β1 of both optimizers", in: 0 ... 0.999, source: "authors' program")
        public var beta1 = 0.5
        @Setting("what is drawn anew when L_D falls below 1e-5", source: "authors' program")
        public var reinitialize = Redraw.withOptimizer
        @Setting("λ: share of R in the score", in: 0 ... 1, source: "paper, section 3")
        public var lambda = 0.9
        @Setting("R: the mean squared or the mean absolute difference of x and x̂", source: "authors' program")
        public var residual = Distance.squared
        public init() {}
    }

    let generator: UNet
    let features: Sequential, head: Convolution
    private let settings: Settings
    private var adam: Adam { Adam(rate: settings.learningRate, beta1: settings.beta1) }

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let sides = sample.extents.prefix(2), smaller = sides.min() ?? 0
        guard sample.rank == 3, sample.count > 0, smaller >= 32, smaller.nonzeroBitCount == 1, sides.max()! % smaller == 0 else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from 32 on "
                    + "and the larger a multiple of it, as 32×32×3 or 64×128×1")
        }
        generator = UNet(sample, width: settings.width)
        features = try Pyramid(sample, width: settings.width, extraLayers: 0).encoder(to: settings.features)
        // of its taps only the middle one meets more than zeros
        head = Convolution(from: settings.features, to: 1, kernel: 3, padding: 1)
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: 15, train)] }

    /// One look of D at x and one at x̂ serve both networks, which move together.
    func train(_ step: TrainingStep) {
        let x = step.minibatch()
        let x̂ = generator(settings.inputNoise == 0 ? x : x + settings.inputNoise * step.normal(x.shape))
        let real = mean(bce(logits: D(x), 1)), fake = mean(bce(logits: D(x̂.detached), 0))

        let adversarial = mean(bce(logits: D(x̂), 1))
        let contextual = mean(abs(x - x̂))
        let latent = mean(square(features(x̂) - features(x)))
        let loss = settings.adversarial * adversarial + settings.contextual * contextual + settings.latent * latent

        let alike = settings.latent * mean(square(features(x̂.detached) - features(x)))
        let discriminator = settings.discriminatorLatentTerm ? real + fake + alike : real + fake

        step.update(generator, minimizing: loss, with: adam)
        step.update(features, head, minimizing: discriminator, with: adam)
        if settings.reinitialize != .off {
            step.reinitialize(features, head, when: discriminator, below: 1e-5, withOptimizer: settings.reinitialize == .withOptimizer)
        }
        step.report("adversarial", adversarial)
        step.report("contextual", contextual)
        step.report("latent", latent)
        step.report("generator", loss)
        step.report("discriminator", discriminator)
    }

    private func D(_ x: Batched) -> Batched { head(features(x)) }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, x̂ = generator(x)
        let distance = settings.residual == .squared ? square(x - x̂) : abs(x - x̂)
        let residual = sum(distance) / Double(x.shape.count)
        let latent = sum(square(features(x) - features(x̂))) / Double(settings.features)
        scoring.score("combined", settings.lambda * residual + (1 - settings.lambda) * latent)
        scoring.score("residual", residual)
        scoring.score("latent", latent)
        scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", x̂)
    }
}
