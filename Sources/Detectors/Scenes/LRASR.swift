import Graphs

/// LRASR (Xu et al., IEEE TGRS 54(4), 2016): the scene is background, of low rank and sparse in a dictionary of its own pixels, and
/// anomalies in few pixels.
///
/// | the paper | here |
/// |---|---|
/// | min ‖S‖_* + β‖S‖₁ + λ‖E‖₂,₁ with X = DS + E | `LowRankMix`, by LADMAP |
/// | D: of K clusters with at least P pixels the P nearest to each (Mahalanobis) | `SceneClusters.dictionary` |
/// | ‖E_i‖₂ | `score` |
///
/// Clusters start from pixels drawn by the recipe's seed; the paper does not say from which.
public struct LRASR: SceneDetector {
    public static let name = "lrasr"
    public static let summary = "LRASR: what a sparse low-rank mix of background pixels leaves, Xu et al. 2016"
    public static let shapes = "pixels of a scene, of up to 1024 bands"

    public struct Settings: DetectorSettings {
        @Setting("K, clusters", in: 1 ... 1000, source: "Xu et al. 2016")
        public var clusters = 15
        @Setting("P, pixels of a cluster in the dictionary", in: 1 ... 1000, source: "Xu et al. 2016")
        public var atoms = 20
        @Setting("β, weight of sparsity", in: 0 ... 1e6, source: "Xu et al. 2016")
        public var beta = 0.1
        @Setting("λ, weight of anomalies", in: 1e-12 ... 1e6, source: "Xu et al. 2016")
        public var lambda = 0.1
        @Setting("iterations at most", in: 1 ... 10_000, source: "the released program")
        public var iterations = 115
        public init() {}
    }

    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        _ = try bandCount(of: sample, most: 1024)
        self.settings = settings
    }

    public var stages: [Stage] { [] }

    public func score(_ scene: Scene) throws {
        let clusters = try SceneClusters(of: scene, count: settings.clusters, seed: scene.seed)
        let mix = try LowRankMix(of: scene, atoms: try clusters.dictionary(perCluster: settings.atoms))
        var iteration = 0
        repeat { iteration += 1 } while try !mix.step(beta: settings.beta, lambda: settings.lambda) && iteration < settings.iterations
        scene.score("lrasr", mix.anomalies)
    }
}
