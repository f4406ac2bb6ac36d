import Graphs

/// Joins steps that meet the same values while those are in cache.
///
/// Loops over the elements of samples run inside the convolution that comes before them, a few samples at a time: the sums
/// that batch norm needs of it, and whatever else reads it. The two convolutions that a gradient goes through, to
/// the weights and to the other image side, share its transform. And loops over what is replicated, such as an optimizer's
/// over each of the variables that it moves, become one sweep.
struct Fusion {
    private(set) var steps: [Step] = []
    private let draft: Draft
    /// What a kernel with these inputs reads in memory.
    private let operands: ([Int]) -> Set<Int>

    init(_ ordered: [Step], of draft: Draft, operands: @escaping ([Int]) -> Set<Int>) {
        (self.draft, self.operands) = (draft, operands)
        for step in ordered where !runs(step) && !pairs(step) && !sweeps(step) { steps.append(step) }
    }

    /// Lets a program run in the last convolution before it, past gradients by weights and the beginning of their sums.
    private mutating func runs(_ step: Step) -> Bool {
        guard case .programs(let programs) = step, let program = programs.first, program.space.isBatched else { return false }
        for place in steps.indices.reversed() {
            if case .begin = steps[place] { continue }
            guard case .kernel(let item, let weights, let then) = steps[place], case .tiled(_, let side) = draft[item].kind else { return false }
            if side == .weights { continue }
            steps[place] = .kernel(item, weights: weights, then: then + [program])
            return true
        }
        return false
    }

    /// Lets a gradient by weights join the convolution just before it.
    private mutating func pairs(_ step: Step) -> Bool {
        guard case .kernel(let weights, nil, _) = step, case .kernel(let image, nil, let then)? = steps.last, isShared(image, weights) else {
            return false
        }
        let made = Set([image] + then.flatMap(\.members))
        guard operands(draft[weights].inputs).isDisjoint(with: made) else { return false }
        steps[steps.count - 1] = .kernel(image, weights: weights, then: then)
        return true
    }

    /// Lets a loop over what is replicated join the ones just before it.
    private mutating func sweeps(_ step: Step) -> Bool {
        guard case .programs(let next) = step, case .programs(let before)? = steps.last, !(before + next).contains(where: \.space.isBatched),
            before.reads.isDisjoint(with: next.members), next.reads.isDisjoint(with: before.members)
        else { return false }
        steps[steps.count - 1] = .programs(before + next)
        return true
    }

    private func isShared(_ image: Int, _ weights: Int) -> Bool {
        guard case .tiled(let geometry, let made) = draft[image].kind, case .tiled(geometry, of: .weights) = draft[weights].kind,
            draft[draft[image].inputs[1]].form == draft[weights].form
        else { return false }
        let (big, small) = (draft[weights].inputs[0], draft[weights].inputs[1]), given = draft[image].inputs[0], form = draft[image].form
        return made == .big ? given == small && form == draft[big].form : made == .small && given == big && form == draft[small].form
    }
}
