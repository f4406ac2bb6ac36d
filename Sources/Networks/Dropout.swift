import Graphs

/// Dropout (Srivastava et al. 2014): in training each element is 0 with probability `rate`, and else divided by 1 - `rate`, drawn anew for
/// every sample and every application; in evaluation all stay as they are.
public struct Dropout: Layer {
    let rate: Double

    /// - Parameter rate: from 0 to below 1.
    public init(_ rate: Double) {
        precondition((0 ..< 1).contains(rate), "a dropout rate of \(rate) is not from 0 to below 1")
        self.rate = rate
    }

    public func callAsFunction(_ x: Batched) -> Batched {
        guard x.trace.training, rate > 0 else { return x }
        return x * isPositive(x.trace.noise(.uniform, x.shape) - rate) / (1 - rate)
    }
}
