import CKernels

/// What some lanes contribute to the gradient of a tiled convolution's weights, out of its transformed operands.
///
/// Every lane's sum is formed alone and lanes are added along the tree, piece by piece of the result, while the piece is in
/// cache; threads share the pieces.
final class TiledWeightKernel: Kernel {
    /// Rows (channels of the patch) of a piece, and columns unless threads would be idle.
    private static let rows = 64, columns = 64

    private let blocks: TileBlocks, to: Floats
    private let columns: Int
    private let depth: Int
    let scratch: Int, tasks: Int
    /// Of all its lanes.
    var samples: Int { blocks.partition.samples(of: blocks.lanes).count }
    private var transforms: TileTransforms { blocks.transforms }
    private var tiling: Tiling { transforms.tiling }
    private var pieceFloats: Int { tiling.taps * tiling.taps * Self.rows * columns }

    /// - Parameter to: the result, in the form of the weights.
    init(_ blocks: TileBlocks, to: Floats, threads: Int) {
        (self.blocks, self.to) = (blocks, to)
        let transforms = blocks.transforms, tiling = transforms.tiling, bands = tiling.inner.divided(up: Self.rows)
        var columns = Self.columns
        while columns > Tiling.lanes, bands * tiling.columns.divided(up: columns) < threads { columns /= 2 }
        self.columns = columns
        depth = blocks.lanes.count.foldingDepth
        tasks = bands * tiling.columns.divided(up: columns)
        scratch =
            (depth + 1) * tiling.taps * tiling.taps * Self.rows * columns + transforms.weightScratch(rows: Self.rows, columns: columns)
    }

    func run(_ task: Int, scratch: Floats) {
        let bands = tiling.inner.divided(up: Self.rows), row = task % bands * Self.rows, column = task / bands * columns
        let piece = TileTransforms.Piece(
            rows: row ..< min(row + Self.rows, tiling.inner), columns: column ..< min(column + columns, tiling.columns))
        fold(blocks.lanes, into: 0) { lane, level in
            let block = blocks.block(of: lane)
            transforms.weights(
                blocks.planes(.big, of: block), blocks.planes(.small, of: block), of: blocks.partition.samples(of: lane),
                in: blocks.samples(of: block), piece: piece, into: scratch + level * pieceFloats, scratch: scratch + (depth + 1) * pieceFloats)
        } add: { to, from in
            transforms.table.pointee.add(scratch + to * pieceFloats, scratch + from * pieceFloats, Int64(pieceFloats))
        }
        transforms.scatter(scratch, piece, to: to)
    }
}

/// Adds one result to another.
final class AddKernel: Kernel {
    private static let grain = 1 << 14
    private let table: UnsafePointer<vk_table>, to: Floats, from: Floats, count: Int
    let scratch = 0
    var tasks: Int { count.divided(up: Self.grain) }

    init(to: Floats, from: Floats, count: Int, table: UnsafePointer<vk_table>) {
        (self.to, self.from, self.count, self.table) = (to, from, count, table)
    }

    func run(_ task: Int, scratch: Floats) {
        let first = task * Self.grain
        table.pointee.add(to + first, from + first, Int64(min(Self.grain, count - first)))
    }
}
