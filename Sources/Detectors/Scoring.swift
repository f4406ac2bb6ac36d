import Graphs
import Networks

/// What is computed of a sample when it is scored: by running statistics, one sample regardless of the others.
public final class Scoring {
    /// A named number of each sample: a node of the graph, or what a function on the host makes of several.
    public struct Score {
        public let name: String
        /// Batched ones are those of the sample.
        package let operands: [Node]
        /// Pure, of one sample; nil where the score is the operand itself.
        let function: ((_ operands: [[Float]]) throws -> Double)?

        /// Whether the graph alone does not give it.
        public var isOnHost: Bool { function != nil }
    }

    public let trace: Trace
    /// The sample.
    public let x: Batched
    /// In the order of their declaration.
    public private(set) var scores: [Score] = []
    public private(set) var maps: [(name: String, node: Node)] = []
    public private(set) var reconstructions: [(name: String, node: Node)] = []
    public private(set) var latents: [(name: String, node: Node)] = []
    public var noises: [Noise] { trace.noises }

    /// - Parameters:
    ///   - microbatch: samples by which kernels are chosen; they do not meet.
    ///   - atOnce: microbatches that are scored together.
    public init(of detector: any Network, sample: Shape, microbatch: Int, atOnce: Int = 1) {
        trace = Trace(minibatch: atOnce * microbatch, microbatch: microbatch, training: false, names: detector.names)
        x = Batched(trace.input("sample", .batched(sample)))
    }

    /// Noise that a sample has by its number, whatever it is scored with.
    public func normal(_ shape: Shape) -> Batched { noise(.normal, shape) }
    public func truncatedNormal(_ shape: Shape) -> Batched { noise(.truncatedNormal, shape) }
    public func uniform(_ shape: Shape) -> Batched { noise(.uniform, shape) }

    private func noise(_ distribution: Distribution, _ shape: Shape) -> Batched {
        if trace.scope != 0 { trace.refuse(FormError("noise is drawn inside a search while scoring; draw it before")) }
        return trace.noise(distribution, shape)
    }

    /// Moves a tensor down a loss, every sample for itself, with moments of its own.
    /// - Parameters:
    ///   - range: where its elements are kept, if they are.
    ///   - loss: a scalar of each sample.
    /// - Returns: where it is after `steps` steps.
    public func search(
        from first: Batched, steps: Int, with optimizer: any Optimizer, within range: ClosedRange<Double>? = nil, _ loss: (Batched) -> Batched
    ) -> Batched {
        trace.search(from: first, steps: steps, with: optimizer, within: range, loss)
    }

    /// One number a sample, larger for what is more anomalous. The first declared is the default.
    public func score(_ name: String, _ value: Batched) { scores.append(Score(name: name, operands: [value.reshaped([]).node], function: nil)) }

    /// One number a sample, by a pure function on the host: what no graph can say. It is not exported.
    /// - Parameter operands: values of the sample, and variables.
    public func host(_ name: String, from operands: any Tensor..., value: @escaping (_ operands: [[Float]]) throws -> Double) {
        // a host function reads memory, which numbers that all samples share do not have
        let nodes = operands.map { $0.node.form == .replicated([]) ? Replicated($0.node).reshaped([1]).node : $0.node }
        scores.append(Score(name: name, operands: nodes, function: value))
    }

    /// One number a pixel, [height, width].
    public func map(_ name: String, _ value: Batched) { maps.append((name, value.node)) }
    /// What the detector makes of the sample, in its shape.
    public func reconstruction(_ name: String, _ value: Batched) { reconstructions.append((name, value.node)) }

    /// The code of the sample, of any shape: what reports look into.
    public func latent(_ name: String, _ value: Batched) { latents.append((name, value.node)) }

    /// The nodes that scores are made from.
    public var results: [Node] { scores.flatMap(\.operands) }

    /// The nodes that one score is made from, by its place.
    public func results(of score: Int) -> [Node] { scores[score].operands }

    /// A sample's scores, in the order of their declaration.
    /// - Parameter values: of a node of `results`, for the sample.
    public func values(_ values: (Node) -> [Float]) throws -> [Double] {
        try scores.map { score in try score.function?(score.operands.map(values)) ?? Double(values(score.operands[0])[0]) }
    }
}
