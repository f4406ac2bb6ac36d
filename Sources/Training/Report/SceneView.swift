import Datasets
import Foundation
import Reports

/// A scene as it is, where its anomalies are, and its scores as a map: side by side, pixel by pixel.
struct SceneView {
    private let png: [UInt8], score: String, rows: Int, columns: Int, anomalies: Int

    /// Of a page's picture.
    private static let pixelLimit = 1 << 20

    /// - Returns: nil where the samples are no scene, or it is too large for a page.
    init?(of evaluator: Evaluator, scores: [Double]) throws {
        guard let scene = evaluator.split.set.manifest.scene, scene.rows * scene.columns <= Self.pixelLimit else { return nil }
        (rows, columns, score) = (scene.rows, scene.columns, evaluator.evaluation.defaultScore)
        let split = evaluator.split, mask = scores.indices.map { split.isNormal($0) ? 0.0 : 1 }
        anomalies = mask.count { $0 == 1 }
        let means = try Self.means(of: evaluator, rows: rows, columns: columns), shape = [rows, columns]
        let panels = [Overlay.Panel(Self.shares(means), shape: shape), Overlay.Panel(mask, shape: shape)]
        png = Overlay(panels, map: Overlay.Map(Self.shares(scores).map { Float($0) }, shape: shape, largest: 1)).strip.png
    }

    /// The mean over the bands of each pixel, as the detector is given them.
    private static func means(of evaluator: Evaluator, rows: Int, columns: Int) throws -> [Double] {
        let reader = SplitReader(evaluator.split), preprocessing = evaluator.model.preprocessing, bands = evaluator.model.sample.count
        var row = [Float](repeating: 0, count: columns * bands)
        return try (0 ..< rows).flatMap { number -> [Double] in
            try row.withUnsafeMutableBufferPointer { row in
                try reader.read(number * columns ..< (number + 1) * columns, through: preprocessing, into: row)
                return (0 ..< columns).map { column in row[column * bands ..< (column + 1) * bands].reduce(0.0) { $0 + Double($1) } / Double(bands) }
            }
        }
    }

    /// From the lowest number to that which a half percent are above: a few bright pixels leave the rest visible.
    private static func shares(_ values: [Double]) -> [Double] {
        let sorted = values.sorted(), low = sorted[0], high = sorted[sorted.count - 1 - sorted.count / 200]
        return values.map { high > low ? min(max(($0 - low) / (high - low), 0), 1) : 0 }
    }

    // MARK: On the page

    var markup: [Markup] {
        let words = "The scene of \(rows)×\(columns) pixels, the mean of its bands; its \(anomalies) anomalous pixels; the score \(score) as a map"
        let caption =
            "Side by side: the mean of the bands, the \(Vigil.grouped(anomalies)) anomalous pixels in white, and the score \(score), dark for the lowest, "
            + "lightest for the highest half percent. The mask was used for no score."
        let image = Markup("img", ["src": "data:image/png;base64,\(Data(png).base64EncodedString())", "alt": words])
        return [Markup("figure", ["class": "scene"], image, Markup("figcaption", [:], Markup(caption)))]
    }
}
