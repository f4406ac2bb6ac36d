import Graphs

/// Adam without a first moment, as ALAE's program has it (Pidhorskyi et al., CVPR 2020). What it is named after, learning rates equalized
/// over layers, is a property of the parameters: `EqualizedRate`.
public struct LREQAdam: Optimizer {
    public let rate: Rate
    let beta2: Double, epsilon: Double

    public init(rate: Rate, beta2: Double = 0.99, epsilon: Double = 1e-8) { (self.rate, self.beta2, self.epsilon) = (rate, beta2, epsilon) }
    public init(rate: Double, beta2: Double = 0.99, epsilon: Double = 1e-8) { self.init(rate: Rate(rate), beta2: beta2, epsilon: epsilon) }

    public var moments: [(name: String, first: Double)] { [("second", 0)] }
    public var powers: [(name: String, base: Double)] { [("power2", beta2)] }

    public func step<T: Tensor>(_ slope: T, moments: [T], powers: [Replicated], rate: Replicated) -> (moments: [T], change: T) {
        let second = beta2 * moments[0] + (1 - beta2) * square(slope)
        return ([second], slope.scaled(by: rate) / (sqrt(second.divided(by: 1 - powers[0])) + epsilon))
    }
}
