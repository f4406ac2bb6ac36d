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

    /// Why a set has none; nil where it has.
    static func absence(for evaluator: Evaluator) -> String? {
        let shape = evaluator.model.preprocessing.shape
        if evaluator.isScene { return "The samples are pixels of a scene, so there are no pictures of single ones." }
        if shape.count != 3 { return "The samples are rows of a table, so there are no pictures of them." }
        return shape[0] * shape[1] > pixelLimit ? "The samples have \(shape[0])×\(shape[1]) pixels, too many to show in a page." : nil
    }

    /// Of one picture, and of all together, before compression.
    private static let pixelLimit = 1 << 20, allPixels = 1 << 22, most = 8

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
        let pictures = try Pictures(of: Set(chosen.flatMap(\.2)).sorted(), evaluator, scorer)
        (panels, largest) = (pictures.panels, pictures.largest)
        sheets = chosen.map { title, meaning, samples in
            Sheet(
                title: title, meaning: meaning,
                samples: samples.map { sample in
                    let className = split.set.manifest.classes[Int(split.labels[sample])].name
                    return Sample(name: "\(split.name)/\(sample)", className: className, score: scores[sample], png: pictures.png(of: sample))
                })
        }
    }

    /// Input, reconstructions and map side by side, all maps on one scale.
    private struct Pictures {
        let panels: [String], largest: Double?
        private let inputs: [Int: [Float]], outcomes: [Int: Scorer.Outcome]
        private let evaluator: Evaluator, scorer: Scorer, shown: [Int]

        init(of samples: [Int], _ evaluator: Evaluator, _ scorer: Scorer) throws {
            (self.evaluator, self.scorer) = (evaluator, scorer)
            let reader = SplitReader(evaluator.split), preprocessing = evaluator.model.preprocessing, scoring = scorer.scoring
            let values = try samples.map { preprocessing.values(of: try reader.values($0 ..< $0 + 1)) }
            let made = try scorer.outcomes(of: values, numbers: samples)
            inputs = Dictionary(uniqueKeysWithValues: zip(samples, values))
            outcomes = Dictionary(uniqueKeysWithValues: zip(samples, made))
            let shown = scoring.reconstructions.indices.filter { scoring.reconstructions[$0].node.form.shape.extents == preprocessing.shape }
            self.shown = shown
            let map = scoring.maps.first
            panels = ["input"] + shown.map { scoring.reconstructions[$0].name } + (map.map { ["map \($0.name)"] } ?? [])
            largest = map == nil ? nil : made.flatMap { $0.maps[0] }.max().map(Double.init)
        }

        func png(of sample: Int) -> [UInt8] {
            let preprocessing = evaluator.model.preprocessing, outcome = outcomes[sample]!, range = evaluator.split.set.manifest.valueRange
            let pictures = [inputs[sample]!] + shown.map { outcome.reconstructions[$0] }
            let panels = pictures.map { Overlay.Panel(preprocessing.shares(of: $0, in: range), shape: preprocessing.shape) }
            let map = largest.map { Overlay.Map(outcome.maps[0], shape: scorer.scoring.maps[0].node.form.shape.extents, largest: $0) }
            return Overlay(panels, map: map).strip.png
        }
    }

    // MARK: On the page

    func markup(id: String) -> [Markup] {
        let scale = largest.map { largest in
            let colors = stride(from: 0, to: 256, by: 15).map { place in
                let color = ColorScale.colors[place]
                return "rgb(\(color.red),\(color.green),\(color.blue))"
            }
            let bar = Markup(
                "span",
                [
                    "class": "scale", "role": "img", "aria-label": "scale of colors, dark to light",
                    "style": "background: linear-gradient(to right, \(colors.joined(separator: ",")))",
                ])
            return Markup("p", ["class": "quiet"], "Map: 0 ", bar, Markup(" \(Vigil.short(largest)), the same for all pictures of this run."))
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
