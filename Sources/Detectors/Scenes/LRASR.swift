import Graphs
import LinearAlgebra
import Randomness

/// LRASR (Xu et al., IEEE TGRS 54(4), 2016): the scene is background, of low rank and sparse in a dictionary of its own pixels, and
/// anomalies in few pixels.
///
/// | the paper | here |
/// |---|---|
/// | min ‖S‖_* + β‖S‖₁ + λ‖E‖₂,₁ with X = DS + E | `LowRankMix`, by LADMAP |
/// | D: of K clusters with at least P pixels the P nearest to each (Mahalanobis) | `BackgroundDictionary` |
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
        let clusters = try Clusters(of: scene, count: settings.clusters, seed: scene.seed)
        let mix = try LowRankMix(of: scene, atoms: try clusters.dictionary(perCluster: settings.atoms))
        var iteration = 0
        repeat { iteration += 1 } while try !mix.step(beta: settings.beta, lambda: settings.lambda) && iteration < settings.iterations
        scene.score("lrasr", mix.anomalies)
    }
}

/// The pixels of a scene in clusters by Lloyd's algorithm.
private final class Clusters {
    private let scene: Scene, bands: Int
    private var centers: Matrix

    init(of scene: Scene, count: Int, seed: UInt64) throws {
        (self.scene, bands) = (scene, scene.pixels.channels)
        let pixels = scene.rows * scene.columns
        guard count <= pixels else { throw FormError("a scene of \(pixels) pixels has no \(count) clusters; set settings.clusters smaller") }
        let philox = Philox(seed: seed, key(of: "cluster starts"))
        var starts: [Int] = [], draw: UInt64 = 0
        while starts.count < count {
            let pixel = philox.index(below: pixels, draw)
            if !starts.contains(pixel) { starts.append(pixel) }
            draw += 1
        }
        centers = try scene.spectra(of: starts)
        for _ in 0 ..< 100 {
            let sums = try scene.total(count: count * (bands + 1)) { rows in
                let block = try scene.matrix(of: scene.pixels, rows)
                var sums = Array(repeating: 0.0, count: count * (self.bands + 1))
                for (pixel, cluster) in self.nearest(to: block).enumerated() {
                    let first = cluster * (self.bands + 1)
                    for (band, value) in block[pixel].enumerated() { sums[first + band] += value }
                    sums[first + self.bands] += 1
                }
                return sums
            }
            let before = centers
            for cluster in 0 ..< count {
                let first = cluster * (bands + 1), members = sums[first + bands]
                // one that lost all its pixels stays where it was
                if members > 0 { for band in 0 ..< bands { centers[cluster, band] = sums[first + band] / members } }
            }
            if centers == before { break }
        }
    }

    /// The cluster of each row of a matrix: the smallest of ‖c‖² − 2x·c.
    private func nearest(to block: Matrix) -> [Int] {
        let products = Matrix.timesTransposed(block, centers)
        let sizes = (0 ..< centers.rows).map { centers[$0].reduce(0) { $0 + $1 * $1 } }
        return (0 ..< block.rows).map { pixel in
            sizes.indices.min { (sizes[$0] - 2 * products[pixel, $0], $0) < (sizes[$1] - 2 * products[pixel, $1], $1) }!
        }
    }

    /// Of each cluster with as many pixels the nearest to it, a row each.
    func dictionary(perCluster count: Int) throws -> Matrix {
        let clusters = centers.rows, size = bands * bands + bands + 1
        let sums = try scene.total(count: clusters * size) { rows in
            let block = try scene.matrix(of: scene.pixels, rows), members = Dictionary(grouping: 0 ..< block.rows, by: nearest(to: block).lookup)
            return (0 ..< clusters).flatMap { cluster -> [Double] in
                let own = (members[cluster] ?? []).flatMap { Array(block[$0]) }, matrix = Matrix(rows: own.count / bands, columns: bands, own)
                let centered = matrix.subtractingFromRows(Array(centers[cluster]))
                let sum = centered.meanRow.map { $0.isNaN ? 0 : $0 * Double(centered.rows) }
                return centered.gram.values + sum + [Double(centered.rows)]
            }
        }
        let whitenings = try (0 ..< clusters).map { cluster -> Whitening? in
            let part = sums[cluster * size ..< (cluster + 1) * size], members = part.last!
            guard members >= Double(count) else { return nil }
            let offset = part.dropFirst(bands * bands).prefix(bands).map { $0 / members }
            let covariance = part.prefix(bands * bands).enumerated().map { $1 / members - offset[$0 / bands] * offset[$0 % bands] }
            return try Whitening(mean: zip(centers[cluster], offset).map { $0 + $1 }, covariance: covariance)
        }
        let distances = scene.map(scene.pixels, channels: 2) { block in
            let pixels = block.matrix(), clusters = self.nearest(to: pixels)
            return clusters.enumerated().flatMap { pixel, cluster -> [Float] in
                let one = Matrix(rows: 1, columns: self.bands, Array(pixels[pixel]))
                return [Float(cluster), whitenings[cluster].map { Float($0.distances(of: one)[0]) } ?? .infinity]
            }
        }
        var chosen: [Int] = []
        _ = try scene.whole(distances, channels: 0) { block in
            let numbers = block.values[0], pixels = numbers.count / 2
            let members = Dictionary(grouping: 0 ..< pixels) { Int(numbers[2 * $0]) }
            for cluster in 0 ..< clusters where whitenings[cluster] != nil {
                chosen += (members[cluster] ?? []).sorted { (numbers[2 * $0 + 1], $0) < (numbers[2 * $1 + 1], $1) }.prefix(count)
            }
            return []
        }
        guard !chosen.isEmpty else { throw FormError("no cluster has \(count) pixels; set settings.atoms or settings.clusters smaller") }
        return try scene.spectra(of: chosen)
    }
}

extension [Int] {
    fileprivate func lookup(_ place: Int) -> Int { self[place] }
}

extension Scene {
    /// Some pixels, a row each.
    fileprivate func spectra(of pixels: [Int]) throws -> Matrix {
        let bands = self.pixels.channels
        let values = try pixels.flatMap { pixel in
            let (row, column) = pixel.quotientAndRemainder(dividingBy: columns)
            return try self.pixels.values(of: row ..< row + 1)[column * bands ..< (column + 1) * bands].map(Double.init)
        }
        return Matrix(rows: pixels.count, columns: bands, values)
    }
}

/// X = S·D + E with S of low rank and sparse and few rows of E, rows being pixels: the linearized alternating direction method with adaptive
/// penalty (Lin, Liu & Su, NIPS 2011). Each rank keeps its blocks; what ranks share is the Gram matrix of S, by which its singular values
/// shrink.
private final class LowRankMix {
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
    fileprivate static func + (left: Matrix, right: Matrix) -> Matrix { left - right * -1 }
    fileprivate static func * (left: Matrix, right: Double) -> Matrix { left.mapped { $0 * right } }
    fileprivate static func / (left: Matrix, right: Double) -> Matrix { left.mapped { $0 / right } }
    fileprivate func mapped(_ body: (Double) -> Double) -> Matrix { Matrix(rows: rows, columns: columns, values.map(body)) }
    fileprivate var squaredLength: Double { values.reduce(0) { $0 + $1 * $1 } }

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
