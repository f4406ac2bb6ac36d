import Graphs

/// What an item of a draft computes. The operations of a trace, brought to the forms that kernels take.
enum Kind: Hashable {
    /// Given from outside or kept from the last step: a node of the trace.
    case input(node: Int)
    /// A replicated scalar, by its bits.
    case constant(UInt64)
    /// Numbers known when the plan is made.
    case literal(Literal)
    /// A replicated scalar that depends on how far the stage (or loop) has come.
    case scheduled(Rate)
    case unary(Unary.Kind), binary(Binary.Kind)
    /// The operand repeated until it has the form, aligned at the innermost axis.
    case broadcast
    case reshape
    case slice(Slice), transpose, pad(Pad), gather(Gather.Places)
    case sum, total, localMean
    /// Rows times a shared matrix, which is stored transposed where it says so.
    case product(transposed: Bool)
    case weightProduct
    /// Of an input that has its padding already.
    case convolution(stride: Int)
    /// From the small side, which has the padding of `TransposedWindows` already.
    case convolutionInput(Geometry)
    case convolutionWeight(stride: Int)
    /// A convolution in tiles; `of` says which side it gives, out of the other two. No side has padding.
    case tiled(Geometry, of: ConvolutionSide)
    /// Runs a loop of the trace, by its scope; the inputs are what goes round at first, then what it reads.
    case loop(Int)
    /// What has gone round, by its place.
    case loopResult(Int)

    /// Whether there is nothing to do for it in a run.
    var isGiven: Bool {
        switch self {
        case .input, .constant, .literal, .scheduled: true
        default: false
        }
    }
}

struct Item: Hashable {
    let kind: Kind
    let inputs: [Int]
    let form: Form

    /// A replicated scalar: kept in Double, computed on the host.
    var isScalar: Bool { form.extent == .replicated && form.shape.rank == 0 }
    /// Whether an element depends on elements of the inputs alone, so that it can be computed where it is used.
    var isElementwise: Bool {
        switch kind {
        case .unary, .binary, .broadcast, .reshape, .slice, .transpose: !isScalar
        default: false
        }
    }
    var isLoopResult: Bool { if case .loopResult = kind { true } else { false } }
    /// Whether it adds up samples: the place where ranks meet.
    var isReduced: Bool {
        switch kind {
        case .total, .weightProduct, .convolutionWeight, .tiled(_, of: .weights): true
        default: false
        }
    }
}

/// A graph that passes build and rewrite. Equal items are one; inputs come before what uses them.
struct Draft {
    private(set) var items: [Item] = []
    private var known: [Item: Int] = [:]

    mutating func add(_ kind: Kind, _ inputs: [Int], _ form: Form) -> Int {
        let item = Item(kind: kind, inputs: inputs, form: form)
        if let index = known[item] { return index }
        items.append(item)
        known[item] = items.count - 1
        return items.count - 1
    }

    /// The item whose memory an item has: a reshape is its input under another shape.
    func memory(of index: Int) -> Int {
        if case .reshape = items[index].kind, !items[index].isScalar, !items[items[index].inputs[0]].isScalar {
            return memory(of: items[index].inputs[0])
        }
        return index
    }

    subscript(index: Int) -> Item { items[index] }

    /// What some items are computed from, themselves included.
    func needed(for results: [Int]) -> Set<Int> {
        var needed = Set(results), next = results
        while let index = next.popLast() { next += items[index].inputs.filter { needed.insert($0).inserted } }
        return needed
    }
}
