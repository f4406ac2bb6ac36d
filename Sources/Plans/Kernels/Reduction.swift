import Ranks

/// Adds up over the ranks what each has summed over its samples. Small vectors travel together.
final class Reduction {
    struct Vector {
        /// One partial sum for each of this rank's subtrees, one after another; the total takes the first's place.
        let partials: Floats
        let count: Int
    }
    /// What the tree adds: where each subtree's partial sum lies. The total takes the first's place.
    private struct Sum<Element> {
        let partials: [UnsafeMutablePointer<Element>], count: Int

        init(_ first: UnsafeMutablePointer<Element>, count: Int, subtrees: Int) {
            (partials, self.count) = ((0 ..< subtrees).map { first + $0 * count }, count)
        }
    }
    private let tree: TreeSum, subtrees: Int
    private let large: [Sum<Float>], small: [Vector]
    private let staged: Sum<Float>
    private let scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]
    private let stagedScalars: Sum<Double>

    /// - Parameter scalars: for each, one partial sum for each subtree, and where the total goes.
    init(_ tree: TreeSum, vectors: [Vector], scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]) {
        let subtrees = tree.subtrees.count
        (self.tree, self.scalars, self.subtrees) = (tree, scalars, subtrees)
        let small = vectors.filter { $0.count * 4 < Ordering.small }
        // one vector alone needs no place beside its own
        self.small = small.count > 1 ? small : []
        large = vectors.filter { $0.count * 4 >= Ordering.small || small.count == 1 }.map { Sum($0.partials, count: $0.count, subtrees: subtrees) }
        let count = self.small.reduce(0) { $0 + $1.count }
        staged = Sum(.allocate(capacity: max(1, count * subtrees)), count: count, subtrees: subtrees)
        stagedScalars = Sum(.allocate(capacity: max(1, scalars.count * subtrees)), count: scalars.count, subtrees: subtrees)
    }

    deinit {
        staged.partials[0].deallocate()
        stagedScalars.partials[0].deallocate()
    }

    func run() throws {
        for sum in large { try tree.sum(sum.partials, count: sum.count, into: sum.partials[0]) }
        if !small.isEmpty { try sumSmall() }
        if !scalars.isEmpty { try sumScalars() }
    }

    private func sumSmall() throws {
        for subtree in 0 ..< subtrees {
            var place = staged.partials[subtree]
            for vector in small {
                place.update(from: vector.partials + subtree * vector.count, count: vector.count)
                place += vector.count
            }
        }
        try tree.sum(staged.partials, count: staged.count, into: staged.partials[0])
        var place = staged.partials[0]
        for vector in small {
            vector.partials.update(from: place, count: vector.count)
            place += vector.count
        }
    }

    private func sumScalars() throws {
        for (number, scalar) in scalars.enumerated() {
            for subtree in 0 ..< subtrees { stagedScalars.partials[subtree][number] = scalar.partials[subtree] }
        }
        try tree.sum(stagedScalars.partials, count: stagedScalars.count, into: stagedScalars.partials[0])
        for (number, scalar) in scalars.enumerated() { scalar.result.pointee = stagedScalars.partials[0][number] }
    }
}
