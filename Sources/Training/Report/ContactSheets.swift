import Datasets
import Foundation
import Reports

/// Pictures of the samples that tell most of a detector: the highest and lowest scores, and its worst mistakes.
struct ContactSheets {
    struct Sheet {
        let title: String, meaning: String
        let samples: [Sample]
    }
    struct Sample {
        let name: String, className: String, score: Double
        let png: [UInt8]
    }

    let sheets: [Sheet]
    /// What stands side by side in each picture.
    let panels: [String]
    /// What the lightest color of maps stands for; nil where there are none.
    let largest: Double?

    /// Of all pictures together, before compression.
    private static let allPixels = 1 << 22, most = 8

    init(of evaluator: Evaluator, scores: [Double], by scorer: Scorer) throws {
        let split = evaluator.split, shape = evaluator.model.preprocessing.shape
        let count = max(1, min(Self.most, Self.allPixels / (4 * 3 * shape[0] * shape[1])))
        let falling = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        let normals = falling.filter(split.isNormal), anomalies = falling.filter { !split.isNormal($0) }
        let chosen: [(String, String, [Int])] = [
            ("Most anomalous", "the highest scores of all", Array(falling.prefix(count))),
            ("Least anomalous", "the lowest scores of all", falling.suffix(count).reversed()),
            ("Worst false alarms", "the normals with the highest scores", Array(normals.prefix(count))),
            ("Worst misses", "the anomalies with the lowest scores", anomalies.suffix(count).reversed()),
        ]
        let pictures = try SamplePictures(of: Set(chosen.flatMap(\.2)).sorted(), split, evaluator.model, by: scorer)
        (panels, largest) = (pictures.panels, pictures.largest)
        sheets = chosen.map { title, meaning, samples in
            Sheet(
                title: title, meaning: meaning,
                samples: samples.compactMap { sample in
                    guard let picture = pictures.strip(of: sample) else { return nil }
                    let className = split.set.manifest.classes[Int(split.labels[sample])].name
                    return Sample(name: "\(split.name)/\(sample)", className: className, score: scores[sample], png: picture.png)
                })
        }
    }

    // MARK: On the page

    func markup(id: String) -> [Markup] {
        let scale = largest.map { largest in
            Markup("p", ["class": "quiet"], "Map: 0 ", ColorScale.bar, Markup(" \(Vigil.short(largest)), the same for all pictures of this run."))
        }
        let order = Markup("p", [:], Markup("Side by side: \(panels.joined(separator: ", ")). Class and score stand below."))
        return [order] + (scale.map { [$0] } ?? [])
            + sheets.enumerated().flatMap { number, sheet in
                [
                    Markup("h3", ["id": "\(id)-\(number)"], Markup("\(sheet.title): \(sheet.meaning)")),
                    Markup("div", ["class": "sheet"], sheet.samples.map(picture)),
                ]
            }
    }

    private func picture(_ sample: Sample) -> Markup {
        let words = "Sample \(sample.name), \(sample.className), score \(Vigil.short(sample.score)): \(panels.joined(separator: ", "))"
        let image = Markup("img", ["src": "data:image/png;base64,\(Data(sample.png).base64EncodedString())", "alt": words])
        return Markup("figure", [:], image, Markup("figcaption", [:], Markup("\(sample.className), \(Vigil.short(sample.score)) (\(sample.name))")))
    }
}
