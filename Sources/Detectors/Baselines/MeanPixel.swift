import Graphs
import Networks

/// The distance of a sample's mean element from that of the training split: what any detector of images must beat.
public struct MeanPixel: Detector {
    public static let name = "mean-pixel"
    public static let summary = "the distance of the mean element from that of normal samples: a baseline"
    public static let shapes = "any"
    public struct Settings: DetectorSettings { public init() {} }

    @State var center: Variable

    public init(_ settings: Settings, sample: Shape) { _center = State([1], .constant(0)) }

    private func mean(_ x: Batched) -> Batched { (sum(x) / Double(x.shape.count)).reshaped([1]) }

    public var stages: [Stage] {
        [
            .fit("center") { fit in
                fit.total(total(mean(fit.x)))
                fit.conclude { [(center, [$0.totals[0][0] / Double($0.samples)])] }
            }
        ]
    }

    public func score(_ scoring: Scoring) { scoring.score("distance", abs(mean(scoring.x) - scoring.trace.read(center))) }
}
