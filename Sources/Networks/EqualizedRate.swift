import Graphs

/// A learning rate equalized over layers (Karras et al., ICLR 2018), as ALAE's program has it (Pidhorskyi et al., CVPR 2020): weights are
/// not scaled where they are used; they begin at the scale that suits their layer, and what an optimizer changes of them has that scale.
public struct EqualizedRate: Sendable {
    /// Of the weights' scale, gain / √inputs.
    public let gain: Double
    /// Of the changes of weights and biases.
    public let multiplier: Double

    public init(gain: Double = 2.squareRoot(), multiplier: Double = 1) { (self.gain, self.multiplier) = (gain, multiplier) }

    /// Weights [..., inputs, outputs], from N(0, gain² / inputs).
    func weight(_ shape: Shape) -> Parameter {
        let scale = gain / Double(shape.extents.dropLast().reduce(1, *)).squareRoot()
        return Parameter(shape, .normal(mean: 0, deviation: scale), moveScale: scale * multiplier)
    }

    /// The biases beside weights of a shape, from 0.
    func bias(_ weight: Shape) -> Parameter { Parameter([weight.extents.last!], .constant(0), moveScale: multiplier) }
}
