import Graphs

/// Lets loops over the elements of samples run inside the convolution that comes before them, a few samples at a time while
/// they are still in cache: the sums that batch norm needs of it, and whatever else reads it.
struct Fusion {
    private(set) var steps: [Step] = []

    init(_ ordered: [Step], of draft: Draft) {
        for step in ordered {
            if case .program(let program) = step, program.space.isBatched, case .kernel(let item, let then)? = steps.last,
                case .tiled(_, let side) = draft[item].kind, side != .weights
            {
                steps[steps.count - 1] = .kernel(item, then: then + [program])
            } else {
                steps.append(step)
            }
        }
    }
}
