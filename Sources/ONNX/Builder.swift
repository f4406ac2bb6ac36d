/// Puts a model together, operator by operator. Values go by their names.
public struct Builder {
    public private(set) var model: Model
    private var count = 0
    private var integerLists: [[Int]: String] = [:]

    public init(name: String) { model = Model(name: name) }

    private mutating func fresh(_ kind: String) -> String {
        count += 1
        return "\(kind)_\(count)"
    }

    public mutating func input(_ name: String, _ type: TensorType) -> String {
        model.inputs.append((name, type))
        return name
    }

    /// Adds to what is said of the model.
    public mutating func metadata(_ key: String, _ value: String) { model.metadata.append((key, value)) }

    /// Names a value as a result of the model.
    public mutating func output(_ name: String, _ value: String, _ type: TensorType) {
        model.operators.append(Operator(name: "Identity", inputs: [value], output: name, attributes: []))
        model.outputs.append((name, type))
    }

    /// The result of an operator of ONNX; an input left out is "".
    mutating func apply(_ name: String, _ inputs: [String], _ attributes: [(String, Attribute)] = []) -> String {
        let output = fresh("value")
        model.operators.append(Operator(name: name, inputs: inputs, output: output, attributes: attributes))
        return output
    }

    public mutating func floats(_ extents: [Int], _ numbers: [Double]) -> String {
        constant(.float, extents, numbers.flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) })
    }

    public mutating func doubles(_ extents: [Int], _ numbers: [Double]) -> String {
        constant(.double, extents, numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
    }

    /// A list of whole numbers: extents, axes, places.
    mutating func integers(_ numbers: [Int], extents: [Int]? = nil) -> String {
        if extents == nil, let known = integerLists[numbers] { return known }
        let name = constant(.int64, extents ?? [numbers.count], numbers.flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) })
        if extents == nil { integerLists[numbers] = name }
        return name
    }

    private mutating func constant(_ element: ElementType, _ extents: [Int], _ bytes: [UInt8]) -> String {
        let name = fresh("constant")
        model.constants.append(Constant(name: name, element: element, extents: extents, bytes: bytes))
        return name
    }

    // MARK: Shapes; the samples' axis comes first and is kept

    mutating func reshape(_ value: String, to extents: [Int], keepsSamples: Bool = true) -> String {
        apply("Reshape", [value, integers([keepsSamples ? 0 : -1] + extents)])
    }

    mutating func transpose(_ value: String, _ axes: [Int]) -> String { apply("Transpose", [value], [("perm", .integers(axes))]) }

    public mutating func cast(_ value: String, to element: ElementType) -> String {
        apply("Cast", [value], [("to", .integer(element.rawValue))])
    }

    // MARK: Before and after a detector

    /// Stored numbers times a multiplier and plus an offset, in Double; `multiplier` and `offset` each have one number or one a channel.
    public mutating func scale(_ value: String, by multiplier: [Double], plus offset: [Double]) -> String {
        let scaled = apply("Mul", [cast(value, to: .double), doubles([multiplier.count], multiplier)])
        return cast(apply("Add", [scaled, doubles([offset.count], offset)]), to: .float)
    }

    /// Images [samples, height, width, channels] to another size: bilinear, half-pixel centers, no filter against aliasing.
    public mutating func resize(_ value: String, height: Int, width: Int, channels: Int) -> String {
        let planes = transpose(value, [0, 3, 1, 2]), extents = apply("Shape", [planes], [("start", .integer(0)), ("end", .integer(2))])
        let sizes = apply("Concat", [extents, integers([height, width])], [("axis", .integer(0))])
        let modes: [(String, Attribute)] = [("mode", .text("linear")), ("coordinate_transformation_mode", .text("half_pixel"))]
        return transpose(apply("Resize", [planes, "", "", sizes], modes), [0, 2, 3, 1])
    }

    /// A part of images.
    public mutating func crop(_ value: String, top: Int, left: Int, height: Int, width: Int) -> String {
        apply("Slice", [value, integers([top, left]), integers([top + height, left + width]), integers([1, 2])])
    }

    /// For each score, (1 + normals that score as high) / (1 + all of them).
    /// - Parameter normals: scores of held-out normals.
    public mutating func falseAlarmProbability(_ scores: String, normals: [Double]) -> String {
        let column = apply("Unsqueeze", [scores, integers([1])])
        let reached = apply("LessOrEqual", [column, floats([1, normals.count], normals)])
        let higher = apply("ReduceSum", [cast(reached, to: .float), integers([1])], [("keepdims", .integer(0))])
        return apply("Div", [apply("Add", [higher, floats([], [1])]), floats([], [Double(normals.count + 1)])])
    }

    /// Whether each score is an alarm: it reaches the threshold.
    public mutating func verdict(_ scores: String, threshold: Double) -> String {
        // the least Float that is not below it: scores are Floats
        let nearest = Float(threshold), least = Double(nearest) < threshold ? nearest.nextUp : nearest
        return apply("GreaterOrEqual", [scores, floats([], [Double(least)])])
    }
}
