import Graphs
import Networks

/// What the two forms of OCGAN share: how a network's answer is read, and the scores.
protocol OneClassGAN: Detector {
    var encoder: Sequential { get }
    var decoder: Sequential { get }
    var visualDiscriminator: Sequential { get }
}

extension OneClassGAN {
    /// A network's answer: the mean of what it says of every place.
    func answer(_ logits: Batched) -> Batched { sum(logits) / Double(logits.shape.count) }

    func judged(_ logits: Batched, _ label: Double) -> Replicated { average(bce(logits: answer(logits), label)) }

    /// reconstruction: the mean squared error; visual, direct: D_v's answer to the reconstruction and to x.
    /// - Parameter seen: of x, by En.
    func score(_ scoring: Scoring, seen: Batched) {
        let x = scoring.x, z = encoder(seen), x̂ = decoder(z)
        scoring.score("reconstruction", sum(square(x - x̂)) / Double(x.shape.count))
        scoring.score("visual", -answer(visualDiscriminator(x̂)))
        scoring.score("direct", -answer(visualDiscriminator(x)))
        scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2]))
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("z", z)
    }
}
