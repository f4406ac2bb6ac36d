import Graphs
import LinearAlgebra
import Randomness

/// LSMAD (Zhang et al., IEEE TGRS 54(3), 2016): the scene is a background of low rank, a sparse part, and noise (GoDec, Zhou & Tao, ICML
/// 2011); a pixel's score is its Mahalanobis distance from the background alone.
///
/// | the papers | here |
/// |---|---|
/// | X ≈ L + S, rank(L) ≤ r, card(S) ≤ k | `Decomposition` |
/// | Y₁ = (X − S)A₁, Y₂ = (X − S)ᵀY₁, L = Y₁(Y₁ᵀY₁)⁻¹Y₂ᵀ | `updateBackground` |
/// | S: the k largest of \|X − L\| | `updateSparse` |
/// | (x − μ_L)ᵀ Σ_L⁻¹ (x − μ_L), the inverse of the r leading directions | `score` |
///
/// k is printed as a number and swept up to 1, so it is read as a share of all numbers of the scene. Each rank keeps its rows of X and S.
/// The random start A₁ is drawn by the recipe's seed.
public struct LSMAD: SceneDetector {
    public static let name = "lsmad"
    public static let summary = "LSMAD: the Mahalanobis distance from a background of low rank, Zhang et al. 2016"
    public static let shapes = "pixels of a scene, of up to 4096 bands"

    public struct Settings: DetectorSettings {
        @Setting("r, rank of the background", in: 1 ... 64, source: "Zhang et al. 2016, for AVIRIS (1 for others)")
        public var rank = 2
        @Setting("k, share of the scene's numbers that the sparse part has", in: 0 ... 1, source: "Zhang et al. 2016 (0.004 to 0.015, by scene)")
        public var sparse = 0.005
        @Setting("iterations", in: 1 ... 10_000, source: "GoDec's program")
        public var iterations = 30
        public init() {}
    }

    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard try bandCount(of: sample, most: 4096) >= settings.rank else {
            throw FormError("samples of \(sample) have no background of rank \(settings.rank); set settings.rank smaller")
        }
        self.settings = settings
    }

    public var stages: [Stage] { [] }

    public func score(_ scene: Scene) throws {
        let philox = Philox(seed: scene.seed, key(of: "random projection")), bands = scene.pixels.channels
        let start = Matrix(rows: bands, columns: settings.rank, (0 ..< bands * settings.rank).map { philox.normals(UInt64($0)).0 })
        let parts = try Decomposition(scene, from: start, share: settings.sparse)
        for _ in 0 ..< settings.iterations {
            try parts.updateBackground()
            try parts.updateSparse()
        }
        let background = parts.map { $0.background }, (μ, Σ) = try scene.moments(of: background)
        let whitening = try Whitening(mean: μ, covariance: Σ, rank: settings.rank)
        scene.score("lsmad", scene.map(scene.pixels) { whitening.distances(of: $0.pixels()) })
        scene.score("sparse", scene.pointwise(parts.map { $0.sparse }) { [length($0[0])] })
        scene.score("residual", scene.pointwise(parts.map { $0.pixels - $0.background }) { [length($0[0])] })
    }

    private func length(_ pixel: ArraySlice<Float>) -> Float { Float(pixel.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()) }
}

/// A scene as a background of low rank and a sparse part, each rank's blocks on that rank.
final class Decomposition {
    struct Block {
        let pixels: Matrix
        var background: Matrix, sparse: Matrix
    }
    private let scene: Scene, bands: Int, support: Double
    /// By the first row of a block.
    private var blocks: [Int: Block] = [:]
    /// A₁.
    private let start: Matrix

    /// - Parameters:
    ///   - start: A₁, [bands, rank].
    ///   - share: of the scene's numbers, that the sparse part has.
    init(_ scene: Scene, from start: Matrix, share: Double) throws {
        (self.scene, self.start, bands) = (scene, start, scene.pixels.channels)
        support = (share * Double(scene.rows * scene.columns * bands)).rounded(.down)
        for rows in scene.ownBlocks {
            let pixels = try scene.matrix(of: scene.pixels, rows), none = Matrix(rows: pixels.rows, columns: bands)
            blocks[rows.lowerBound] = Block(pixels: pixels, background: none, sparse: none)
        }
    }

    /// L from X − S: two thin products of the whole scene, and one small system.
    func updateBackground() throws {
        let rank = start.columns
        var projected: [Int: Matrix] = [:]
        for (row, block) in blocks { projected[row] = (block.pixels - block.sparse) * start }
        let sums = try scene.total(count: bands * rank + rank * rank) { [blocks] rows in
            let block = blocks[rows.lowerBound]!, Y1 = projected[rows.lowerBound]!
            return Matrix.transposedTimes(block.pixels - block.sparse, Y1).values + Y1.gram.values
        }
        let Y2 = Matrix(rows: bands, columns: rank, Array(sums[..<(bands * rank)]))
        let gram = Matrix(rows: rank, columns: rank, Array(sums[(bands * rank)...]))
        // (Y₁ᵀY₁)⁻¹ Y₂ᵀ, column by column
        let solved = try (0 ..< bands).map { try solveSymmetric(gram, Array(Y2[$0])) }
        let right = Matrix(rows: bands, columns: rank, solved.flatMap { $0 })
        for row in blocks.keys { blocks[row]!.background = Matrix.timesTransposed(projected[row]!, right) }
    }

    /// S: the largest of |X − L|, found by counting their bit patterns, the upper half first.
    func updateSparse() throws {
        func magnitudes(_ rows: Range<Int>) -> [UInt32] {
            let block = blocks[rows.lowerBound]!
            return zip(block.pixels.values, block.background.values).map { Float(abs($0 - $1)).bitPattern }
        }
        var least: UInt32 = 0, left = support
        for (shift, above) in [(UInt32(16), UInt32(0)), (0, 16)] {
            let counts = try scene.total(count: 1 << 16) { rows in
                var counts = Array(repeating: 0.0, count: 1 << 16)
                for bits in magnitudes(rows) where above == 0 || bits >> above == least >> above { counts[Int(bits >> shift & 0xFFFF)] += 1 }
                return counts
            }
            var bin = counts.count - 1
            while bin > 0, counts[bin] <= left {
                left -= counts[bin]
                bin -= 1
            }
            least |= UInt32(bin) << shift
        }
        // those equal to the last one stay out, as often as they do not all fit
        for rows in scene.ownBlocks {
            let own = magnitudes(rows), block = blocks[rows.lowerBound]!
            for (place, bits) in own.enumerated() {
                blocks[rows.lowerBound]!.sparse.values[place] = bits > least ? block.pixels.values[place] - block.background.values[place] : 0
            }
        }
    }

    /// A map of what this rank's blocks give.
    func map(_ part: @escaping (Block) -> Matrix) -> SceneMap {
        SceneMap(channels: bands) { [blocks, scene, bands] wanted in
            let width = scene.columns * bands
            return scene.ownBlocks.filter { $0.overlaps(wanted) }.flatMap { rows in
                let own = rows.clamped(to: wanted), values = part(blocks[rows.lowerBound]!).values
                return values[(own.lowerBound - rows.lowerBound) * width ..< (own.upperBound - rows.lowerBound) * width].map { Float($0) }
            }
        }
    }
}
