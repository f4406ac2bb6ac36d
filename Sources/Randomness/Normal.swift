extension Philox {
    /// Two independent draws from N(0, 1) at a counter (Box & Muller 1958), by arithmetic alone, so that they have the same
    /// bits on every machine.
    public func normals(_ low: UInt64, _ high: UInt64 = 0) -> (Double, Double) {
        let block = block(low, high)
        let first = UInt64(block.0) | UInt64(block.1) << 32, second = UInt64(block.2) | UInt64(block.3) << 32
        let u = (Double(first >> 11) + 1) * 0x1p-53  // in (0, 1]: its logarithm is finite
        let radius = (-2 * logarithm(u)).squareRoot(), angle = Double(second >> 11) * 0x1p-53
        return (radius * cosine(turns: angle), radius * cosine(turns: angle - 0.25))
    }
}

extension Philox {
    /// A draw from N(0, 1) within ±2 at a counter, whose upper 16 bits are 0: drawn again until it is.
    public func truncatedNormal(_ low: UInt64, _ high: UInt64 = 0) -> Double {
        var attempt: UInt64 = 0
        while true {
            let (a, b) = normals(low | attempt << 48, high)
            for draw in [a, b] where abs(draw) <= 2 { return draw }
            attempt += 1
        }
    }
}

/// ln x of a positive normal number, within a few units in the last place: x = m·2ᵉ with m in [√½, √2), ln m by the series of
/// 2·artanh((m − 1) / (m + 1)).
func logarithm(_ x: Double) -> Double {
    var (m, e) = (x.significand, Double(x.exponent))
    if m > 1.4142135623730951 { (m, e) = (m / 2, e + 1) }
    let s = (m - 1) / (m + 1), s² = s * s
    var series = 0.0
    for term in stride(from: 23.0, through: 3, by: -2) { series = (series + 1 / term) * s² }
    return 2 * s * (1 + series) + e * 0.6931471805599453
}

/// cos 2πt, within a few units in the last place of 1: t is brought to an eighth of a turn, then Taylor's series.
func cosine(turns t: Double) -> Double {
    let t = (t - t.rounded()).magnitude  // 0 ... ½
    let folded = t > 0.25 ? 0.5 - t : t, sign = t > 0.25 ? -1.0 : 1.0
    let a = 2 * Double.pi * (folded > 0.125 ? 0.25 - folded : folded), a² = a * a
    // of sine and cosine alike, term k is the one before times −a² / ((n − 1)·n)
    var sum = 1.0, n = folded > 0.125 ? 17.0 : 16.0
    while n > 1.5 {
        sum = 1 - sum * a² / ((n - 1) * n)
        n -= 2
    }
    return sign * (folded > 0.125 ? a * sum : sum)
}
