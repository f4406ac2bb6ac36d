/// The k-th smallest of numbers that are too many to be kept: they are gone through twice, to count the upper halves of their bits and then
/// the lower halves of those that share the upper one.
///
/// - Parameters:
///   - k: from 1 to the count of the numbers.
///   - forEach: gives all numbers in pieces, the same ones each time; none is NaN.
public func orderStatistic(_ k: Int, forEach: ((_ piece: [Float]) -> Void) throws -> Void) rethrows -> Float {
    /// Of the lower halves under one upper half, or of the upper halves.
    func counts(below upper: UInt32?) throws -> [Int] {
        var counts = [Int](repeating: 0, count: 1 << 16)
        try forEach { piece in
            for bits in piece.lazy.map(ordered) {
                if let upper {
                    if bits >> 16 == upper { counts[Int(bits & 0xFFFF)] += 1 }
                } else {
                    counts[Int(bits >> 16)] += 1
                }
            }
        }
        return counts
    }
    func place(of wanted: Int, in counts: [Int]) -> (place: Int, before: Int) {
        var before = 0
        for (place, count) in counts.enumerated() {
            if before + count >= wanted { return (place, before) }
            before += count
        }
        preconditionFailure("\(wanted) of \(before) numbers")
    }
    let upper = place(of: k, in: try counts(below: nil))
    let lower = place(of: k - upper.before, in: try counts(below: UInt32(upper.place)))
    return number(UInt32(upper.place) << 16 | UInt32(lower.place))
}

/// Bits that are in the order of the numbers.
private func ordered(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits >> 31 == 0 ? bits | 1 << 31 : ~bits
}

private func number(_ ordered: UInt32) -> Float { Float(bitPattern: ordered >> 31 == 1 ? ordered & ~(1 << 31) : ~ordered) }
