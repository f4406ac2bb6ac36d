import Graphs
import LinearAlgebra

/// Local RX (Reed & Yu 1990, in two windows as Kwon & Nasrabadi, IEEE TGRS 43(2), 2005, have it): the squared Mahalanobis distance of a
/// pixel from those between two windows around it.
///
/// | the papers | here |
/// |---|---|
/// | μ, C over the ring, by the number of its pixels | `score` |
/// | (y − μ)ᵀ (C + δI)⁻¹ (y − μ) | `score` |
///
/// The variant `released` is the MATLAB program that is passed around: yᵀ (XᵀX + δI)⁻¹ y, neither centered nor divided. That program
/// continues a scene periodically over its borders; here the outer window is moved inside instead.
public struct LocalRX: SceneDetector {
    public static let name = "local-rx"
    public static let summary = "Local RX: the Mahalanobis distance of a pixel from a ring around it, Kwon & Nasrabadi 2005"
    public static let shapes = "pixels of a scene, of up to 1024 bands"
    public static var variants: [Variant<Settings>] {
        [Variant("released", "the MATLAB program's Gram matrix in place of the covariance") { $0.centered = false }]
    }

    public struct Settings: DetectorSettings {
        @Setting("side of the outer window, pixels, odd", in: 3 ... 101, source: "Li & Du 2015")
        public var outer = 15
        @Setting("side of the inner window, pixels, odd; larger than a target", in: 1 ... 99, source: "Li & Du 2015")
        public var inner = 7
        @Setting("δ, on the diagonal, for numbers scaled to [0, 1]", in: 0 ... 1e6, source: "the MATLAB program")
        public var ridge = 1e-5
        @Setting("whether mean and covariance are used, or the Gram matrix", source: "Kwon & Nasrabadi 2005")
        public var centered = true
        public init() {}
    }

    private let settings: Settings, window: DualWindow

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        _ = try bandCount(of: sample, most: 1024)
        (self.settings, window) = (settings, try DualWindow(outer: settings.outer, inner: settings.inner))
    }

    public var stages: [Stage] { [] }

    public func score(_ scene: Scene) throws {
        let (centered, ridge) = (settings.centered, settings.ridge)
        let map = try scene.dualWindow(window, over: scene.pixels) { y, ring in
            let μ = centered ? ring.meanRow : y.map { _ in 0 }
            var C = ring.subtractingFromRows(μ).gram
            if centered { for place in C.values.indices { C.values[place] /= Double(ring.rows) } }
            let difference = zip(y, μ).map { $0 - $1 }
            return zip(difference, try CholeskyFactor(C.addingToDiagonal(ridge)).solve(difference)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        scene.score("local-rx", map)
    }
}
