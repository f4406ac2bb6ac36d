/// What the rows of a cube hold.
public struct CubeSurvey: Codable, Equatable, Sendable {
    /// Of each band.
    public private(set) var smallest: [Double], largest: [Double]
    public private(set) var count = 0, negative = 0
    public var anomalies = 0

    public init(bands: Int) {
        smallest = Array(repeating: .greatestFiniteMagnitude, count: bands)
        largest = Array(repeating: -.greatestFiniteMagnitude, count: bands)
    }

    mutating func add(_ numbers: [Double]) {
        for (place, number) in numbers.enumerated() {
            let band = place % smallest.count
            smallest[band] = min(smallest[band], number)
            largest[band] = max(largest[band], number)
            if number < 0 { negative += 1 }
        }
        count += numbers.count
    }

    /// Of two shares of the rows together.
    public func merged(with other: CubeSurvey) -> CubeSurvey {
        var both = self
        (both.smallest, both.largest) = (zip(smallest, other.smallest).map(min), zip(largest, other.largest).map(max))
        (both.count, both.negative, both.anomalies) = (count + other.count, negative + other.negative, anomalies + other.anomalies)
        return both
    }

    /// Bands that hold one number everywhere.
    public var constantBands: [Int] { smallest.indices.filter { smallest[$0] == largest[$0] } }

    /// The smallest and largest number, which come to 0 and 1 where a detector asks for that.
    public var range: ClosedRange<Double> {
        let low = smallest.min() ?? 0, high = largest.max() ?? 1
        return low ... (low < high ? high : low + max(1, abs(low)))
    }

    /// What whoever imports a cube should know, in sentences.
    public var remarks: [String] {
        func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
        var remarks = ["numbers from \(text(range.lowerBound)) to \(text(range.upperBound))"]
        if range.lowerBound >= 0, range.upperBound <= 1 { remarks.append("they lie within 0 to 1, so the cube was normalized before; they are kept") }
        if negative > 0 {
            let share = Double(Int((1e4 * Double(negative) / Double(count)).rounded())) / 100
            remarks.append("\(negative) of \(count) (\(share) %) are negative; they are kept")
        }
        if !constantBands.isEmpty {
            let list = constantBands.map(String.init).joined(separator: ",")
            remarks.append("\(constantBands.count) bands hold one number everywhere (of those taken, counted from 0: \(list))")
        }
        return remarks
    }
}
