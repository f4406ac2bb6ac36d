import Graphs

/// What a plan does, in order.
enum Step {
    /// Replicated scalars, on the host in Double.
    case scalars([Int])
    /// Elementwise values and sums within samples that share a loop. Several loops that wait for nothing of each other are one sweep, as
    /// an optimizer's over all that it moves.
    case programs([Program])
    /// Everything that has a kernel of its own; with a convolution the gradient by its weights that shares an operand, and
    /// loops that it runs over its samples while they are in cache.
    case kernel(Int, weights: Int?, then: [Program])
    /// Sums over the samples of this rank, added over the ranks.
    case reduce([Int])
    /// The same in two parts, with other steps between: until they are finished nobody touches them.
    case begin([Int]), finish([Int])
    /// All rounds of a loop, which give its results.
    case loop(Int, results: [Int])
}

/// Puts items into an order, loops that can be shared together, and reductions where their sums are needed.
///
/// The order is that of the trace as far as operands allow, so that memory is used the way the procedure was written.
struct Ordering {
    /// Reductions below this size are sent with any other that is due, or when so much has gathered; larger ones each on their own; bytes.
    static let small = 1 << 16
    /// Stored values and sums of one loop, at most: its blocks must stay in L1.
    static let members = 12

    private let draft: Draft, stored: Set<Int>, overlaps: Bool
    private var done: Set<Int>
    /// Done, or reduced on this rank.
    private var available: Set<Int>
    private var open: [Int]
    /// Reduced on this rank, not yet over the ranks; and what of it is under way.
    private var pending: [Int] = [], begun: [[Int]] = []
    private var operands: [Int: Set<Int>] = [:]
    private(set) var steps: [Step] = []

    /// - Parameters:
    ///   - needed: the items that are computed at all.
    ///   - overlaps: whether sums are on their way between the ranks while other steps run.
    init(_ draft: Draft, needed: Set<Int>, stored: Set<Int>, overlaps: Bool) {
        (self.draft, self.stored, self.overlaps) = (draft, stored, overlaps)
        let given = draft.items.indices.filter { draft[$0].kind.isGiven }
        (done, available) = (Set(given), Set(given))
        open = draft.items.indices.filter { needed.contains($0) && !given.contains($0) && (stored.contains($0) || draft[$0].isScalar) }
        for unit in open { operands[unit] = leaves(of: unit) }
        while !open.isEmpty { scheduleNext() }
        communicate(for: Set(pending))
    }

    /// The stored items and scalars that computing a unit reads.
    private func leaves(of unit: Int) -> Set<Int> {
        var found: Set<Int> = [], met: Set<Int> = [], next = draft[unit].inputs
        while let index = next.popLast() {
            guard met.insert(index).inserted else { continue }
            if stored.contains(index) || draft[index].isScalar { found.insert(index) } else { next += draft[index].inputs }
        }
        return found
    }

    private mutating func scheduleNext() {
        let next = begun.isEmpty ? open.first { isReady($0) && !canWait($0) } : firstAmongSums()
        guard let unit = next ?? open.first(where: isReady) else { preconditionFailure("items wait for each other") }
        communicate(for: operands[unit]!)
        if case .loop = draft[unit].kind {
            let results = open.filter { draft[$0].inputs == [unit] && draft[$0].isLoopResult }
            steps.append(.loop(unit, results: results))
            close([unit] + results)
        } else if isHostScalar(unit) {
            scheduleScalars()
        } else if draft[unit].isElementwise || isProgramSum(unit) {
            scheduleLoop(from: unit)
        } else {
            steps.append(.kernel(unit, weights: nil, then: []))
            close([unit])
        }
    }

    private func isReady(_ unit: Int) -> Bool { operands[unit]!.isSubset(of: available) }

    /// What is computed of losses waits until there is nothing else to do, so that their sums travel together.
    private func canWait(_ unit: Int) -> Bool { isHostScalar(unit) && !operands[unit]!.isSubset(of: done) }

    /// What can be done without a sum that is on its way, else what waits for the sums that were begun first.
    private func firstAmongSums() -> Int? {
        func last(_ unit: Int) -> Int { begun.lastIndex { !operands[unit]!.isDisjoint(with: $0) } ?? -1 }
        return open.filter { isReady($0) && !canWait($0) }.map { (unit: $0, last: last($0)) }.min { $0.last < $1.last }?.unit
    }

    private mutating func close(_ units: [Int]) {
        let units = Set(units)
        open.removeAll { units.contains($0) }
        available.formUnion(units)
        for unit in units.sorted() {
            if draft[unit].isReduced { pending.append(unit) } else { done.insert(unit) }
        }
        if overlaps { beginSums() }
    }

    /// Sends what is large as soon as it stands, and what is small when enough of it has gathered.
    private mutating func beginSums() {
        let waiting = pending.filter { item in !begun.contains { $0.contains(item) } && !draft[item].isScalar }
        let small = waiting.filter(isSmall), gathered = small.reduce(0) { $0 + bytes(of: $1) }
        for bucket in waiting.filter({ !isSmall($0) }).map({ [$0] }) + (gathered >= Self.small ? [small] : []) {
            steps.append(.begin(bucket))
            begun.append(bucket)
        }
    }

    /// Sends what is needed now; with it goes what is small, or everything where something large is needed.
    private mutating func communicate(for needed: Set<Int>) {
        let underWay = Set(begun.joined()), due = pending.filter { needed.contains($0) && !underWay.contains($0) }
        if !due.isEmpty {
            let others = pending.filter { !underWay.contains($0) }
            let sent = due.allSatisfy(isSmall) ? others.filter { needed.contains($0) || isSmall($0) } : others
            settle(sent, by: .reduce(sent))
        }
        for bucket in begun where !needed.isDisjoint(with: bucket) {
            begun.removeAll { $0 == bucket }
            settle(bucket, by: .finish(bucket))
        }
    }

    private func bytes(of item: Int) -> Int { draft[item].form.shape.count * 4 }
    private func isSmall(_ item: Int) -> Bool { bytes(of: item) < Self.small }

    private mutating func settle(_ items: [Int], by step: Step) {
        steps.append(step)
        done.formUnion(items)
        pending.removeAll(where: items.contains)
    }

    // MARK: Scalars

    private func isHostScalar(_ unit: Int) -> Bool {
        guard draft[unit].isScalar else { return false }
        switch draft[unit].kind {
        case .unary, .binary, .broadcast, .reshape, .sum: return true
        default: return false
        }
    }

    private mutating func scheduleScalars() {
        var found: [Int] = [], known = done
        for unit in open where isHostScalar(unit) && operands[unit]!.isSubset(of: known) {
            found.append(unit)
            known.insert(unit)
        }
        steps.append(.scalars(found))
        close(found)
    }

    // MARK: Loops

    private func isProgramSum(_ unit: Int) -> Bool { if case .sum = draft[unit].kind { !draft[unit].isScalar } else { false } }

    /// Samples or not, and elements: what a loop runs over.
    private func space(of unit: Int) -> Space {
        let form = isProgramSum(unit) ? draft[draft[unit].inputs[0]].form : draft[unit].form
        return Space(isBatched: form.extent == .batched, count: form.shape.count)
    }

    /// From one unit, gathers all that runs over the same elements, reads something in common, and can run now.
    private mutating func scheduleLoop(from first: Int) {
        let space = space(of: first)
        var members = [first], read = operands[first]!
        var grew = true
        while grew, members.count < Self.members {
            grew = false
            for unit in open where !members.contains(unit) && (isProgramSum(unit) || draft[unit].isElementwise) && self.space(of: unit) == space {
                let outside = operands[unit]!.subtracting(members)
                guard outside.isSubset(of: done), !operands[unit]!.isDisjoint(with: read.union(members)) else { continue }
                guard operands[unit]!.intersection(members).allSatisfy({ canFollow(unit, $0, in: space) }) else { continue }
                members.append(unit)
                read.formUnion(operands[unit]!)
                grew = true
                if members.count == Self.members { break }
            }
        }
        members.sort()
        steps.append(.programs([Program(draft, stored: stored, members: members, space: space)]))
        close(members)
    }

    /// Whether a unit can read a member within the loop that makes it: element by element, not a sum or a repetition.
    private func canFollow(_ unit: Int, _ member: Int, in space: Space) -> Bool {
        guard !isProgramSum(member) else { return false }
        var met: Set<Int> = [], next = [unit]
        while let index = next.popLast() {
            guard met.insert(index).inserted else { continue }
            let item = draft[index]
            for input in item.inputs {
                let form = draft[input].form
                if draft.memory(of: input) == member {
                    switch item.kind {
                    case .slice, .transpose: return false
                    default: if Space(isBatched: form.extent == .batched, count: form.shape.count) != space { return false }
                    }
                } else if !stored.contains(input), !draft[input].isScalar {
                    next.append(input)
                }
            }
        }
        return true
    }
}

/// What a loop runs over: samples (or one, of what is replicated) and the elements of each.
struct Space: Hashable {
    let isBatched: Bool, count: Int
}
