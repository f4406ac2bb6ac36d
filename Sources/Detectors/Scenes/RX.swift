import Graphs
import LinearAlgebra
import Networks

/// Global RX (Reed & Yu, IEEE TASSP 38(10), 1990): the squared Mahalanobis distance of a pixel from the mean of the scene trained on.
///
/// | the paper | here |
/// |---|---|
/// | μ, Σ over all pixels, by their number | `Scene.moments` |
/// | D = (x − μ)ᵀ Σ⁻¹ (x − μ) | `Whitening` |
///
/// Where bands depend on each other, Σ⁻¹ is the pseudo-inverse. Published detectors take the statistics of the scene that is scored; here
/// they are of the scene that is trained on, which may be another.
public struct RX: SceneDetector {
    public static let name = "rx"
    public static let summary = "Global RX: the Mahalanobis distance of a pixel from the scene's mean, Reed & Yu 1990"
    public static let shapes = "pixels of a scene, of up to 4096 bands"
    public struct Settings: DetectorSettings { public init() {} }

    @State var mean: Variable
    /// Rows that bring the covariance to the identity.
    @State var whitening: Variable
    private let bands: Int

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        bands = try bandCount(of: sample, most: 4096)
        _mean = .inDouble(bands)
        _whitening = .inDouble(bands * bands)
    }

    public var stages: [Stage] {
        [
            .scene("statistics") { scene in
                let (mean, covariance) = try scene.moments(of: scene.pixels)
                let whitening = try Whitening(mean: mean, covariance: covariance)
                // rows of zeros for directions in which nothing varies
                let rows = whitening.rows.values + Array(repeating: 0, count: (bands - whitening.rows.rows) * bands)
                return [(self.mean, halves(of: mean)), (self.whitening, halves(of: rows))]
            }
        ]
    }

    public func score(_ scene: Scene) throws {
        let rows = Matrix(rows: bands, columns: bands, scene.doubles(of: whitening))
        let whitening = Whitening(mean: scene.doubles(of: mean), rows: rows)
        scene.score("rx", scene.map(scene.pixels) { whitening.distances(of: $0.pixels()) })
    }
}
