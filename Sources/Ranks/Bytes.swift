internal import MPI

/// Bytes of any number between ranks.
extension RankGroup {
    /// Rank 0's bytes, on every rank; those that the others give are ignored.
    public func broadcast(_ bytes: [UInt8]) throws -> [UInt8] { try broadcast(bytes, from: 0) }

    private func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        guard let communicator else { return bytes }
        return try watchdog.during(.broadcast) {
            var size = [Int64(bytes.count)]
            try size.withUnsafeMutableBufferPointer { try communicator.broadcast($0, from: root) }
            var result = rank == root ? bytes : [UInt8](repeating: 0, count: Int(size[0]))
            try result.withUnsafeMutableBufferPointer { try communicator.broadcast($0, from: root) }
            return result
        }
    }

    /// At rank 0 every rank's bytes, by rank; elsewhere an empty array.
    public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        let toRoot = (0 ..< count).map { $0 == 0 ? bytes : [] }
        let received = try exchange(toRoot)
        return rank == 0 ? received : []
    }

    /// Every rank's bytes, by rank, on every rank.
    public func allGather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        guard let communicator else { return [bytes] }
        let sizes = try watchdog.during(.gather) { try communicator.allGather(Int64(bytes.count)).map { Int($0) } }
        let total = sizes.reduce(0, +)
        guard total <= communicator.largestPiece else { return try (0 ..< count).map { try broadcast(bytes, from: $0) } }
        return try watchdog.during(.gather) {
            let parts = try Parts(sizes)
            var all = [UInt8](repeating: 0, count: total)
            all.replaceSubrange(Int(parts.places[rank]) ..< Int(parts.places[rank]) + bytes.count, with: bytes)
            try all.withUnsafeMutableBufferPointer { if total > 0 { try communicator.allGather(inPlace: $0.baseAddress!, parts) } }
            return split(all, sizes)
        }
    }

    /// Entry r of `bytes` goes to rank r; entry r of the result came from rank r.
    public func exchange(_ bytes: [[UInt8]]) throws -> [[UInt8]] {
        precondition(bytes.count == count, "\(bytes.count) entries for \(count) ranks")
        guard let communicator else { return bytes }
        return try watchdog.during(.exchange) {
            let sizes = try exchangeSizes(bytes.map { Int64($0.count) }, by: communicator)
            let sent = bytes.flatMap { $0 }
            var received = [UInt8](repeating: 0, count: sizes.reduce(0, +))
            try sent.withUnsafeBufferPointer { sent in
                try received.withUnsafeMutableBufferPointer { received in
                    // Single messages, since a message goes in pieces where it is too long for MPI and the parts of MPI_Alltoallv cannot.
                    var requests: [Request] = [], start = 0
                    for (rank, size) in sizes.enumerated() {
                        try requests.receive(
                            into: UnsafeMutableBufferPointer(rebasing: received[start ..< start + size]), from: rank, by: communicator)
                        start += size
                    }
                    start = 0
                    for (rank, part) in bytes.enumerated() {
                        try requests.send(UnsafeBufferPointer(rebasing: sent[start ..< start + part.count]), to: rank, by: communicator)
                        start += part.count
                    }
                    try requests.waitForAll()
                }
            }
            return split(received, sizes)
        }
    }

    private func exchangeSizes(_ sizes: [Int64], by communicator: Communicator) throws -> [Int] {
        let each = try Parts(Array(repeating: 1, count: count))
        var received = [Int64](repeating: 0, count: count)
        try received.withUnsafeMutableBufferPointer { try communicator.allToAll(sizes, each, into: $0.baseAddress, each) }
        return received.map { Int($0) }
    }

    private func split(_ bytes: [UInt8], _ sizes: [Int]) -> [[UInt8]] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return Array(bytes[start ..< start + size])
        }
    }
}
