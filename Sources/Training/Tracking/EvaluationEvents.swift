import Foundation
import Metrics
import Reports

extension Evaluator {
    /// Adds what was found to the events of a run that keeps some, in the folder `tensorboard/evaluation`, under the checkpoint's number of
    /// steps: of the default score AUROC and average precision, the precision-recall curve, and the ROC; of images the first of each class.
    ///
    /// TensorBoard shows precision-recall curves by a plug-in that comes with it; it has none for the ROC. So that stands among its scalars,
    /// where curves of several runs lie over each other: `roc` has for a step the false alarms in a thousand normals, and for a value the
    /// largest share of anomalies detected at that. A later evaluation of the split takes its place (with TensorBoard's `--load_fast=false` both
    /// are drawn).
    ///
    /// All ranks call this together. As with the scores, the run may be another's: where events cannot be written, that is said.
    public func writeEvents() throws {
        guard recipe.run.tensorboard else { return }
        let name = evaluation.defaultScore
        let points = try CurvePoints(
            of: defaultScores, score: name, classes: sampleClasses(of: split.set), count: 200,
            perMille: Array(0 ..< 10) + stride(from: 10, through: 1000, by: 10), over: group)
        guard group.rank == 0 else { return }
        let images = try images()
        do {
            let file = try EventFile(in: run.url, part: "evaluation"), step = state.record.position.total, all = evaluation[name]!.all
            try file.scalars([("\(place)/auroc", all.auroc), ("\(place)/average_precision", all.averagePrecision)], step: step)
            try file.precisionRecall("\(place)/precision-recall", points, step: step)
            for (rate, detected) in points.byFalseAlarms {
                try file.scalars([("\(place)/roc", Double(detected) / Double(points.anomalies))], step: rate)
            }
            try file.images(images, step: step)
        } catch let failure as Failure { tell("vigil: the evaluation is not among the events: \(failure)") }
    }

    /// The split's name, after that of its set where it is not the one trained on.
    private var place: String {
        let manifest = split.set.manifest
        return (manifest.fingerprint == state.record.fingerprint ? "" : "\(manifest.name)/") + split.name
    }

    /// The first sample of each class, as the detector makes of it.
    private func images() throws -> [(name: String, canvas: Canvas)] {
        let samples = split.set.manifest.classes.enumerated().compactMap { number, sampleClass in
            split.labels.firstIndex { Int($0) == number }.map { (name: "\(place)/\(sampleClass.name)", number: $0) }
        }
        let resources = try makeResources(recipe, .alone())
        defer { resources.team.end() }
        return try TrackedPictures(of: samples, split, model, recipe, on: resources)?.images() ?? []
    }
}
