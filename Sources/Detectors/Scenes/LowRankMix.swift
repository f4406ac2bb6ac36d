import LinearAlgebra

/// X = S·D + E with S of low rank and sparse and few rows of E, rows being pixels: the linearized alternating direction method with adaptive
/// penalty (Lin, Liu & Su, NIPS 2011). Each rank keeps its blocks; what ranks share is the Gram matrix of S, by which its singular values
/// shrink.
final class LowRankMix {
    private struct Block {
        let x: Matrix
        var s: Matrix, j: Matrix, e: Matrix, y1: Matrix, y2: Matrix
    }
    private let scene: Scene, atoms: Matrix, η: Double, size: Double
    private var blocks: [Int: Block] = [:], μ = 1e-3

    init(of scene: Scene, atoms: Matrix) throws {
        (self.scene, self.atoms) = (scene, atoms)
        η = try SymmetricEigenproblem(Matrix.timesTransposed(atoms, atoms).values, size: atoms.rows).values.last!
        for rows in scene.ownBlocks {
            let x = try scene.matrix(of: scene.pixels, rows), none = Matrix(rows: x.rows, columns: atoms.rows)
            let zero = Matrix(rows: x.rows, columns: x.columns)
            blocks[rows.lowerBound] = Block(x: x, s: none, j: none, e: zero, y1: zero, y2: none)
        }
        size = try scene.total(count: 1) { [blocks] rows in [blocks[rows.lowerBound]!.x.squaredLength] }[0].squareRoot()
    }

    /// Returns whether it has come to an end.
    func step(beta β: Double, lambda λ: Double) throws -> Bool {
        var descended: [Int: Matrix] = [:]
        for (row, b) in blocks {
            let slope = Matrix.timesTransposed(b.x - b.s * atoms - b.e + b.y1 / μ, atoms) - (b.s - b.j + b.y2 / μ)
            descended[row] = b.s + slope / η
        }
        // singular values shrink by 1 / (μη), on the right side alone
        let m = atoms.rows, gram = try scene.total(count: m * m) { descended[$0.lowerBound]!.gram.values }
        let problem = try SymmetricEigenproblem(gram, size: m), threshold = 1 / (μ * η)
        let vectors = Matrix(rows: m, columns: m, problem.vectors)
        var shrunk = vectors
        for vector in 0 ..< m {
            let value = max(problem.values[vector], 0).squareRoot(), kept = value > threshold ? 1 - threshold / value : 0
            for place in 0 ..< m { shrunk[vector, place] *= kept }
        }
        let shrinkage = Matrix.transposedTimes(vectors, shrunk)
        var changes: [Int: [Double]] = [:]
        for (row, old) in blocks {
            var b = old
            b.s = descended[row]! * shrinkage
            let rebuilt = b.s * atoms
            b.j = (b.s + b.y2 / μ).mapped { max(abs($0) - β / self.μ, 0) * ($0 < 0 ? -1 : 1) }
            b.e = (b.x - rebuilt + b.y1 / μ).shrinkingRows(by: λ / μ)
            let left = b.x - rebuilt - b.e
            (b.y1, b.y2) = (b.y1 + left * μ, b.y2 + (b.s - b.j) * μ)
            changes[row] = [left.squaredLength, (b.s - old.s).squaredLength, (b.j - old.j).squaredLength, (b.e - old.e).squaredLength]
            blocks[row] = b
        }
        let totals = try scene.total(count: 4) { changes[$0.lowerBound]! }.map { $0.squareRoot() / size }
        let change = μ * max(η.squareRoot() * totals[1], totals[2], totals[3])
        μ = min(1.1 * μ, 1e10)
        return totals[0] < 1e-6 && change < 1e-2
    }

    /// ‖E_i‖₂.
    var anomalies: SceneMap {
        SceneMap(channels: 1) { [blocks, scene] wanted in
            scene.ownBlocks.filter { $0.overlaps(wanted) }.flatMap { rows in
                let own = rows.clamped(to: wanted), e = blocks[rows.lowerBound]!.e
                return ((own.lowerBound - rows.lowerBound) * scene.columns ..< (own.upperBound - rows.lowerBound) * scene.columns).map { pixel in
                    Float(e[pixel].reduce(0) { $0 + $1 * $1 }.squareRoot())
                }
            }
        }
    }
}

extension Matrix {
    /// Each row shorter by so much, or 0.
    fileprivate func shrinkingRows(by amount: Double) -> Matrix {
        Matrix(
            rows: rows, columns: columns,
            (0 ..< rows).flatMap { row -> [Double] in
                let length = self[row].reduce(0) { $0 + $1 * $1 }.squareRoot(), kept = length > amount ? 1 - amount / length : 0
                return self[row].map { $0 * kept }
            })
    }
}
