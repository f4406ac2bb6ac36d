import Graphs

/// Spectral normalization (Miyato et al., ICLR 2018) of a layer's weights: divided by their largest singular value, which one power
/// iteration for every application in training follows.
///
/// The weights are a matrix W of all axes but the last by the last. From the vector u that is kept: v = W·u / ‖W·u‖, then
/// u ← Wᵀ·v / ‖Wᵀ·v‖, and σ = vᵀ·W·u with this u. In evaluation the iteration is made too, but its u is not kept. (It is no statistic of
/// samples: where these are frozen in training, u moves on.)
public struct SpectralNorm: Network {
    public enum Slope: Sendable { case ofWeightsAlone, throughIteration }

    @State var vector: Variable
    let slope: Slope

    /// - Parameters:
    ///   - outputs: of the layer.
    ///   - slope: whether σ's derivative takes u and v for constants, or goes through the iteration to the kept u.
    init(outputs: Int, slope: Slope) {
        _vector = State([outputs], .truncatedNormal(deviation: 1))
        self.slope = slope
    }

    /// The weights for the application of a layer to `x`.
    func callAsFunction(_ weights: Replicated, on x: Batched) -> Replicated {
        let trace = x.trace, outputs = vector.shape.count
        let w = weights.reshaped([weights.shape.count / outputs, outputs])
        let v = unit(product(w, trace.read(vector).reshaped([outputs, 1])))
        let u = unit(product(w.transposed, v))
        if trace.training, trace.isFirst(vector, on: x.node) { trace.write(vector, u.reshaped([outputs])) }
        let σ =
            switch slope {
            case .ofWeightsAlone: sum(v.detached * product(w, u.detached))
            case .throughIteration: sum(v * product(w, u))
            }
        return weights / σ
    }

    private func unit(_ x: Replicated) -> Replicated { x / (sqrt(sum(square(x))) + 1e-12) }
}
