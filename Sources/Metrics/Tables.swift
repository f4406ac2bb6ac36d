/// How scores do at their operating points: precision, recall, F1 and the share of normals that raise an alarm.
public struct ThresholdTable: Sendable, CustomStringConvertible {
    public let columns: [(name: String, metrics: ScoreMetrics)]

    public init(columns: [(name: String, metrics: ScoreMetrics)]) { self.columns = columns }

    /// The lines, without a line end at the last. A score has no line for a threshold that it has not.
    public var description: String {
        let rows = columns.flatMap { name, metrics in
            let points = [
                ("held-out normals' \(OperatingPoints.quantile) quantile", metrics.thresholds.heldOut),
                ("min-max normalized \(OperatingPoints.fraction)", metrics.thresholds.minMax),
                ("top share of this split", metrics.thresholds.top),
            ]
            return points.compactMap { rule, point in
                point.map { point in
                    ["\(name), \(rule)", "\(Float(point.threshold))"]
                        + [point.precision, point.recall, point.f1, point.falseAlarmRate].map(figure)
                }
            }
        }
        return aligned([["threshold", "value", "precision", "recall", "F1", "false alarms"]] + rows)
    }
}

/// How a score does on single groups: at most `limit` of them, those with the lowest AUROC first, then those with the most false alarms.
public struct GroupTable: Sendable, CustomStringConvertible {
    public let rows: [GroupRow]
    public let limit: Int

    public init(_ rows: [GroupRow], limit: Int = 20) { (self.rows, self.limit) = (rows, limit) }

    /// The rows of the table, in its order.
    public var shown: [GroupRow] {
        // what has no AUROC of its own is compared with the normals of all groups, or not at all
        func rank(_ row: GroupRow) -> (Double, Int, Int) { (row.aurocWithin ?? row.auroc ?? 2, -(row.falseAlarms ?? 0), row.number) }
        return Array(rows.sorted { rank($0) < rank($1) }.prefix(limit))
    }

    /// The lines, without a line end at the last.
    public var description: String {
        let lines = shown.map { row in
            ["\(row.number)", "\(row.normals)", "\(row.anomalies)"] + [row.aurocWithin, row.auroc].map { $0.map(figure) ?? "-" }
                + [row.detected, row.falseAlarms].map { $0.map(String.init) ?? "-" }
        }
        let head = ["group", "normals", "anomalies", "AUROC within", "against all", "detected", "false alarms"]
        return aligned([head] + lines) + (rows.count > limit ? "\n... and \(rows.count - limit) more of \(rows.count) groups" : "")
    }
}

/// Four decimals, for figures in 0 ... 1.
func figure(_ value: Double) -> String {
    let figure = Int((value * 10_000).rounded())
    return "\(figure / 10_000).\(String(figure % 10_000 + 10_000).dropFirst())"
}

/// Rows of cells as lines: the first column to the left, the others to the right.
func aligned(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { place in rows.map { $0[place].count }.max() ?? 0 }
    return rows.map { row in
        let name = row[0] + String(repeating: " ", count: widths[0] - row[0].count)
        let cells = zip(row, widths).dropFirst().map { cell, width in String(repeating: " ", count: width - cell.count) + cell }
        var line = ([name] + cells).joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }.joined(separator: "\n")
}
