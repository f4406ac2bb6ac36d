import Foundation
import Metrics
import Ranks
import Reports

// How a run does on a part of the samples, and beside another run on the same.

extension ReportedRun {
    /// Whether the other's scores are of the same samples.
    func hasSamples(of other: ReportedRun) -> Bool {
        evaluator.split.name == other.evaluator.split.name && manifest.fingerprint == other.manifest.fingerprint
    }

    /// The AUROC of this run minus that of another on some samples.
    ///
    /// - Parameter byGroup: whether groups are what is drawn, where there are some; else each sample counts as independent of the others.
    /// - Returns: nil where there are no normals or no anomalies among them, or the other run scored other samples.
    func test(against other: ReportedRun, on samples: [Int], byGroup: Bool) -> PairedTest? {
        guard hasSamples(of: other), haveBothSides(samples) else { return nil }
        let local = localScores(of: [self, other], samples, byGroup: byGroup)
        return try? PairedTest(of: local, first: name, second: other.name, classes: sampleClasses(of: evaluator.split.set), over: .alone())
    }

    /// The interval of the AUROC on some samples that count as independent of each other.
    func aurocInterval(on samples: [Int]) -> ClosedRange<Double>? {
        guard haveBothSides(samples) else { return nil }
        let local = localScores(of: [self], samples, byGroup: false), classes = sampleClasses(of: evaluator.split.set)
        return try? Evaluation(of: local, classes: classes, defaultScore: name, over: .alone())[name]!.all.aurocInterval
    }

    private func haveBothSides(_ samples: [Int]) -> Bool { Set(samples.map { evaluator.split.isNormal($0) }).count == 2 }

    private func localScores(of runs: [ReportedRun], _ samples: [Int], byGroup: Bool) -> LocalScores {
        let groups = byGroup ? evaluator.split.groups : nil
        return LocalScores(
            numbers: samples, classes: samples.map { Int(evaluator.split.labels[$0]) },
            columns: runs.map { run in ScoreColumn(run.name, samples.map { run.gathered.scores[$0] }) },
            groups: groups.map { groups in samples.map { Int(groups[$0]) } })
    }
}

extension Report {
    /// Each further run against the first: on all samples, then each class of several against all normals.
    var comparisonRows: [[String]] {
        let first = runs[0], classes = first.metrics.classes.map(\.name)
        return runs.dropFirst().flatMap { run -> [[String]] in
            guard let all = run.evaluator.againstFirst else {
                return [[run.name, "all", "not tested: it was evaluated on other samples", "", "", ""]]
            }
            let tests = classes.count < 2 ? [] : classes.map { ($0, first.test(against: run, on: first.samples(ofClass: $0), byGroup: true)) }
            return ([("all", all)] + tests).map { [run.name, $0] + cells(of: $1, run) }
        }
    }

    private func cells(of test: PairedTest?, _ run: ReportedRun) -> [String] {
        guard let test, let interval = test.interval else {
            return [test.map { signed($0.difference) } ?? "unknown", "unknown", "unknown", "the samples are too few to say"]
        }
        let verdict =
            interval.contains(0)
            ? "no difference that chance would not make" : test.difference > 0 ? "\(runs[0].name) is better" : "\(run.name) is better"
        let p = test.pValue.map { $0 < 1e-4 ? "below 0.0001" : String(format: "%.4f", $0) } ?? "unknown"
        return [signed(test.difference), signed(interval), p, verdict]
    }

    /// Nil where no set has groups.
    var groupSection: Page.Section? {
        let tables = own.compactMap { run in run.metrics.groups.map { table(of: GroupTable($0), among: $0.count, run).markup } }
        let words =
            "Intervals within a group, 95 % by DeLong, say how far other samples of that same group would move the figure; they take its samples as "
            + "independent of each other, which those of one scan or patient are not quite, so they are rather too narrow."
        return tables.isEmpty ? nil : Page.Section("groups", "Groups", tables + [Markup("p", ["class": "quiet"], Markup(words))])
    }

    private func table(of groups: GroupTable, among count: Int, _ run: ReportedRun) -> DataTable {
        let baselines = runs.filter { $0.isBaseline && $0.path != run.path && $0.hasSamples(of: run) }
        let members = Dictionary(grouping: run.labels.indices) { Int(run.evaluator.split.groups![$0]) }
        let rows = groups.shown.map { row -> [String] in
            let samples = members[row.number] ?? []
            let differences = baselines.map { baseline in
                run.test(against: baseline, on: samples, byGroup: false).map { "\(signed($0.difference)) (\(signed($0.interval)))" } ?? "–"
            }
            return ["\(row.number)", "\(row.normals)", "\(row.anomalies)", row.aurocWithin.map(shown) ?? "–"]
                + [row.aurocWithin == nil ? "–" : shown(run.aurocInterval(on: samples))] + differences + [row.auroc.map(shown) ?? "–"]
                + [row.detected, row.falseAlarms].map { $0.map(String.init) ?? "–" }
        }
        return DataTable(
            "\(run.name): \(rows.count) of \(count) groups, those with the lowest AUROC first; alarms at the threshold from held-out normals",
            head: ["group", "normals", "anomalies", "AUROC within", "95 % interval"] + baselines.map { "minus that of \($0.name)" }
                + ["against all normals", "detected", "false alarms"], rows)
    }

    private func signed(_ value: Double) -> String { String(format: "%+.4f", value).replacingOccurrences(of: "-", with: "−") }
    private func signed(_ interval: ClosedRange<Double>?) -> String {
        interval.map { "\(signed($0.lowerBound)) to \(signed($0.upperBound))" } ?? "unknown"
    }
}
