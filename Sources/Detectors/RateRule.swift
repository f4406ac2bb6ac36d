import Graphs

/// What a recipe makes of the learning rates of a detector's updates, for minibatches of other sizes than they were chosen for. Rates of
/// searches, which samples have for themselves, stay.
public struct RateRule: Sendable {
    public let factor: Double
    /// Epochs.
    public let warmup: Double

    public init(factor: Double = 1, warmup: Double = 0) { (self.factor, self.warmup) = (factor, warmup) }

    func applied(to rate: Rate) -> Rate { rate.times(factor).warmingUp(over: warmup) }
}
