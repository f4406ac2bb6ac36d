import Glibc
import Graphs
import LinearAlgebra
import Networks

/// ALAE, adversarial latent autoencoders (Pidhorskyi, Adjeroh, Doretto, CVPR 2020): F gives a code to noise and G a sample to a code; E
/// gives a code back, by which D tells real samples from made ones. E and G are held to each other by codes alone, not by samples. Nobody
/// has published it as a detector of anomalies: the scores are ours.
///
/// | paper | here |
/// |---|---|
/// | F, G, E, D | `mapping`, `generator`, `encoder`, `discriminator` |
/// | L_adv of E and D, with R1 | `updateDiscriminator` |
/// | L_adv of F and G | `updateGenerator` |
/// | latent reciprocity: L_error of E and G | `updateLatent` |
/// | scores, and what their sum needs | `score`, `fitPrior`, `fitScores` |
///
/// Networks, initial values and rates as in the authors' program, for MNIST's 28×28 in dense layers and its 32×32 in convolutions; vectors
/// have the dense ones. Their epochs are of minibatches of 128. Scores are of the weights' moving averages.
///
/// Departures: E and D, which the authors' optimizers move together, count their steps apart, since latent reciprocity moves E alone;
/// resolution is fixed; G makes no noise when scoring, where the authors put a constant in its place; what enters E's blocks passes one leaky
/// ReLU, not two; styles are mixed for each sample, not for a minibatch. D is linear in the code, as is theirs: its layers have no functions
/// between them.
public struct ALAE: Detector {
    public static let name = "alae"
    public static let summary = "ALAE: an adversarial latent autoencoder (Pidhorskyi et al., CVPR 2020), with scores of our own"
    public static let shapes =
        "[features], or [height, width, channels]: any in dense layers, in convolutions the smaller side a power of two from 8 on and the larger "
        + "a multiple of half of it"

    public enum Program: String, SettingChoice { case dense, convolutional }

    public struct Settings: DetectorSettings {
        @Setting("of images: dense layers or convolutions", source: "authors' program")
        public var networks = Program.dense
        @Setting("size of the codes; none is 50 in dense layers and 32 in convolutions", in: 1 ... 65536, source: "authors' program")
        public var latent: Int? = nil
        @Setting(
            "of dense layers: size of the two hidden ones of G and E, where none is 1024 for images and 128 for vectors; of convolutions: channels at "
                + "the full resolution, doubled by every halving, where none is 64", in: 1 ... 65536, source: "authors' program")
        public var width: Int? = nil
        @Setting("of convolutions: the most channels", in: 1 ... 65536, source: "authors' program")
        public var widest = 256
        @Setting("layers of F; none is 6 in dense layers and 4 in convolutions", in: 1 ... 64, source: "authors' program")
        public var mappingLayers: Int? = nil
        @Setting("γ: weight of R1, half of which counts", in: 0 ... 1e6, source: "authors' program")
        public var penalty = 10.0
        @Setting(
            "of convolutions: share of samples of which G gets one code in its first layers and another in the rest", in: 0 ... 1,
            source: "authors' program")
        public var styleMixing = 0.9
        @Setting("learning rate of the optimizers; none is 0.002 in dense layers and 0.0015 in convolutions", in: 0 ... 1, source: "authors' program")
        public var learningRate: Double? = nil
        @Setting("β2 of the optimizers", in: 0 ... 0.999999, source: "authors' program")
        public var beta2 = 0.99
        @Setting(
            "share of the averaged weights that a step leaves; none is 0.5 to the power of minibatch / 10,000", in: 0 ... 0.999999,
            source: "authors' program")
        public var averageDecay: Double? = nil
        @Setting("codes that are drawn for each training sample to know how F spreads them", in: 1 ... 1000, source: "ours")
        public var priorDraws = 10
        @Setting("share of a sphere in the covariance of these codes", in: 0 ... 1, source: "ours")
        public var shrinkage = 0.1
        public init() {}
    }

    /// The networks whose weights are averaged.
    struct Averages: Network { let mapping: Sequential, generator: any Layer, encoder: any Layer, discriminator: Sequential }

    let mapping: Sequential, generator: any Layer, encoder: any Layer, discriminator: Sequential
    /// Moving averages, which score.
    let averages: Averages
    /// Of F's codes: the mean, and by what their differences from it become uncorrelated and of deviation 1.
    @State var priorMean: Variable
    @State var whitening: Variable
    /// Of the scores that are added up, over training samples.
    @State var scoreMeans: Variable
    @State var scoreDeviations: Variable
    private let settings: Settings, latent: Int, adam: LREQAdam, epochs: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        let isDense = sample.rank == 1 || settings.networks == .dense
        guard [1, 3].contains(sample.rank), sample.count > 0 else {
            throw FormError("samples of \(sample) do not fit: it takes [features] or [height, width, channels], as 121 or 28×28×1")
        }
        latent = settings.latent ?? (isDense ? 50 : 32)
        let networks: any LatentNetworks
        if isDense {
            networks = DenseLatentNetworks(sample, latent: latent, width: settings.width ?? (sample.rank == 1 ? 128 : 1024))
        } else {
            networks = try StyleNetworks(sample, latent: latent, width: settings.width ?? 64, widest: settings.widest)
        }
        let layers = settings.mappingLayers ?? (isDense ? 6 : 4)
        (mapping, discriminator) = (Self.mapping(latent, layers: layers), Self.discriminator(latent))
        (generator, encoder) = (networks.generator(), networks.encoder())
        averages = Averages(
            mapping: Self.mapping(latent, layers: layers), generator: networks.generator(), encoder: networks.encoder(),
            discriminator: Self.discriminator(latent))
        _priorMean = State([latent], .constant(0))
        _whitening = State([latent, latent], .constant(0))
        _scoreMeans = State([3], .constant(0))
        _scoreDeviations = State([3], .constant(1))
        adam = LREQAdam(rate: settings.learningRate ?? (isDense ? 0.002 : 0.0015), beta2: settings.beta2)
        epochs = isDense ? 600 : 60
        self.settings = settings
    }

    public var stages: [Stage] { [.train("training", epochs: epochs, train), .fit("prior", fitPrior), .fit("scores", fitScores)] }

    // MARK: Training

    /// Three updates, each with noise of its own.
    func train(_ step: TrainingStep) {
        updateDiscriminator(step)
        updateGenerator(step)
        updateLatent(step)
        let decay = settings.averageDecay ?? pow(0.5, Double(step.trace.minibatch) / 10000)
        step.average(mapping, into: averages.mapping, decay: decay)
        step.average(generator, into: averages.generator, decay: decay)
        step.average(encoder, into: averages.encoder, decay: decay)
        step.average(discriminator, into: averages.discriminator, decay: decay)
    }

    private func updateDiscriminator(_ step: TrainingStep) {
        let x = step.minibatch(), real = discriminator(encoder(x)), fake = discriminator(encoder(made(step).detached))
        let penalty = average(sum(square(gradient(of: real, by: x))))
        let loss = mean(softplus(fake)) + mean(softplus(-real)) + settings.penalty / 2 * penalty
        step.update(groups: ["encoder": [encoder], "discriminator": [discriminator]], minimizing: loss, with: adam)
        step.report("discriminator", loss)
        step.report("penalty", penalty)
    }

    private func updateGenerator(_ step: TrainingStep) {
        let loss = mean(softplus(-discriminator(encoder(made(step)))))
        step.update(mapping, generator, minimizing: loss, with: adam, group: "generator")
        step.report("generator", loss)
    }

    /// E brings back the code of what G made of it; the code itself is what it is, but G made it of this code.
    private func updateLatent(_ step: TrainingStep) {
        let w = code(step), loss = mean(square(encoder(generator(w)) - w.detached))
        step.update(groups: ["encoder": [encoder], "generator": [mapping, generator]], minimizing: loss, with: adam)
        step.report("latent", loss)
    }

    private func code(_ step: TrainingStep) -> Batched { mapping(Self.unit(step.normal([latent]))) }

    /// G(F(z)); by convolutions, of two codes for some samples (Karras et al., CVPR 2019): the first layer always has the first, and where
    /// the second begins is as likely at each of the others.
    private func made(_ step: TrainingStep) -> Batched {
        let w = code(step)
        guard let styled = generator as? StyleGenerator, settings.styleMixing > 0 else { return generator(w) }
        let other = code(step), u = step.uniform([])
        return styled { layer in select(settings.styleMixing * Double(layer) / Double(styled.styles - 1) - u, other, else: w) }
    }

    // MARK: Scores

    /// A sample with its code, and what comes back of both.
    private struct Cycle {
        let x: Batched, w: Batched, x̂: Batched, ŵ: Batched

        init(_ x: Batched, _ networks: Averages) {
            (self.x, w) = (x, networks.encoder(x))
            x̂ = networks.generator(w)
            ŵ = networks.encoder(x̂)
        }
    }

    /// pix, lat, prior: the reconstruction's distance, that of its code, and how far the code is from F's.
    private func summands(_ cycle: Cycle) -> (pix: Batched, lat: Batched, prior: Batched) {
        let (mean, whitening) = (cycle.x.trace.read(priorMean), cycle.x.trace.read(whitening))
        return (
            l1(cycle.x - cycle.x̂) / Double(cycle.x.shape.count), meanSquare(cycle.w - cycle.ŵ), l2(product(cycle.w - mean, vectorBy: whitening))
        )
    }

    private func together(_ scores: (pix: Batched, lat: Batched, prior: Batched)) -> Batched {
        concatenated([scores.pix, scores.lat, scores.prior].map { $0.reshaped([1]) }, axis: 0)
    }

    /// combined: pix, lat and prior, each by its mean and deviation over training samples, added up; crit: D's answer; cyc: the distance of
    /// the codes of what comes back once and twice.
    public func score(_ scoring: Scoring) {
        let cycle = Cycle(scoring.x, averages), scores = summands(cycle), trace = scoring.trace
        scoring.score("combined", sum((together(scores) - trace.read(scoreMeans)) / trace.read(scoreDeviations)))
        scoring.score("pix", scores.pix)
        scoring.score("lat", scores.lat)
        scoring.score("crit", -averages.discriminator(cycle.w))
        scoring.score("prior", scores.prior)
        scoring.score("cyc", meanSquare(cycle.ŵ - averages.encoder(averages.generator(cycle.ŵ))))
        if cycle.x.shape.rank == 3 { scoring.map("residual", sum(abs(cycle.x - cycle.x̂), axis: 2) / Double(cycle.x.shape.extents[2])) }
        scoring.reconstruction("reconstruction", cycle.x̂)
        scoring.latent("w", cycle.w)
    }

    private func meanSquare(_ difference: Batched) -> Batched { sum(square(difference)) / Double(difference.shape.count) }

    /// The mean and covariance of codes of F.
    private func fitPrior(_ fit: Fit) {
        let draws = settings.priorDraws, w = averages.mapping(Self.unit(fit.normal([draws, latent])))
        fit.total(total(sum(w, to: [latent])))
        fit.total(totalOuterProduct(w, w))
        fit.conclude { found in
            let count = Double(found.samples * draws), mean = found.totals[0].map { $0 / count }, d = latent
            let covariance = (0 ..< d * d).map { found.totals[1][$0] / count - mean[$0 / d] * mean[$0 % d] }
            let problem = try SymmetricEigenproblem(covariance, size: d), spread = problem.values.reduce(0, +) / Double(d)
            // shrunk to a sphere, the covariance keeps its vectors; where F gives everything one code, there is no spread
            let deviations = problem.values.map { max((1 - settings.shrinkage) * $0 + settings.shrinkage * spread, 1e-12).squareRoot() }
            let whitening = (0 ..< d).flatMap { row in (0 ..< d).map { problem.vectors[$0 * d + row] / deviations[$0] } }
            return [(priorMean, mean), (self.whitening, whitening)]
        }
    }

    /// The means and deviations of the scores that are added up.
    private func fitScores(_ fit: Fit) {
        let scores = together(summands(Cycle(fit.x, averages)))
        fit.total(total(scores))
        fit.total(total(square(scores)))
        fit.conclude { found in
            let means = found.totals[0].map { $0 / Double(found.samples) }
            let variances = zip(found.totals[1], means).map { $0 / Double(found.samples) - $1 * $1 }
            // a score that is the same for all says nothing, by any deviation
            return [(scoreMeans, means), (scoreDeviations, variances.map { $0 > 0 ? $0.squareRoot() : 1 })]
        }
    }
}
