import Graphs
import Networks

/// The DCGAN-like networks of GANomaly and its kin: convolutions 4/2/1 that halve the image and double the channels until a
/// small grid is left (4×4 of a square image), which one more takes as a whole; and the same way back.
///
/// anomalib's are of squares, the image amid zeros; their first convolution is 4/2/4, and what is left over at the odd sides
/// that follow (19, 9, 4 of 32) is dropped.
struct Pyramid {
    private let program: GANomaly.Program
    private let channels: Int, width: Int, extraLayers: Int
    /// Where the image's rows and columns lie among those that the networks see, and how many these are.
    private let image: [Range<Int>], sides: [Int]
    /// Halvings after the first.
    private let stages: Int
    /// What is left of the image.
    private let grid: (Int, Int)
    private var widest: Int { width << stages }

    /// - Throws: where the sides cannot be halved down to the grid.
    init(_ sample: Shape, width: Int, extraLayers: Int, as program: GANomaly.Program = .authors) throws(FormError) {
        (self.program, self.width, self.extraLayers) = (program, width, extraLayers)
        let sides = Array(sample.extents.prefix(2))
        guard sample.extents.count == 3, sample.count > 0, program.takes(sides) else {
            throw FormError("samples of \(sample) do not fit: \(program.shapes)")
        }
        channels = sample.extents[2]
        switch program {
        case .authors: (self.sides, image) = (sides, sides.map { 0 ..< $0 })
        case .anomalib:
            let square = Int.powerOfTwo(from: sides.max()!)
            // of an odd number of zeros the larger half comes first
            (self.sides, image) = ([square, square], sides.map { (square - $0 + 1) / 2 ..< (square - $0 + 1) / 2 + $0 })
        }
        stages = (self.sides.min()! / 8).trailingZeroBitCount
        grid = (self.sides[0] >> (stages + 1), self.sides[1] >> (stages + 1))
    }

    // MARK: What the networks see

    /// The image amid zeros, where the networks' sides are longer.
    func framed(_ x: Batched) -> Batched {
        [0, 1].filter { image[$0].count < sides[$0] }.reduce(x) { x, axis in
            x.padded(before: image[axis].lowerBound, after: sides[axis] - image[axis].upperBound, axis: axis)
        }
    }

    /// The image's part of what the networks make.
    func cropped(_ x: Batched) -> Batched {
        [0, 1].filter { image[$0].count < sides[$0] }.reduce(x) { x, axis in x.sliced(image[axis], axis: axis) }
    }

    // MARK: Networks

    /// Everything before the last convolution.
    func trunk() -> Sequential {
        Sequential {
            convolution(channels, width, stride: 2, padding: program == .authors ? 1 : 4)
            Activation.leakyReLU(0.2)
            for _ in 0 ..< extraLayers {
                convolution(width, width, kernel: (3, 3), padding: 1)
                norm(width)
                Activation.leakyReLU(0.2)
            }
            for stage in 0 ..< stages {
                convolution(width << stage, width << (stage + 1), stride: 2, padding: 1)
                norm(width << (stage + 1))
                Activation.leakyReLU(0.2)
            }
        }
    }

    /// The convolution that takes the grid as a whole: 1×1×`features`.
    func last(to features: Int) -> Convolution { convolution(widest, features, kernel: grid) }

    func encoder(to latent: Int) -> Sequential {
        Sequential {
            trunk()
            last(to: latent)
        }
    }

    func decoder(from latent: Int) -> Sequential {
        Sequential {
            transposed(latent, widest, kernel: grid)
            norm(widest)
            Activation.relu
            for stage in (0 ..< stages).reversed() {
                transposed(width << (stage + 1), width << stage, stride: 2, padding: 1)
                norm(width << stage)
                Activation.relu
            }
            for _ in 0 ..< extraLayers {
                convolution(width, width, kernel: (3, 3), padding: 1)
                norm(width)
                Activation.relu
            }
            transposed(width, channels, stride: 2, padding: 1)
            Activation.tanh
        }
    }

    // MARK: Layers with the program's initial values

    private func convolution(_ from: Int, _ to: Int, kernel: (Int, Int) = (4, 4), stride: Int = 1, padding: Int = 0) -> Convolution {
        Convolution(from: from, to: to, kernel: kernel, stride: stride, padding: padding, weight: weight(kernel, of: from))
    }

    private func transposed(_ from: Int, _ to: Int, kernel: (Int, Int) = (4, 4), stride: Int = 1, padding: Int = 0) -> TransposedConvolution {
        TransposedConvolution(from: from, to: to, kernel: kernel, stride: stride, padding: padding, weight: weight(kernel, of: to))
    }

    private func norm(_ channels: Int) -> BatchNorm {
        BatchNorm(channels, scale: program == .authors ? .normal(mean: 1, deviation: 0.02) : .constant(1))
    }

    /// - Parameter channels: of the kernel's larger image. PyTorch's default takes them for the fan in of both kinds, though
    ///   they are what a transposed convolution makes.
    private func weight(_ kernel: (Int, Int), of channels: Int) -> Initializer {
        switch program {
        case .authors: .normal(mean: 0, deviation: 0.02)
        case .anomalib: .uniform(bound: 1 / Double(kernel.0 * kernel.1 * channels).squareRoot())
        }
    }
}

extension GANomaly.Program {
    fileprivate func takes(_ sides: [Int]) -> Bool {
        let (smaller, larger) = (sides.min()!, sides.max()!)
        return switch self {
        case .authors: smaller >= 16 && smaller.nonzeroBitCount == 1 && larger % (smaller / 4) == 0
        case .anomalib: larger > 16
        }
    }

    fileprivate var shapes: String {
        switch self {
        case .authors:
            "it takes [height, width, channels] with the smaller side a power of two from 16 on "
                + "and the larger a multiple of a quarter of it, as 32×32×3 or 64×96×1"
        case .anomalib: "anomalib's networks take [height, width, channels] with the larger side from 17 on, as 28×28×1"
        }
    }
}

extension Int {
    /// The smallest power of two that is no less.
    fileprivate static func powerOfTwo(from least: Int) -> Int { 1 << (bitWidth - (least - 1).leadingZeroBitCount) }
}
