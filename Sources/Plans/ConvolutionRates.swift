import Graphs

/// The kernels of convolutions: by the rule, or all of one kind, to compare.
enum ConvolutionChoice { case byRule, inTiles, asProducts }

/// How fast a convolution is by each of its two kernels, beside what the rule that chooses between them says.
public struct ConvolutionRates: Encodable {
    /// What is computed out of the other two: the output, the slope by the image, or the slope by the weights.
    public enum Direction: String, Encodable, CaseIterable { case output, image, weights }

    public struct Shapes: Encodable, Sendable {
        /// [height, width, channels].
        public let image: [Int]
        /// The kernel's side.
        public let kernel: Int
        public let stride: Int, padding: Int
        /// Channels of the output.
        public let features: Int
    }

    public let shapes: Shapes, direction: Direction
    /// Samples at once.
    public let minibatch: Int
    /// 10⁹ operations a second, a multiply-add being two, counted as a direct convolution: as matrix products, and by Winograd's kernels.
    public let productGflops: Double, tiledGflops: Double
    /// Multiply-adds that the products need for each that Winograd's kernels need, panels filled up.
    public let saving: Double
    /// Whether plans take Winograd's kernels here.
    public let isTiled: Bool

    /// The layers of detectors, and smaller and shallower ones, at which Winograd's kernels begin to pay.
    public static let layers: [Shapes] =
        [(32, 3, 64), (16, 64, 128), (8, 128, 256), (64, 3, 64), (32, 64, 128), (8, 256, 512)].map {
            Shapes(image: [$0, $0, $1], kernel: 4, stride: 2, padding: 1, features: $2)
        }
        + [(8, 4, 8), (8, 8, 16), (16, 16, 16), (6, 32, 32)].map { Shapes(image: [$0, $0, $1], kernel: 4, stride: 2, padding: 1, features: $2) }
        + [(32, 3, 16), (32, 16, 16), (16, 32, 32), (8, 64, 64), (4, 128, 128), (6, 64, 64), (2, 256, 256)].map {
            Shapes(image: [$0, $0, $1], kernel: 3, stride: 1, padding: 1, features: $2)
        }
        + [(32, 3, 64), (16, 64, 128), (8, 128, 256)].map { Shapes(image: [$0, $0, $1], kernel: 5, stride: 2, padding: 2, features: $2) }

    /// Times one layer in all directions by both kernels in turn; nil of directions that only one of the kernels can do. The samples' numbers
    /// are all alike, which no kernel minds.
    public static func measure(_ shapes: Shapes, minibatch: Int, rounds: Int, on resources: Plan.Resources) throws -> [ConvolutionRates] {
        try Direction.allCases.compactMap { try measure(shapes, $0, minibatch, rounds, resources) }
    }

    private static func measure(
        _ shapes: Shapes, _ direction: Direction, _ minibatch: Int, _ rounds: Int, _ resources: Plan.Resources
    ) throws -> ConvolutionRates? {
        let trace = Trace(minibatch: minibatch, microbatch: 16, training: true)
        let image = Shape(shapes.image), kernel = Shape([shapes.kernel, shapes.kernel, shapes.image[2], shapes.features])
        let x = trace.input("x", .batched(image)), w = trace.input("w", .replicated(kernel))
        let y = convolution(Batched(x), Replicated(w), stride: shapes.stride, padding: shapes.padding)
        let slope = trace.input("slope", .batched(y.shape))
        let loss = total(sum(y * Batched(slope))).node
        let (result, side): (Node, ConvolutionSide) =
            switch direction {
            case .output: (y.node, .small)
            case .image: (gradients(of: loss, by: [x])[0], .big)
            case .weights: (gradients(of: loss, by: [w])[0], .weights)
            }
        let geometry = Geometry(stride: shapes.stride, padding: shapes.padding)
        guard let tiling = Tiling(geometry, big: image, small: y.shape, weight: kernel) else { return nil }

        let plans = try [ConvolutionChoice.asProducts, .inTiles].map {
            try Plan(trace, results: [result], state: ModelState(), on: resources, convolutions: $0)
        }
        for plan in plans { for input in [x, w, slope] { plan.input(input)?.update(repeating: 0.5) } }
        let seconds = try times(of: plans, rounds: rounds)
        let operations = 2.0 * Double(minibatch * y.shape.count * kernel.extents.prefix(3).reduce(1, *))
        return ConvolutionRates(
            shapes: shapes, direction: direction, minibatch: minibatch, productGflops: 1e-9 * operations / seconds[0],
            tiledGflops: 1e-9 * operations / seconds[1], saving: tiling.saving(for: side),
            isTiled: tiling.isWorthWhile(for: side, microbatch: trace.microbatch))
    }

    /// The median of the rounds of each plan, which take turns; of a round it runs long enough to be timed.
    private static func times(of plans: [Plan], rounds: Int) throws -> [Double] {
        func seconds(_ plan: Plan, _ runs: Int) throws -> Double {
            try ContinuousClock().measure { for _ in 0 ..< runs { try plan.run() } } / .seconds(1)
        }
        let runs = try plans.map { max(1, Int((0.01 / (try seconds($0, 2) / 2)).rounded(.up))) }
        var found = plans.map { _ in [Double]() }
        for _ in 0 ..< rounds {
            for (number, plan) in plans.enumerated() { found[number].append(try seconds(plan, runs[number]) / Double(runs[number])) }
        }
        return found.map { $0.sorted()[$0.count / 2] }
    }
}
