/// An origin and a unit of every channel (of every feature, where samples are tables) from the training normals, all pixels counted
/// alike: for `standardize` mean and deviation, for `scale features` the smallest number and the distance to the largest.
///
/// Its sums are formed about an origin near the values, one sample's, since the difference of two large sums would lose the variance.
public struct ChannelStatistics: Equatable, Sendable {
    public let means: [Double]
    /// Of the population (divided by the count), or the extent; 1 where a channel is constant, which so comes to 0.
    public let deviations: [Double]

    public init(means: [Double], deviations: [Double]) { (self.means, self.deviations) = (means, deviations) }

    /// For each channel, over some samples one after the other: the sums of x − origin, then those of its square.
    public static func sums(of values: [Float], about origin: [Double]) -> [Double] {
        let channels = origin.count
        var sums = [Double](repeating: 0, count: 2 * channels)
        for first in stride(from: 0, to: values.count, by: channels) {
            for channel in 0 ..< channels {
                let distance = Double(values[first + channel]) - origin[channel]
                sums[channel] += distance
                sums[channels + channel] += distance * distance
            }
        }
        return sums
    }

    /// - Parameters:
    ///   - sums: those of all samples, as `sums(of:about:)` orders them.
    ///   - count: values of a channel in them, at least one.
    public init(sums: [Double], count: Int, about origin: [Double]) {
        let channels = origin.count, offsets = sums[..<channels].map { $0 / Double(count) }
        means = zip(origin, offsets).map(+)
        deviations = (0 ..< channels).map { channel in
            let variance = max(0, sums[channels + channel] / Double(count) - offsets[channel] * offsets[channel])
            return variance > 0 ? variance.squareRoot() : 1
        }
    }

    /// Raises the extremes of each channel, first of -x, then of x, to those of some samples.
    public static func extend(_ extremes: inout [Double], by values: [Float]) {
        let channels = extremes.count / 2
        for (place, value) in values.enumerated() {
            let channel = place % channels, value = Double(value)
            if -value > extremes[channel] { extremes[channel] = -value }
            if value > extremes[channels + channel] { extremes[channels + channel] = value }
        }
    }

    /// - Parameter extremes: as `extend` forms them; ranks join theirs by maxima.
    public init(extremes: [Double]) {
        let channels = extremes.count / 2
        means = extremes[..<channels].map { 0 - $0 }
        deviations = (0 ..< channels).map { extremes[channels + $0] > -extremes[$0] ? extremes[channels + $0] + extremes[$0] : 1 }
    }

    func standardized(_ values: [Float]) -> [Float] {
        let channels = means.count
        var result = values
        for first in stride(from: 0, to: values.count, by: channels) {
            for channel in 0 ..< channels {
                result[first + channel] = Float((Double(values[first + channel]) - means[channel]) / deviations[channel])
            }
        }
        return result
    }
}
