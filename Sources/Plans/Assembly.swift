import CKernels
import Graphs
import Ranks

/// From a draft to actions on fixed memory: passes decide what is stored, in which order, and where.
final class Assembly {
    enum Action {
        case kernel(any Kernel)
        case reduction(Reduction)
    }
    /// A variable and the item that is its value.
    typealias Holding = (variable: Variable, item: Int)

    let draft: Draft, steps: [Step]
    private(set) var actions: [Action] = []
    /// An item, and how many copies of it lie side by side: partial sums, until they are added.
    typealias Written = (item: Int, copies: Int)
    /// What each action has computed when it is done.
    private(set) var written: [[Written]] = []
    private(set) var arenaFloats = 0
    /// The value of every item that is a replicated scalar.
    let scalars: UnsafeMutablePointer<Double>
    var scratch: Int {
        actions.reduce(0) { if case .kernel(let kernel) = $1 { max($0, kernel.scratch) } else { $0 } }
    }

    let partition: Partition, table: UnsafePointer<vk_table>
    private let tree: TreeSum
    /// Kernels point into it.
    private let state: ModelState
    private var places: [Int: Floats] = [:]
    private var scalarPartials: [Int: UnsafeMutablePointer<Double>] = [:]
    private var owned: [UnsafeMutableRawPointer] = []
    private var scalarVariables: (given: [(UnsafeMutablePointer<Double>, item: Int)], updated: [(UnsafeMutablePointer<Double>, item: Int)]) = ([], [])

    /// - Parameters:
    ///   - results: items that keep their values to the end.
    ///   - given: items that are variables' values at first.
    ///   - updates: items that are variables' new values.
    init(
        _ draft: Draft, results: [Int], given: [Holding], updates: [Holding],
        state: ModelState, partition: Partition, tree: TreeSum, isa: InstructionSet
    ) throws {
        var draft = draft
        // a new value that is another's memory gets one of its own, so that nothing is written over before it is read
        let updates = updates.map { variable, item in
            if case .input = draft[draft.memory(of: item)].kind { return (variable: variable, item: draft.add(.broadcast, [item], draft[item].form)) }
            return (variable: variable, item: item)
        }
        let kept = results + updates.map(\.item)
        let stored = Materialization(draft, results: kept.filter { !draft[$0].isScalar }).stored
        (self.draft, self.partition, self.tree, self.state, table) = (draft, partition, tree, state, isa.table)
        steps = Ordering(draft, stored: stored).steps
        scalars = .allocate(capacity: draft.items.count)
        scalars.initialize(repeating: 0, count: draft.items.count)

        placeVariables(given, state)
        placeInputs()
        let inPlace = updateInPlace(updates, given: given, state)
        placeRest(kept)
        for (number, step) in steps.enumerated() {
            build(step, number)
            // packing weights, which comes before a kernel, computes nothing
            written += Array(repeating: [], count: actions.count - written.count - 1) + [outcome(of: step)]
        }
        for (variable, item) in updates where !draft[item].isScalar && !inPlace.contains(ObjectIdentifier(variable)) {
            guard case .floats(let to) = state.place(of: variable) else { preconditionFailure("a scalar variable of \(variable.shape)") }
            actions.append(.kernel(CopyKernel(from: floats(of: item), to: to, count: variable.shape.count)))
        }
        written += Array(repeating: [], count: actions.count - written.count)
        for (variable, item) in updates where draft[item].isScalar {
            if case .scalar(let place) = state.place(of: variable) { scalarVariables.updated.append((place, item)) }
        }
        for (index, item) in draft.items.enumerated() {
            if case .constant(let bits) = item.kind { scalars[index] = Double(bitPattern: bits) }
        }
    }

    deinit {
        scalars.deallocate()
        for memory in owned { memory.deallocate() }
    }

    // MARK: Memory

    /// How many floats an item has on this rank.
    func count(of item: Int) -> Int { draft[item].form.shape.count * (draft[item].form.extent == .batched ? partition.samples : 1) }

    func floats(of item: Int) -> Floats {
        guard let place = places[draft.memory(of: item)] else { preconditionFailure("no memory for item \(item), \(draft[item])") }
        return place
    }

    func loadScalars() { for (place, item) in scalarVariables.given { scalars[item] = place.pointee } }
    func storeScalars() { for (place, item) in scalarVariables.updated { place.pointee = scalars[item] } }

    private func allocate(_ floats: Int) -> Floats {
        // products read their operands to the end of a panel
        let bytes = (floats + 64) * 4, memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        owned.append(memory)
        return memory.assumingMemoryBound(to: Float.self)
    }

    private func placeVariables(_ given: [Holding], _ state: ModelState) {
        for (variable, item) in given {
            switch state.place(of: variable) {
            case .floats(let floats): places[item] = floats
            case .scalar(let scalar): scalarVariables.given.append((scalar, item))
            }
        }
    }

    private func placeInputs() {
        for (index, item) in draft.items.enumerated() where places[index] == nil && !item.isScalar {
            if case .input = item.kind { places[index] = allocate(count(of: index)) }
        }
    }

    /// Lets new values be written over old ones where those are no longer read, and says of which variables.
    private func updateInPlace(_ updates: [Holding], given: [Holding], _ state: ModelState) -> Set<ObjectIdentifier> {
        let old = Dictionary(uniqueKeysWithValues: given.map { (ObjectIdentifier($0.variable), $0.item) })
        var lastRead: [Int: Int] = [:]
        for (number, step) in steps.enumerated() { for item in reads(step) { lastRead[item] = number } }
        var found: Set<ObjectIdentifier> = []
        for (variable, item) in updates where !draft[item].isScalar {
            let memory = draft.memory(of: item)
            guard places[memory] == nil, case .floats(let floats) = state.place(of: variable),
                let made = steps.firstIndex(where: { if case .program(let program) = $0 { program.members.contains(memory) } else { false } })
            else { continue }
            if let old = old[ObjectIdentifier(variable)] {
                if lastRead[old, default: -1] > made { continue }
                if case .program(let program) = steps[made], program.reads.contains(old), !program.mayOverwrite(old, by: memory) { continue }
            }
            places[memory] = floats
            found.insert(ObjectIdentifier(variable))
        }
        return found
    }

    private func reads(_ step: Step) -> Set<Int> {
        switch step {
        case .scalars(let items): Set(items.flatMap { draft[$0].inputs.filter { !draft[$0].isScalar } }.map(draft.memory))
        case .program(let program): program.reads
        case .kernel(let item): Set(draft[item].inputs.map(draft.memory))
        case .reduce(let items): Set(items)
        }
    }

    private func writes(_ step: Step) -> [Int] {
        switch step {
        case .program(let program): program.members
        case .kernel(let item): draft[item].isScalar ? [] : [item]
        case .scalars, .reduce: []
        }
    }

    /// What a step makes that can be looked at when it is done; not the partial sums of scalars, which have places of their own.
    private func outcome(of step: Step) -> [Written] {
        switch step {
        case .scalars(let items), .reduce(let items): items.map { ($0, 1) }
        case .program, .kernel: writes(step).map { ($0, draft[$0].isReduced ? partition.subtrees.count : 1) }
        }
    }

    /// Whether an item lies in memory, or is computed by those that read it.
    func hasMemory(_ item: Int) -> Bool { draft[item].isScalar || places[draft.memory(of: item)] != nil }

    /// Where the transposed or padded copy of weights lies that a kernel makes for itself.
    private func packed(for item: Int) -> Int { -1 - item }

    private func placeRest(_ kept: [Int]) {
        let panel = Int(table.pointee.panel)
        var lives: [Int: Memory.Life] = [:]
        for (number, step) in steps.enumerated() {
            for item in writes(step) where places[item] == nil {
                lives[item] = Memory.Life(
                    floats: count(of: item) * (draft[item].isReduced ? partition.subtrees.count : 1), first: number, last: number)
            }
            if case .kernel(let item) = step, case let packings = packings(of: item, from: nil), !packings.isEmpty {
                let floats = packings.reduce(0) { $0 + $1.floats(panel: panel) }
                lives[packed(for: item)] = Memory.Life(floats: floats, first: number, last: number)
            }
            for item in reads(step) { lives[item]?.last = number }
        }
        for item in kept { lives[draft.memory(of: item)]?.last = steps.count }
        for (number, step) in steps.enumerated() { if case .program(let program) = step { letInherit(program, number, &lives) } }
        let memory = Memory(lives)
        arenaFloats = memory.floats
        let arena = allocate(arenaFloats)
        for (item, offset) in memory.offsets { places[item] = arena + offset }
    }

    /// Lets what a loop makes take the memory of what it reads for the last time.
    private func letInherit(_ program: Program, _ number: Int, _ lives: inout [Int: Memory.Life]) {
        var free = program.reads.filter { lives[$0]?.last == number && !draft[$0].isReduced }.sorted()
        for member in program.members {
            guard let life = lives[member],
                let heir = free.firstIndex(where: { lives[$0]!.floats == life.floats && program.mayOverwrite($0, by: member) })
            else { continue }
            lives[member]!.heir = free.remove(at: heir)
        }
    }

    // MARK: Kernels

    private func build(_ step: Step, _ number: Int) {
        switch step {
        case .scalars(let items):
            actions.append(.kernel(ScalarKernel(items, of: draft, scalars: scalars, floats: floats)))
        case .program(let program):
            let samples = program.space.isBatched ? partition.samples : 1
            actions.append(
                .kernel(
                    ElementwiseKernel(program, samples: samples, table: table) { [self] item in
                        draft[item].isScalar ? UnsafeMutableRawPointer(scalars + item) : UnsafeMutableRawPointer(floats(of: item))
                    }))
        case .kernel(let item):
            if let packed = places[packed(for: item)] {
                actions.append(.kernel(PackKernel(packings(of: item, from: floats(of: draft[item].inputs[1])), table: table, to: packed)))
            }
            actions.append(.kernel(kernel(for: item)))
        case .reduce(let items):
            let vectors = items.filter { !draft[$0].isScalar }.map { Reduction.Vector(partials: floats(of: $0), count: count(of: $0)) }
            let singles = items.filter { draft[$0].isScalar }.map { (partials: partials(of: $0), result: scalars + $0) }
            actions.append(.reduction(Reduction(tree, vectors: vectors, scalars: singles)))
        }
    }

    private func partials(of item: Int) -> UnsafeMutablePointer<Double> {
        if let place = scalarPartials[item] { return place }
        let place = UnsafeMutablePointer<Double>.allocate(capacity: partition.subtrees.count)
        owned.append(place)
        scalarPartials[item] = place
        return place
    }

    /// The matrices that a kernel wants in panels, if any.
    private func packings(of index: Int, from weights: Floats?) -> [Packing] {
        let item = draft[index], weights = weights ?? scratchless
        switch item.kind {
        case .product(let transposed):
            let b = draft[item.inputs[1]].form.shape.extents
            return [
                transposed
                    ? Packing(from: weights, inner: b[1], columns: b[0], rowStride: 1, columnStride: b[1])
                    : Packing(from: weights, inner: b[0], columns: b[1], rowStride: b[1], columnStride: 1)
            ]
        case .convolution: return shape(ofConvolution: index).packings(weights)
        case .convolutionInput: return shape(ofTransposed: index).packings(weights)
        default: return []
        }
    }

    /// Stands for weights where only sizes are asked.
    private var scratchless: Floats { Floats(bitPattern: 64)! }

    private func kernel(for index: Int) -> any Kernel {
        let item = draft[index], panel = Int(table.pointee.panel)
        let a = item.inputs[0], operand = draft[a].form
        switch item.kind {
        case .pad(let pad):
            return PadKernel(
                pad, of: operand.shape, samples: operand.extent == .batched ? partition.samples : 1, from: floats(of: a), to: floats(of: index))
        case .total where item.isScalar:
            return ScalarTotalKernel(partition, from: floats(of: a), to: partials(of: index))
        case .total:
            return TotalKernel(partition, count: operand.shape.count, table: table, from: floats(of: a), to: floats(of: index))
        case .localMean:
            return LocalMeanKernel(partition, count: operand.shape.count, table: table, from: floats(of: a), to: floats(of: index))
        case .product:
            let rows = operand.shape.extents[0] * (operand.extent == .batched ? partition.samples : 1)
            return ProductKernel(
                rows: rows, inner: operand.shape.extents[1], columns: item.form.shape.extents[1], table: table,
                a: floats(of: a), packed: places[packed(for: index)]!, c: floats(of: index))
        case .weightProduct:
            let (inner, columns) = (item.form.shape.extents[0], item.form.shape.extents[1]), rows = operand.shape.extents[0]
            let walk = WeightKernel.Walk(aImage: rows * inner, bImage: rows * columns, length: rows, aStep: inner, bStep: columns)
            return WeightKernel(
                partition, walk: walk, aRow: Array(0 ..< inner), columns: columns, table: table,
                a: floats(of: a), b: floats(of: item.inputs[1]), to: floats(of: index))
        case .convolution:
            let shape = shape(ofConvolution: index)
            return WindowKernel(
                shape.windows(panel: panel), images: partition.samples * item.form.shape.views.count, aImage: shape.input.reduce(1, *),
                cImage: shape.output.reduce(1, *), columns: shape.output[2], table: table,
                a: floats(of: a), packed: places[packed(for: index)]!, c: floats(of: index))
        case .convolutionInput:
            let shape = shape(ofTransposed: index)
            return WindowKernel(
                shape.windows(panel: panel), images: partition.samples * item.form.shape.views.count, aImage: shape.padded.reduce(1, *),
                cImage: shape.big.reduce(1, *), columns: shape.big[2], table: table,
                a: floats(of: a), packed: places[packed(for: index)]!, c: floats(of: index))
        case .convolutionWeight:
            let shape = shape(ofWeight: index)
            return WeightKernel(
                partition, walk: shape.weightWalk(views: operand.shape.views.count), aRow: shape.weightRows, columns: shape.output[2],
                table: table, a: floats(of: a), b: floats(of: item.inputs[1]), to: floats(of: index))
        default: preconditionFailure("\(item.kind) has no kernel of its own")
        }
    }

    private func shape(ofConvolution index: Int) -> ConvolutionShape {
        guard case .convolution(let stride) = draft[index].kind else { preconditionFailure("no convolution") }
        let item = draft[index], x = draft[item.inputs[0]].form.shape, w = draft[item.inputs[1]].form.shape
        return ConvolutionShape(stride: stride, input: x.image.extents, output: item.form.shape.image.extents, kernel: Array(w.extents.prefix(2)))
    }

    private func shape(ofWeight index: Int) -> ConvolutionShape {
        guard case .convolutionWeight(let stride) = draft[index].kind else { preconditionFailure("no convolution") }
        let item = draft[index], x = draft[item.inputs[0]].form.shape, y = draft[item.inputs[1]].form.shape
        return ConvolutionShape(stride: stride, input: x.image.extents, output: y.image.extents, kernel: Array(item.form.shape.extents.prefix(2)))
    }

    private func shape(ofTransposed index: Int) -> TransposedConvolutionShape {
        guard case .convolutionInput(let geometry) = draft[index].kind else { preconditionFailure("no transposed convolution") }
        let item = draft[index], padded = draft[item.inputs[0]].form.shape.image.extents, w = draft[item.inputs[1]].form.shape.extents
        let big = item.form.shape.image.extents
        let small = [geometry.outputSide(big[0], kernel: w[0]), geometry.outputSide(big[1], kernel: w[1]), w[3]]
        return TransposedConvolutionShape(geometry: geometry, big: big, small: small, padded: padded, kernel: Array(w.prefix(2)))
    }
}
