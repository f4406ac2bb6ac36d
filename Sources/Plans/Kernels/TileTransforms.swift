import CKernels

/// The transforms and products of a tiled convolution on planes: one matrix for every frequency of a tile, a row for each tile.
final class TileTransforms {
    /// A rectangle of the weights as the products see them: channels of the patch by columns.
    struct Piece {
        let rows: Range<Int>, columns: Range<Int>
    }
    /// Floats of images between memory and transforms, so that they stay in a second-level cache beside the rest.
    private static let groupFloats = 1 << 15

    let tiling: Tiling, table: UnsafePointer<vk_table>
    private let form: Table<vk_tiling>, taps: Table<Int32>
    private var c: UnsafePointer<vk_tiling> { UnsafePointer(form.pointer) }

    init(_ tiling: Tiling, table: UnsafePointer<vk_table>) {
        (self.tiling, self.table) = (tiling, table)
        taps = Table(tiling.tapTable)
        form = Table([
            vk_tiling(
                taps: Int64(tiling.taps), tileRows: Int64(tiling.tileRows), tileColumns: Int64(tiling.tileColumns), inner: Int64(tiling.inner),
                columns: Int64(tiling.columns), tap: UnsafePointer(taps.pointer), realColumns: Int64(tiling.small[2]))
        ])
    }

    /// Floats of a side's planes for a block of so many samples.
    func floats(_ side: ConvolutionSide, samples: Int) -> Int {
        Int(vk_plane_floats(c, Int64(tiling.channels(of: side)), Int64(samples * tiling.tilesOfSample))).aligned
    }

    /// What multiplications need of their own, and what the gradient by a piece of the weights does.
    var productScratch: Int { Int(vk_multiply_scratch(c)).aligned }
    func weightScratch(rows: Int, columns: Int) -> Int { Int(vk_weights_scratch(c, Int64(rows), Int64(columns))).aligned }

    private var imageFloats: Int { max(tiling.patchFloats, tiling.wholeFloats) }

    private func samplesPerGroup(of samples: Int) -> Int { min(samples, max(1, Self.groupFloats / (imageFloats * tiling.views))) }

    /// Memory for the images of a group out of so many samples.
    func localFloats(samples: Int) -> Int { (samplesPerGroup(of: samples) * tiling.views * imageFloats).aligned }

    /// Transforms one side of some samples into the planes of a block of samples.
    func transform(
        _ operand: TiledSide, _ side: ConvolutionSide, of samples: Range<Int>, in block: Range<Int>, into planes: Floats, local: Floats,
        scratch: Floats
    ) {
        let tiles = Int64(block.count * tiling.tilesOfSample), size = side == .big ? tiling.patchFloats : tiling.wholeFloats
        // the borders of patches and the channels that fill them up stay zero
        if case .program = operand { local.update(repeating: 0, count: localFloats(samples: samples.count)) }
        forEachGroup(samples) { group in
            var images: Floats
            switch operand {
            case .direct(let floats): images = floats + group.lowerBound * tiling.views * size
            case .program(let program):
                program.run(samples: group, local: local, scratch: scratch)
                images = local
            }
            forEachImage(of: group, in: block) { tile in
                (side == .big ? table.pointee.window : table.pointee.outputAdjoint)(c, images, planes, tile, tiles)
                images += size
            }
        }
    }

    /// Brings planes of a block of samples back into images, for some of the samples.
    func restore(
        _ planes: Floats, _ side: ConvolutionSide, of samples: Range<Int>, in block: Range<Int>, to result: TiledSide, local: Floats,
        scratch: Floats, after: (Range<Int>) -> Void
    ) {
        let tiles = Int64(block.count * tiling.tilesOfSample), size = side == .big ? tiling.patchFloats : tiling.wholeFloats
        forEachGroup(samples) { group in
            var images = local
            if case .direct(let floats) = result { images = floats + group.lowerBound * tiling.views * size }
            forEachImage(of: group, in: block) { tile in
                (side == .big ? table.pointee.windowAdjoint : table.pointee.output)(c, planes, tile, tiles, images)
                images += size
            }
            if case .program(let program) = result { program.run(samples: group, local: local, scratch: scratch) }
            after(group)
        }
    }

    private func forEachGroup(_ samples: Range<Int>, _ body: (Range<Int>) -> Void) {
        let length = samplesPerGroup(of: samples.count)
        var first = samples.lowerBound
        while first < samples.upperBound {
            body(first ..< min(first + length, samples.upperBound))
            first += length
        }
    }

    /// Calls with the place of each image's first tile in its block.
    private func forEachImage(of samples: Range<Int>, in block: Range<Int>, _ body: (Int64) -> Void) {
        for image in (samples.lowerBound - block.lowerBound) * tiling.views ..< (samples.upperBound - block.lowerBound) * tiling.views {
            body(Int64(image * tiling.tilesOfImage))
        }
    }

    /// Planes of one image side, times the transformed weights, into those of the other, or some channels of them.
    func multiply(
        _ given: Floats, _ weights: Floats, into made: Floats, _ side: ConvolutionSide, channels: Range<Int>? = nil, samples: Int, scratch: Floats
    ) {
        let product = side == .small ? table.pointee.multiply : table.pointee.multiplyAdjoint
        let channels = channels ?? 0 ..< tiling.channels(of: side)
        product!(
            c, weights, given, made, Int64(samples * tiling.tilesOfSample), Int64(channels.lowerBound), Int64(channels.upperBound), scratch)
    }

    /// The gradient by a piece of the weights, from some samples of a block of transformed operands; as [taps²][rows][columns].
    func weights(_ big: Floats, _ small: Floats, of samples: Range<Int>, in block: Range<Int>, piece: Piece, into result: Floats, scratch: Floats) {
        let perSample = tiling.tilesOfSample, first = (samples.lowerBound - block.lowerBound) * perSample
        table.pointee.weights(
            c, big, small, Int64(block.count * perSample), Int64(first), Int64(first + samples.count * perSample), Int64(piece.rows.lowerBound),
            Int64(piece.rows.upperBound), Int64(piece.columns.lowerBound), Int64(piece.columns.upperBound), result, scratch)
    }

    /// Puts a piece where it belongs in the weights.
    func scatter(_ from: Floats, _ piece: Piece, to weights: Floats) {
        vk_scatter(
            c, from, Int64(piece.rows.lowerBound), Int64(piece.rows.upperBound), Int64(piece.columns.lowerBound),
            Int64(piece.columns.upperBound), weights)
    }
}

/// The planes of both image sides for some lanes in memory, block by block of whole lanes.
struct TileBlocks {
    /// Samples of a block that are transformed at once.
    typealias Piece = (block: Int, samples: Range<Int>)
    private static let tilesPerPiece = 32

    let transforms: TileTransforms, partition: Partition
    /// Of this rank.
    let lanes: Range<Int>
    let lanesPerBlock: Int
    let memory: Floats

    var count: Int { lanes.count.divided(up: lanesPerBlock) }
    private var samplesPerBlock: Int { min(lanesPerBlock * partition.microbatch, partition.samples) }
    /// Floats of a block.
    static func floats(_ transforms: TileTransforms, samples: Int) -> Int {
        transforms.floats(.big, samples: samples) + transforms.floats(.small, samples: samples)
    }

    func block(of lane: Int) -> Int { (lane - lanes.lowerBound) / lanesPerBlock }

    func samples(of block: Int) -> Range<Int> {
        let first = lanes.lowerBound + block * lanesPerBlock
        return partition.samples(of: first ..< min(first + lanesPerBlock, lanes.upperBound))
    }

    /// All samples.
    var pieces: [Piece] {
        let length = max(1, Self.tilesPerPiece / transforms.tiling.tilesOfSample)
        return (0 ..< count).flatMap { block in
            let samples = samples(of: block)
            return stride(from: samples.lowerBound, to: samples.upperBound, by: length).map { (block, $0 ..< min($0 + length, samples.upperBound)) }
        }
    }

    func planes(_ side: ConvolutionSide, of block: Int) -> Floats {
        memory + block * Self.floats(transforms, samples: samplesPerBlock)
            + (side == .big ? 0 : transforms.floats(.big, samples: samplesPerBlock))
    }
}

extension Int {
    /// Floats to the next cache line.
    fileprivate var aligned: Int { divided(up: 16) * 16 }
}
