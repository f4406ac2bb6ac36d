import Glibc
import Ranks

/// A number of its own for every lane and element, of magnitudes that make the order of additions show.
func laneValue(_ lane: Int, _ index: Int) -> Double {
    var z = UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(lane + 1) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 30) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Double(Int64(bitPattern: z)) * 0x1p-63 * Double(1 + z & 7)
}

/// FNV-1a over the bits of Floats or Doubles.
func bitsHash<T: BinaryFloatingPoint>(_ values: [T]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01B3 }
    if let floats = values as? [Float] { for value in floats { mix(UInt64(value.bitPattern)) } }
    if let doubles = values as? [Double] { for value in doubles { mix(value.bitPattern) } }
    return hash
}

/// The partial sum of a subtree, with lanes pushed and folded as a plan does.
func partialSum<T: BinaryFloatingPoint>(_ subtree: Range<Int>, _ count: Int, _: T.Type) -> [T] {
    var stack: [[T]] = []
    for lane in subtree {
        stack.append((0 ..< count).map { T(laneValue(lane, $0)) })
        for _ in 0 ..< Lanes.folds(after: lane, in: subtree) {
            let upper = stack.removeLast(), lower = stack.removeLast()
            stack.append(zip(lower, upper).map { $0 + $1 })
        }
    }
    precondition(stack.count == 1, "\(stack.count) sums are left of one subtree")
    return stack[0]
}

/// `linear LANES COUNT`: as the tree's total, in the order that comes to mind first: each rank adds its lanes one after the other, then the
/// ranks' sums are added one after the other. Prints a hash.
func probeLinear(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let lanes = Int(arguments[0])!, count = Int(arguments[1])!
    func chain(_ sums: [[Float]]) -> [Float] { sums.dropFirst().reduce(sums[0]) { zip($0, $1).map { $0 + $1 } } }
    let own = chain(
        try Lanes(count: lanes, ranks: group.count).range(of: group.rank).map { lane in (0 ..< count).map { Float(laneValue(lane, $0)) } })
    let all = try group.allGather(own.withUnsafeBytes { Array($0) }).map { bytes in
        bytes.withUnsafeBytes { raw in (0 ..< count).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } }
    }
    if group.rank == 0 { print(String(bitsHash(chain(all)), radix: 16)) }
    return 0
}

private func treeSum(_ group: RankGroup, lanes: Int, _ way: String) throws -> TreeSum {
    try TreeSum(group: group, lanes: lanes, way: way == "library" ? .library : .tree, windows: way == "windows")
}

/// `tree WAY LANES:COUNT,COUNT...`: the total of so many lanes by each algorithm, in place and not, in Float and Double; a hash of each on
/// a line. WAY is tree, windows (the tree in shared memory) or library.
func probeTree(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    var lines: [String] = []
    for argument in arguments.dropFirst() {
        let numbers = argument.split { ":,".contains($0) }.map { Int($0)! }
        let sum = try treeSum(group, lanes: numbers[0], arguments[0])
        for count in numbers.dropFirst() {
            let floats = sum.subtrees.map { partialSum($0, count, Float.self) }, doubles = sum.subtrees.map { partialSum($0, count, Double.self) }
            var float = Hashed<Float>(), double = Hashed<Double>()
            for wholeBytes in [Int.max, 0] {
                sum.wholeBytes = wholeBytes
                for inPlace in [true, false] {
                    try float.take(total(of: floats, count, inPlace) { try sum.sum($0, count: count, into: $1) })
                    try double.take(total(of: doubles, count, inPlace) { try sum.sum($0, count: count, into: $1) })
                    lines.append("\(numbers[0]) lanes, \(count) floats \(String(float.hash, radix: 16))")
                    lines.append("\(numbers[0]) lanes, \(count) doubles \(String(double.hash, radix: 16))")
                }
            }
        }
    }
    try report(group, lines)
    return 0
}

/// `overlap WAY LANES COUNT...`: sums of all sizes, each whole and in pieces, in Float and Double, under way at the same time while every rank
/// does other things for times of its own, and sums that are waited for at once go between; twice on the same memory. Prints as `tree` does.
func probeOverlap(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let lanes = Int(arguments[1])!, counts = arguments.dropFirst(2).map { Int($0)! }
    let tree = try treeSum(group, lanes: lanes, arguments[0])
    let sums = try counts.flatMap { count in
        try [Int.max, 0].flatMap { wholeBytes -> [any Overlapped] in
            tree.wholeBytes = wholeBytes
            return [
                try Overlapping<Float>(tree, count) { try tree.prepare($0, count: count, into: $1) },
                try Overlapping<Double>(tree, count) { try tree.prepare($0, count: count, into: $1) },
            ]
        }
    }
    var lines: [String] = []
    for turn in 0 ..< 2 {
        for (number, sum) in sums.enumerated() {
            sum.fill()
            try tree.begin(sum.sum)
            usleep(UInt32((group.rank * 7 + number * 3 + turn) % 5) * 300)
            tree.advance()
            if number % 3 == 1 {
                let between = try Overlapping<Double>(tree, 10) { try tree.prepare($0, count: 10, into: $1) }
                between.fill()
                try tree.begin(between.sum, atOnce: true)
                try tree.finish(between.sum)
                lines.append("\(lanes) lanes, \(between.line)")
            }
        }
        for place in sums.indices {  // not in the order in which they were begun
            let sum = sums[(place * 5 + 3) % sums.count]
            try tree.finish(sum.sum)
            if (group.rank + place) % 3 == 0 { usleep(500) }
            tree.advance()
        }
        lines += sums.map { "\(lanes) lanes, \($0.line)" }
    }
    try report(group, lines)
    return 0
}

private protocol Overlapped {
    var sum: LaneSum { get }
    var line: String { get }
    func fill()
}

/// A sum with its memory.
private final class Overlapping<T: BinaryFloatingPoint>: Overlapped {
    let sum: LaneSum
    private let values: [[T]], partials: [UnsafeMutablePointer<T>], count: Int

    init(_ tree: TreeSum, _ count: Int, _ prepare: ([UnsafeMutablePointer<T>], UnsafeMutablePointer<T>) throws -> LaneSum) throws {
        self.count = count
        values = tree.subtrees.map { partialSum($0, count, T.self) }
        partials = values.map { _ in .allocate(capacity: count) }
        sum = try prepare(partials, partials[0])
    }

    func fill() { for (memory, values) in zip(partials, values) { memory.initialize(from: values, count: count) } }

    var line: String {
        "\(count) \(T.self == Float.self ? "floats" : "doubles") "
            + String(bitsHash(Array(UnsafeBufferPointer(start: partials[0], count: count))), radix: 16)
    }

    deinit { for memory in partials { memory.deallocate() } }
}

/// A hash that is only formed anew where the bits differ from those before.
private struct Hashed<T: BinaryFloatingPoint> {
    private var values: [T] = []
    private(set) var hash: UInt64 = 0

    mutating func take(_ new: [T]) {
        let isSame = new.withUnsafeBytes { new in
            values.withUnsafeBytes { old in old.count == new.count && memcmp(old.baseAddress!, new.baseAddress!, new.count) == 0 }
        }
        guard !isSame else { return }
        values = new
        hash = bitsHash(new)
    }
}

/// Rank 0 prints its lines, with those of other ranks that differ.
private func report(_ group: RankGroup, _ lines: [String]) throws {
    let all = try group.gather(Array(lines.joined(separator: "\n").utf8))
    guard group.rank == 0 else { return }
    for rank in 0 ..< group.count where rank == 0 || all[rank] != all[0] { print(String(decoding: all[rank], as: UTF8.self)) }
}

private func total<T: BinaryFloatingPoint>(
    of sums: [[T]], _ count: Int, _ inPlace: Bool, _ form: ([UnsafeMutablePointer<T>], UnsafeMutablePointer<T>) throws -> Void
) throws -> [T] {
    let partials = sums.map { sum in
        let memory = UnsafeMutablePointer<T>.allocate(capacity: count)
        memory.initialize(from: sum, count: count)
        return memory
    }
    let result = inPlace ? partials[0] : UnsafeMutablePointer<T>.allocate(capacity: count)
    if !inPlace { result.initialize(repeating: .nan, count: count) }
    defer {
        for memory in partials { memory.deallocate() }
        if !inPlace { result.deallocate() }
    }
    try form(partials, result)
    return Array(UnsafeBufferPointer(start: result, count: count))
}

/// `bench LANES COUNT REPEATS`: the best time of each way in microseconds.
func benchTree(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let lanes = Int(arguments[0])!, count = Int(arguments[1])!, repeats = Int(arguments[2])!
    let tree = try treeSum(group, lanes: lanes, "tree"), library = try treeSum(group, lanes: lanes, "library")
    let windows = try treeSum(group, lanes: lanes, "windows")
    let partials = tree.subtrees.map { _ in
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
        memory.initialize(repeating: 1, count: count)
        return memory
    }
    let result = UnsafeMutablePointer<Float>.allocate(capacity: count)
    result.initialize(repeating: 0, count: count)
    func best(_ sum: TreeSum, _ wholeBytes: Int) throws -> Double {
        sum.wholeBytes = wholeBytes
        let prepared = try sum.prepare(partials, count: count, into: result)
        var best = Double.infinity
        for _ in 0 ..< repeats {
            try group.barrier()
            let began = ContinuousClock.now
            try sum.begin(prepared, atOnce: true)
            try sum.finish(prepared)
            best = min(best, Double(began.duration(to: .now).components.attoseconds) * 1e-12)
        }
        return try group.maximum([best])[0]
    }
    let times = try [best(tree, .max), best(tree, 0), best(windows, 0), best(library, 0)].map { Int($0.rounded()) }
    if group.rank == 0 {
        print(
            "\(group.count) ranks, \(lanes) lanes, \(count) floats: whole \(times[0]) us, pieces \(times[1]) us, windows \(times[2]) us, "
                + "library \(times[3]) us")
    }
    return 0
}
