import Foundation
import Reports

/// Bins of equal width for several distributions that are compared.
struct Histogram {
    let range: ClosedRange<Double>
    /// Numbers beyond the range, which the outermost bins hold.
    let beyond: Int
    private let bins: Int

    /// Bins for all of some numbers; a few that are far away do not make the rest unreadable.
    /// - Parameter least: numbers in the smallest distribution, by which the bins are fine or coarse.
    init(of values: [Double], least: Int) {
        bins = min(40, max(10, Int(3 * cbrt(Double(least)))))
        let sorted = values.sorted(), cut = values.count / 400
        guard let first = sorted.first, let last = sorted.last else {
            (range, beyond) = (0 ... 1, 0)
            return
        }
        let (low, high) = (sorted[cut], sorted[sorted.count - 1 - cut])
        guard high > low else {
            range = first == last ? first - 0.5 ... last + 0.5 : first ... last
            beyond = 0
            return
        }
        let isFar = last - first > 2 * (high - low)
        range = isFar ? low ... high : first ... last
        beyond = isFar ? 2 * cut : 0
    }

    /// The share of some numbers in each bin.
    func shares(_ values: [Double]) -> [Double] {
        var counts = [Int](repeating: 0, count: bins)
        for value in values {
            let place = (value - range.lowerBound) / (range.upperBound - range.lowerBound) * Double(bins)
            counts[min(max(Int(place), 0), bins - 1)] += 1
        }
        return counts.map { Double($0) / Double(max(1, values.count)) }
    }

    func chart(
        _ title: String, _ description: String, axis: String, _ parts: [(name: String, values: [Double])], references: [Chart.Reference] = [],
        width: Double = 460
    ) -> Chart {
        let step = (range.upperBound - range.lowerBound) / Double(bins), all = parts.map { shares($0.values) }
        let series = zip(parts, all).map { part, shares in
            let points = shares.enumerated().map { (x: range.lowerBound + Double($0.offset) * step, y: $0.element) }
            return Chart.Series(part.name, points + [(range.upperBound, shares[shares.count - 1])], as: .steps)
        }
        return Chart(
            title, description, x: Axis(axis, range), y: Axis("share", 0 ... max(all.flatMap { $0 }.max() ?? 1, 1e-9) * 1.05), series,
            references: references, width: width)
    }
}
