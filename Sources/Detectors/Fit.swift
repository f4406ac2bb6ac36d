import Graphs
import Networks

/// A pass over a split that forms totals of batched expressions, in Double, the same on any number of ranks; when it is over,
/// a function of the totals gives state.
public final class Fit {
    public let trace: Trace
    /// A sample of the split.
    public let x: Batched
    public private(set) var totals: [Node] = []
    /// What is done with the totals: new values of variables.
    public private(set) var conclusion: (_ totals: [[Double]], _ samples: Int) throws -> [(Variable, [Double])] = { _, _ in [] }

    /// - Parameter block: samples that are summed in Float32 before they are added in Double.
    public init(of detector: any Network, sample: Shape, block: Int) {
        let names = Dictionary(uniqueKeysWithValues: detector.variables.map { (ObjectIdentifier($0.variable), $0.name) })
        trace = Trace(minibatch: block, training: false, names: names)
        x = Batched(trace.input("sample", .batched(sample)))
    }

    /// Adds a total to those that the conclusion gets, in the order of the calls.
    public func total(_ value: Replicated) { totals.append(value.node) }

    /// What becomes of the totals over the split and its number of samples.
    public func conclude(_ body: @escaping (_ totals: [[Double]], _ samples: Int) throws -> [(Variable, [Double])]) { conclusion = body }
}
