import CKernels

/// How a kernel meets an image side of a convolution: in whole tiles where it lies, or through memory of the caller's own,
/// which an elementwise program fills or empties. So what is convolved may be a value that is stored nowhere.
enum TiledSide {
    case direct(Floats)
    case program(ElementwiseKernel)

    var scratch: Int { if case .program(let program) = self { program.scratch } else { 0 } }
}

/// A convolution from one image side to the other, by Winograd's algorithm, block of samples by block.
///
/// What follows it sample by sample, as sums of its result over positions, runs while a group of samples is still in cache.
final class TiledConvolutionKernel: Kernel {
    /// Tiles of a block: enough to make its transformed weights worth while, few enough to stay in cache.
    static let tilesPerBlock = 128

    private let transforms: TileTransforms
    /// The side that is given and the one that is made: `big` and `small` of a convolution, the reverse of a transposed one.
    private let from: ConvolutionSide, to: ConvolutionSide
    private let operand: TiledSide, result: TiledSide, weights: Floats
    private let then: [ElementwiseKernel]
    /// The samples of each task.
    private let tasksSamples: [Range<Int>]
    /// Where the transformed operand stays, of each task a block; nil where nobody else needs it.
    private let kept: TileBlocks?
    /// Where the parts of a task's scratch begin: the operand's planes, the result's, what the products and programs need.
    private let planes: (from: Int, to: Int, rest: Int)
    let scratch: Int
    var tasks: Int { tasksSamples.count }
    var samples: Int { tasksSamples.reduce(0) { $0 + $1.count } }

    /// - Parameters:
    ///   - tasksSamples: see `blocks(of:by:_:)`.
    ///   - then: programs over the samples of the result.
    init(
        _ transforms: TileTransforms, to: ConvolutionSide, tasksSamples: [Range<Int>], kept: TileBlocks? = nil,
        operand: TiledSide, weights: Floats, result: TiledSide, then: [ElementwiseKernel]
    ) {
        (from, self.to) = (to == .small ? .big : .small, to)
        (self.operand, self.weights, self.result, self.then, self.tasksSamples, self.kept) = (operand, weights, result, then, tasksSamples, kept)
        self.transforms = transforms
        let samplesPerTask = tasksSamples.map(\.count).max()!
        let first = transforms.localFloats(samples: samplesPerTask), second = first + transforms.floats(from, samples: samplesPerTask)
        planes = (first, second, second + transforms.floats(to, samples: samplesPerTask))
        scratch = planes.rest + ([transforms.productScratch, operand.scratch, result.scratch] + then.map(\.scratch)).max()!
    }

    /// A rank's samples in tasks, so that each thread has one at least.
    static func blocks(of samples: Int, threads: Int, _ tiling: Tiling) -> [Range<Int>] {
        let length = min(max(1, tilesPerBlock / tiling.tilesOfSample), samples.divided(up: threads))
        return stride(from: 0, to: samples, by: length).map { $0 ..< min($0 + length, samples) }
    }

    func run(_ task: Int, scratch: Floats) {
        let samples = tasksSamples[task], given = kept?.planes(from, of: task) ?? scratch + planes.from
        let (made, rest) = (scratch + planes.to, scratch + planes.rest)
        transforms.transform(operand, from, of: samples, in: samples, into: given, local: scratch, scratch: rest)
        transforms.multiply(given, weights, into: made, to, samples: samples.count, scratch: rest)
        transforms.restore(made, to, of: samples, to: result, local: scratch, scratch: rest) { group in
            for program in then { program.run(samples: group, local: scratch, scratch: rest) }
        }
    }
}

/// Transforms one image side for the gradient by the weights.
final class TileKernel: Kernel {
    private static let tilesPerTask = 32

    let side: ConvolutionSide
    private let blocks: TileBlocks, operand: TiledSide
    private let pieces: [(block: Int, samples: Range<Int>)]
    private let local: Int
    let scratch: Int
    var tasks: Int { pieces.count }

    init(_ blocks: TileBlocks, _ side: ConvolutionSide, of operand: TiledSide) {
        (self.blocks, self.side, self.operand) = (blocks, side, operand)
        let length = max(1, Self.tilesPerTask / blocks.transforms.tiling.tilesOfSample)
        pieces = (0 ..< blocks.count).flatMap { block in
            let samples = blocks.samples(of: block)
            return stride(from: samples.lowerBound, to: samples.upperBound, by: length).map { (block, $0 ..< min($0 + length, samples.upperBound)) }
        }
        local = blocks.transforms.localFloats(samples: length)
        scratch = local + operand.scratch
    }

    func run(_ task: Int, scratch: Floats) {
        let (block, samples) = pieces[task]
        blocks.transforms.transform(
            operand, side, of: samples, in: blocks.samples(of: block), into: blocks.planes(side, of: block), local: scratch,
            scratch: scratch + local)
    }
}

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
