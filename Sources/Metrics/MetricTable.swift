/// A plain-text table of one metric: a row for each class of anomalies and one for "all", a column for each score or run, and
/// an asterisk at the best figure of each row.
public struct MetricTable: Sendable, CustomStringConvertible {
    /// A figure that can be compared side by side.
    public enum Metric: String, Sendable, CaseIterable {
        case auroc = "AUROC"
        case partialAUROC = "AUROC to 10 % FPR"
        case averagePrecision = "average precision"
        case bestF1 = "best F1"
        case tprAtOnePercentFPR = "TPR at 1 % FPR"
        case tprAtOnePermilleFPR = "TPR at 0.1 % FPR"
        case fprAt95PercentTPR = "FPR at 95 % TPR"

        func value(of metrics: RankMetrics) -> Double {
            switch self {
            case .auroc: metrics.auroc
            case .partialAUROC: metrics.partialAUROC
            case .averagePrecision: metrics.averagePrecision
            case .bestF1: metrics.bestF1
            case .tprAtOnePercentFPR: metrics.tprAtOnePercentFPR
            case .tprAtOnePermilleFPR: metrics.tprAtOnePermilleFPR
            case .fprAt95PercentTPR: metrics.fprAt95PercentTPR
            }
        }
    }

    public let metric: Metric
    public let columns: [(name: String, metrics: ScoreMetrics)]

    public init(_ metric: Metric = .auroc, columns: [(name: String, metrics: ScoreMetrics)]) {
        self.metric = metric
        self.columns = columns
    }

    /// The lines, without a line end at the last. Figures have four decimals and are compared as shown, so equal figures
    /// are marked alike; a class that a column lacks is "-".
    public var description: String {
        var rowNames: [String] = []
        for row in columns.flatMap(\.metrics.classes) where !rowNames.contains(row.name) { rowNames.append(row.name) }
        let classRows = rowNames.map { name in
            [name] + figures(columns.map { column in column.metrics.classes.first { $0.name == name }?.metrics })
        }
        let rows = [[metric.rawValue] + columns.map { $0.name + " " }] + classRows + [["all"] + figures(columns.map(\.metrics.all))]
        return aligned(rows)
    }

    /// The figures of one row, each followed by an asterisk or a space.
    private func figures(_ row: [RankMetrics?]) -> [String] {
        let shown = row.map { $0.map { figure(metric.value(of: $0)) } }
        let best = metric == .fprAt95PercentTPR ? shown.compactMap(\.self).min() : shown.compactMap(\.self).max()
        return shown.map { figure in figure.map { $0 + (figure == best ? "*" : " ") } ?? "- " }
    }
}
