import Metrics
import Reports

// How training went, how scores are distributed, and what thresholds make of them.

extension Report {
    /// ROC and precision-recall curves, the configurations over each other; of a single run its classes, too.
    var curveSection: Page.Section? {
        let lines = configurations.map { members in
            ConfigurationCurves(of: members, look: runs.firstIndex { $0.path == members[0].path }!, isAlone: runs.count == 1)
        }
        let classes =
            runs.count == 1 && runs[0].metrics.classes.count > 1
            ? runs[0].metrics.classes.map { ConfigurationCurves(ofClass: $0.name, in: runs[0]) } : []
        func values(_ figure: (RankMetrics) -> Double) -> String { runs.map { "\($0.name) \(shown(figure($0.all)))" }.joined(separator: ", ") }
        let rates = runs[0].evaluator.isScene ? Axis(rareFalseAlarmsOf: runs[0].all.normals) : Axis("false-alarm rate", 0 ... 1)
        let rocChart = Chart(
            "ROC", "detected anomalies against false alarms at every threshold; AUROC: \(values(\.auroc))", x: rates,
            y: Axis("detection rate", 0 ... 1), (lines + classes).map(\.roc), references: [.diagonal], width: 490, height: 410)
        let base = runs[0].baseRate
        let precisionChart = Chart(
            "Precision and recall", "the share of right alarms against detected anomalies; average precision: \(values(\.averagePrecision))",
            x: Axis("recall (detection rate)", 0 ... 1), y: Axis("precision", 0 ... 1), lines.map(\.precision),
            references: [.horizontal(base, name: "base rate \(shown(base))")], width: 490, height: 410)
        return Page.Section(
            "curves", "Curves",
            [
                Markup(
                    "div", ["class": "figures"],
                    rocChart.figure(id: "roc", caption: "The dotted line is chance.\(bandText(lines + classes))"),
                    precisionChart.figure(
                        id: "precision-recall",
                        caption:
                            "The dotted line is the base rate, which chance reaches; where anomalies are rarer, precision is lower. The area below a "
                            + "curve's stairs is its average precision.\(bandText(lines))"))
            ])
    }

    /// What shades and thin lines are.
    private func bandText(_ lines: [ConfigurationCurves]) -> String {
        let banded = lines.filter(\.hasBand), without = lines.filter { !$0.hasBand }.map(\.name)
        let replicates = runs[0].evaluation.groupCount.map { "whole groups, of which there are \($0)" } ?? "the samples of each side"
        let shade =
            banded.isEmpty
            ? ""
            : " The shade around \(banded.count == 1 ? banded[0].name : "a curve") is a pointwise 95 % band: up to \(MeanCurves.replicates) times "
                + "\(replicates) were drawn anew."
        let none = without.isEmpty ? "" : " \(without.joined(separator: ", ")): no band, since all normals or all anomalies are of one group."
        let isMean = lines.contains(where: \.hasSpread)
        return shade + none + (isMean ? " Thin lines beside a mean are the standard deviation over its seeds, up and down." : "")
    }

    // MARK: Scores

    var scoreSection: Page.Section? {
        let figures = own.enumerated().map { place, run in
            let bins = Histogram(of: run.gathered.scores, least: run.evaluator.classes.map(\.count).filter { $0 > 0 }.min() ?? 0)
            let parts = run.shownClasses.map { (name: $0.name, values: run.scores(ofClass: $0.number)) }
            let threshold = run.metrics.thresholds.heldOut.map { [Chart.Reference.vertical($0.threshold, name: "threshold from normals")] } ?? []
            let chart = bins.chart(
                "Scores of \(run.name)", parts.map { "\($0.name): \($0.values.count) samples" }.joined(separator: ", "),
                axis: run.evaluation.defaultScore, parts, references: threshold, width: 620)
            let beyond = bins.beyond == 0 ? "" : " The outermost bins hold the \(bins.beyond) scores that lie far out."
            return chart.figure(id: "scores-\(place)", caption: "Share of each class's samples in each bin.\(beyond)")
        }
        return Page.Section("scores", "Scores", [Markup("div", ["class": "figures"], figures)])
    }

    // MARK: Thresholds

    var thresholdSection: Page.Section? {
        let tables = own.flatMap { run -> [Markup] in
            let absence = run.evaluator.heldOutAbsence.map {
                [Markup("p", ["class": "warning"], Markup("\(run.name): no threshold from held-out normals: \($0)."))]
            }
            return [
                DataTable(
                    "\(run.name), score \(run.evaluation.defaultScore): an alarm is a score at or above the threshold",
                    head: [
                        "rule", "depends on the test set", "threshold", "held-out false alarms", "so at most (95 %)", "test false alarms", "detected",
                        "precision", "F1",
                    ], thresholds(of: run), textColumns: [1]
                ).markup
            ] + (absence ?? [])
        }
        let words =
            "A threshold that the test set had a part in makes the figures beside it too good: it is marked. The others come from normals that were "
            + "neither trained on nor tested on; with so many of them, the true rate of false alarms is at most what stands there, with 95 % confidence."
        return Page.Section("thresholds", "Thresholds", [Markup("p", [:], Markup(words))] + tables)
    }

    private func thresholds(of run: ReportedRun) -> [[String]] {
        let calibration = run.gathered.heldOut.isEmpty ? nil : Calibration(run.gathered.heldOut), points = run.metrics.thresholds
        func row(_ rule: String, _ dependence: String, _ threshold: Double) -> [String] {
            let (detected, falseAlarms) = run.alarms(at: threshold), alarms = detected + falseAlarms
            let f1 = Double(2 * detected) / Double(alarms + run.all.anomalies)
            return [
                rule, dependence, Vigil.short(threshold), calibration.map { "\($0.alarms(at: threshold)) of \($0.normals.count)" } ?? "–",
                calibration.map { percent($0.highestRate(at: threshold)) } ?? "–", percent(Double(falseAlarms) / Double(run.all.normals)),
                percent(Double(detected) / Double(run.all.anomalies)), shown(alarms == 0 ? 0 : Double(detected) / Double(alarms)), shown(f1),
            ]
        }
        var rows: [[String]] = []
        if let heldOut = points.heldOut { rows.append(row("0.95 quantile of held-out normals", "no", heldOut.threshold)) }
        if let calibration {
            let rule = "generalized Pareto tail of held-out normals, for 0.1 % false alarms"
            do { rows.append(row(rule, "no", try ThresholdRule.tail(rate: 0.001).threshold(calibration, nil))) } catch {
                rows.append([rule, "no: \(error)"] + Array(repeating: "–", count: 7))
            }
        }
        rows.append(row("0.2 of min-max normalized scores", "yes: on its smallest and largest score", points.minMax.threshold))
        rows.append(row("best F1", "yes: on its labels, so it is too good", run.all.bestF1Threshold))
        return rows
    }

    // MARK: Training

    /// A chart for each loss and one for the rate, the runs that have it over each other.
    var trainingSection: Page.Section? {
        let curves = own.enumerated().flatMap { place, run in (run.history.losses + run.history.rates).map { (run: place, curve: $0) } }
        var keys: [[String]] = []
        for entry in curves where !keys.contains([entry.curve.stage, entry.curve.name]) { keys.append([entry.curve.stage, entry.curve.name]) }
        guard !keys.isEmpty else {
            let words = "These runs were fitted in passes over the data, not in steps, so there are no curves of losses."
            return Page.Section("training", "Training", [Markup("p", [:], Markup(words))])
        }
        let figures = keys.enumerated().map { number, key in
            let members = curves.filter { $0.curve.stage == key[0] && $0.curve.name == key[1] }
            let values = members.flatMap { $0.curve.points.map(\.value) }, steps = members.flatMap { $0.curve.points.map { Double($0.step) } }
            let isRate = key[1] == "samples/s",
                last = members.compactMap { $0.curve.points.last.map { Vigil.short($0.value) } }.joined(separator: ", ")
            let chart = Chart(
                "\(key[0]): \(key[1])", "at the end \(last)", x: Axis("step", 0 ... max(steps.max() ?? 1, 1)),
                y: isRate ? Axis(key[1], 0 ... max(values.max() ?? 1, 1) * 1.05) : Axis(key[1], holding: values, mayBeLogarithmic: true),
                members.map { entry in
                    Chart.Series(own[entry.run].name, entry.curve.points.map { (x: Double($0.step), y: $0.value) }, look: entry.run)
                }, width: 340, height: 220)
            return chart.figure(id: "training-\(number)", caption: "At the end \(last).")
        }
        let skipped = own.filter { $0.history.losses.isEmpty }.map(\.name)
        let note = skipped.isEmpty ? [] : [Markup("p", [:], Markup("\(skipped.joined(separator: ", ")): fitted in passes, without losses."))]
        return Page.Section("training", "Training", [Markup("div", ["class": "figures"], figures)] + note)
    }
}
