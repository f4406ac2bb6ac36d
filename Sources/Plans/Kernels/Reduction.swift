import Ranks

/// Adds up over the ranks what each has summed over its samples. Small vectors travel together.
final class Reduction {
    struct Vector {
        /// One partial sum for each of this rank's subtrees, one after another; the total takes the first's place.
        let partials: Floats
        let count: Int
    }
    private let tree: TreeSum, subtrees: Int
    private let large: [Vector], small: [Vector]
    private let staged: Floats, stagedCount: Int
    private let scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]
    private let stagedScalars: UnsafeMutablePointer<Double>

    /// - Parameter scalars: for each, one partial sum for each subtree, and where the total goes.
    init(_ tree: TreeSum, vectors: [Vector], scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]) {
        (self.tree, self.scalars, subtrees) = (tree, scalars, tree.subtrees.count)
        small = vectors.filter { $0.count * 4 < Ordering.small }
        large = vectors.filter { $0.count * 4 >= Ordering.small }
        stagedCount = small.reduce(0) { $0 + $1.count }
        staged = .allocate(capacity: max(1, stagedCount * subtrees))
        stagedScalars = .allocate(capacity: max(1, scalars.count * subtrees))
    }

    deinit {
        staged.deallocate()
        stagedScalars.deallocate()
    }

    func run() throws {
        for vector in large { try sum(vector) }
        if !small.isEmpty { try sumSmall() }
        if !scalars.isEmpty { try sumScalars() }
    }

    private func sum(_ vector: Vector) throws {
        try tree.sum((0 ..< subtrees).map { vector.partials + $0 * vector.count }, count: vector.count, into: vector.partials)
    }

    private func sumSmall() throws {
        if small.count == 1 { return try sum(small[0]) }
        for subtree in 0 ..< subtrees {
            var place = staged + subtree * stagedCount
            for vector in small {
                place.update(from: vector.partials + subtree * vector.count, count: vector.count)
                place += vector.count
            }
        }
        try sum(Vector(partials: staged, count: stagedCount))
        var place = staged
        for vector in small {
            vector.partials.update(from: place, count: vector.count)
            place += vector.count
        }
    }

    private func sumScalars() throws {
        for (number, scalar) in scalars.enumerated() {
            for subtree in 0 ..< subtrees { stagedScalars[subtree * scalars.count + number] = scalar.partials[subtree] }
        }
        try tree.sum((0 ..< subtrees).map { stagedScalars + $0 * scalars.count }, count: scalars.count, into: stagedScalars)
        for (number, scalar) in scalars.enumerated() { scalar.result.pointee = stagedScalars[number] }
    }
}
