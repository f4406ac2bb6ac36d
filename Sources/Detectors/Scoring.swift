import Graphs
import Networks

/// What is computed of a sample when it is scored: by running statistics, one sample regardless of the others.
public final class Scoring {
    public let trace: Trace
    /// The sample.
    public let x: Batched
    public private(set) var scores: [(name: String, node: Node)] = []
    public private(set) var maps: [(name: String, node: Node)] = []
    public private(set) var reconstructions: [(name: String, node: Node)] = []

    /// - Parameter microbatch: samples that are scored together; they do not meet.
    public init(of detector: any Network, sample: Shape, microbatch: Int) {
        let names = Dictionary(uniqueKeysWithValues: detector.variables.map { (ObjectIdentifier($0.variable), $0.name) })
        trace = Trace(minibatch: microbatch, training: false, names: names)
        x = Batched(trace.input("sample", .batched(sample)))
    }

    /// One number a sample, larger for what is more anomalous. The first declared is the default.
    public func score(_ name: String, _ value: Batched) { scores.append((name, value.reshaped([]).node)) }
    /// One number a pixel, [height, width].
    public func map(_ name: String, _ value: Batched) { maps.append((name, value.node)) }
    /// What the detector makes of the sample, in its shape.
    public func reconstruction(_ name: String, _ value: Batched) { reconstructions.append((name, value.node)) }
}
