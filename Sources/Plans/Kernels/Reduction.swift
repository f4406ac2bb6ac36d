import Ranks

/// Adds up over the ranks what each has summed over its samples. Small vectors travel together.
final class Reduction {
    struct Vector {
        /// One partial sum for each of this rank's subtrees, one after another; the total takes the first's place.
        let partials: Floats
        let count: Int
    }
    private let tree: TreeSum, subtrees: Int
    /// All that is under way at the same time: large vectors, the staged small ones, the scalars.
    private let sums: [LaneSum]
    private let small: [Vector], staged: UnsafeMutablePointer<Float>, stagedCount: Int
    private let scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]
    private let stagedScalars: UnsafeMutablePointer<Double>

    /// - Parameter scalars: for each, one partial sum for each subtree, and where the total goes.
    init(_ tree: TreeSum, vectors: [Vector], scalars: [(partials: UnsafeMutablePointer<Double>, result: UnsafeMutablePointer<Double>)]) throws {
        let subtrees = tree.subtrees.count
        func prepared(_ first: Floats, _ count: Int) throws -> LaneSum {
            try tree.prepare((0 ..< subtrees).map { first + $0 * count }, count: count, into: first)
        }
        (self.tree, self.scalars, self.subtrees) = (tree, scalars, subtrees)
        let small = vectors.filter { $0.count * 4 < Ordering.small }
        // one vector alone needs no place beside its own
        let staying = small.count > 1 ? small : [], large = vectors.filter { $0.count * 4 >= Ordering.small || small.count == 1 }
        (self.small, stagedCount) = (staying, staying.reduce(0) { $0 + $1.count })
        staged = .allocate(capacity: max(1, stagedCount * subtrees))
        stagedScalars = .allocate(capacity: max(1, scalars.count * subtrees))
        var sums = try large.map { try prepared($0.partials, $0.count) }
        if !staying.isEmpty { sums.append(try prepared(staged, stagedCount)) }
        if !scalars.isEmpty {
            let first = stagedScalars
            sums.append(try tree.prepare((0 ..< subtrees).map { first + $0 * scalars.count }, count: scalars.count, into: first))
        }
        self.sums = sums
    }

    deinit {
        staged.deallocate()
        stagedScalars.deallocate()
    }

    /// Forms the sums and returns when they stand.
    func run() throws {
        try begin(atOnce: true)
        try finish()
    }

    /// Sends the first messages. What is summed is left alone until `finish` has returned.
    func begin(atOnce: Bool = false) throws {
        for subtree in 0 ..< subtrees {
            var place = staged + subtree * stagedCount
            for vector in small {
                place.update(from: vector.partials + subtree * vector.count, count: vector.count)
                place += vector.count
            }
            for (number, scalar) in scalars.enumerated() { stagedScalars[subtree * scalars.count + number] = scalar.partials[subtree] }
        }
        for sum in sums { try tree.begin(sum, atOnce: atOnce) }
    }

    /// Returns when the sums stand.
    func finish() throws {
        for sum in sums { try tree.finish(sum) }
        var place = staged
        for vector in small {
            vector.partials.update(from: place, count: vector.count)
            place += vector.count
        }
        for (number, scalar) in scalars.enumerated() { scalar.result.pointee = stagedScalars[number] }
    }
}
