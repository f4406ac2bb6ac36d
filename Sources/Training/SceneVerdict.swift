import Datasets
import Foundation
import Metrics

/// Which pixels of a scene raise an alarm: by the rule asked for, or where none was the 0.99 quantile of the scene's own pixels.
///
/// A scene is trained on as a whole, so there are no held-out normals, and no threshold stands for a rate of false alarms that was measured
/// without the mask.
struct SceneVerdict {
    /// Share of pixels that raise an alarm where nothing was asked for.
    static let share = 0.01

    let rule: ThresholdRule, threshold: Double
    /// What the threshold is, how it came about, and what it stands for.
    let statement: String
    /// Pixels that raise an alarm.
    let alarms: Int

    /// - Parameters:
    ///   - number: of the score.
    ///   - curve: where there is a mask.
    init(on maps: ENVIMaps, score number: Int, _ rule: ThresholdRule?, _ curve: ROC?) throws {
        let rule = rule ?? .quantile(rate: Self.share), pixels = maps.rows * maps.columns
        self.rule = rule
        switch rule {
        case .given(let value): threshold = value
        case .quantile(let rate):
            let wanted = max(1, Int(((1 - rate) * Double(pixels) - 1e-9).rounded(.up)))
            let found = try orderStatistic(wanted) { take in try maps.forEachPiece(of: number) { _, values in take(values) } }
            threshold = Double(found).nextUp
        case .bestF1, .cost, .tail:
            guard let curve, let found = rule.threshold(on: curve) else {
                throw Failure(.usage, "a threshold by labels takes a mask with anomalies and normals; ask for a quantile, or give a number")
            }
            threshold = found
        }
        var alarms = 0
        let threshold = threshold
        try maps.forEachPiece(of: number) { _, values in alarms += values.count { Double($0) >= threshold } }
        self.alarms = alarms
        statement = "threshold \(threshold) of \(maps.names[number]), \(Self.meaning(of: rule))"
    }

    private static func meaning(of rule: ThresholdRule) -> String {
        switch rule {
        case .quantile(let rate):
            "the \(Vigil.short(1 - rate)) quantile of this scene's own pixels: it stands for a share of alarms of \(Vigil.short(rate)), whatever "
                + "they are, and for no rate of false alarms, since a scene has no held-out normals"
        case .bestF1, .cost:
            "\(rule.meaning): it was chosen on the mask of this very scene, so what that says of it is too good"
        case .given, .tail: "\(rule.meaning): the false-alarm rate is not known, since a scene has no held-out normals"
        }
    }
}
