import Graphs
import Reports

/// A trace in boxes: an application of a network is one, whatever its layers; what compares or adds up several is one; loops are.
///
/// Every value that depends on data belongs to one box. With variables of a network it belongs to that network's box, else to the box of
/// what it is made from; of several it begins one of its own.
struct Condensation {
    private struct Box {
        var kind: Schematic.Kind, name: String
        /// Of an operation's box, what it does, in the order of appearance.
        var symbols: [String] = []
        var layers = 0
        /// The numbers of each variable that is read.
        var variables: [Int: Int] = [:]
        var before: Set<Int> = []
        /// Whether it is made of noise alone.
        var isNoise = false
        /// Whether there is one number for the whole minibatch, as a loss has.
        var isScalar = false
    }
    private struct Flow: Hashable { let from: Int, to: Int }

    private let trace: Trace
    private var boxes: [Box] = []
    /// The box of each value that depends on data.
    private var owners: [Int: Int] = [:]
    private var flows: [Flow: [String]] = [:], order: [Flow] = []
    /// The variables, by the nodes of their first values, that a value without data is made of.
    private var made: [Int: Set<Int>] = [:]
    /// Values that variables have, first or after updates: where they come from is another drawing.
    private let versions: [Int: Int]

    init(of trace: Trace, to ends: [(name: String, node: Node)]) {
        (self.trace, versions) = (trace, trace.versions)
        for index in needed(by: ends.map(\.node.index)) { place(index) }
        for (name, node) in ends {
            guard let owner = owners[node.index] else { continue }
            boxes.append(Box(kind: .end, name: name, before: [owner]))
            flow(from: node.index, to: boxes.count - 1)
        }
    }

    func schematic(_ title: String) -> Schematic {
        // what leaves a box is said once; noise that only disturbs something else leads nowhere and is left out
        var said: Set<Int> = []
        let shown = boxes.indices.filter { box in boxes[box].kind == .end || order.contains { $0.from == box } }
        let places = Dictionary(uniqueKeysWithValues: zip(shown, shown.indices))
        let arrows = order.map { flow in
            let labels = order.filter { $0.from == flow.from }.flatMap { flows[$0]! }.reduce(into: [String]()) {
                if !$0.contains($1) { $0.append($1) }
            }
            let label = said.insert(flow.from).inserted ? labels.prefix(2).joined(separator: ", ") : ""
            return Schematic.Arrow(from: places[flow.from]!, to: places[flow.to]!, label: label)
        }
        return Schematic(title, shown.map { drawn(boxes[$0]) }, arrows)
    }

    /// What the ends are computed from outside of loops, in order; what is inside a loop belongs to its run.
    private func needed(by ends: [Int]) -> [Int] {
        var found = Set(ends)
        for index in (0 ... (ends.max() ?? 0)).reversed() where found.contains(index) && versions[index] == nil {
            found.formUnion(trace.entries[index].inputs)
        }
        return found.sorted()
    }

    // MARK: Where a value belongs

    private mutating func place(_ index: Int) {
        let entry = trace.entries[index], data = entry.inputs.filter { owners[$0] != nil }
        switch entry.operation {
        case _ where versions[index] != nil: made[index] = [versions[index]!]
        case let input as Input:
            let isNoise = trace.noises.contains { $0.node.index == index }
            add(Box(kind: .input, name: "\(isNoise ? "noise" : input.name)\n\(entry.form.shape)", isNoise: isNoise), index)
        case is LoopRun: add(loop(entry, data), index, from: data)
        case _ where data.isEmpty: made[index] = entry.inputs.reduce(into: []) { $0.formUnion(made[$1] ?? []) }
        default: place(entry, index, data)
        }
    }

    private mutating func place(_ entry: Trace.Entry, _ index: Int, _ data: [Int]) {
        let read = entry.inputs.reduce(into: Set<Int>()) { $0.formUnion(made[$1] ?? []) }.filter { trace.variableName(ofInput: $0) != nil }
        let network = read.min().map { Self.network(of: trace.variableName(ofInput: $0)!) }
        // dropout, say: noise that meets something else disturbs that
        let calm = data.filter { !boxes[owners[$0]!].isNoise }, data = calm.isEmpty ? data : calm
        let from = data.reduce(into: [Int]()) { if !$0.contains(owners[$1]!) { $0.append(owners[$1]!) } }
        let candidates = from.filter { candidate in
            let box = boxes[candidate]
            let fits =
                network.map { box.kind == .network && box.name == $0 }
                ?? (from.count == 1 && (box.kind != .input || moves(entry.operation)) || joins(entry, box))
            return fits && !from.contains { $0 != candidate && isBefore(candidate, $0) }
        }
        let owner: Int
        if let first = candidates.first {
            owner = first
            owners[index] = owner
            for node in data { flow(from: node, to: owner) }
        } else {
            let isNoise = network == nil && calm.isEmpty
            owner = add(network.map { Box(kind: .network, name: $0) } ?? Box(kind: .operation, name: "", isNoise: isNoise), index, from: data)
        }
        note(entry, reading: read, in: owner)
    }

    /// Whether it changes no number: an input that is framed or reshaped is still that input.
    private func moves(_ operation: any Operation) -> Bool {
        operation is Reshape || operation is Pad || operation is Slice || operation is Transpose || operation is Gather || operation is Detach
            || operation is Broadcast
    }

    /// Losses are added up in one box.
    private func joins(_ entry: Trace.Entry, _ box: Box) -> Bool {
        box.kind == .operation && box.isScalar && entry.form.extent == .replicated && entry.form.shape.count == 1
    }

    @discardableResult private mutating func add(_ box: Box, _ index: Int, from data: [Int] = []) -> Int {
        boxes.append(box)
        owners[index] = boxes.count - 1
        for node in data { flow(from: node, to: boxes.count - 1) }
        return boxes.count - 1
    }

    private mutating func flow(from node: Int, to box: Int) {
        let from = owners[node]!, form = trace.entries[node].form
        guard from != box else { return }
        boxes[box].before.insert(from)
        let flow = Flow(from: from, to: box)
        if flows[flow] == nil { order.append(flow) }
        let label = form.extent == .batched && form.shape.count > 1 && boxes[from].kind != .input ? ["\(form.shape)"] : []
        flows[flow, default: []] += label.filter { !(flows[flow] ?? []).contains($0) }
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        var open = [b], met: Set = [b]
        while let next = open.popLast() {
            if next == a { return true }
            for box in boxes[next].before where met.insert(box).inserted { open.append(box) }
        }
        return false
    }

    // MARK: What a box says

    private mutating func note(_ entry: Trace.Entry, reading read: Set<Int>, in owner: Int) {
        for variable in read { boxes[owner].variables[variable] = trace.entries[variable].form.shape.count }
        if !read.isEmpty, entry.operation is ConvolutionOutput || entry.operation is ConvolutionInput || entry.operation is Product {
            boxes[owner].layers += 1
        }
        boxes[owner].isScalar = entry.form.extent == .replicated && entry.form.shape.count == 1
        if let symbol = symbol(entry), !boxes[owner].symbols.contains(symbol) { boxes[owner].symbols.append(symbol) }
    }

    private func symbol(_ entry: Trace.Entry) -> String? {
        switch entry.operation {
        case let unary as Unary:
            switch unary.kind {
            case .absolute: "|·|"
            case .squareRoot: "√"
            case .exp, .log, .tanh, .softplus, .logistic: "\(unary.kind)"
            case .negative, .reciprocal, .sign, .step: nil
            }
        case let binary as Binary:
            switch binary.kind {
            case .add:
                entry.inputs.contains { (trace.entries[$0].operation as? Unary)?.kind == .negative } ? "−" : "+"
            case .multiply: entry.inputs[0] == entry.inputs[1] ? "(·)²" : nil
            case .maximum: "max"
            }
        case is Sum: "Σ"
        case is Total: "mean"
        default: nil
        }
    }

    private func loop(_ entry: Trace.Entry, _ data: [Int]) -> Box {
        guard let run = entry.operation as? LoopRun, let loop = trace.loops[run.number] else { preconditionFailure("a loop that is none") }
        let read = entry.inputs.reduce(into: Set<Int>()) { $0.formUnion(made[$1] ?? []) }.compactMap { trace.variableName(ofInput: $0) }
        let networks = Set(read.filter { !$0.hasPrefix("optimizer/") }.map(Self.network)).sorted().joined(separator: ", ")
        return Box(kind: .network, name: "\(loop.count) \(loop.count == 1 ? "round" : "rounds")" + (networks.isEmpty ? "" : "\n\(networks)"))
    }

    /// The path of a variable up to its layer's number, or to itself: "encoder.3.weight" is of "encoder".
    private static func network(of variable: String) -> String {
        let path = variable.split(separator: ".").map(String.init)
        let own = path.firstIndex { Int($0) != nil } ?? path.count - 1
        return own < 1 ? path[0] : path[..<own].joined(separator: ".")
    }

    private func drawn(_ box: Box) -> Schematic.Box {
        guard box.kind == .operation || box.kind == .network else { return Schematic.Box(box.kind, box.name.split(separator: "\n").map(String.init)) }
        guard box.kind == .network else {
            return Schematic.Box(.operation, [box.symbols.isEmpty ? "=" : box.symbols.prefix(5).joined(separator: " ")])
        }
        let count = box.variables.values.reduce(0, +)
        let layers = box.layers == 0 ? [] : ["\(box.layers) layer\(box.layers == 1 ? "" : "s")"]
        let numbers = count == 0 ? [] : ["\(Vigil.grouped(count)) numbers"]
        return Schematic.Box(.network, box.name.split(separator: "\n").map(String.init) + (layers + numbers))
    }
}
