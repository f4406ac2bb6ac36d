import Graphs

/// Zeros around what lies inside.
final class PadKernel: Kernel {
    private let from: Floats, to: Floats
    private let fromCount: Int, toCount: Int
    /// Where each contiguous run of a sample comes from and goes to.
    private let runs: [(from: Int, to: Int)], length: Int
    private let samples: Int
    let scratch = 0
    var tasks: Int { samples }

    init(_ pad: Pad, of shape: Shape, samples: Int, from: Floats, to: Floats) {
        (self.samples, self.from, self.to) = (samples, from, to)
        (fromCount, toCount) = (shape.count, pad.extents.reduce(1, *))
        // the axes that are not padded, innermost, and the one before them lie side by side in both
        var whole = shape.rank
        while whole > 0, shape.extents[whole - 1] == pad.extents[whole - 1] { whole -= 1 }
        let inner = max(0, whole - 1)
        length = shape.extents[inner...].reduce(1, *)
        let target = Values(.replicated(Shape(pad.extents)), samples: 1, Array(repeating: 0, count: toCount))
        var found: [(Int, Int)] = []
        let length = length, rank = shape.rank
        Shape(Array(shape.extents[..<inner])).forEachIndex { index in
            let place = zip(index + Array(repeating: 0, count: rank - inner), pad.before).map(+)
            found.append((found.count * length, target.offset(of: place, in: Shape(pad.extents), sample: 0)))
        }
        runs = found
    }

    func run(_ task: Int, scratch: Floats) {
        let source = from + task * fromCount, target = to + task * toCount
        target.update(repeating: 0, count: toCount)
        for run in runs { (target + run.to).update(from: source + run.from, count: length) }
    }
}

/// The new value of a variable that could not be written in its place.
final class CopyKernel: Kernel {
    private let from: Floats, to: Floats
    let count: Int
    let tasks = 1, scratch = 0

    init(from: Floats, to: Floats, count: Int) { (self.from, self.to, self.count) = (from, to, count) }

    func run(_ task: Int, scratch: Floats) { to.update(from: from, count: count) }
}

/// For every element the sum of some elements of the operand, in their order.
final class GatherKernel: Kernel {
    private let from: Floats, to: Floats, samples: Int
    private let fromCount: Int, toCount: Int
    private let starts: Table<Int32>, places: Table<Int32>
    /// Whether each element is one of the operand.
    private let isPlain: Bool
    let scratch = 0
    var tasks: Int { samples }

    init(_ gather: Gather.Places, samples: Int, from: Floats, to: Floats) {
        (self.samples, self.from, self.to) = (samples, from, to)
        (fromCount, toCount) = (gather.from.count, gather.to.count)
        (starts, places) = (Table(gather.starts), Table(gather.places))
        isPlain = gather.starts.enumerated().allSatisfy { $0.offset == $0.element }
    }

    func run(_ task: Int, scratch: Floats) {
        let source = from + task * fromCount, target = to + task * toCount, places = places.pointer
        if isPlain {
            for element in 0 ..< toCount { target[element] = source[Int(places[element])] }
            return
        }
        for element in 0 ..< toCount {
            var sum: Float = 0
            for place in starts.pointer[element] ..< starts.pointer[element + 1] { sum += source[Int(places[Int(place)])] }
            target[element] = sum
        }
    }
}
