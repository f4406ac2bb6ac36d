import Graphs
import Networks

/// One update of f-AnoGAN's critic D with its gradient penalty, of which a step of that detector has five: G makes x̂, D judges x and x̂,
/// and the penalty needs second derivatives of D.
public struct ResidualCritic: Procedure {
    public static let name = "critic"
    public static let summary = "an update of f-AnoGAN's residual critic with gradient penalty"
    public static var sample: Shape { [64, 64, 1] }
    public static let minibatch = 64

    let generator: Sequential, features: Sequential, head: Dense
    private let update: (TrainingStep) -> Void

    public init(_ settings: FAnoGAN.Settings, sample: Shape) throws(FormError) {
        let detector = try FAnoGAN(settings, sample: sample)
        (generator, features, head, update) = (detector.generator, detector.features, detector.head, detector.updateCritic)
    }

    public var stages: [Stage] { [.train("critic", epochs: 1, update)] }

    public func score(_ scoring: Scoring) { scoring.score("critic", -sum(head(features(scoring.x)))) }
}
