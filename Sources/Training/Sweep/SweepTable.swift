import Foundation

/// What a sweep came to: each setting's mean and spread over its seeds, and which is chosen.
struct SweepTable: CustomStringConvertible {
    struct Row {
        let values: [String]
        let runs: [(name: String, seed: Int, outcome: SweepOutcome)]

        var figures: [Double] { runs.compactMap(\.outcome.value) }
        /// Whether every seed came to a value.
        var isWhole: Bool { figures.count == runs.count }
        var mean: Double? { figures.isEmpty ? nil : figures.reduce(0, +) / Double(figures.count) }
        /// Between seeds (of a sample, by n - 1); nil below two.
        var deviation: Double? {
            guard let mean, figures.count > 1 else { return nil }
            return (figures.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(figures.count - 1)).squareRoot()
        }
    }
    let keys: [String], rows: [Row], criterion: SweepCriterion
    /// The place of the setting with the best mean, of those that trained with every seed; the first of equals; nil where there is none.
    let chosen: Int?

    init(_ grid: SweepGrid, _ outcomes: [[SweepOutcome]], by criterion: SweepCriterion) {
        keys = grid.keys
        let rows = zip(grid.settings, outcomes).map { setting, outcomes in
            Row(values: setting.values, runs: zip(setting.runs, outcomes).map { ($0.name, $0.recipe.fields.seed, $1) })
        }
        let sign = criterion.isHigherBetter ? -1.0 : 1.0
        chosen = rows.indices.filter { rows[$0].isWhole }.min { (sign * rows[$0].mean!, $0) < (sign * rows[$1].mean!, $1) }
        (self.rows, self.criterion) = (rows, criterion)
    }

    /// The lines, without a line end at the last.
    var description: String {
        let head = keys + [criterion.name, "deviation", "seeds", ""]
        let cells = rows.enumerated().map { place, row in
            row.values + [row.mean.map(figure) ?? "-", row.deviation.map(figure) ?? "-", "\(row.figures.count)", place == chosen ? "*" : ""]
        }
        let widths = head.indices.map { column in ([head] + cells).map { $0[column].count }.max()! }
        let lines = ([head] + cells).map { row in
            zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ").trimmingSuffix(" ")
        }
        let failed = rows.flatMap(\.runs).compactMap { run in run.outcome.failure.map { "\(run.name) has no value: \($0)" } }
        let verdict = chosen.map { "* \(zip(keys, rows[$0].values).map { "\($0)=\($1)" }.joined(separator: " ")): \(criterion.statement)" }
        return (lines + [""] + failed + [verdict ?? "nothing is chosen: no setting trained with every seed"]).joined(separator: "\n")
    }

    private func figure(_ value: Double) -> String { criterion.isHigherBetter ? String(format: "%.4f", value) : Vigil.short(value) }

    /// Writes `sweep.csv`, `sweep.svg` and `sweep.json`, each whole.
    func write(into folder: URL) throws {
        try writeWhole(Data(csv.utf8), to: folder.appendingPathComponent("sweep.csv"))
        try writeWhole(Data(SweepPlot(self).svg.utf8), to: folder.appendingPathComponent("sweep.svg"))
        try writeWhole(json, to: folder.appendingPathComponent("sweep.json"))
    }

    /// A line for each run; numbers as they read back to the same bits.
    private var csv: String {
        let head = keys + ["seed", criterion.name, "chosen", "run"]
        let lines = rows.enumerated().flatMap { place, row in
            row.runs.map { run in row.values + ["\(run.seed)", run.outcome.value.map { "\($0)" } ?? "", place == chosen ? "1" : "0", run.name] }
        }
        return ([head] + lines).map { $0.map(Self.quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func quoted(_ cell: String) -> String {
        cell.contains(where: { ",\"\n".contains($0) }) ? "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : cell
    }

    private var json: Data {
        get throws {
            let settings = rows.enumerated().map { place, row -> [String: Any] in
                let runs = row.runs.map { run -> [String: Any] in
                    [
                        "run": run.name, "seed": run.seed, "value": run.outcome.value as Any? ?? NSNull(),
                        "failure": run.outcome.failure as Any? ?? NSNull(), "state_sha256": run.outcome.stateSHA256 as Any? ?? NSNull(),
                    ]
                }
                return [
                    "values": Dictionary(uniqueKeysWithValues: zip(keys, row.values)), "mean": row.mean as Any? ?? NSNull(),
                    "deviation": row.deviation as Any? ?? NSNull(), "chosen": place == chosen, "runs": runs,
                ]
            }
            let criterion: [String: Any] = [
                "name": criterion.name, "higher_is_better": criterion.isHigherBetter, "statement": criterion.statement, "subject": criterion.subject,
            ]
            return try JSONSerialization.data(
                withJSONObject: ["keys": keys, "criterion": criterion, "settings": settings],
                options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
