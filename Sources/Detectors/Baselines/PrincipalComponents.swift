import Graphs
import LinearAlgebra
import Networks

/// Reconstruction from principal components (Pearson 1901; as a novelty score, Shyu et al. 2003): the mean squared distance
/// of a sample from the affine space that the training split fills best.
public struct PrincipalComponents: Detector {
    public static let name = "pca"
    public static let summary = "reconstruction from principal components: a linear baseline"
    public static let shapes = "any of up to 4096 elements"

    public struct Settings: DetectorSettings {
        @Setting("components kept, at most the sample's elements", in: 1 ... 4096, source: "the code size of the detector it stands beside")
        public var latent = 100
        public init() {}
    }

    @State var mean: Variable
    @State var components: Variable

    /// - Throws: where a sample has more elements than the eigenproblem is meant for.
    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard sample.count <= 4096 else {
            throw FormError("samples of \(sample) have \(sample.count) elements; principal components take at most 4096")
        }
        _mean = State([sample.count], .constant(0))
        _components = State([sample.count, min(settings.latent, sample.count)], .constant(0))
    }

    public static func microbatch(of minibatch: Int) -> Int { min(64, minibatch) }

    public var stages: [Stage] {
        [
            .fit("components") { fit in
                let x = fit.x.reshaped(mean.shape)
                fit.total(total(x))
                fit.total(totalOuterProduct(x, x))
                fit.conclude { found in
                    let n = mean.shape.count, kept = components.shape.extents[1]
                    let center = found.totals[0].map { $0 / Double(found.samples) }
                    let covariance = (0 ..< n * n).map { found.totals[1][$0] / Double(found.samples) - center[$0 / n] * center[$0 % n] }
                    let problem = try SymmetricEigenproblem(covariance, size: n)
                    // the largest are last
                    let columns = (0 ..< n).flatMap { row in (0 ..< kept).map { problem.vectors[(n - 1 - $0) * n + row] } }
                    return [(mean, center), (components, columns)]
                }
            }
        ]
    }

    public func score(_ scoring: Scoring) {
        let x = scoring.x, centered = x.reshaped(mean.shape) - x.trace.read(mean), c = x.trace.read(components)
        let code = product(centered, vectorBy: c), within = product(code, vectorBy: c.transposed)
        scoring.score("reconstruction", sum(square(centered - within)) / Double(centered.shape.count))
        let x̂ = (within + x.trace.read(mean)).reshaped(x.shape)
        if x.shape.rank == 3 { scoring.map("residual", sum(abs(x - x̂), axis: 2) / Double(x.shape.extents[2])) }
        scoring.reconstruction("reconstruction", x̂)
        scoring.latent("components", code)
    }
}
