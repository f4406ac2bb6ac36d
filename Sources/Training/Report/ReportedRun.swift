import Datasets
import Foundation
import Metrics

/// A run as a report shows it: how it was trained, how it scores, and some of its samples.
struct ReportedRun {
    let path: String, name: String
    /// Whether it was not asked for, but lies beside the runs and is a baseline of them.
    let isFound: Bool
    let evaluator: Evaluator, history: RunHistory
    let gathered: Evaluator.Gathered
    let sheets: ContactSheets?, latents: LatentView?, scene: SceneView?
    let drawing: DetectorDrawing?

    var recipe: Recipe { evaluator.recipe }
    var evaluation: Evaluation { evaluator.evaluation }
    var metrics: ScoreMetrics { evaluation[evaluation.defaultScore]! }
    var all: RankMetrics { metrics.all }
    var manifest: Manifest { evaluator.split.set.manifest }
    var baseRate: Double { Double(all.anomalies) / Double(all.anomalies + all.normals) }
    /// The class of each sample, and whether it is an anomaly.
    var labels: [Int] { evaluator.split.labels.map(Int.init) }
    var areAnomalies: [Bool] { (0 ..< evaluator.samples).map { !evaluator.split.isNormal($0) } }
    var intervalMethod: String { evaluation.groupCount.map { "bootstrap over \($0) groups" } ?? "DeLong" }

    /// What makes runs of one configuration: everything that defines the model but the seed, and the data trained and tested on.
    var configuration: String {
        let keys = recipe.model.filter { $0.name != "seed" }.map { "\($0.name)=\($0.value)" }
        return (keys + [evaluator.state.record.fingerprint, manifest.fingerprint]).joined(separator: "\n")
    }

    /// Whether it is tested on other data than it was trained on.
    var isElsewhere: Bool { evaluator.state.record.fingerprint != manifest.fingerprint }

    var isBaseline: Bool { Report.baselines.contains(recipe.fields.detector) }
    var title: String { recipe.fields.detector + (recipe.fields.variant.map { " (\($0))" } ?? "") }

    /// "356 steps of 64 samples".
    var budget: String {
        let steps = evaluator.state.record.position.total
        return history.losses.isEmpty
            ? "\(steps) pass\(steps == 1 ? "" : "es") over the data" : "\(Vigil.grouped(steps)) steps of \(recipe.fields.minibatch) samples"
    }

    /// The classes that have samples, normal ones first.
    var shownClasses: [(number: Int, name: String)] {
        let present = evaluator.classes.enumerated().filter { $0.element.count > 0 }
        return (present.filter(\.element.isNormal) + present.filter { !$0.element.isNormal }).map {
            ($0.offset, $0.element.name + ($0.element.isNormal ? " (normal)" : ""))
        }
    }

    /// All normals and the anomalies of one class.
    func samples(ofClass name: String) -> [Int] {
        let number = evaluator.classes.firstIndex { $0.name == name }!, labels = labels
        return labels.indices.filter { evaluator.split.isNormal($0) || labels[$0] == number }
    }

    /// The scores of a class's samples.
    func scores(ofClass number: Int) -> [Double] { zip(labels, gathered.scores).filter { $0.0 == number }.map(\.1) }

    /// What one threshold makes of the evaluated samples.
    func alarms(at threshold: Double) -> (detected: Int, falseAlarms: Int) {
        zip(gathered.scores, areAnomalies).reduce(into: (0, 0)) { counts, sample in
            guard sample.0 >= threshold else { return }
            if sample.1 { counts.0 += 1 } else { counts.1 += 1 }
        }
    }

    /// In a line: what it was trained and tested on.
    var protocolLine: String {
        let trained = history.number("training_samples").map { "\(Vigil.grouped($0)) normals" } ?? "normals"
        let held = (history.number("held_out") ?? 0) > 0 ? ", \(Vigil.grouped(history.number("held_out")!)) more held out for thresholds" : ""
        let anomalies = evaluator.classes.filter { $0.count > 0 && !$0.isNormal }.map { "\(Vigil.grouped($0.count)) \($0.name)" }
        // of another set only its place is known: it need not be there any more
        let set = isElsewhere ? recipe.fields.data : manifest.name, other = isElsewhere ? "another set, \(manifest.name), " : ""
        let source = evaluator.isScene ? "the whole scene \(set), its anomalies among the rest" : "\(trained) of \(set)\(held)"
        return "Trained on \(source); tested on \(other)split \(evaluator.split.name): "
            + "\(Vigil.grouped(all.normals)) normals against \(Vigil.grouped(all.anomalies)) anomalies (\(anomalies.joined(separator: ", ")))."
    }
}

/// Mean and spread of a figure over the seeds of a configuration.
struct SeedSpread {
    let values: [Double]
    var mean: Double { values.reduce(0, +) / Double(values.count) }
    /// The standard deviation (n − 1); nil of one seed.
    var deviation: Double? {
        guard values.count > 1 else { return nil }
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }
    var text: String { shown(mean) + (deviation.map { " ± \(shown($0))" } ?? "") }
}

/// Four decimals.
func shown(_ value: Double) -> String { String(format: "%.4f", value) }
/// "0.6021 to 0.6411".
func shown(_ interval: ClosedRange<Double>?) -> String { interval.map { "\(shown($0.lowerBound)) to \(shown($0.upperBound))" } ?? "unknown" }
func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
