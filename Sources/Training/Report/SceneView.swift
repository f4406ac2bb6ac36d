import Datasets
import Foundation
import Reports

/// A scene in false colors, its scores as a map, and where its anomalies are, as `vigil score` paints them.
struct SceneView {
    private let picture: ScenePicture, score: String, bands: [Int], rows: Int, columns: Int, anomalies: Int
    /// Pixels of the scene to a side of a pixel of the pictures.
    private let factor: Int

    /// Of a picture on a page.
    private static let side = 512

    /// - Returns: nil where the samples are no scene.
    init?(of evaluator: Evaluator, scores: [Double]) throws {
        let split = evaluator.split
        guard let scene = split.set.manifest.scene else { return nil }
        (rows, columns, score) = (scene.rows, scene.columns, evaluator.evaluation.defaultScore)
        let bands = ScenePicture.bands(of: evaluator.model.sample.count, wavelengths: scene.wavelengths, unit: scene.wavelengthUnit)
        func image(_ rule: ReducedImage.Rule) -> ReducedImage { ReducedImage(rows: scene.rows, columns: scene.columns, within: Self.side, rule) }
        var composite = bands.map { _ in image(.mean) }, map = image(.largest), mask = image(.largest)
        let reader = SplitReader(split), preprocessing = evaluator.model.preprocessing, count = evaluator.model.sample.count
        var values = [Float](repeating: 0, count: scene.columns * count)
        for row in 0 ..< scene.rows {
            let pixels = row * scene.columns ..< (row + 1) * scene.columns, rows = row ..< row + 1
            try values.withUnsafeMutableBufferPointer { try reader.read(pixels, through: preprocessing, into: $0) }
            for (channel, band) in bands.enumerated() {
                composite[channel].add(stride(from: band, to: values.count, by: count).map { values[$0] }, rows: rows)
            }
            map.add(scores[pixels].map { Float($0) }, rows: rows)
            mask.add(pixels.map { split.isNormal($0) ? 0 : 1 }, rows: rows)
        }
        self.bands = bands
        anomalies = scores.indices.count { !split.isNormal($0) }
        factor = map.factor
        picture = ScenePicture(composite: composite, map: map, mask: mask.values.map { $0 > 0 }, alarms: nil)
    }

    // MARK: On the page

    var markup: [Markup] {
        let reduction = factor == 1 ? "" : ", \(factor) pixels to one"
        let shown =
            "bands \(bands.map(String.init).joined(separator: ", ")) as red, green and blue, each from its 2 % to its 98 % quantile\(reduction)."
        let highest = factor == 1 ? "" : "; of \(factor)×\(factor) pixels the highest is shown"
        let masked = " white. The mask was used for no score."
        var figures = [
            figure(
                Overlay([picture.composite], map: nil), "The scene of \(rows)×\(columns) pixels in false colors",
                Markup([Markup("strong", [:], "The scene"), Markup(" in false colors: \(shown)")])),
            figure(
                Overlay([], map: picture.map), "Map of the score \(score)",
                Markup([
                    Markup("strong", [:], Markup("Score \(score)")), Markup(": 0 "), ColorScale.bar,
                    Markup(" \(Vigil.short(picture.map.largest)), which a half percent of the pixels lie above\(highest)."),
                ])),
        ]
        if let mask = picture.mask {
            figures.append(
                figure(
                    Overlay([mask], map: nil), "The \(anomalies) anomalous pixels in white",
                    Markup([Markup("strong", [:], "Anomalies"), Markup(": \(Vigil.grouped(anomalies)) pixels,\(masked)")])))
        }
        return [Markup("div", ["class": "scene"], figures)]
    }

    private func figure(_ overlay: Overlay, _ words: String, _ caption: Markup) -> Markup {
        let image = Markup(
            "img",
            [
                // what is enlarged shows its pixels; what a narrow screen makes smaller must lose none
                "class": max(rows, columns) < Self.side / 2 ? "pixels" : "",
                "src": "data:image/png;base64,\(Data(overlay.strip.png).base64EncodedString())",
                "alt": words,
            ])
        return Markup("figure", [:], image, Markup("figcaption", [:], caption))
    }
}
