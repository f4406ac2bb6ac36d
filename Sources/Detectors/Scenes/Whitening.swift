import Graphs
import LinearAlgebra

/// What brings a covariance to the identity: squared lengths afterwards are squared Mahalanobis distances.
struct Whitening {
    let mean: [Double]
    /// [rank, bands].
    let rows: Matrix
    /// What gives the same lengths for half the products, where no rank is left out.
    private let triangle: Matrix?

    init(mean: [Double], rows: Matrix) {
        (self.mean, self.rows) = (mean, rows)
        triangle = rows.rows == rows.columns ? rows.triangle : nil
    }

    /// Directions whose variance is none but for rounding are left out: so it is by the pseudo-inverse.
    /// - Parameters:
    ///   - covariance: [bands · bands].
    ///   - rank: directions to keep at most, those of the largest variance.
    init(mean: [Double], covariance: [Double], rank: Int? = nil) throws {
        let n = mean.count, problem = try SymmetricEigenproblem(covariance, size: n)
        let least = (problem.values.last ?? 0) * Double(n) * 0x1p-52
        // the largest are last
        let kept = (0 ..< n).filter { problem.values[$0] > least && problem.values[$0] > 0 }.suffix(rank ?? n)
        let rows = kept.flatMap { vector in
            let scale = 1 / problem.values[vector].squareRoot()
            return problem.vectors[vector * n ..< (vector + 1) * n].map { $0 * scale }
        }
        self.init(mean: mean, rows: Matrix(rows: kept.count, columns: n, rows))
    }

    /// The squared distance of each pixel.
    func distances(of pixels: FloatRows) -> [Float] {
        let lengths = triangle.map { pixels.squaredLengths(after: $0, less: mean) } ?? pixels.squaredLengths(by: rows, less: mean)
        return lengths.map { Float($0) }
    }
}

/// The directions in which most varies, a row each, the largest first.
/// - Parameter covariance: [bands · bands].
func principalDirections(of covariance: [Double], count: Int) throws -> Matrix {
    let n = Int(Double(covariance.count).squareRoot()), problem = try SymmetricEigenproblem(covariance, size: n)
    return Matrix(rows: count, columns: n, (0 ..< count).flatMap { problem.vectors[(n - 1 - $0) * n ..< (n - $0) * n] })
}

/// The bands of a scene's pixels.
/// - Throws: where samples are none.
func bandCount(of sample: Shape, most: Int) throws(FormError) -> Int {
    guard sample.rank == 1, (1 ... most).contains(sample.count) else {
        throw FormError("samples of \(sample) are no pixels of a scene with at most \(most) bands; import a cube with vigil import cube")
    }
    return sample.count
}
