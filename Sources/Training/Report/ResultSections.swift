import Metrics
import Reports

// What came out: the figures, over seeds, against baselines, for each class and group.

extension Report {
    /// Runs of one configuration, which differ in their seeds.
    var configurations: [[ReportedRun]] {
        var order: [String] = [], members: [String: [ReportedRun]] = [:]
        for run in runs {
            if members[run.configuration] == nil { order.append(run.configuration) }
            members[run.configuration, default: []].append(run)
        }
        return order.map { members[$0]! }
    }

    /// The result of the first configuration, before anything else.
    var lead: [Markup] {
        let first = runs[0], seeds = configurations[0], auroc = SeedSpread(values: seeds.map(\.all.auroc))
        let rates = SeedSpread(values: seeds.map(\.all.tprAtOnePercentFPR)), rare = SeedSpread(values: seeds.map(\.all.tprAtOnePermilleFPR))
        let precision = SeedSpread(values: seeds.map(\.all.averagePrecision))
        func box(_ name: String, _ figure: String, _ more: String) -> Markup {
            Markup("div", [:], Markup(name), Markup("b", [:], Markup(figure)), Markup("span", ["class": "quiet"], Markup(more)))
        }
        let spread = auroc.deviation.map { "spread over \(seeds.count) seeds ± \(shown($0))" } ?? "one seed: its spread over seeds is not known"
        let of = seeds.count > 1 ? " (\(first.name))" : ""
        return [
            Markup("p", [:], Markup(first.protocolLine)),
            Markup(
                "div", ["class": "headline"],
                box("AUROC", shown(auroc.mean), "sampling interval\(of) \(shown(first.all.aurocInterval)); \(spread)"),
                box("Average precision", shown(precision.mean), "chance: the base rate, \(shown(first.baseRate))"),
                box("Detected at 1 % false alarms", percent(rates.mean), "at 0.1 %: \(percent(rare.mean))"),
                box("Cost", first.history.cost, first.budget)),
            Markup(
                "p", ["class": "quiet"],
                Markup(
                    "By the score \(first.evaluation.defaultScore), larger for what is more anomalous. The sampling interval (95 %, \(first.intervalMethod)) says "
                        + "how far other test samples would move the figure, the spread (standard deviation) how far other seeds do. "
                        + "Both kinds of chance are there at once.")),
        ]
    }

    var resultSection: Page.Section? {
        let rows = runs.map { run in
            [
                run.name + (run.isFound ? " (found beside)" : ""), run.title, "\(run.recipe.fields.seed)", shown(run.all.auroc),
                shown(run.all.aurocInterval),
                shown(run.all.averagePrecision), shown(run.baseRate), percent(run.all.tprAtOnePercentFPR), percent(run.all.tprAtOnePermilleFPR),
                run.budget, run.history.cost,
            ]
        }
        let table = DataTable(
            "Every run by its default score, all anomalies against all normals",
            head: [
                "run", "detector", "seed", "AUROC", "95 % interval", "AP", "base rate", "detected at 1 % false alarms", "at 0.1 %", "budget", "cost",
            ], rows, textColumns: [1, 9, 10])
        return Page.Section("results", "Results", [table.markup] + seedTable + comparison + scoreTable)
    }

    private var seedTable: [Markup] {
        let several = configurations.filter { $0.count > 1 }
        guard !several.isEmpty else { return [] }
        let rows = several.map { members -> [String] in
            func text(_ figure: (RankMetrics) -> Double) -> String { SeedSpread(values: members.map { figure($0.all) }).text }
            return [
                members[0].title, seriesName(members), "\(members.count)", text(\.auroc), text(\.averagePrecision), text(\.tprAtOnePercentFPR),
                text(\.tprAtOnePermilleFPR), text(\.fprAt95PercentTPR),
            ]
        }
        return [
            DataTable(
                "Mean ± standard deviation over seeds of what is otherwise one configuration",
                head: ["detector", "runs", "seeds", "AUROC", "AP", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "FPR at 95 % TPR"], rows, textColumns: [1]
            ).markup
        ]
    }

    /// Each further run against the first.
    private var comparison: [Markup] {
        let advice = baselineAdvice.map { [$0] } ?? []
        guard runs.count > 1 else { return advice }
        return advice + [
            DataTable(
                "AUROC of \(runs[0].name) minus that of each other run on the same samples: paired test, \(runs[0].intervalMethod)",
                head: ["against", "class", "difference", "95 % interval", "p", "which says"], comparisonRows, textColumns: [1, 5]
            ).markup
        ]
    }

    /// What is missing where no run is a baseline, or none is anything else.
    private var baselineAdvice: Markup? {
        let these = runs.count == 1 ? "this run" : "these runs", baselines = runs.filter(\.isBaseline)
        if baselines.count == runs.count {
            let subject = runs.count == 1 ? "This run is a baseline" : "These runs are baselines"
            return Markup("p", ["class": "quiet"], Markup("\(subject): what any other detector on the same data must beat."))
        }
        guard baselines.isEmpty else { return nil }
        let words =
            "No baseline stands beside \(these). Train \(runs[0].evaluator.isScene ? "rx" : "pca and mean-pixel") on the same data, in a folder beside, for "
            + "seconds: without one nobody knows what the figures are worth."
        return Markup("p", ["class": "warning"], Markup(words))
    }

    /// All scores of the runs that have several: which of them is the default was decided before anything was tested.
    private var scoreTable: [Markup] {
        own.filter { $0.evaluation.scores.count > 1 }.map { run in
            let rows = run.evaluation.scores.map { name, metrics -> [String] in
                let all = metrics.all
                return [
                    name + (name == run.evaluation.defaultScore ? " (the default)" : ""), shown(all.auroc), shown(all.aurocInterval),
                    shown(all.averagePrecision), percent(all.tprAtOnePercentFPR), percent(all.tprAtOnePermilleFPR),
                ]
            }
            return DataTable(
                "Every score of \(run.name): to choose among them here would be to choose on the test set",
                head: ["score", "AUROC", "95 % interval", "AP", "detected at 1 % false alarms", "at 0.1 %"], rows
            ).markup
        }
    }

    // MARK: Classes

    var classSection: Page.Section? {
        var names: [String] = []
        for row in runs.flatMap(\.metrics.classes) where !names.contains(row.name) { names.append(row.name) }
        func metrics(_ run: ReportedRun, _ name: String?) -> RankMetrics? {
            name == nil ? run.all : run.metrics.classes.first { $0.name == name }?.metrics
        }
        let groups = (names.map(Optional.some) + [nil]).map { name in
            (
                name: name ?? "all",
                bars: runs.enumerated().compactMap { place, run in
                    metrics(run, name).map { BarChart.Bar(series: place, $0.auroc, interval: $0.aurocInterval) }
                }
            )
        }
        let chart = BarChart(
            "AUROC by class", groups.map { "\($0.name): " + $0.bars.map { shown($0.value) }.joined(separator: ", ") }.joined(separator: "; "),
            axis: "AUROC", series: runs.map(\.name), groups: groups, chance: 0.5)
        let tables = own.map { run in
            let rows = (names.map(Optional.some) + [nil]).compactMap { name in metrics(run, name).map { row(name ?? "all", $0) } }
            return DataTable(
                "\(run.name): each class of anomalies against the same \(Vigil.grouped(run.all.normals)) normals",
                head: [
                    "class", "samples", "AUROC", "95 % interval", "AP", "base rate", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "FPR at 95 % TPR",
                    "best F1 (depends on the test set)",
                ], rows
            ).markup
        }
        let absent = runs[0].evaluation.absentClasses
        let note = absent.isEmpty ? [] : [Markup("p", [:], Markup("The split has no samples of \(absent.joined(separator: ", "))."))]
        let figure = chart.figure(id: "class-chart", caption: "Whiskers are 95 % intervals (\(runs[0].intervalMethod)); the dotted line is chance.")
        return Page.Section("classes", "Classes", [figure] + tables + note)
    }

    private func row(_ name: String, _ metrics: RankMetrics) -> [String] {
        let base = Double(metrics.anomalies) / Double(metrics.anomalies + metrics.normals)
        return [
            name, Vigil.grouped(metrics.anomalies), shown(metrics.auroc), shown(metrics.aurocInterval), shown(metrics.averagePrecision), shown(base),
            shown(metrics.tprAtOnePercentFPR), shown(metrics.tprAtOnePermilleFPR), shown(metrics.fprAt95PercentTPR), shown(metrics.bestF1),
        ]
    }
}
