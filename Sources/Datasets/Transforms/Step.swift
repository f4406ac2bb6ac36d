/// A transform with the shapes it has between.
struct Step: Sendable {
    let transform: Transform
    /// What it is given and what it makes, [height, width, channels] or [features].
    private let input: [Int]
    let shape: [Int]
    private let resize: Resize?

    /// Picks one of `bound` places along an axis, 0 or 1.
    typealias Draw = (_ axis: Int, _ bound: Int) -> Int

    /// - Throws: where the transform does not take samples of this shape.
    init(_ transform: Transform, of input: [Int]) throws(DatasetError) {
        func flaw(_ text: String) -> DatasetError { DatasetError(.usage, "transforms: \(transform) \(text)") }
        guard input.count == 3 || transform.hasStatistics else {
            throw flaw("takes images, but the samples are \(input[0]) features; leave it out")
        }
        (self.transform, self.input) = (transform, input)
        switch transform {
        case .scale, .unscaled: preconditionFailure("\(transform) is no step of its own")
        case .resize(let height, let width):
            shape = [height, width, input[2]]
            resize = Resize(from: (input[0], input[1]), to: (height, width), channels: input[2])
        case .crop(let height, let width):
            guard height <= input[0], width <= input[1] else {
                throw flaw("is larger than the samples it is given, which are \(extentsText(input)); crop at most \(input[0])x\(input[1])")
            }
            (shape, resize) = ([height, width, input[2]], nil)
        case .flip, .standardize, .scaleFeatures: (shape, resize) = (input, nil)
        }
    }

    /// The changed sample. `draw` decides what is random; where it is nil nothing is flipped and the middle is cut out.
    func callAsFunction(_ values: [Float], statistics: ChannelStatistics?, draw: Draw?) -> [Float] {
        switch transform {
        case .scale, .unscaled: return values
        case .resize: return resize?(values) ?? values
        case .crop(let height, let width):
            let (rows, columns) = (input[0] - height, input[1] - width)
            return cropped(values, top: draw?(0, rows + 1) ?? rows / 2, left: draw?(1, columns + 1) ?? columns / 2)
        case .flip(let direction): return draw?(0, 2) == 1 ? flipped(values, direction) : values
        case .standardize, .scaleFeatures:
            guard let statistics else { preconditionFailure("\(transform) has no statistics yet") }
            return statistics.standardized(values)
        }
    }

    private func cropped(_ values: [Float], top: Int, left: Int) -> [Float] {
        let (width, channels) = (input[1], input[2])
        return (top ..< top + shape[0]).flatMap { row in
            let first = (row * width + left) * channels
            return values[first ..< first + shape[1] * channels]
        }
    }

    private func flipped(_ values: [Float], _ direction: Transform.Direction) -> [Float] {
        let (height, width, channels) = (input[0], input[1], input[2])
        return (0 ..< height).flatMap { row in
            let source = (direction == .vertical ? height - 1 - row : row) * width * channels
            guard direction == .horizontal else { return Array(values[source ..< source + width * channels]) }
            return (0 ..< width).reversed().flatMap { values[source + $0 * channels ..< source + ($0 + 1) * channels] }
        }
    }
}
