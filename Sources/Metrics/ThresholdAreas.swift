import Ranks

/// What a score has at all thresholds τ of 0 to 1 once it is scaled to 0 ... 1 by its least and largest: the areas that 3D ROC analysis
/// sets beside the AUROC, AUC(Pd, Pf), which says nothing of how far anomalies stand out (Chang, "An effective evaluation tool for
/// hyperspectral target detection: 3D receiver operating characteristic curve analysis", IEEE TGRS 59(6), 2021).
public struct ThresholdAreas: Sendable, Equatable {
    /// AUC(Pd, τ): the mean scaled score of anomalies; 1 is best.
    public let detection: Double
    /// AUC(Pf, τ): the mean scaled score of normals, what is left of the background; 0 is best.
    public let falseAlarms: Double

    /// - Throws: what the group throws.
    init(of local: LocalScores, score: String, classes: [SampleClass], over group: RankGroup) throws {
        let scores = local.column(score)
        let extremes = try group.maximum([scores.max() ?? -.infinity, -(scores.min() ?? .infinity)])
        // each halved before the difference, which might be too large
        let (largest, least) = (extremes[0] / 2, -extremes[1] / 2), range = largest - least
        // whole units of 2⁻⁶², whose sum is the same in any order
        var sums = [Int128](repeating: 0, count: 2), counts = [Int128](repeating: 0, count: 2)
        for (value, index) in zip(scores, local.classes) {
            let side = classes[index].isNormal ? 0 : 1
            counts[side] += 1
            if range > 0 { sums[side] += Int128(((value / 2 - least) / range * 0x1p62).rounded()) }
        }
        let all = try group.allGather(bytes(of: sums + counts)).map { values(of: $0, as: Int128.self) }
        func mean(_ side: Int) -> Double {
            Double(all.reduce(0) { $0 + $1[side] }) * 0x1p-62 / Double(max(1, all.reduce(0) { $0 + $1[2 + side] }))
        }
        (falseAlarms, detection) = (mean(0), mean(1))
    }
}

extension ThresholdAreas: Encodable {
    private enum CodingKeys: String, CodingKey {
        case detection = "auc_pd_tau"
        case falseAlarms = "auc_pf_tau"
    }
}
