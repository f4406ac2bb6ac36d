import Metrics
import Reports

/// The curves of a configuration as they are drawn: those of its run, or the mean over its seeds, whose single curves would hide each other.
struct ConfigurationCurves {
    let name: String
    let roc: Chart.Series, precision: Chart.Series
    let hasBand: Bool, hasSpread: Bool

    /// - Parameters:
    ///   - members: runs that differ in their seeds, and scored the same samples.
    ///   - look: by which the first of them is known in other charts.
    ///   - isAlone: whether there is nothing to tell it from but its own classes.
    init(of members: [ReportedRun], look: Int, isAlone: Bool) {
        let first = members[0], name = members.count > 1 ? "mean of \(seriesName(members))" : isAlone ? "all" : first.name
        self.init(name, members, on: Array(first.areAnomalies.indices), look: look)
    }

    /// Of one class of anomalies against all normals.
    init(ofClass name: String, in run: ReportedRun) { self.init(name, [run], on: run.samples(ofClass: name), look: nil) }

    private init(_ name: String, _ members: [ReportedRun], on samples: [Int], look: Int?) {
        let first = members[0], groups = first.evaluator.split.groups.map { groups in samples.map { Int(groups[$0]) } }
        let areAnomalies = samples.map { first.areAnomalies[$0] }, scores = members.map { run in samples.map { run.gathered.scores[$0] } }
        let mean = MeanCurves(scores: scores, areAnomalies: areAnomalies, groups: groups)
        self.name = name
        (hasBand, hasSpread) = (mean.roc.intervals != nil, mean.roc.deviations != nil)
        let single = members.count > 1 ? nil : Curves(scores: scores[0], areAnomalies: areAnomalies)
        let rocLine = single?.rocLine ?? [(0, 0)] + zip(mean.roc.places, mean.roc.means)
        let corners = single?.drawn.map { ($0.detectionRate, $0.precision) } ?? Array(zip(mean.precision.places, mean.precision.means))
        roc = Chart.Series(name, rocLine, band: mean.roc.band, spread: mean.roc.spread, look: look)
        precision = Chart.Series(name, Curves.stairs(corners), band: mean.precision.band, spread: mean.precision.spread, look: look)
    }
}

/// "a and b", "a … e": runs of one configuration.
func seriesName(_ members: [ReportedRun]) -> String {
    let names = members.map(\.name)
    return names.count < 3 ? names.joined(separator: " and ") : "\(names[0]) … \(names[names.count - 1])"
}

extension Curves {
    /// From no alarms to all.
    fileprivate var rocLine: [(x: Double, y: Double)] { [(0, 0)] + drawn.map { ($0.falseAlarmRate, $0.detectionRate) } }
}

extension MeanCurves.Curve {
    fileprivate var band: Chart.Series.Band {
        intervals.map { zip(places, $0).map { (x: $0, low: $1.lowerBound, high: $1.upperBound) } } ?? []
    }

    fileprivate var spread: Chart.Series.Band {
        deviations.map { deviations in places.indices.map { (places[$0], means[$0] - deviations[$0], means[$0] + deviations[$0]) } } ?? []
    }
}
