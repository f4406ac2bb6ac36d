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
    private static let tilesPerBlock = 128

    private let transforms: TileTransforms
    /// The side that is given and the one that is made: `big` and `small` of a convolution, the reverse of a transposed one.
    private let from: ConvolutionSide, to: ConvolutionSide
    private let operand: TiledSide, result: TiledSide, weights: Floats
    private let then: [ElementwiseKernel]
    private let samples: Int, samplesPerTask: Int
    /// Where the parts of a task's scratch begin: the operand's planes, the result's, what the products and programs need.
    private let planes: (from: Int, to: Int, rest: Int)
    let scratch: Int
    var tasks: Int { samples.divided(up: samplesPerTask) }

    /// - Parameter then: programs over the samples of the result.
    init(
        _ tiling: Tiling, to: ConvolutionSide, samples: Int, threads: Int, table: UnsafePointer<vk_table>,
        operand: TiledSide, weights: Floats, result: TiledSide, then: [ElementwiseKernel]
    ) {
        (from, self.to) = (to == .small ? .big : .small, to)
        (self.operand, self.weights, self.result, self.then, self.samples) = (operand, weights, result, then, samples)
        samplesPerTask = min(max(1, Self.tilesPerBlock / tiling.tilesOfSample), samples.divided(up: threads))
        transforms = TileTransforms(tiling, table: table)
        let first = transforms.localFloats(samples: samplesPerTask), second = first + transforms.floats(from, samples: samplesPerTask)
        planes = (first, second, second + transforms.floats(to, samples: samplesPerTask))
        scratch = planes.rest + ([transforms.productScratch, operand.scratch, result.scratch] + then.map(\.scratch)).max()!
    }

    func run(_ task: Int, scratch: Floats) {
        let samples = task * samplesPerTask ..< min((task + 1) * samplesPerTask, samples)
        let (given, made, rest) = (scratch + planes.from, scratch + planes.to, scratch + planes.rest)
        transforms.transform(operand, from, of: samples, in: samples, into: given, local: scratch, scratch: rest)
        transforms.multiply(given, weights, into: made, to, samples: samples.count, scratch: rest)
        transforms.restore(made, to, of: samples, to: result, local: scratch, scratch: rest) { group in
            for program in then { program.run(samples: group, local: scratch, scratch: rest) }
        }
    }
}

/// The transformed operands of weight gradients: those of the big side or of the small one, of some lanes.
final class TileKernel: Kernel {
    private static let tilesPerTask = 32

    private let transforms: TileTransforms, side: ConvolutionSide, operand: TiledSide
    private let samples: Range<Int>, samplesPerTask: Int, to: Floats
    let scratch: Int
    var tasks: Int { samples.count.divided(up: samplesPerTask) }

    init(_ transforms: TileTransforms, _ side: ConvolutionSide, of operand: TiledSide, samples: Range<Int>, to: Floats) {
        (self.transforms, self.side, self.operand, self.samples, self.to) = (transforms, side, operand, samples, to)
        samplesPerTask = max(1, Self.tilesPerTask / transforms.tiling.tilesOfSample)
        scratch = transforms.localFloats(samples: samplesPerTask) + operand.scratch
    }

    func run(_ task: Int, scratch: Floats) {
        let first = samples.lowerBound + task * samplesPerTask
        transforms.transform(
            operand, side, of: first ..< min(first + samplesPerTask, samples.upperBound), in: samples, into: to,
            local: scratch, scratch: scratch + transforms.localFloats(samples: samplesPerTask))
    }
}

/// What some lanes contribute to the gradient of a tiled convolution's weights, out of its transformed operands.
///
/// Every lane's sum is formed alone and lanes are added along the tree, piece by piece of the result, while the piece is in
/// cache; threads share the pieces.
final class TiledWeightKernel: Kernel {
    /// Rows (channels of the patch) and columns of a piece.
    private static let rows = 64, columns = 64

    private let transforms: TileTransforms, partition: Partition, lanes: Range<Int>
    private let big: Floats, small: Floats, to: Floats
    private let depth: Int
    let scratch: Int, tasks: Int
    private var tiling: Tiling { transforms.tiling }
    private var pieceFloats: Int { tiling.taps * tiling.taps * Self.rows * Self.columns }

    /// - Parameter to: the result, in the form of the weights.
    init(_ transforms: TileTransforms, _ partition: Partition, lanes: Range<Int>, big: Floats, small: Floats, to: Floats) {
        (self.transforms, self.partition, self.lanes, self.big, self.small, self.to) = (transforms, partition, lanes, big, small, to)
        depth = lanes.count.foldingDepth
        tasks = transforms.tiling.inner.divided(up: Self.rows) * transforms.tiling.columns.divided(up: Self.columns)
        scratch =
            (depth + 1) * transforms.tiling.taps * transforms.tiling.taps * Self.rows * Self.columns
            + transforms.weightScratch(rows: Self.rows, columns: Self.columns)
    }

    func run(_ task: Int, scratch: Floats) {
        let bands = tiling.inner.divided(up: Self.rows), row = task % bands * Self.rows, column = task / bands * Self.columns
        let piece = TileTransforms.Piece(
            rows: row ..< min(row + Self.rows, tiling.inner), columns: column ..< min(column + Self.columns, tiling.columns))
        let block = partition.samples(of: lanes)
        fold(lanes, into: 0) { lane, level in
            transforms.weights(
                big, small, of: partition.samples(of: lane), in: block, piece: piece, into: scratch + level * pieceFloats,
                scratch: scratch + (depth + 1) * pieceFloats)
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
