import Graphs

/// What ONNX cannot say of a graph, and why.
public struct TranslationError: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// Writes a scoring graph into a model. What all samples share is computed here, in Double, and becomes constants; scales and shifts of a
/// channel after a convolution or a product, as batch norm is when scoring, go into its weights.
public struct Translation {
    public var builder: Builder
    let trace: Trace
    private let shared: [Int: Values]
    private let uses: [Int: Int]
    private var names: [Int: String]
    private var linears: [Int: Linear] = [:]

    /// A convolution or product with what follows it in each channel: y · scale + shift.
    struct Linear {
        let node: Int
        var scale: [Double], shift: [Double]
    }

    /// - Parameters:
    ///   - results: the nodes that will be asked for.
    ///   - variables: the numbers of a variable, in Double.
    ///   - inputs: the names of the graph's inputs, by node.
    /// - Throws: where a result is not a graph: a search, noise, samples that meet; the message is one reason without a subject.
    public init(of results: [Node], variables: (Variable) -> [Double], inputs: [Int: String], into builder: Builder) throws {
        guard let trace = results.first?.trace else { preconditionFailure("nothing to translate") }
        (self.trace, self.builder, names) = (trace, builder, inputs)
        let needed = try Self.needed(for: results, given: inputs)
        let frontier = needed.filter { trace.entries[$0].form.extent == .replicated }.sorted()
        var given: [Int: Values] = [:]
        for (variable, node, _) in trace.variables { given[node.index] = Values(node.form, samples: 1, variables(variable)) }
        let values = evaluate(frontier.map { Node(trace: trace, index: $0) }, given: given, samples: 1)
        shared = Dictionary(uniqueKeysWithValues: zip(frontier, values))
        var uses = Dictionary(results.map { (trace.entries[$0.index].value, 1) }, uniquingKeysWith: +)
        for index in needed where shared[index] == nil && inputs[index] == nil {
            for input in trace.entries[index].inputs { uses[trace.entries[input].value, default: 0] += 1 }
        }
        self.uses = uses
    }

    /// Why a value cannot be exported; nil where it can.
    public static func obstacle(to result: Node, given inputs: [Int: String]) -> String? {
        do { _ = try needed(for: [result], given: inputs) } catch { return error.description }
        return nil
    }

    /// The batched values that results depend on, and the replicated ones that these read.
    private static func needed(for results: [Node], given inputs: [Int: String]) throws(TranslationError) -> Set<Int> {
        guard let trace = results.first?.trace else { return [] }
        var needed = Set(results.map { trace.entries[$0.index].value })
        for index in (0 ... needed.max()!).reversed() where needed.contains(index) && inputs[index] == nil {
            let entry = trace.entries[index]
            if let obstacle = obstacle(in: entry, of: trace) { throw TranslationError(obstacle) }
            if entry.form.extent == .batched { needed.formUnion(entry.inputs.map { trace.entries[$0].value }) }
        }
        // what all samples share must not come of samples
        for index in needed where trace.entries[index].form.extent == .replicated {
            var below: Set = [index]
            for index in (0 ... index).reversed() where below.contains(index) {
                if let obstacle = obstacle(in: trace.entries[index], of: trace) { throw TranslationError(obstacle) }
                below.formUnion(trace.entries[index].inputs)
            }
        }
        return needed
    }

    private static func obstacle(in entry: Trace.Entry, of trace: Trace) -> String? {
        switch entry.operation {
        case is LoopResult, is LoopRun: "it searches for every sample anew, step by step, which is no graph of ONNX"
        case let input as Input where entry.form.extent == .batched:
            "it draws noise for every sample (\(input.name)), which ONNX has no keyed generator for"
        case is Total, is WeightProduct, is ConvolutionWeight, is LocalMean:
            "samples meet in it (\(type(of: entry.operation))), so it is no function of one"
        default:
            entry.form.extent == .batched && !(entry.operation is any ONNXOperation) && !(entry.operation is Input) && !(entry.operation is Detach)
                ? "operation \(type(of: entry.operation)) has no meaning in ONNX; give it one in Sources/ONNX/Operations.swift" : nil
        }
    }

    /// The name of a node's value.
    public mutating func value(of node: Node) throws -> String {
        let index = trace.entries[node.index].value
        // a graph may be deeper than the stack, so in the order of nodes
        for earlier in 0 ... index where isNeeded(earlier, for: index) { try visit(earlier) }
        return try materialized(index)
    }

    private var reach: [Int: Set<Int>] = [:]
    private mutating func isNeeded(_ earlier: Int, for index: Int) -> Bool {
        if reach[index] == nil {
            var below: Set = [index]
            for place in (0 ... index).reversed() where below.contains(place) && shared[place] == nil && names[place] == nil {
                below.formUnion(trace.entries[place].inputs.map { trace.entries[$0].value })
            }
            reach = [index: below]
        }
        return reach[index]!.contains(earlier)
    }

    private mutating func visit(_ index: Int) throws {
        guard names[index] == nil, linears[index] == nil, shared[index] == nil else { return }
        let entry = trace.entries[index]
        if let linear = linear(entry, index) {
            linears[index] = linear
            return
        }
        guard let operation = entry.operation as? any ONNXOperation else {
            throw TranslationError("operation \(type(of: entry.operation)) has no meaning in ONNX; give it one in Sources/ONNX/Operations.swift")
        }
        names[index] = try operation.translate(Node(trace: trace, index: index), &self)
    }

    /// A linear operation, or a scale or shift of a channel after one that nothing else reads.
    private func linear(_ entry: Trace.Entry, _ index: Int) -> Linear? {
        if entry.operation is any LinearOperation, let channels = entry.form.shape.extents.last, entry.form.extent == .batched {
            return Linear(node: index, scale: Array(repeating: 1, count: channels), shift: Array(repeating: 0, count: channels))
        }
        let inputs = entry.inputs.map { trace.entries[$0].value }
        guard let place = inputs.firstIndex(where: { linears[$0] != nil && uses[$0] == 1 }), var linear = linears[inputs[place]] else { return nil }
        if let unary = entry.operation as? Unary, unary.kind == .negative {
            linear.scale = linear.scale.map { -$0 }
            linear.shift = linear.shift.map { -$0 }
            return linear
        }
        guard let binary = entry.operation as? Binary, binary.kind != .maximum, let factor = shared[inputs[1 - place]],
            entry.form == trace.entries[inputs[place]].form, factor.numbers.count == 1 || factor.numbers.count == linear.scale.count,
            factor.form.shape.count == (factor.form.shape.extents.last ?? 1)
        else { return nil }
        for channel in linear.scale.indices {
            let number = factor.numbers.count == 1 ? factor.numbers[0] : factor.numbers[channel]
            if binary.kind == .multiply { linear.scale[channel] *= number }
            linear.shift[channel] = binary.kind == .multiply ? linear.shift[channel] * number : linear.shift[channel] + number
        }
        return linear
    }

    private mutating func materialized(_ index: Int) throws -> String {
        if let name = names[index] { return name }
        if let values = shared[index] {
            names[index] = builder.floats(values.form.shape.extents, values.numbers)
        } else if let linear = linears[index], let operation = trace.entries[linear.node].operation as? any LinearOperation {
            names[index] = try operation.translate(Node(trace: trace, index: linear.node), scale: linear.scale, shift: linear.shift, &self)
        }
        guard let name = names[index] else { preconditionFailure("node \(index) was not visited") }
        return name
    }

    // MARK: For operations

    /// The name of an operand.
    mutating func operand(_ node: Node) throws -> String { try materialized(trace.entries[node.index].value) }

    /// The numbers of an operand that all samples share; nil where it is the samples' own.
    func numbers(of node: Node) -> Values? { shared[trace.entries[node.index].value] }

    /// The node that stands for all that are equal in value.
    func canonical(_ node: Node) -> Node { Node(trace: trace, index: trace.entries[node.index].value) }
}
