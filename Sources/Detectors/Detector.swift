import Graphs
import Networks

/// A way to find anomalies: networks, the stages that train them on normal samples, and scores.
///
/// A detector says what is computed, in the words of its paper. How the samples come, where the numbers are computed and on how
/// many ranks is no concern of its.
public protocol Detector: Network {
    associatedtype Settings: DetectorSettings

    /// As recipes name it.
    static var name: String { get }
    /// One line: what it is, and the paper.
    static var summary: String { get }
    /// The samples it takes, in words.
    static var shapes: String { get }
    /// Named sets of settings, as what an earlier release did.
    static var variants: [Variant<Settings>] { get }
    /// What the smallest and largest possible stored number come to unless a recipe's transforms say otherwise.
    static var inputRange: ClosedRange<Double> { get }
    /// Microbatch that suits it, for a minibatch.
    static func microbatch(of minibatch: Int) -> Int

    /// - Parameter sample: the shape of a sample, [height, width, channels] or [features].
    /// - Throws: where the shape is none of `shapes`; the message says what would fit.
    init(_ settings: Settings, sample: Shape) throws(FormError)

    /// What training consists of, in order.
    var stages: [Stage] { get }
    /// Declares scores (larger is more anomalous), maps and reconstructions of samples.
    func score(_ scoring: Scoring)
}

extension Detector {
    public static var variants: [Variant<Settings>] { [] }
    public static func microbatch(of minibatch: Int) -> Int { 16 }
    public static var inputRange: ClosedRange<Double> { -1 ... 1 }
}

/// A named set of settings.
public struct Variant<Settings> {
    public let name: String, meaning: String
    public let apply: (Settings) -> Void

    public init(_ name: String, _ meaning: String, _ apply: @escaping (Settings) -> Void) {
        (self.name, self.meaning, self.apply) = (name, meaning, apply)
    }
}

/// A part of training.
public struct Stage {
    public enum Work {
        /// Steps over the training split; `epochs` is what a recipe that says nothing gets.
        case train(epochs: Int, (TrainingStep) -> Void)
        /// One pass that forms totals, from which state is made.
        case fit((Fit) throws -> Void)
        /// Passes over a whole scene, of which state is made: new values of variables.
        case scene((Scene) throws -> [(Variable, [Double])])
    }
    public let name: String, work: Work

    /// Steps over the training split: `procedure` says what happens with one minibatch.
    public static func train(_ name: String, epochs: Int, _ procedure: @escaping (TrainingStep) -> Void) -> Stage {
        Stage(name: name, work: .train(epochs: epochs, procedure))
    }

    /// A pass over the training split.
    public static func fit(_ name: String, _ procedure: @escaping (Fit) throws -> Void) -> Stage { Stage(name: name, work: .fit(procedure)) }

    /// Passes over the scene that is trained on.
    public static func scene(_ name: String, _ procedure: @escaping (Scene) throws -> [(Variable, [Double])]) -> Stage {
        Stage(name: name, work: .scene(procedure))
    }
}

/// Every detector, in the order of the list.
public var detectors: [any Detector.Type] {
    [
        AnoGAN.self, FAnoGAN.self, EGBAD.self, ALAD.self, ALOCC.self, GANomaly.self, SkipGANomaly.self, ADAE.self, OCGAN.self,
        CompactOCGAN.self, AAE.self, ALAE.self, PrincipalComponents.self, MeanPixel.self, RX.self, LocalRX.self, CRD.self, AED.self, LSMAD.self,
        LRASR.self,
        SpectralAutoencoder.self, HADGANLinear.self, HADGAN.self,
    ]
}
