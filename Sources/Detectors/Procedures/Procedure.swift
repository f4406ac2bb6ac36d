import Graphs

/// A training step that is timed, beside those of detectors, since many detectors consist of such steps. No detector: it is not listed,
/// and `vigil train` does not know it.
public protocol Procedure: Detector {
    /// What it is timed on unless something else is asked for.
    static var sample: Shape { get }
    static var minibatch: Int { get }
}

extension Procedure {
    public static var shapes: String { "as \(sample)" }
}

/// Every procedure.
public var procedures: [any Procedure.Type] { [DenseAutoencoder.self, ResidualCritic.self] }
