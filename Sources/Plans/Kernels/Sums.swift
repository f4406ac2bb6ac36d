import CKernels
import Ranks

/// Folds what lanes contribute along the summation tree, with one copy of scratch for each level below the first.
func fold(_ lanes: Range<Int>, into level: Int, leaf: (_ lane: Int, _ level: Int) -> Void, add: (_ to: Int, _ from: Int) -> Void) {
    fold(lanes, by: 1, into: level, leaf: { leaf($0.lowerBound, $1) }, add: add)
}

/// The same for parts of the tree that are folded elsewhere, of at most `length` lanes.
func fold(
    _ lanes: Range<Int>, by length: Int, into level: Int, leaf: (_ part: Range<Int>, _ level: Int) -> Void, add: (_ to: Int, _ from: Int) -> Void
) {
    if lanes.count <= length { return leaf(lanes, level) }
    let middle = Lanes.split(lanes)
    fold(lanes.lowerBound ..< middle, by: length, into: level, leaf: leaf, add: add)
    fold(middle ..< lanes.upperBound, by: length, into: level + 1, leaf: leaf, add: add)
    add(level, level + 1)
}

/// Adds up samples: in their order within a lane, lanes along the tree; one partial sum for each subtree of this rank.
final class TotalKernel: Kernel {
    private static let chunk = 4096
    private let table: UnsafePointer<vk_table>
    private let partition: Partition, from: Floats, to: Floats, count: Int
    let tasks: Int, scratch: Int

    init(_ partition: Partition, count: Int, table: UnsafePointer<vk_table>, from: Floats, to: Floats) {
        (self.partition, self.count, self.table, self.from, self.to) = (partition, count, table, from, to)
        tasks = count.divided(up: Self.chunk)
        scratch = partition.foldingDepth * Self.chunk
    }

    func run(_ task: Int, scratch: Floats) {
        let first = task * Self.chunk, length = min(Self.chunk, count - first), add = table.pointee.add!
        for (number, subtree) in partition.subtrees.enumerated() {
            let result = to + number * count + first
            func level(_ level: Int) -> Floats { level == 0 ? result : scratch + (level - 1) * Self.chunk }
            fold(subtree, into: 0) { lane, place in
                let samples = partition.samples(of: lane), sum = level(place)
                sum.update(from: from + samples.lowerBound * count + first, count: length)
                for sample in samples.dropFirst() { add(sum, from + sample * count + first, Int64(length)) }
            } add: {
                add(level($0), level($1), Int64(length))
            }
        }
    }
}

/// Adds up one number of each sample, in Double.
final class ScalarTotalKernel: Kernel {
    private let partition: Partition, from: Floats, to: UnsafeMutablePointer<Double>
    let tasks = 1, scratch = 0

    /// - Parameter to: one place for each subtree of this rank.
    init(_ partition: Partition, from: Floats, to: UnsafeMutablePointer<Double>) { (self.partition, self.from, self.to) = (partition, from, to) }

    func run(_ task: Int, scratch: Floats) {
        for (number, subtree) in partition.subtrees.enumerated() { to[number] = sum(subtree) }
    }

    private func sum(_ lanes: Range<Int>) -> Double {
        if lanes.count == 1 {
            var sum = 0.0
            for sample in partition.samples(of: lanes.lowerBound) { sum += Double(from[sample]) }
            return sum
        }
        let middle = Lanes.split(lanes)
        return sum(lanes.lowerBound ..< middle) + sum(middle ..< lanes.upperBound)
    }
}

/// For every sample the mean over its microbatch.
final class LocalMeanKernel: Kernel {
    private let table: UnsafePointer<vk_table>
    private let partition: Partition, from: Floats, to: Floats, count: Int
    let scratch = 0
    var tasks: Int { partition.lanes.count }

    init(_ partition: Partition, count: Int, table: UnsafePointer<vk_table>, from: Floats, to: Floats) {
        (self.partition, self.count, self.table, self.from, self.to) = (partition, count, table, from, to)
    }

    func run(_ task: Int, scratch: Floats) {
        let samples = partition.samples(of: partition.lanes.lowerBound + task), mean = to + samples.lowerBound * count
        mean.update(from: from + samples.lowerBound * count, count: count)
        for sample in samples.dropFirst() { table.pointee.add(mean, from + sample * count, Int64(count)) }
        for element in 0 ..< count { mean[element] /= Float(samples.count) }
        for sample in samples.dropFirst() { (to + sample * count).update(from: mean, count: count) }
    }
}
