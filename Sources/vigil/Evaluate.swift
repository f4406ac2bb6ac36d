import ArgumentParser
import Foundation
import Metrics
import Ranks
import Training

struct EvaluateCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures how well runs tell anomalies from normals.",
        discussion: """
            Several runs stand side by side, each by its default score; an asterisk marks the best of a row. Thresholds come from the normals \
            that a run held out of training and from min-max normalized scores; intervals are DeLong's, or of a bootstrap over groups where the \
            set has groups.
            """)
    @Argument(help: "Folders of runs.", completion: .directory) var runs: [String]
    @Option(help: "Another set than the one trained on.", completion: .directory) var data: String?
    @Option(help: "Split to score.") var split = "test"
    @Option(help: "Share of the samples that are to raise an alarm at one more threshold, as 0.2: benchmarks of tables give that of anomalies.")
    var top: Double?
    @Option(help: "Threads a rank; those of the recipe unless given.") var threads: Int?
    @Option(help: "When to have stopped, with code 75 and the scores so far kept: minutes from now, a time of day, or a date.") var until: String?
    @Flag(help: "JSON instead of a table; of several runs an object by folder.") var json = false

    func run(on group: RankGroup) throws -> Int32 {
        let stopping = try Stopping(until: until.map(Self.parse))
        if let top, !(top > 0 && top < 1) { throw Failure(.usage, "--top is \(top); it must be a share above 0 and below 1, as 0.2") }
        let evaluators: [Evaluator]
        do {
            evaluators = try runs.map {
                try Evaluator(RunFolder($0, group), data: data, split: split, top: top, threads: threads, until: stopping, group: group)
            }
        } catch let stopped as Stopped {
            if group.rank == 0 { tell("\(stopped)") }
            return 75
        }
        for evaluator in evaluators { try evaluator.writeEvents() }
        for (run, other) in zip(runs, evaluators).dropFirst() { try other.compare(with: evaluators[0], named: (runs[0], run)) }
        guard group.rank == 0 else { return 0 }
        if json { try printJSON(evaluators) } else { printTables(evaluators) }
        return 0
    }

    static func parse(_ text: String) throws -> Until {
        guard let until = Until(setting: text) else { throw Failure(.usage, "--until is \"\(text)\"; it must be \(Until.kind)") }
        return until
    }

    private func printJSON(_ evaluators: [Evaluator]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let data =
            runs.count == 1
            ? try encoder.encode(evaluators[0])
            : try encoder.encode(Dictionary(zip(runs, evaluators), uniquingKeysWith: { first, _ in first }))
        print(String(decoding: data, as: UTF8.self))
    }

    private func printTables(_ evaluators: [Evaluator]) {
        let first = evaluators[0], counts = first.classes.filter { $0.count > 0 }.map { "\($0.count) \($0.name)\($0.isNormal ? " (normal)" : "")" }
        print("\(first.samples) samples of split \(split): \(counts.joined(separator: ", "))\n")
        // of one run all its scores, of several the default of each
        let columns =
            evaluators.count == 1
            ? first.evaluation.scores.map { (name: "\(first.recipe.fields.detector) \($0.name)", metrics: $0.metrics) }
            : evaluators.map { (name: $0.recipe.fields.detector, metrics: $0.evaluation[$0.evaluation.defaultScore]!) }
        for metric in [MetricTable.Metric.auroc, .partialAUROC, .averagePrecision, .bestF1, .tprAtOnePercentFPR, .fprAt95PercentTPR] {
            print("\(MetricTable(metric, columns: columns))\n")
        }
        print("\(ThresholdTable(columns: columns))\n")
        for (run, evaluator) in zip(runs, evaluators) {
            if let reason = evaluator.heldOutAbsence { print("\(run): no threshold from held-out normals: \(reason)\n") }
        }
        if let groups = columns[0].metrics.groups { print("\(columns[0].name):\n\(GroupTable(groups))\n") }
        for (name, metrics) in columns {
            let method = metrics.groups.map { "bootstrap over \($0.count) groups" } ?? "DeLong"
            let interval = metrics.all.aurocInterval.map {
                String(format: " (95 %% interval %.4f to %.4f by ", $0.lowerBound, $0.upperBound) + "\(method))"
            }
            print(String(format: "%@: AUROC %.4f%@", name, metrics.all.auroc, interval ?? ""))
            if first.isScene {
                let (areas, detected) = (metrics.areas, metrics.all.tprAtOnePermilleFPR)
                print(
                    String(
                        format: "%@: AUC(Pd, τ) %.4f, AUC(Pf, τ) %.4f, Pd %.4f at Pf 1e-3", name, areas.detection, areas.falseAlarms, detected))
            }
        }
        for test in evaluators.count == 1 ? first.evaluation.paired : [] { print(text(of: test)) }
        for (run, evaluator) in zip(runs, evaluators).dropFirst() {
            print(evaluator.againstFirst.map(text) ?? "\(run) is not tested against \(runs[0]), which was evaluated on other samples")
        }
        for line in defeats(columns) { print(line) }
        print("best F1 \(top == nil ? "is at a threshold" : "and the top share are at thresholds") chosen on this split; * is the best of its row")
    }

    private func text(of test: PairedTest) -> String {
        let interval = test.interval.map { String(format: " (95 %% interval %.4f to %.4f)", $0.lowerBound, $0.upperBound) } ?? ""
        let pValue = test.pValue.map { String(format: ", p = %.2g", $0) } ?? ""
        return String(format: "AUROC of %@ minus that of %@: %.4f", test.first, test.second, test.difference) + interval + pValue
    }

    /// Says where a later run has the better AUROC than the first: what a baseline beside a detector is for.
    private func defeats(_ columns: [(name: String, metrics: ScoreMetrics)]) -> [String] {
        guard runs.count > 1 else { return [] }
        let first = columns[0]
        return columns.dropFirst().compactMap { other in
            let classes = first.metrics.classes.filter { row in
                other.metrics.classes.contains { $0.name == row.name && $0.metrics.auroc > row.metrics.auroc }
            }
            let whole = other.metrics.all.auroc > first.metrics.all.auroc ? ["all together"] : []
            let places = classes.map(\.name) + whole
            return places.isEmpty ? nil : "\(other.name) has a higher AUROC than \(first.name) for \(places.joined(separator: ", "))"
        }
    }
}
