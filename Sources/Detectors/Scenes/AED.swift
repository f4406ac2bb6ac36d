import Graphs
import LinearAlgebra
import Scenes

/// Attribute and edge-preserving filters (Kang et al., IEEE TGRS 55(10), 2017): small bright and dark parts of the scene's principal
/// components.
///
/// | the paper | here |
/// |---|---|
/// | three principal components, each in 0 ... 1000 | `components`, `levels` |
/// | φ_λ − γ_λ, area closing less area opening | `difference` |
/// | regions above Otsu's threshold of at most H·W / 100 pixels | `detected` |
/// | domain transform recursive filter, guided by the components | `domainFiltered` |
///
/// The release chooses λ and σ_r for each scene; here one setting is for all.
public struct AED: SceneDetector {
    public static let name = "aed"
    public static let summary = "AED: attribute and edge-preserving filters of the principal components, Kang et al. 2017"
    public static let shapes = "pixels of a scene, of 3 to 4096 bands"

    public struct Settings: DetectorSettings {
        @Setting("λ, pixels: smaller parts are taken for anomalies", in: 1 ... 1_000_000, source: "Kang et al. 2017 (5 to 64, by scene)")
        public var area = 25
        @Setting("σ_s of the edge-preserving filter, pixels", in: 0.1 ... 1000, source: "the released program")
        public var spatial = 5.0
        @Setting("σ_r of the edge-preserving filter, for components scaled to [0, 1]", in: 1e-6 ... 1000, source: "the released program")
        public var range = 0.5
        public init() {}
    }

    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard try bandCount(of: sample, most: 4096) >= 3 else {
            throw FormError("samples of \(sample) have fewer than 3 bands; AED takes 3 components")
        }
        self.settings = settings
    }

    public var stages: [Stage] { [] }

    public func score(_ scene: Scene) throws {
        let (mean, covariance) = try scene.moments(of: scene.pixels), directions = try principalDirections(of: covariance, count: 3)
        let components = scene.kept(
            scene.map(scene.pixels, channels: 3) { block in
                Matrix.timesTransposed(block.matrix().subtractingFromRows(mean), directions).values.map { Float($0) }
            })
        // closing and opening are exact by blocks, but what follows is of the whole scene
        var difference: [GrayImage] = []
        let filtered = try scene.whole(components) { block in
            let images = (0 ..< 3).map { block.image(channel: $0).normalized }
            difference = images.map { image in
                let levels = GrayImage(rows: image.rows, columns: image.columns, image.values.map { ($0 * 1000).rounded(.toNearestOrEven) })
                return levels.areaClosed(settings.area) - levels.areaOpened(settings.area)
            }
            difference = jointlyNormalized(difference)
            let detected = difference.map { image in
                let dilated = image.dilatedBySquare
                let kept = dilated.regions(above: dilated.otsuThreshold, ofAtMost: max(1, image.values.count / 100))
                return GrayImage(rows: image.rows, columns: image.columns, zip(image.values, kept).map { $1 ? $0 : 0 })
            }
            return total(detected).normalized.domainFiltered(by: images, spatial: settings.spatial, range: settings.range).values.map { Float($0) }
        }
        let sum = total(difference)
        scene.score("aed", filtered)
        scene.score(
            "difference",
            SceneMap(channels: 1) { rows in
                sum.values[rows.lowerBound * scene.columns ..< rows.upperBound * scene.columns].map { Float($0) }
            })
    }

    private func jointlyNormalized(_ images: [GrayImage]) -> [GrayImage] {
        let low = images.compactMap { $0.values.min() }.min() ?? 0, high = images.compactMap { $0.values.max() }.max() ?? 0
        let scale = high > low ? 1 / (high - low) : 0
        return images.map { GrayImage(rows: $0.rows, columns: $0.columns, $0.values.map { ($0 - low) * scale }) }
    }

    private func total(_ images: [GrayImage]) -> GrayImage {
        images.dropFirst().reduce(images[0]) { sum, image in
            GrayImage(rows: sum.rows, columns: sum.columns, zip(sum.values, image.values).map { $0 + $1 })
        }
    }
}
