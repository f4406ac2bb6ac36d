import MPI
import Ranks

/// `mpi`: the calls of the wrapper that `Ranks` does not make, each checked on every rank, in pieces of 5 elements where they go in pieces.
func probeLibrary(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let world = try Communicator.world(), rank = world.rank, count = world.count
    world.largestPiece = 5
    try probeCollectives(world)
    try probeMessages(world)

    let half = try world.split(color: rank % 2, key: -rank)
    try expect(half.count, (count + 1 - rank % 2) / 2, "split count")
    try expect(half.rank, half.count - 1 - rank / 2, "split rank")
    try half.free()
    try probeWindow(world)
    try expect(Environment.start(), true, "a second start with threads")
    try expect(Environment.node().isEmpty || Environment.version.isEmpty, false, "names")
    if rank == 0 { print("\(count) ranks called") }
    return 0
}

private func probeCollectives(_ world: Communicator) throws {
    let rank = world.rank, count = world.count, last = count - 1
    let mine = (0 ..< 13).map { Int32(rank * 100 + $0) }
    var buffer = mine
    try buffer.withUnsafeMutableBufferPointer { try world.reduce($0, .maximum, to: last) }
    try expect(buffer, rank == last ? (0 ..< 13).map { Int32(last * 100 + $0) } : mine, "reduce")
    buffer = mine
    try buffer.withUnsafeMutableBufferPointer { try world.allReduce($0, .minimum) }
    try expect(buffer, (0 ..< 13).map { Int32($0) }, "minimum")
    buffer = mine
    try buffer.withUnsafeMutableBufferPointer { try world.broadcast($0, from: last) }
    try expect(buffer, (0 ..< 13).map { Int32(last * 100 + $0) }, "broadcast")
    var flags: [UInt64] = [1 << UInt64(rank), ~(1 << UInt64(rank))]
    try flags.withUnsafeMutableBufferPointer {
        try world.allReduce(UnsafeMutableBufferPointer(rebasing: $0[..<1]), .or)
        try world.allReduce(UnsafeMutableBufferPointer(rebasing: $0[1...]), .and)
    }
    try expect(flags, [1 << UInt64(count) - 1, ~(1 << UInt64(count) - 1)], "or, and")

    // Rank r gives r + 1 elements.
    let parts = try Parts((0 ..< count).map { $0 + 1 })
    var all = [Double](repeating: -1, count: parts.total)
    let own = [Double](repeating: Double(rank), count: rank + 1)
    try own.withUnsafeBufferPointer { own in try all.withUnsafeMutableBufferPointer { try world.gather(own, into: $0.baseAddress, parts, to: 0) } }
    try expect(all, rank == 0 ? (0 ..< count).flatMap { [Double](repeating: Double($0), count: $0 + 1) } : all.map { _ in -1 }, "gather")
}

private func probeMessages(_ world: Communicator) throws {
    let rank = world.rank, count = world.count, next = (rank + 1) % count, previous = (rank + count - 1) % count
    for length in [0, 4, 13] {
        let sent = UnsafeMutableBufferPointer<Float>.allocate(capacity: length),
            received = UnsafeMutableBufferPointer<Float>.allocate(capacity: length)
        defer { for memory in [sent, received] { memory.deallocate() } }
        let expected = (0 ..< length).map { Float(previous * 50 + $0) }
        for index in 0 ..< length { sent.initializeElement(at: index, to: Float(rank * 50 + index)) }
        received.initialize(repeating: -1)
        try world.sendReceive(UnsafeBufferPointer(sent), to: next, received, from: previous)
        try expect(Array(received), expected, "sendReceive")
        received.initialize(repeating: -1)
        if rank == 0, count > 1 { try world.send(UnsafeBufferPointer(sent), to: next, tag: 3) }
        if count > 1 { try world.receive(into: received, from: previous, tag: 3) }
        if rank > 0 { try world.send(UnsafeBufferPointer(sent), to: next, tag: 3) }
        if count > 1 { try expect(Array(received), expected, "send, receive") }
    }
    let sums = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 3)
    defer { sums.deallocate() }
    sums.initialize(repeating: 2)
    var request = try world.startAllReduce(sums, .sum)
    while try !request.isDone() {}
    try expect(Array(sums), [Int64](repeating: Int64(2 * count), count: 3), "startAllReduce")
}

private func probeWindow(_ world: Communicator) throws {
    let node = try world.splitBySharedMemory()
    let window = try SharedWindow(byteCount: node.rank * 8, on: node)  // none on rank 0
    for (index, word) in try window.part(of: node.rank).bindMemory(to: Int64.self).indices.enumerated() {
        try window.part(of: node.rank).bindMemory(to: Int64.self)[word] = Int64(node.rank * 10 + index)
    }
    try window.meet()
    for other in 0 ..< node.count {
        try expect(Array(window.part(of: other).bindMemory(to: Int64.self)), (0 ..< other).map { Int64(other * 10 + $0) }, "window")
    }
    try window.meet()
    try window.free()
    try node.free()
}

/// `refuse`: calls that MPI refuses; prints their messages.
func probeRefusals(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let world = try Communicator.world()
    func message(_ body: () throws -> Void) -> String { do { try body(); return "no error" } catch { return "\(error)" } }
    let number = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2), place = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1)
    defer { for memory in [number, place] { memory.deallocate() } }
    number.initialize(repeating: 0)
    let toNobody = message { try world.send(UnsafeBufferPointer(number), to: world.count) }
    // To a neighbor: Open MPI says nothing of a message to the rank itself that was cut off.
    let next = (world.rank + 1) % world.count, previous = (world.rank + world.count - 1) % world.count
    let truncated = message {
        try world.sendReceive(UnsafeBufferPointer(number), to: next, place, from: previous)
    }
    let tooMany = message { _ = try Parts([1 << 30, 1 << 30, 1]) }
    if group.rank == 0 { print(toNobody, truncated, tooMany, separator: "\n") }
    return 0
}

func expect<T: Equatable>(_ found: T, _ expected: T, _ what: String) throws {
    if found != expected { throw RankError("\(what) gave \(found), expected \(expected)") }
}
