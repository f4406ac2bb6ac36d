import Datasets
import Foundation
import Reports

/// Pictures of some samples of a split: input, reconstructions and map side by side, all maps on one scale.
struct SamplePictures {
    /// What stands side by side in each picture.
    let panels: [String]
    /// What the lightest color of maps stands for; nil where there are none.
    let largest: Double?
    private let overlays: [Int: Overlay]

    /// Why a set has none; nil where it has.
    static func absence(of split: Split, shape: [Int]) -> String? {
        if split.set.manifest.scene != nil { return "The samples are pixels of a scene, so there are no pictures of single ones." }
        if shape.count != 3 { return "The samples are rows of a table, so there are no pictures of them." }
        return shape[0] * shape[1] > pixelLimit ? "The samples have \(shape[0])×\(shape[1]) pixels, too many to show in a page." : nil
    }

    /// Of one picture.
    private static let pixelLimit = 1 << 20

    /// - Parameter scorer: of `model`, one that shows.
    init(of samples: [Int], _ split: Split, _ model: Model, by scorer: Scorer) throws {
        let reader = SplitReader(split), preprocessing = model.preprocessing, range = split.set.manifest.valueRange
        let inputs = try samples.map { preprocessing.values(of: try reader.values($0 ..< $0 + 1)) }
        let shown = scorer.scoring.reconstructions.enumerated().filter { $1.node.form.shape.extents == preprocessing.shape }
        let map = scorer.scoring.maps.first
        panels = ["input"] + shown.map(\.element.name) + (map.map { ["map \($0.name)"] } ?? [])
        var found: [(sample: Int, pictures: [[Float]], map: [Float])] = []
        for (place, outcome) in try scorer.outcomes(of: inputs, numbers: samples, withScores: false).enumerated() {
            let pictures = [inputs[place]] + shown.map { outcome.reconstructions[$0.offset] }, pixels = outcome.maps.first ?? []
            guard (pictures + [pixels]).allSatisfy({ $0.allSatisfy(\.isFinite) }) else { continue }
            found.append((samples[place], pictures, pixels))
        }
        let largest = found.flatMap(\.map).max().map(Double.init)
        self.largest = largest
        let overlays = found.map { sample, pictures, pixels in
            let panels = pictures.map { Overlay.Panel(preprocessing.shares(of: $0, in: range), shape: preprocessing.shape) }
            return (sample, Overlay(panels, map: map.map { Overlay.Map(pixels, shape: $0.node.form.shape.extents, largest: largest ?? 0) }))
        }
        self.overlays = Dictionary(uniqueKeysWithValues: overlays)
    }

    /// Without enlargement; nil where the detector makes something of the sample that is not finite.
    func strip(of sample: Int) -> Canvas? { overlays[sample]?.strip }
}
