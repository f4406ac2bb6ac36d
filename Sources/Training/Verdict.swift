import Foundation
import Metrics

/// Which samples raise an alarm: by the rule asked for, or the 0.95 quantile of held-out normals, or none at all where nothing was asked for
/// and there are no held-out normals.
struct Verdict {
    let calibration: Calibration?
    /// nil where there is none; `statement` says why.
    let threshold: Double?
    /// What the threshold is, how it came about, and what rate of false alarms it stands for.
    let statement: String
    let rule: ThresholdRule?
    /// What the labels say of it, where the samples have some.
    let figures: String?
    let alarms: Int

    init(on scores: [Double], for job: NewScores) throws {
        let name = job.verdictScore.name, calibration = job.heldOut.columns[name].map(Calibration.init)
        let labeled = job.input.areAnomalies.map { zip(scores, $0).map { (score: $0, isAnomaly: $1) } }
        self.calibration = calibration
        guard let rule = job.request.rule ?? (calibration == nil ? nil : .quantile(rate: 0.05)) else {
            (threshold, rule, figures, alarms) = (nil, nil, nil, 0)
            statement = "no threshold: \(job.heldOut.absence ?? "there are no held-out normals"); give one with --threshold"
            return
        }
        let threshold = try rule.threshold(calibration, labeled), raised = scores.count { $0 >= threshold }
        (self.threshold, self.rule, alarms) = (threshold, rule, raised)
        let rate = calibration.map { Self.rate(of: threshold, $0) } ?? "the false-alarm rate is not known, as there are no held-out normals"
        let warning = rule.dependsOnLabels ? "; it was chosen on the labels of these very samples, so what they say of it is too good" : ""
        statement = "threshold \(threshold) of \(name), \(rule.meaning): \(rate)\(warning)"
        figures = labeled.map { labeled in
            let detected = labeled.count { $0.isAnomaly && $0.score >= threshold }, anomalies = labeled.count(where: \.isAnomaly)
            return "\(detected) of \(anomalies) anomalies detected, \(raised - detected) of \(labeled.count - anomalies) normals raise a false alarm"
        }
    }

    private static func rate(of threshold: Double, _ calibration: Calibration) -> String {
        String(
            format: "%d of %d held-out normals raise a false alarm, so the rate is at most %.2g with 95 %% confidence",
            calibration.alarms(at: threshold), calibration.normals.count, calibration.highestRate(at: threshold))
    }

    func word(for score: Double) -> String { threshold.map { score >= $0 ? "anomaly" : "normal" } ?? "" }
}

extension ThresholdRule {
    /// How it is chosen, in words.
    var meaning: String {
        switch self {
        case .quantile(let rate): "the \(Vigil.short(1 - rate)) quantile of held-out normals, for a false-alarm rate of \(Vigil.short(rate))"
        case .tail(let rate): "by a generalized Pareto tail of held-out normals, for a false-alarm rate of \(Vigil.short(rate))"
        case .bestF1: "where F1 is best"
        case .cost(let miss): "where the cost is least, a missed anomaly counting as \(Vigil.short(miss)) false alarms"
        case .given: "as given"
        }
    }
}

extension NewScores {
    /// `scores.csv`: a row for each sample, numbers as they read back to the same bits.
    func table(_ rows: [[Double]], _ verdict: Verdict) -> String {
        let place = verdictScore.place
        var lines = [
            ["name"] + (input.classes == nil ? [] : ["class"]) + scorer.scoring.scores.map(\.name) + ["false_alarm_probability", "verdict"]
        ]
        for (sample, row) in rows.enumerated() {
            let probability = verdict.calibration.map { "\($0.falseAlarmProbability(of: row[place]))" } ?? ""
            lines.append(
                [input.names[sample]] + (input.classes.map { [$0[sample]] } ?? []) + row.map { "\($0)" } + [
                    probability, verdict.word(for: row[place]),
                ])
        }
        return lines.map { $0.map(Self.field).joined(separator: ",") + "\n" }.joined()
    }

    /// A field of RFC 4180.
    private static func field(_ text: String) -> String {
        text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
    }

    /// `summary.json`: what was scored by what, and the threshold with all that is to be said of it.
    func summary(_ rows: [[Double]], _ verdict: Verdict) throws -> Data {
        var object: [String: Any] = [
            "version": Vigil.version, "checkpoint": checkpoint, "state_sha256": stateSHA256, "samples": rows.count, "score": verdictScore.name,
            "threshold_statement": verdict.statement, "threshold_depends_on_test_labels": verdict.rule?.dependsOnLabels ?? false,
        ]
        if let threshold = verdict.threshold { (object["threshold"], object["alarms"]) = (threshold, verdict.alarms) }
        if let calibration = verdict.calibration {
            object["held_out_normals"] = calibration.normals.count
            object["held_out_alarms"] = verdict.threshold.map { calibration.alarms(at: $0) }
            object["highest_false_alarm_rate"] = verdict.threshold.map { calibration.highestRate(at: $0) }
        }
        return try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }

    /// What is said when all is done.
    func text(of verdict: Verdict, _ painted: Int, _ path: String) -> String {
        let count = input.names.count
        var lines = ["\(count) sample\(count == 1 ? "" : "s") of \(input.description), scored by \(checkpoint)", verdict.statement]
        if verdict.threshold != nil { lines.append("\(verdict.alarms) of \(count) raise an alarm" + (verdict.figures.map { ": \($0)" } ?? "")) }
        lines.append("\(path) has scores.csv, scores.h5 and summary.json" + (painted == 0 ? "" : ", in overlays the \(painted) highest scores"))
        return lines.joined(separator: "\n")
    }
}
