/// Sums of the integers T that place each sample against the other side (for an anomaly 2 · normals below + normals equal, for a
/// normal 2 · anomalies above + anomalies equal), or of the differences of T between two scores.
struct PlacementSquares {
    /// Σ T over anomalies; over normals it is the same.
    var total: Int128 = 0
    /// Σ T².
    var anomalies: Int128 = 0, normals: Int128 = 0

    /// The 97.5 % quantile of the normal distribution.
    static let quantile = 1.959963984540054

    /// DeLong's variance of the AUROC (or of a difference of two): (variance of V over anomalies) / anomalies + (variance of V over
    /// normals) / normals, where V = T / (2 · others). Nil where a side has one sample and so no variance.
    func variance(normals normalCount: Int, anomalies anomalyCount: Int) -> Double? {
        func meanVariance(_ count: Int, others: Int, squares: Int128) -> Double {
            let spread = Double(Int128(count) * squares - total * total)
            let (count, others) = (Double(count), Double(others))
            return spread / (count * (count - 1)) / (4 * others * others) / count
        }
        guard normalCount > 1, anomalyCount > 1 else { return nil }
        return meanVariance(anomalyCount, others: normalCount, squares: anomalies) + meanVariance(normalCount, others: anomalyCount, squares: normals)
    }

    /// Half the width of the 95 % interval.
    func reach(normals: Int, anomalies: Int) -> Double? { variance(normals: normals, anomalies: anomalies).map { Self.quantile * $0.squareRoot() } }
}
