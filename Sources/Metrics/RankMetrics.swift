/// The rank statistics of one score, for some anomalies against all normals. Larger scores are more anomalous; an alarm at a
/// threshold t is a score ≥ t. Definitions are scikit-learn's where it has them; operating points are those of the data, never
/// interpolated.
public struct RankMetrics: Sendable, Equatable {
    public let normals: Int
    public let anomalies: Int
    /// The probability that an anomaly scores above a normal, ties counted half (`roc_auc_score`).
    public let auroc: Double
    /// The 95 % interval of `auroc`. Without groups: DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988; through sorted counts as Sun & Xu,
    /// IEEE Signal Process. Lett. 21, 2014), cut to [0, 1]; nil where there is a single normal or anomaly, which has no variance. With
    /// groups, whose samples are not independent: of the bootstrap over groups (`GroupBootstrap`).
    public internal(set) var aurocInterval: ClosedRange<Double>?
    /// The area up to a false-alarm rate of 10 %, scaled so that chance is 0.5 and the best 1 (McClish, Med. Decis. Making 9, 1989;
    /// `roc_auc_score` with `max_fpr=0.1`).
    public let partialAUROC: Double
    /// Σ (recall step) · precision over the distinct scores (`average_precision_score`).
    public let averagePrecision: Double
    /// The largest F1 over all thresholds: an upper bound on that of any threshold chosen without the labels.
    public let bestF1: Double
    /// The threshold of `bestF1`; of equal ones the highest.
    public let bestF1Threshold: Double
    /// The largest detection rate (TPR) of a threshold whose false-alarm rate (FPR) is at most 1 %; 0 where there is none.
    public let tprAtOnePercentFPR: Double
    /// The same for a false-alarm rate of at most 0.1 %.
    public let tprAtOnePermilleFPR: Double
    /// The false-alarm rate (FPR) at the first threshold, from the highest down, whose detection rate (TPR) reaches 95 %: `fpr[tpr >= 0.95].min()`
    /// of scikit-learn's `roc_curve`, a point of the data, not interpolated. Anomalies are the positive class, as everywhere here
    /// and in Outlier Exposure (Hendrycks et al., ICLR 2019, whose program takes the recall nearest to 95 % instead of the first to
    /// reach it). ODIN (Liang et al., ICLR 2018) counts normals as positive, which is another number: the share of anomalies that
    /// pass where 95 % of the normals do.
    public let fprAt95PercentTPR: Double

    init(_ tally: Tally) {
        let (normals, anomalies) = (Double(tally.normals), Double(tally.anomalies))
        self.normals = tally.normals
        self.anomalies = tally.anomalies
        auroc = Double(tally.placements) / Double(2 * tally.normals * tally.anomalies)
        aurocInterval = Self.interval(around: auroc, tally)
        let area = (Double(tally.partialArea) + Double(tally.slope.numerator) / Double(tally.slope.denominator)) / (20 * normals * anomalies)
        partialAUROC = 0.5 * (1 + (area - 0.005) / (0.1 - 0.005))
        averagePrecision = Double(tally.precisions) * 0x1p-62 / anomalies
        bestF1 = Double(2 * tally.best.detected) / Double(tally.best.detected + tally.best.falseAlarms + tally.anomalies)
        bestF1Threshold = tally.best.threshold
        tprAtOnePercentFPR = Double(tally.detectedAtPercent) / anomalies
        tprAtOnePermilleFPR = Double(tally.detectedAtPermille) / anomalies
        fprAt95PercentTPR = Double(tally.falseAlarmsAt95) / normals
    }

    private static func interval(around auroc: Double, _ tally: Tally) -> ClosedRange<Double>? {
        let squares = PlacementSquares(total: tally.placements, anomalies: tally.anomalySquares, normals: tally.normalSquares)
        guard let reach = squares.reach(normals: tally.normals, anomalies: tally.anomalies) else { return nil }
        return max(0, auroc - reach) ... min(1, auroc + reach)
    }
}

extension RankMetrics: Encodable {
    enum CodingKeys: String, CodingKey {
        case normals, anomalies, auroc
        case aurocInterval = "auroc_interval"
        case partialAUROC = "auroc_to_fpr_10_percent"
        case averagePrecision = "average_precision"
        case bestF1 = "best_f1"
        case bestF1Threshold = "best_f1_threshold"
        case tprAtOnePercentFPR = "tpr_at_fpr_1_percent"
        case tprAtOnePermilleFPR = "tpr_at_fpr_1_permille"
        case fprAt95PercentTPR = "fpr_at_tpr_95_percent"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(normals, forKey: .normals)
        try container.encode(anomalies, forKey: .anomalies)
        try container.encode(auroc, forKey: .auroc)
        try container.encode(aurocInterval.map { [$0.lowerBound, $0.upperBound] }, forKey: .aurocInterval)
        try container.encode(partialAUROC, forKey: .partialAUROC)
        try container.encode(averagePrecision, forKey: .averagePrecision)
        try container.encode(bestF1, forKey: .bestF1)
        try container.encode(bestF1Threshold, forKey: .bestF1Threshold)
        try container.encode(tprAtOnePercentFPR, forKey: .tprAtOnePercentFPR)
        try container.encode(tprAtOnePermilleFPR, forKey: .tprAtOnePermilleFPR)
        try container.encode(fprAt95PercentTPR, forKey: .fprAt95PercentTPR)
    }
}
