import CKernels
import Graphs
import Ranks

/// From a draft to actions on fixed memory: passes decide what is stored, in which order, and where.
final class Assembly {
    enum Action {
        case kernel(any Kernel)
        case reduction(Reduction), begin(Reduction), finish(Reduction)
        case loop(LoopRounds)
    }
    /// Memory that outlives the actions, and the item that is its value at the beginning or at the end.
    typealias Holding = (place: ModelState.Place, item: Int)

    let draft: Draft, stored: Set<Int>
    private(set) var steps: [Step]
    /// For each step, where its actions end.
    private(set) var ends: [Int] = []
    private(set) var actions: [Action] = []
    /// An item, and how many copies of it lie side by side: partial sums, until they are added.
    typealias Written = (item: Int, copies: Int)
    /// What each action has computed when it is done.
    private(set) var written: [[Written]] = []
    private(set) var arenaFloats = 0
    /// Loops' own included.
    var allArenaFloats: Int { actions.reduce(arenaFloats) { if case .loop(let rounds) = $1 { $0 + rounds.body.allArenaFloats } else { $0 } } }
    /// The value of every item that is a replicated scalar.
    let scalars: UnsafeMutablePointer<Double>
    var scratch: Int {
        actions.reduce(0) { most, action in
            switch action {
            case .kernel(let kernel): max(most, kernel.scratch)
            case .reduction, .begin, .finish: most
            case .loop(let rounds): max(most, rounds.body.scratch)
            }
        }
    }

    let partition: Partition, threads: Int, table: UnsafePointer<vk_table>
    let tree: TreeSum
    private let overlaps: Bool, isa: InstructionSet
    let trace: Trace
    private let scope: Int
    /// The item of a node of the trace.
    private let items: [Int: Int]
    private(set) var places: [Int: Floats] = [:]
    private var scalarPartials: [Int: UnsafeMutablePointer<Double>] = [:]
    private var owned: [UnsafeMutablePointer<Double>] = []
    private let pool = FloatPool()
    /// What is summed while other steps run, by its items.
    private var begun: [[Int]: Reduction] = [:]
    private var scalarVariables: (given: [(UnsafeMutablePointer<Double>, item: Int)], updated: [(UnsafeMutablePointer<Double>, item: Int)]) = ([], [])
    private var scheduled: [(item: Int, rate: Rate)] = []

    /// - Parameters:
    ///   - results: items that keep their values to the end.
    ///   - given: items that are variables' values at first (in a loop, of a round), and what it reads from outside.
    ///   - updates: items that are variables' new values.
    init(
        _ lowering: Lowering, scope: Int = 0, results: [Int], given: [Holding], updates: [Holding],
        partition: Partition, tree: TreeSum, overlaps: Bool, isa: InstructionSet, threads: Int
    ) throws {
        var draft = lowering.draft
        // a new value that is another's memory gets one of its own, so that nothing is written over before it is read
        let updates = updates.map { place, item in
            if draft[draft.memory(of: item)].kind.isGiven { return (place: place, item: draft.add(.broadcast, [item], draft[item].form)) }
            return (place: place, item: item)
        }
        let kept = results + updates.map(\.item)
        let needed = draft.needed(for: kept)
        stored = Materialization(draft, needed: needed, results: kept.filter { !draft[$0].isScalar }).stored
        (self.draft, self.partition, self.tree, self.overlaps) = (draft, partition, tree, overlaps)
        (self.isa, self.threads, table) = (isa, threads, isa.table)
        (trace, self.scope, items) = (lowering.trace, scope, lowering.item)
        steps = []
        scalars = .allocate(capacity: draft.items.count)
        scalars.initialize(repeating: 0, count: draft.items.count)
        steps = Fusion(Ordering(draft, needed: needed, stored: stored, overlaps: overlaps).steps, of: draft, operands: operands).steps

        placeGiven(given)
        placeInputs()
        let inPlace = updateInPlace(updates, given: given)
        placeRest(kept)
        for step in steps {
            try build(step)
            ends.append(actions.count)
            // what comes before a kernel or a loop, packing weights and copies, computes nothing
            written += Array(repeating: [], count: actions.count - written.count - 1) + [outcome(of: step)]
        }
        for (place, item) in updates {
            switch place {
            case .floats(let to) where !inPlace.contains(to):
                actions.append(.kernel(CopyKernel(from: floats(of: item), to: to, count: count(of: item))))
            case .floats: break
            case .scalar(let place): scalarVariables.updated.append((place, item))
            }
        }
        written += Array(repeating: [], count: actions.count - written.count)
        for (index, item) in draft.items.enumerated() {
            switch item.kind {
            case .constant(let bits): scalars[index] = Double(bitPattern: bits)
            case .scheduled(let rate): scheduled.append((index, rate))
            default: break
            }
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

    /// Where an item's value lies.
    func place(of item: Int) -> ModelState.Place { draft[item].isScalar ? .scalar(scalars + item) : .floats(floats(of: item)) }

    /// What a node has become; nil where nothing needs it.
    func item(ofNode node: Int) -> Int? { items[trace.entries[node].value] }

    /// The memory of an input, in a loop too. Nil where nothing reads it.
    func input(_ node: Int) -> UnsafeMutableBufferPointer<Float>? {
        if let item = items[node] { return UnsafeMutableBufferPointer(start: floats(of: item), count: count(of: item)) }
        for case .loop(let rounds) in actions { if let found = rounds.body.input(node) { return found } }
        return nil
    }

    /// Takes the scalars of the beginning: from variables, and from how far the stage has come.
    func loadScalars(_ progress: Progress) {
        for (place, item) in scalarVariables.given { scalars[item] = place.pointee }
        for (item, rate) in scheduled { scalars[item] = rate.value(at: progress) }
    }
    func storeScalars() { for (place, item) in scalarVariables.updated { place.pointee = scalars[item] } }

    private func placeGiven(_ given: [Holding]) {
        for (place, item) in given {
            switch place {
            case .floats(let floats): places[item] = floats
            case .scalar(let scalar): scalarVariables.given.append((scalar, item))
            }
        }
    }

    private func placeInputs() {
        for (index, item) in draft.items.enumerated() where places[index] == nil && !item.isScalar {
            switch item.kind {
            case .input: places[index] = pool.allocate(count(of: index))
            case .literal(let literal):
                let place = pool.allocate(count(of: index))
                for (element, number) in literal.numbers.enumerated() { place[element] = Float(number) }
                places[index] = place
            default: break
            }
        }
    }

    /// Lets new values be written over old ones where those are no longer read, and says where.
    private func updateInPlace(_ updates: [Holding], given: [Holding]) -> Set<Floats> {
        var old: [Floats: Int] = [:]
        for case (.floats(let place), let item) in given { old[place] = item }
        var lastRead: [Int: Int] = [:]
        for (number, step) in steps.enumerated() { for item in reads(step) { lastRead[item] = number } }
        var found: Set<Floats> = []
        for case (.floats(let place), let item) in updates {
            let memory = draft.memory(of: item)
            guard places[memory] == nil, let made = steps.firstIndex(where: { writes($0).contains(memory) }) else { continue }
            if let old = old[place] {
                guard lastRead[old, default: -1] <= made, mayOverwrite(old, by: memory, in: steps[made], isLast: lastRead[old] == made) else {
                    continue
                }
            } else if case .kernel = steps[made] {
                continue
            }
            places[memory] = place
            found.insert(place)
        }
        return found
    }

    /// Whether a step can write an item over one that it may still read.
    private func mayOverwrite(_ old: Int, by item: Int, in step: Step, isLast: Bool) -> Bool {
        switch step {
        case .programs(let programs):
            return !isLast || programs.allSatisfy { $0.members.contains(item) ? $0.mayOverwrite(old, by: item) : !$0.reads.contains(old) }
        case .loop(let loop, _):
            guard case .loopResult(let place) = draft[item].kind else { return false }
            // what goes round begins as the old value; nothing else in the loop may read that
            let inputs = draft[loop].inputs.map(draft.memory)
            return inputs[place] == old && inputs.count { $0 == old } == 1
        case .scalars, .kernel, .reduce, .begin, .finish: return false
        }
    }

    private func reads(_ step: Step) -> Set<Int> {
        switch step {
        case .scalars(let items): Set(items.flatMap { draft[$0].inputs.filter { !draft[$0].isScalar } }.map(draft.memory))
        case .programs(let programs): programs.reads
        case .kernel(let item, let weights, let then): operands(ofKernel: item, weights).union(then.reads)
        case .loop(let item, _): operands(of: draft[item].inputs)
        case .reduce(let items), .begin(let items), .finish(let items): Set(items)
        }
    }

    private func operands(ofKernel item: Int, _ weights: Int?) -> Set<Int> {
        operands(of: draft[item].inputs + (weights.map { draft[$0].inputs } ?? []))
    }

    /// What a kernel with these inputs reads in memory: the inputs, or what those are computed from on the way.
    func operands(of inputs: [Int]) -> Set<Int> {
        var found: Set<Int> = [], met: Set<Int> = [], next = inputs
        while let index = next.popLast() {
            guard met.insert(index).inserted, !draft[index].isScalar else { continue }
            if case let memory = draft.memory(of: index), stored.contains(memory) || !draft[index].isElementwise {
                found.insert(memory)
            } else {
                next += draft[index].inputs
            }
        }
        return found
    }

    private func writes(_ step: Step) -> [Int] {
        switch step {
        case .programs(let programs): programs.members
        case .kernel(let item, let weights, let then): [item, weights].compactMap(\.self).filter { !draft[$0].isScalar } + then.members
        case .loop(let item, let results): [item] + results.filter { !draft[$0].isScalar }
        case .scalars, .reduce, .begin, .finish: []
        }
    }

    /// What a step makes that can be looked at when it is done; not the partial sums of scalars, which have places of their own.
    private func outcome(of step: Step) -> [Written] {
        switch step {
        case .scalars(let items), .reduce(let items), .finish(let items): items.map { ($0, 1) }
        case .begin: []
        case .programs, .kernel: writes(step).map { ($0, draft[$0].isReduced ? partition.subtrees.count : 1) }
        case .loop(_, let results): results.map { ($0, 1) }
        }
    }

    /// Whether an item lies in memory, or is computed by those that read it.
    func hasMemory(_ item: Int) -> Bool { draft[item].isScalar || places[draft.memory(of: item)] != nil }

    /// Stands for memory of a kernel's own among places: a copy of weights in panels, or transformed operands.
    func workspace(for item: Int) -> Int { -1 - item }

    private func placeRest(_ kept: [Int]) {
        var lives: [Int: Memory.Life] = [:]
        for (number, step) in steps.enumerated() {
            for item in writes(step) where places[item] == nil {
                lives[item] = Memory.Life(
                    floats: count(of: item) * (draft[item].isReduced ? partition.subtrees.count : 1), first: number, last: number)
            }
            for item in reads(step) { lives[item]?.last = number }
            guard case .kernel(let item, let weights, _) = step else { continue }
            let owner = weights ?? item, floats = workspace(of: owner)
            if floats > 0 { lives[workspace(for: owner)] = Memory.Life(floats: floats, first: number, last: number) }
        }
        for item in kept { lives[draft.memory(of: item)]?.last = steps.count }
        for (number, step) in steps.enumerated() {
            switch step {
            case .programs(let programs): letInherit(programs, number, [], &lives)
            case .kernel(let item, let weights, let then): letInherit(then, number, operands(ofKernel: item, weights), &lives)
            case .scalars, .reduce, .begin, .finish, .loop: break
            }
        }
        let memory = Memory(lives)
        arenaFloats = memory.floats
        let arena = pool.allocate(arenaFloats)
        for (item, offset) in memory.offsets { places[item] = arena + offset }
    }

    /// Lets what the loops of a step make take the memory of what they read for the last time, unless others of the step read it too.
    private func letInherit(_ programs: [Program], _ number: Int, _ otherReads: Set<Int>, _ lives: inout [Int: Memory.Life]) {
        for (place, program) in programs.enumerated() {
            let others = programs.indices.filter { $0 != place }.reduce(otherReads) { $0.union(programs[$1].reads) }
            var free = program.reads.filter { lives[$0]?.last == number && !draft[$0].isReduced && !others.contains($0) }.sorted()
            for member in program.members {
                guard let life = lives[member],
                    let heir = free.firstIndex(where: { lives[$0]!.floats == life.floats && program.mayOverwrite($0, by: member) })
                else { continue }
                lives[member]!.heir = free.remove(at: heir)
            }
        }
    }

    // MARK: Kernels

    private func build(_ step: Step) throws {
        switch step {
        case .scalars(let items):
            actions.append(.kernel(ScalarKernel(items, of: draft, scalars: scalars, floats: floats)))
        case .programs(let programs): actions.append(.kernel(programs.count == 1 ? elementwise(programs[0]) : SweepKernel(programs.map(elementwise))))
        case .kernel(let item, let weights, let then): actions += kernels(for: item, weights, then: then.map(elementwise)).map(Action.kernel)
        case .reduce(let items): actions.append(.reduction(try reduction(of: items)))
        case .begin(let items):
            begun[items] = try reduction(of: items)
            actions.append(.begin(begun[items]!))
        case .finish(let items): actions.append(.finish(begun[items]!))
        case .loop(let item, let results): actions.append(.loop(try rounds(of: item, results: results)))
        }
    }

    private func reduction(of items: [Int]) throws -> Reduction {
        let vectors = items.filter { !draft[$0].isScalar }.map { Reduction.Vector(partials: floats(of: $0), count: count(of: $0)) }
        let singles = items.filter { draft[$0].isScalar }.map { (partials: partials(of: $0), result: scalars + $0) }
        return try Reduction(tree, vectors: vectors, scalars: singles)
    }

    /// A loop's inside, on the memory of what goes round and of what it reads.
    private func rounds(of item: Int, results: [Int]) throws -> LoopRounds {
        guard case .loop(let number) = draft[item].kind, let loop = trace.loops[number] else { preconditionFailure("no loop") }
        let lowering = Lowering(trace, results: loop.carried.map(\.next), scope: number)
        var given: [Holding] = [], updates: [Holding] = [], scalars: [(from: UnsafeMutablePointer<Double>, to: UnsafeMutablePointer<Double>)] = []
        for (place, initial) in draft[item].inputs.prefix(loop.carried.count).enumerated() {
            // what nobody reads afterwards goes round all the same
            let result = results.first { draft[$0].kind == .loopResult(place) }
            let holding = result.map(self.place) ?? spare(of: initial)
            switch (holding, self.place(of: initial)) {
            case (.floats(let to), .floats(let from)):
                if to != from { actions.append(.kernel(CopyKernel(from: from, to: to, count: count(of: initial)))) }
            case (.scalar(let to), .scalar(let from)): scalars.append((from, to))
            default: preconditionFailure("what goes round changes its form")
            }
            if let node = loop.carried[place].given, let inside = lowering.item[node] { given.append((holding, inside)) }
            updates.append((holding, lowering.item(of: loop.carried[place].next)))
        }
        let renamed = Dictionary(uniqueKeysWithValues: loop.renamed.map { ($0.inside, $0.outside) })
        for (node, inside) in lowering.item {
            let outside = renamed[node] ?? node
            guard trace.entries[outside].scope != number,
                !(trace.entries[outside].operation is Constant || trace.entries[outside].operation is Literal)
            else { continue }
            given.append((self.place(of: items[trace.entries[outside].value]!), inside))
        }
        let body = try Assembly(
            lowering, scope: number, results: [], given: given, updates: updates, partition: partition, tree: tree, overlaps: overlaps, isa: isa,
            threads: threads)
        return LoopRounds(body: body, count: loop.count, scope: number, scalars: scalars)
    }

    /// Memory for what goes round a loop and is not wanted outside.
    private func spare(of item: Int) -> ModelState.Place {
        guard draft[item].isScalar else { return .floats(pool.allocate(count(of: item))) }
        let place = UnsafeMutablePointer<Double>.allocate(capacity: 1)
        owned.append(place)
        return .scalar(place)
    }

    func partials(of item: Int) -> UnsafeMutablePointer<Double> {
        if let place = scalarPartials[item] { return place }
        let place = UnsafeMutablePointer<Double>.allocate(capacity: partition.subtrees.count)
        owned.append(place)
        scalarPartials[item] = place
        return place
    }
}
