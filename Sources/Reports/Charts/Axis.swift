import Foundation

/// One side of a chart: what it shows, from where to where, and which numbers stand at it.
public struct Axis: Sendable {
    public let label: String, range: ClosedRange<Double>
    /// Whether equal lengths are equal ratios.
    public let isLogarithmic: Bool
    public let ticks: [Double]

    /// From one number to another, with round numbers at it.
    public init(_ label: String, _ range: ClosedRange<Double>) {
        (self.label, self.range, isLogarithmic) = (label, range, false)
        let step = Self.roundStep(for: range), first = (range.lowerBound / step).rounded(.up), last = (range.upperBound / step).rounded(.down)
        ticks = first > last ? [] : (0 ... Int(last - first)).map { (first + Double($0)) * step }
    }

    /// That holds all of some numbers; where they are positive and of very different size, by their logarithms.
    public init(_ label: String, holding values: [Double], mayBeLogarithmic: Bool = false) {
        let finite = values.filter(\.isFinite), (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        guard mayBeLogarithmic, low > 0, high / low > 50 else {
            // a single number has room around it
            let room = high > low ? 0 : Swift.max(abs(high) / 2, 0.5)
            self.init(label, low - room ... high + room)
            return
        }
        self.init(label, decades: Int(log10(low).rounded(.down)) ... Int(log10(high).rounded(.up)))
    }

    /// From one power of ten to a larger one, by logarithms.
    public init(_ label: String, decades: ClosedRange<Int>) {
        let skip = (decades.count + 5) / 6
        self.init(
            label, pow(10, Double(decades.lowerBound)) ... pow(10, Double(decades.upperBound)), isLogarithmic: true,
            ticks: decades.enumerated().filter { $0.offset % skip == 0 }.map { pow(10, Double($0.element)) })
    }

    private init(_ label: String, _ range: ClosedRange<Double>, isLogarithmic: Bool, ticks: [Double]) {
        (self.label, self.range, self.isLogarithmic, self.ticks) = (label, range, isLogarithmic, ticks)
    }

    /// 1, 2 or 5 times a power of ten, so that about five fit.
    private static func roundStep(for range: ClosedRange<Double>) -> Double {
        let rough = Swift.max(range.upperBound - range.lowerBound, .leastNormalMagnitude) / 5, power = pow(10, log10(rough).rounded(.down))
        return ([1, 2, 5].map { $0 * power }.first { $0 >= rough * 0.999 }) ?? 10 * power
    }

    /// How far along the axis a number lies: 0 at its beginning, 1 at its end; beyond is held to these.
    func share(_ value: Double) -> Double {
        let (a, b) = (range.lowerBound, range.upperBound)
        let share = isLogarithmic ? log(Swift.max(value, a) / a) / log(b / a) : (value - a) / (b - a)
        return Swift.min(Swift.max(share, 0), 1)
    }

    /// The number at a share of the axis.
    func value(at share: Double) -> Double {
        let (a, b) = (range.lowerBound, range.upperBound)
        return isLogarithmic ? a * pow(b / a, share) : a + share * (b - a)
    }

    /// A number at the axis.
    func text(_ tick: Double) -> String {
        if abs(tick) < 1e-12 * (range.upperBound - range.lowerBound) { return "0" }
        return String(format: "%.4g", tick).replacingOccurrences(of: "e+0", with: "e").replacingOccurrences(of: "e-0", with: "e−")
            .replacingOccurrences(of: "-", with: "−")
    }
}
