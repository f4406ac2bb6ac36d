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
        transforms.restore(made, to, of: samples, in: samples, to: result, local: scratch, scratch: rest) { group in
            for program in then { program.run(samples: group, local: scratch, scratch: rest) }
        }
    }
}
