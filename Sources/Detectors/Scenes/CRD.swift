import Graphs
import LinearAlgebra

/// Collaborative representation (Li & Du, IEEE TGRS 53(3), 2015; CRD-DW-STO): what is left of a pixel when those between two windows
/// around it represent it with weights that sum to one.
///
/// | the paper | here |
/// |---|---|
/// | X̃ = [X; 1ᵀ], ỹ = [y; 1] (weights sum to one) | the 1s added to products |
/// | Γ = diag(‖xᵢ − y‖₂) | `distances`, squared |
/// | α = (X̃ᵀX̃ + λΓᵀΓ)⁻¹ X̃ᵀỹ | `solveSymmetric` |
/// | ‖y − Xα‖₂ | `score` |
///
/// The sum to one makes the score depend on the data's scale, which is [0, 1] for the whole cube. Where the ring has nearly as many pixels
/// as there are bands, the paper's λ = 1e-6 interpolates, so that there 1e-2 is taken unless a recipe gives one. A pixel that equals one
/// of its ring is represented by that one: 0.
public struct CRD: SceneDetector {
    public static let name = "crd"
    public static let summary = "CRD: how well a ring of pixels represents the one in its middle, Li & Du 2015"
    public static let shapes = "pixels of a scene, of up to 1024 bands"
    public static var variants: [Variant<Settings>] { [Variant("paper", "λ = 1e-6 whatever the ring") { $0.lambda = 1e-6 }] }

    public struct Settings: DetectorSettings {
        @Setting("side of the outer window, pixels, odd", in: 3 ... 101, source: "Li & Du 2015")
        public var outer = 11
        @Setting("side of the inner window, pixels, odd; larger than a target", in: 1 ... 99, source: "Li & Du 2015")
        public var inner = 7
        @Setting("λ; 1e-6, or 1e-2 where the ring has 0.7 to 1.4 pixels a band, unless given", source: "Li & Du 2015; ours")
        public var lambda: Double? = nil
        public init() {}
    }

    private let settings: Settings, window: DualWindow

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        _ = try bandCount(of: sample, most: 1024)
        if let λ = settings.lambda, λ <= 0 { throw FormError("lambda \(λ) does not fit; take a number above 0, or none") }
        (self.settings, window) = (settings, try DualWindow(outer: settings.outer, inner: settings.inner))
    }

    public var stages: [Stage] { [] }

    public func score(_ scene: Scene) throws {
        let given = settings.lambda
        let map = try scene.dualWindow(window, over: scene.pixels) { y, X in
            let λ = given ?? ((0.7 ... 1.4).contains(Double(X.rows) / Double(X.columns)) ? 1e-2 : 1e-6)
            let distances = (0 ..< X.rows).map { row in zip(X[row], y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
            if distances.contains(0) { return 0 }
            var system = Matrix.timesTransposed(X, X)
            for place in system.values.indices { system.values[place] += 1 }
            for (place, distance) in distances.enumerated() { system[place, place] += λ * distance }
            let pixel = Matrix(rows: 1, columns: y.count, y)
            let α = try solveSymmetric(system, Matrix.timesTransposed(pixel, X).values.map { $0 + 1 })
            let represented = Matrix(rows: 1, columns: α.count, α) * X
            return zip(y, represented.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        }
        scene.score("crd", map)
    }
}
