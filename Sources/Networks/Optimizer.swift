import Graphs

/// How something moves down a slope, in graph operations: parameters in an update, each sample's own tensor in a search. A value: what
/// it keeps between steps is held by whoever applies it.
public protocol Optimizer: Sendable {
    /// The learning rate.
    var rate: Rate { get }
    /// What is kept beside every tensor that moves: its name and first value.
    var moments: [(name: String, first: Double)] { get }
    /// Numbers whose powers are kept, one for all tensors that move together: base^t in step t.
    var powers: [(name: String, base: Double)] { get }

    /// What of a parameter is added to its slope, times the parameter; in searches it has no meaning.
    var weightDecay: Double { get }

    /// One step.
    /// - Parameters:
    ///   - slope: the derivative of the loss by the tensor.
    ///   - moments, powers: those of this step's beginning; the powers have been raised already.
    /// - Returns: the new moments, and what is taken off the tensor.
    func step<T: Tensor>(_ slope: T, moments: [T], powers: [Replicated], rate: Replicated) -> (moments: [T], change: T)
}

extension Optimizer {
    public var powers: [(name: String, base: Double)] { [] }
    public var weightDecay: Double { 0 }
}

/// Stochastic gradient descent, with momentum as PyTorch has it: m ← μ·m + g.
public struct SGD: Optimizer {
    public let rate: Rate
    public let weightDecay: Double
    let momentum: Double, nesterov: Bool
    public var moments: [(name: String, first: Double)] { momentum == 0 ? [] : [("momentum", 0)] }

    public init(rate: Rate, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
        (self.rate, self.momentum, self.nesterov, self.weightDecay) = (rate, momentum, nesterov, weightDecay)
    }
    public init(rate: Double, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
        self.init(rate: Rate(rate), momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
    }

    public func step<T: Tensor>(_ slope: T, moments: [T], powers: [Replicated], rate: Replicated) -> (moments: [T], change: T) {
        guard momentum != 0 else { return ([], slope.scaled(by: rate)) }
        let m = momentum * moments[0] + slope
        return ([m], (nesterov ? slope + momentum * m : m).scaled(by: rate))
    }
}

extension Trace {
    /// Moves a batched tensor down a loss, every sample for itself, with moments of its own.
    /// - Parameters:
    ///   - range: where elements are kept, if they are.
    ///   - loss: a scalar of each sample.
    /// - Returns: where the samples are after `steps` steps. No derivative comes through.
    public func search(
        from first: Batched, steps: Int, with optimizer: any Optimizer, within range: ClosedRange<Double>? = nil,
        _ loss: (Batched) -> Batched
    ) -> Batched {
        let moments = optimizer.moments.map { constant($0.first).broadcast(to: first.node.form) }
        let powers = optimizer.powers.map { _ in constant(1) }
        let outcome = loop(steps, carrying: [first.node] + moments + powers) { given in
            let z = Batched(given[0]), moments = given[1 ..< 1 + moments.count].map { Batched($0) }
            let powers = zip(optimizer.powers, given.suffix(powers.count)).map { $0.base * Replicated($1) }
            let slope = gradient(of: loss(z), by: z)
            let (moved, change) = optimizer.step(slope, moments: moments, powers: powers, rate: value(inLoop: optimizer.rate))
            let next = range.map { clipped(z - change, to: $0) } ?? z - change
            return ([next.node] + moved.map(\.node) + powers.map(\.node), [])
        }
        return Batched(outcome.last[0])
    }
}
