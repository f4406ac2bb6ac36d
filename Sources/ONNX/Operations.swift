import Graphs

/// An operation with a meaning in ONNX. A batched value has the samples' axis before its own; all others are [height, width, channels] as here.
protocol ONNXOperation: Operation {
    /// Adds what computes a node of it. Returns the result's name.
    func translate(_ node: Node, _ t: inout Translation) throws -> String
}

/// One that has weights, into which scales and shifts of its channels go.
protocol LinearOperation: ONNXOperation {
    func translate(_ node: Node, scale: [Double], shift: [Double], _ t: inout Translation) throws -> String
}

extension LinearOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let channels = node.form.shape.extents.last ?? 1
        return try translate(node, scale: Array(repeating: 1, count: channels), shift: Array(repeating: 0, count: channels), &t)
    }
}

// MARK: Elements

extension Unary: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.operand(node.inputs[0])
        let name =
            switch kind {
            case .negative: "Neg"
            case .reciprocal: "Reciprocal"
            case .exp: "Exp"
            case .log: "Log"
            case .tanh: "Tanh"
            case .softplus: "Softplus"
            case .logistic: "Sigmoid"
            case .squareRoot: "Sqrt"
            case .absolute: "Abs"
            case .sign: "Sign"
            case .step: "Greater"
            }
        guard kind == .step else { return t.builder.apply(name, [x]) }
        let zero = t.builder.floats([], [0])
        return t.builder.cast(t.builder.apply(name, [x, zero]), to: .float)
    }
}

extension Binary: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let (a, b) = (t.canonical(node.inputs[0]), t.canonical(node.inputs[1]))
        if kind == .maximum, let slope = t.slope(a, b) {
            let x = try t.operand(a)
            return slope == 0 ? t.builder.apply("Relu", [x]) : t.builder.apply("LeakyRelu", [x], [("alpha", .float(Float(slope)))])
        }
        let operands = try [a, b].map { try t.aligned($0, rank: node.form.shape.rank) }
        switch kind {
        case .add: return t.builder.apply("Add", operands)
        case .multiply: return t.builder.apply("Mul", operands)
        case .maximum: return t.builder.apply("Max", operands)
        }
    }
}

extension Translation {
    /// The slope below 0 where max(a, b) is a leaky ReLU of a: b is 0, or a times a number between 0 and 1.
    fileprivate func slope(_ a: Node, _ b: Node) -> Double? {
        if let zero = numbers(of: b), zero.numbers == [0] { return 0 }
        guard let product = b.operation as? Binary, product.kind == .multiply else { return nil }
        let factors = b.inputs.map(canonical)
        guard let place = factors.firstIndex(of: a), let slope = numbers(of: factors[1 - place])?.numbers, slope.count == 1, 0 < slope[0],
            slope[0] < 1
        else { return nil }
        return slope[0]
    }

    /// An operand whose own axes are `rank` many: new ones stand between the samples' and its own.
    fileprivate mutating func aligned(_ node: Node, rank: Int) throws -> String {
        let name = try operand(node), own = node.form.shape
        guard node.form.extent == .batched, own.rank < rank else { return name }
        return builder.reshape(name, to: Array(repeating: 1, count: rank - own.rank) + own.extents)
    }
}

// MARK: Sums and movement

extension Sum: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.operand(node.inputs[0]), from = node.inputs[0].form.shape, missing = from.rank - shape.rank
        let axes = from.extents.indices.filter { $0 < missing || (shape.extents[$0 - missing] == 1 && from.extents[$0] != 1) }
        let sum = axes.isEmpty ? x : t.builder.apply("ReduceSum", [x, t.builder.integers(axes.map { $0 + 1 })], [("keepdims", .integer(1))])
        return missing == 0 ? sum : t.builder.reshape(sum, to: shape.extents)
    }
}

extension Broadcast: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.aligned(t.canonical(node.inputs[0]), rank: shape.rank)
        return t.builder.apply("Expand", [x, t.builder.integers([1] + shape.extents)])
    }
}

extension Spread: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        guard let values = t.numbers(of: node.inputs[0]), let sample = t.builder.model.inputs.first?.name else {
            throw TranslationError("what it gives to every sample is not the same for all")
        }
        let count = t.builder.apply("Shape", [sample], [("start", .integer(0)), ("end", .integer(1))])
        let ones = t.builder.integers(Array(repeating: 1, count: values.form.shape.rank))
        let extents = values.form.shape.rank == 0 ? count : t.builder.apply("Concat", [count, ones], [("axis", .integer(0))])
        return t.builder.apply("Expand", [t.builder.floats([1] + values.form.shape.extents, values.numbers), extents])
    }
}

extension Reshape: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String { t.builder.reshape(try t.operand(node.inputs[0]), to: shape.extents) }
}

extension Transpose: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String { t.builder.transpose(try t.operand(node.inputs[0]), [0, 2, 1]) }
}

extension Slice: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.operand(node.inputs[0]), ends = zip(start, extents).map(+)
        let places = [start, ends, start.indices.map { $0 + 1 }].map { t.builder.integers($0) }
        return t.builder.apply("Slice", [x] + places)
    }
}

extension Pad: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.operand(node.inputs[0]), own = node.inputs[0].form.shape.extents
        let after = extents.indices.map { extents[$0] - before[$0] - own[$0] }
        return t.builder.apply("Pad", [x, t.builder.integers([0] + before + [0] + after)], [("mode", .text("constant"))])
    }
}

extension Gather: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String {
        let x = try t.operand(node.inputs[0]), count = places.from.count
        let sources = (0 ..< places.to.count).map { places.places[Int(places.starts[$0]) ..< Int(places.starts[$0 + 1])].map { Int($0) } }
        let most = sources.map(\.count).max() ?? 1
        // a zero after the last element, which those with fewer sources are filled up with
        let flat = t.builder.reshape(x, to: [count]), padded = t.builder.apply("Pad", [flat, t.builder.integers([0, 0, 0, 1])])
        let filled = sources.flatMap { $0 + Array(repeating: count, count: most - $0.count) }
        let indices = t.builder.integers(filled, extents: [places.to.count, most])
        let gathered = t.builder.apply("Gather", [padded, indices], [("axis", .integer(1))])
        let sum = t.builder.apply("ReduceSum", [gathered, t.builder.integers([2])], [("keepdims", .integer(0))])
        return t.builder.reshape(sum, to: places.to.extents)
    }
}

extension Detach: ONNXOperation {
    func translate(_ node: Node, _ t: inout Translation) throws -> String { try t.operand(node.inputs[0]) }
}

// MARK: Products and convolutions

extension Product: LinearOperation {
    func translate(_ node: Node, scale: [Double], shift: [Double], _ t: inout Translation) throws -> String {
        guard let w = t.numbers(of: node.inputs[1]) else { throw TranslationError("its weights are the samples' own") }
        let x = try t.operand(node.inputs[0]), columns = scale.count
        let weights = t.builder.floats(w.form.shape.extents, w.numbers.enumerated().map { $1 * scale[$0 % columns] })
        let y = t.builder.apply("MatMul", [x, weights])
        return shift.allSatisfy { $0 == 0 } ? y : t.builder.apply("Add", [y, t.builder.floats([columns], shift)])
    }
}

extension ConvolutionOutput: LinearOperation {
    func translate(_ node: Node, scale: [Double], shift: [Double], _ t: inout Translation) throws -> String {
        // [i, j, channels, features] to [features, channels, i, j]
        try t.convolution("Conv", node, geometry, axes: [3, 2, 0, 1], scale, shift)
    }
}

extension ConvolutionInput: LinearOperation {
    func translate(_ node: Node, scale: [Double], shift: [Double], _ t: inout Translation) throws -> String {
        // [i, j, channels, features] to [features, channels, i, j], of which channels are the result's
        let (y, x) = (node.inputs[0].form.shape.image.extents, node.form.shape.image.extents)
        let sides = node.inputs[1].form.shape.extents.prefix(2)
        let more = (0 ..< 2).map { x[$0] - ((y[$0] - 1) * geometry.stride - 2 * geometry.padding + sides[$0]) }
        return try t.convolution("ConvTranspose", node, geometry, axes: [3, 2, 0, 1], scale, shift, [("output_padding", .integers(more))])
    }
}

extension Translation {
    /// A convolution of either kind: ONNX has channels before height and width, and no views.
    fileprivate mutating func convolution(
        _ name: String, _ node: Node, _ geometry: Geometry, axes: [Int], _ scale: [Double], _ shift: [Double], _ more: [(String, Attribute)] = []
    ) throws -> String {
        guard let w = numbers(of: node.inputs[1]) else { throw TranslationError("its weights are the samples' own") }
        let input = node.inputs[0].form.shape, from = w.form.shape.extents, to = axes.map { from[$0] }
        // of a transposed convolution the result's channels are the second axis
        let isTransposed = name == "ConvTranspose"
        var weights: [Double] = []
        weights.reserveCapacity(w.numbers.count)
        for k in 0 ..< from[3] {
            for c in 0 ..< from[2] {
                for place in 0 ..< from[0] * from[1] { weights.append(w.numbers[(place * from[2] + c) * from[3] + k] * scale[isTransposed ? c : k]) }
            }
        }
        var x = try operand(node.inputs[0])
        if input.views.rank > 0 { x = builder.reshape(x, to: input.image.extents, keepsSamples: false) }
        let operands = [builder.transpose(x, [0, 3, 1, 2]), builder.floats(to, weights), builder.floats([shift.count], shift)]
        let padding = Array(repeating: geometry.padding, count: 4), strides = [geometry.stride, geometry.stride]
        let attributes: [(String, Attribute)] = [
            ("kernel_shape", .integers([from[0], from[1]])), ("pads", .integers(padding)), ("strides", .integers(strides)),
        ]
        let y = builder.transpose(builder.apply(name, operands, attributes + more), [0, 2, 3, 1])
        return input.views.rank > 0 ? builder.reshape(y, to: node.form.shape.extents, keepsSamples: false) : y
    }
}
