import Foundation

/// A generalized Pareto distribution fitted to the largest of some scores, for false-alarm rates that are rarer than the scores are many:
/// P(score > u + y) = share · (1 + ξ·y/σ)^(−1/ξ).
///
/// By probability-weighted moments (Hosking and Wallis, Technometrics 29, 1987), which have a closed form and do well from small samples.
/// The shape is held in −1/2 ... 1/2, where they are meant for.
public struct TailFit: Sendable, Equatable {
    /// The share of scores above `origin`, the excess over which is fitted.
    public static let share = 0.1
    /// Of scores above the origin; fewer say nothing of a tail.
    public static let leastExcesses = 20

    /// u.
    public let origin: Double
    /// σ, in the unit of the scores.
    public let scale: Double
    /// ξ: above 0 a heavy tail, below 0 one that ends at u − σ/ξ.
    public let shape: Double
    /// Of the scores that were fitted.
    public let excesses: Int, count: Int

    /// - Parameter ascending: scores of normals in ascending order.
    /// - Returns: nil where they are too few, or their largest are all alike.
    public init?(_ ascending: [Double]) {
        let above = Int(Double(ascending.count) * Self.share)
        guard above >= Self.leastExcesses else { return nil }
        let origin = ascending[ascending.count - above - 1], excesses = ascending.suffix(above).map { $0 - origin }
        // a₀ = E[y], a₁ = E[y·(1 − F(y))], with the plotting positions (i − 0.35) / n
        let first = excesses.reduce(0, +) / Double(above)
        let second =
            excesses.enumerated().reduce(0.0) { sum, item in sum + item.element * (1 - (Double(item.offset) + 0.65) / Double(above)) } / Double(above)
        guard first > 2 * second, second > 0 else { return nil }
        let shape = 2 - first / (first - 2 * second)
        self.shape = min(max(shape, -0.5), 0.5)
        // the mean excess is σ / (1 − ξ)
        scale = self.shape == shape ? 2 * first * second / (first - 2 * second) : first * (1 - self.shape)
        (self.origin, self.excesses, count) = (origin, above, ascending.count)
    }

    /// The score that a normal exceeds with a probability of `rate`, at most the share that lies above the origin.
    public func threshold(rate: Double) -> Double {
        let ratio = rate * Double(count) / Double(excesses)
        precondition(ratio > 0 && ratio <= 1, "a rate of \(rate) is not in the tail")
        return abs(shape) < 1e-9 ? origin - scale * log(ratio) : origin + scale / shape * (pow(ratio, -shape) - 1)
    }
}
