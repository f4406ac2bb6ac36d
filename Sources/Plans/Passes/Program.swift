import CKernels
import Graphs

/// A loop over elements: instructions over slots, and how slots meet memory.
struct Program {
    struct Slot: Hashable {
        var kind: vk_kind.RawValue
        /// Whose memory it is; nil of a temporary.
        var item: Int?
        /// Floats from one sample to the next.
        var stride = 0, period = 1
        var table: [Int32]?
    }
    let space: Space
    let members: [Int]
    private(set) var slots: [Slot] = []
    private(set) var code: [vk_instruction] = []

    private let draft: Draft, stored: Set<Int>
    private var place: [Int: Int32] = [:]
    private var known: [Slot: Int32] = [:]

    init(_ draft: Draft, stored: Set<Int>, members: [Int], space: Space) {
        (self.draft, self.stored, self.members, self.space) = (draft, stored, members, space)
        for member in members {
            if case .sum = draft[member].kind {
                let value = emit(draft[member].inputs[0])
                emit(VK_COPY, value, into: slot(summing: member))
            } else {
                let slot = add(Slot(kind: VK_STORE.rawValue, item: member, stride: space.count))
                compute(member, into: slot)
                place[member] = slot
            }
        }
        writeDirectly()
        reuseTemporaries()
    }

    /// Computes an item, sample by sample, into memory of a kernel's own.
    /// - Parameter runs: where each stretch of a sample's elements goes, `stride` floats a sample; -1 for nowhere.
    init(_ draft: Draft, stored: Set<Int>, feeding item: Int, runs: [Int32], stride: Int) {
        let count = draft[item].form.shape.count
        (self.draft, self.stored, members, space) = (draft, stored, [], Space(isBatched: draft[item].form.extent == .batched, count: count))
        let slot = add(Slot(kind: VK_STORE_RUNS.rawValue, item: nil, stride: stride, period: count / runs.count, table: runs))
        emit(VK_COPY, emit(item), into: slot)
        writeDirectly()
        reuseTemporaries()
    }

    /// Copies an item, sample by sample, out of memory of a kernel's own.
    init(_ draft: Draft, draining item: Int, runs: [Int32], stride: Int) {
        let count = draft[item].form.shape.count
        (self.draft, stored, members, space) = (draft, [item], [item], Space(isBatched: true, count: count))
        let slot = add(Slot(kind: VK_LOAD_RUNS.rawValue, item: nil, stride: stride, period: count / runs.count, table: runs))
        emit(VK_COPY, slot, into: add(Slot(kind: VK_STORE.rawValue, item: item, stride: count)))
    }

    /// Whether an output can take the memory of an item it reads: that is read element by element, and no more after the
    /// output's element is written.
    func mayOverwrite(_ item: Int, by output: Int) -> Bool {
        guard let target = slots.firstIndex(where: { $0.kind == VK_STORE.rawValue && $0.item == output }) else { return false }
        let sources = slots.indices.filter { slots[$0].item == item }
        guard sources.allSatisfy({ slots[$0].kind == VK_LOAD.rawValue && (!space.isBatched || slots[$0].stride == slots[target].stride) }) else {
            return false
        }
        let written = code.firstIndex { $0.result == target }!
        return !code[(written + 1)...].contains { operands(of: $0).contains { sources.contains(Int($0)) } }
    }

    /// The stored items and scalars it reads.
    var reads: Set<Int> { Set(slots.filter { $0.kind != VK_STORE.rawValue && !Self.isSum($0) }.compactMap(\.item)) }
    var hasSums: Bool { slots.contains(where: Self.isSum) }

    static func isSum(_ slot: Slot) -> Bool { [VK_SUM.rawValue, VK_SUM_RUNS.rawValue, VK_SUM_TABLE.rawValue].contains(slot.kind) }

    private func operands(of instruction: vk_instruction) -> [Int32] {
        isBinary(instruction) ? [instruction.a, instruction.b] : [instruction.a]
    }

    private func isBinary(_ instruction: vk_instruction) -> Bool {
        UInt32(instruction.operation) >= VK_ADD.rawValue && UInt32(instruction.operation) != VK_COPY.rawValue
    }

    // MARK: Slots

    private mutating func add(_ slot: Slot) -> Int32 {
        if slot.item != nil, let index = known[slot] { return index }
        slots.append(slot)
        if slot.item != nil { known[slot] = Int32(slots.count - 1) }
        return Int32(slots.count - 1)
    }

    private mutating func temporary() -> Int32 { add(Slot(kind: VK_TEMPORARY.rawValue, item: nil)) }

    private mutating func slot(summing member: Int) -> Int32 {
        let whole = draft[draft[member].inputs[0]].form.shape, target = draft[member].form.shape
        let extents = Array(repeating: 1, count: whole.rank - target.rank) + target.extents
        var slot = Slot(kind: VK_SUM_TABLE.rawValue, item: member, stride: target.count, period: target.count)
        let summed = extents.indices.filter { whole.extents[$0] != extents[$0] }
        if summed.isEmpty || summed.last! < extents.indices.first(where: { extents[$0] > 1 }) ?? extents.count {
            slot.kind = VK_SUM.rawValue
        } else if summed.first! > extents.indices.last(where: { extents[$0] > 1 }) ?? -1 {
            (slot.kind, slot.period) = (VK_SUM_RUNS.rawValue, whole.count / target.count)
        } else {
            slot.table = offsets(of: target, in: whole)
        }
        return add(slot)
    }

    /// The slot of an operand that is not element by element that of the loop.
    private mutating func slot(repeating operand: Int, in form: Form) -> Int32 {
        let item = draft[operand], memory = draft.memory(of: operand)
        if item.isScalar { return add(Slot(kind: VK_SCALAR.rawValue, item: operand)) }
        let stride = item.form.extent == .batched ? item.form.shape.count : 0
        let own = item.form.shape.extents.drop { $0 == 1 }
        if form.shape.extents.suffix(own.count).elementsEqual(own) {
            let kind = item.form.shape.count == space.count ? VK_LOAD : VK_PERIODIC
            return add(Slot(kind: kind.rawValue, item: memory, stride: stride, period: item.form.shape.count))
        }
        return add(Slot(kind: VK_GATHER.rawValue, item: memory, stride: stride, table: offsets(of: item.form.shape, in: form.shape)))
    }

    private func offsets(of shape: Shape, in whole: Shape) -> [Int32] {
        let values = Values(.replicated(shape), samples: 1, Array(repeating: 0, count: shape.count))
        var table: [Int32] = []
        whole.forEachIndex { table.append(Int32(values.offset(of: $0, in: whole, sample: 0))) }
        return table
    }

    // MARK: Code

    /// The slot that holds an item's value at the loop's element.
    private mutating func emit(_ index: Int) -> Int32 {
        if let slot = place[index] { return slot }
        let item = draft[index], memory = draft.memory(of: index)
        if let slot = place[memory] { return slot }
        let slot: Int32
        if item.isScalar {
            slot = add(Slot(kind: VK_SCALAR.rawValue, item: index))
        } else if stored.contains(memory) {
            slot = add(Slot(kind: VK_LOAD.rawValue, item: memory, stride: item.form.extent == .batched ? space.count : 0))
        } else if case .reshape = item.kind {
            slot = emit(item.inputs[0])
        } else {
            slot = temporary()
            compute(index, into: slot)
        }
        place[index] = slot
        return slot
    }

    private mutating func compute(_ index: Int, into result: Int32) {
        let item = draft[index]
        switch item.kind {
        case .unary(let kind): emit(operation(kind), operand(item.inputs[0], in: item.form), into: result)
        case .binary(let kind):
            let a = operand(item.inputs[0], in: item.form)
            if kind == .add, case .unary(.negative) = draft[item.inputs[1]].kind, place[item.inputs[1]] == nil, !stored.contains(item.inputs[1]),
                draft[item.inputs[1]].form == item.form
            {
                emit(VK_SUBTRACT, a, operand(draft[item.inputs[1]].inputs[0], in: item.form), into: result)
            } else {
                emit(operation(kind), a, operand(item.inputs[1], in: item.form), into: result)
            }
        case .broadcast, .reshape: emit(VK_COPY, operand(item.inputs[0], in: item.form), into: result)
        case .slice(let slice):
            emit(VK_COPY, gather(item.inputs[0], from: item.form.shape) { zip($0, slice.start).map(+) }, into: result)
        case .transpose: emit(VK_COPY, gather(item.inputs[0], from: item.form.shape) { $0.reversed() }, into: result)
        default: preconditionFailure("\(item.kind) is not computed by element")
        }
    }

    private mutating func gather(_ operand: Int, from shape: Shape, _ place: ([Int]) -> [Int]) -> Int32 {
        let item = draft[operand], values = Values(.replicated(item.form.shape), samples: 1, Array(repeating: 0, count: item.form.shape.count))
        var table: [Int32] = []
        shape.forEachIndex { table.append(Int32(values.offset(of: place($0), in: item.form.shape, sample: 0))) }
        let stride = item.form.extent == .batched ? item.form.shape.count : 0
        return add(Slot(kind: VK_GATHER.rawValue, item: draft.memory(of: operand), stride: stride, table: table))
    }

    private mutating func operand(_ index: Int, in form: Form) -> Int32 {
        let own = draft[index].form
        return own.extent == form.extent && own.shape.count == form.shape.count ? emit(index) : slot(repeating: index, in: form)
    }

    private mutating func emit(_ operation: vk_operation, _ a: Int32, _ b: Int32 = 0, into result: Int32) {
        code.append(vk_instruction(operation: Int32(operation.rawValue), a: a, b: b, result: result))
    }

    // swift-format-ignore: a table
    private func operation(_ kind: Unary.Kind) -> vk_operation {
        switch kind {
        case .negative: VK_NEGATIVE
        case .reciprocal: VK_RECIPROCAL
        case .exp: VK_EXP
        case .log: VK_LOG
        case .tanh: VK_TANH
        case .softplus: VK_SOFTPLUS
        case .logistic: VK_LOGISTIC
        case .squareRoot: VK_SQUARE_ROOT
        case .absolute: VK_ABSOLUTE
        case .sign: VK_SIGN
        case .step: VK_STEP
        }
    }

    private func operation(_ kind: Binary.Kind) -> vk_operation {
        switch kind {
        case .add: VK_ADD
        case .multiply: VK_MULTIPLY
        case .maximum: VK_MAXIMUM
        }
    }

    // MARK: Peepholes

    /// A value that is only summed, or written in runs, needs no slot of its own.
    private mutating func writeDirectly() {
        for (position, copy) in code.enumerated().reversed() where UInt32(copy.operation) == VK_COPY.rawValue {
            let target = slots[Int(copy.result)]
            guard Self.isSum(target) || target.kind == VK_STORE_RUNS.rawValue else { continue }
            let readers = code.indices.filter { operands(of: code[$0]).contains(copy.a) }
            guard readers == [position], slots[Int(copy.a)].kind == VK_TEMPORARY.rawValue,
                let writer = code.firstIndex(where: { $0.result == copy.a })
            else { continue }
            code[writer].result = copy.result
            code.remove(at: position)
        }
    }

    /// Gives temporaries the slots of those that are no longer read, so that few blocks are alive at once.
    private mutating func reuseTemporaries() {
        let isTemporary = slots.map { $0.kind == VK_TEMPORARY.rawValue }
        var last: [Int32: Int] = [:]
        for (position, instruction) in code.enumerated() {
            for slot in operands(of: instruction) { last[slot] = position }
        }
        var free: [Int32] = [], now: [Int32: Int32] = [:]
        for position in code.indices {
            let old = code[position]
            for operand in Set(operands(of: old)) where isTemporary[Int(operand)] && last[operand] == position {
                free.append(now[operand] ?? operand)
            }
            code[position].a = now[old.a] ?? old.a
            code[position].b = isBinary(old) ? now[old.b] ?? old.b : 0
            if isTemporary[Int(old.result)] {
                now[old.result] = free.popLast() ?? old.result
                code[position].result = now[old.result]!
            }
        }
        keepInRegisters()
        dropUnusedSlots()
    }

    /// A result is still in registers for the next instruction; a temporary that no other reads has no slot.
    private mutating func keepInRegisters() {
        for position in code.indices.dropLast() {
            let value = code[position].result, next = code[position + 1]
            guard operands(of: next).contains(value) else { continue }
            if next.a == value { code[position + 1].a = previous }
            if isBinary(next), next.b == value { code[position + 1].b = previous }
            let isReadLater = next.result != value && isRead(value, from: position + 2)
            if slots[Int(value)].kind == VK_TEMPORARY.rawValue, !isReadLater { code[position].result = previous }
        }
    }

    private func isRead(_ slot: Int32, from position: Int) -> Bool {
        let use = code[position...].first { operands(of: $0).contains(slot) || $0.result == slot }
        return use.map { operands(of: $0).contains(slot) } ?? false
    }

    private mutating func dropUnusedSlots() {
        var used = Set(code.flatMap { operands(of: $0) + [$0.result] })
        for slot in slots.indices where slots[slot].item != nil && Self.isSum(slots[slot]) { used.insert(Int32(slot)) }
        let kept = slots.indices.filter { used.contains(Int32($0)) }
        var number = Dictionary(uniqueKeysWithValues: kept.enumerated().map { (Int32($1), Int32($0)) })
        number[previous] = previous
        slots = kept.map { slots[$0] }
        code = code.map {
            vk_instruction(operation: $0.operation, a: number[$0.a]!, b: isBinary($0) ? number[$0.b]! : 0, result: number[$0.result]!)
        }
    }
}

private let previous = Int32(VK_PREVIOUS)

/// Loops of one sweep.
extension [Program] {
    var reads: Set<Int> { reduce(into: []) { $0.formUnion($1.reads) } }
    var members: [Int] { flatMap(\.members) }
}
