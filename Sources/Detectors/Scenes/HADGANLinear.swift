import Graphs
import LinearAlgebra
import Networks

/// HADGAN's scores on the residual that principal components leave instead of its networks: what the detector's second half does by itself,
/// and what its first half has to beat.
///
/// X̂ = μ + the projection of X − μ on the first d principal components of the scene trained on; the rest is `ResidualScores`.
public struct HADGANLinear: SceneDetector {
    public static let name = "hadgan-linear"
    public static let summary = "HADGAN's scores of what principal components leave of a scene: a linear baseline, after Jiang et al. 2020"
    public static let shapes = "pixels of a scene, of up to 4096 bands"

    public struct Settings: DetectorSettings {
        @Setting("d, components; ⌊√bands + 1⌋ unless given", in: 1 ... 4096, source: "Jiang et al. 2020 (second-hand)")
        public var latent: Int? = nil
        @Setting("K: bands of least energy whose regions are looked at", in: 1 ... 4096, source: "Jiang et al. 2020 (second-hand)")
        public var bands = 3
        @Setting("λ, pixels: smaller bright and dark parts are taken for anomalies", in: 1 ... 1_000_000, source: "ours, one for all scenes")
        public var area = 25
        @Setting("radius of the guided filter, pixels", in: 1 ... 1000, source: "ours, one for all scenes")
        public var radius = 1
        @Setting("ε of the guided filter, for numbers scaled to [0, 1]", in: 1e-12 ... 1e6, source: "ours, one for all scenes")
        public var epsilon = 1e-2
        @Setting("λ₁, weight of D_spatial in D_SS", in: 0 ... 1, source: "Jiang et al. 2020 (second-hand)")
        public var weight = 0.5
        public init() {}
    }

    @State var mean: Variable
    /// Rows are the components.
    @State var components: Variable
    private let settings: Settings, bands: Int, latent: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        bands = try bandCount(of: sample, most: 4096)
        latent = min(settings.latent ?? Int(Double(bands).squareRoot() + 1), bands)
        _mean = .inDouble(bands)
        _components = .inDouble(latent * bands)
        self.settings = settings
    }

    public var stages: [Stage] {
        [
            .scene("components") { scene in
                let (mean, covariance) = try scene.moments(of: scene.pixels)
                return [(self.mean, halves(of: mean)), (components, halves(of: try principalDirections(of: covariance, count: latent).values))]
            }
        ]
    }

    public func score(_ scene: Scene) throws {
        let mean = scene.doubles(of: mean), directions = Matrix(rows: latent, columns: bands, scene.doubles(of: components))
        let residual = scene.map(scene.pixels, channels: bands) { block in
            let centered = block.matrix().subtractingFromRows(mean), within = Matrix.timesTransposed(centered, directions) * directions
            return zip(centered.values, within.values).map { Float(abs($0 - $1)) }
        }
        let scores = ResidualScores(
            bands: settings.bands, area: settings.area, weight: settings.weight, radius: settings.radius, epsilon: settings.epsilon)
        try scores.declare(of: residual, in: scene)
    }
}
