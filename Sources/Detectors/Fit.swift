import Graphs
import Networks

/// A pass over a split that forms totals and extreme values of batched expressions, in Double, the same on any number of ranks; when it
/// is over, a function of them gives state.
public final class Fit {
    /// What a pass has found.
    public struct Findings {
        /// In the order of the calls, outermost axis first.
        public let totals: [[Double]]
        /// The largest element-wise, in the order of the calls.
        public let maxima: [[Double]]
        /// How many samples the pass has seen.
        public let samples: Int

        public init(totals: [[Double]], maxima: [[Double]] = [], samples: Int) {
            (self.totals, self.maxima, self.samples) = (totals, maxima, samples)
        }
    }

    public let trace: Trace
    /// A sample of the split.
    public let x: Batched
    /// Its class number, where that is asked for.
    public private(set) var labels: Node?
    public private(set) var totals: [Node] = []
    public private(set) var maxima: [Node] = []
    /// What is done with what the pass has found: new values of variables.
    public private(set) var conclusion: (Findings) throws -> [(Variable, [Double])] = { _ in [] }

    /// - Parameter block: samples that are summed in Float32 before they are added in Double.
    public init(of detector: any Network, sample: Shape, block: Int) {
        trace = Trace(minibatch: block, training: false, names: detector.names)
        x = Batched(trace.input("sample", .batched(sample)))
    }

    /// The sample's class number, a whole number in the order of the set's classes.
    public func label() -> Batched {
        let node = labels ?? trace.input("labels", .batched([]))
        labels = node
        return Batched(node)
    }

    /// Noise that a sample has by its number.
    public func normal(_ shape: Shape) -> Batched { trace.noise(.normal, shape) }

    /// Adds a total to those that the conclusion gets.
    public func total(_ value: Replicated) { totals.append(value.node) }

    /// Adds the largest values over all samples, element by element, to those that the conclusion gets. (The smallest are the largest of
    /// the negated, negated.)
    public func maximum(_ value: Batched) { maxima.append(value.node) }

    /// What becomes of the findings.
    public func conclude(_ body: @escaping (Findings) throws -> [(Variable, [Double])]) { conclusion = body }
}
