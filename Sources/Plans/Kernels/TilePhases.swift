import CKernels

// A convolution in tiles as three kernels, one after another, over the same blocks: transform, product, result. Threads share the
// channels of the products, so that the weights are transformed once, and not for every thread's samples.

/// Transforms one image side into the planes of blocks.
final class TileKernel: Kernel {
    let side: ConvolutionSide
    private let blocks: TileBlocks, operand: TiledSide, pieces: [TileBlocks.Piece]
    private let local: Int
    let scratch: Int
    var tasks: Int { pieces.count }

    init(_ blocks: TileBlocks, _ side: ConvolutionSide, of operand: TiledSide) {
        (self.blocks, self.side, self.operand) = (blocks, side, operand)
        pieces = blocks.pieces
        local = blocks.transforms.localFloats(samples: pieces[0].samples.count)
        scratch = local + operand.scratch
    }

    func run(_ task: Int, scratch: Floats) {
        let (block, samples) = pieces[task]
        blocks.transforms.transform(
            operand, side, of: samples, in: blocks.samples(of: block), into: blocks.planes(side, of: block), local: scratch,
            scratch: scratch + local)
    }
}

/// The products of blocks: planes of one image side, times the transformed weights, into those of the other.
final class TileProductKernel: Kernel {
    /// Of a task: a panel of the widest vectors.
    static let fewestChannels = 32

    private let blocks: TileBlocks, from: ConvolutionSide, to: ConvolutionSide, weights: Floats
    private let channelsPerTask: Int
    let scratch: Int, tasks: Int
    /// Of all blocks.
    var samples: Int { blocks.partition.samples(of: blocks.lanes).count }

    init(_ blocks: TileBlocks, to: ConvolutionSide, weights: Floats, threads: Int) {
        (self.blocks, self.to, self.weights) = (blocks, to, weights)
        from = to == .small ? .big : .small
        let channels = blocks.transforms.tiling.channels(of: to)
        // the pieces that products take the weights in, unless threads would be idle
        var width = 128
        while width > Self.fewestChannels, blocks.count * channels.divided(up: width) < threads { width /= 2 }
        channelsPerTask = width
        tasks = blocks.count * channels.divided(up: width)
        scratch = blocks.transforms.productScratch
    }

    func run(_ task: Int, scratch: Floats) {
        let block = task % blocks.count, first = task / blocks.count * channelsPerTask
        let last = min(first + channelsPerTask, blocks.transforms.tiling.channels(of: to))
        blocks.transforms.multiply(
            blocks.planes(from, of: block), weights, into: blocks.planes(to, of: block), to, channels: first ..< last,
            samples: blocks.samples(of: block).count, scratch: scratch)
    }
}

/// Brings the planes of blocks back into images, and runs what follows the convolution over their samples.
final class TileResultKernel: Kernel {
    private let blocks: TileBlocks, side: ConvolutionSide, result: TiledSide, then: [ElementwiseKernel], pieces: [TileBlocks.Piece]
    private let local: Int
    let scratch: Int
    var tasks: Int { pieces.count }

    init(_ blocks: TileBlocks, _ side: ConvolutionSide, to result: TiledSide, then: [ElementwiseKernel]) {
        (self.blocks, self.side, self.result, self.then) = (blocks, side, result, then)
        pieces = blocks.pieces
        local = blocks.transforms.localFloats(samples: pieces[0].samples.count)
        scratch = local + ([result.scratch] + then.map(\.scratch)).max()!
    }

    func run(_ task: Int, scratch: Floats) {
        let (block, samples) = pieces[task], rest = scratch + local
        blocks.transforms.restore(
            blocks.planes(side, of: block), side, of: samples, in: blocks.samples(of: block), to: result, local: scratch, scratch: rest
        ) { group in
            for program in then { program.run(samples: group, local: scratch, scratch: rest) }
        }
    }
}
