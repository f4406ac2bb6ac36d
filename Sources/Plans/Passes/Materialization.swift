import Graphs

/// Which items get memory. An elementwise chain of values in memory need not be stored: whoever reads it computes it on
/// the way (again, if several do), as long as that is short.
struct Materialization {
    /// Work for one element above which a value that several read is stored, in additions.
    static let limit = 16

    private let draft: Draft
    /// Items that have memory of their own.
    private(set) var stored: Set<Int> = []

    /// - Parameter needed: the items that are computed at all.
    init(_ draft: Draft, needed: Set<Int>, results: [Int]) {
        self.draft = draft
        stored = Set(results.map(draft.memory))
        var uses = Array(repeating: 0, count: draft.items.count)
        let passedOn = Set(draft.items.indices.compactMap { needed.contains($0) ? imageOperand(of: draft[$0]) : nil })
        for (index, item) in draft.items.enumerated() where needed.contains(index) {
            if !item.isElementwise { stored.insert(index) }
            for input in item.inputs {
                // a gradient that goes on to the other image side is transformed once for both
                if case .tiled(_, of: .weights) = item.kind, passedOn.contains(input) { continue }
                uses[input] += 1
                if readsMemory(item, of: draft[input]) { stored.insert(draft.memory(of: input)) }
            }
        }
        for index in draft.items.indices where draft[index].isElementwise && uses[index] > 1 && work(index) > Self.limit {
            stored.insert(draft.memory(of: index))
        }
    }

    /// What a convolution in tiles takes from one image side to the other.
    private func imageOperand(of item: Item) -> Int? {
        if case .tiled(_, let side) = item.kind, side != .weights { item.inputs[0] } else { nil }
    }

    /// Whether an item needs a vector or batched operand in memory: kernels do, and so does what repeats or rearranges it.
    private func readsMemory(_ item: Item, of operand: Item) -> Bool {
        if operand.isScalar { return false }
        switch item.kind {
        case .reshape: return item.isScalar
        case .unary, .binary, .broadcast: return operand.form.extent != item.form.extent || operand.form.shape.count != item.form.shape.count
        case .sum: return item.isScalar
        // tiled convolutions compute images on the way
        case .tiled: return operand.form.extent == .replicated
        default: return true
        }
    }

    /// What computing an element from values in memory takes.
    private func work(_ index: Int) -> Int {
        var met: Set<Int> = [], total = 0, open = [index]
        while let next = open.popLast() {
            guard met.insert(next).inserted else { continue }
            guard next == index || !stored.contains(next), draft[next].isElementwise else { continue }
            switch draft[next].kind {
            case .reshape: break
            case .unary(.exp), .unary(.log), .unary(.tanh), .unary(.softplus), .unary(.logistic): total += 8
            default: total += 1
            }
            open += draft[next].inputs
        }
        return total
    }
}
