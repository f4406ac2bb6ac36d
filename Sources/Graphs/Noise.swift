/// `normal`: N(0, 1); `truncatedNormal`: what of it lies within ±2; `uniform`: on [0, 1).
public enum Distribution: Sendable { case normal, truncatedNormal, uniform }

/// Noise that a procedure or a layer asks for, drawn anew for every sample of every step (or of every round of the loop around it).
public struct Noise {
    public let node: Node, distribution: Distribution
    /// The loop it is drawn in, 0 outside of all, and how often that runs in a step.
    public let scope: Int, rounds: Int
}

extension Trace {
    /// Noise that no other call has.
    public func noise(_ distribution: Distribution, _ shape: Shape) -> Batched {
        let node = input("noise \(noises.count)", .batched(shape))
        noises.append(Noise(node: node, distribution: distribution, scope: scope, rounds: rounds))
        return Batched(node)
    }
}
