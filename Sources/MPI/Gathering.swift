internal import COpenMPI

/// Counts and places of the ranks' parts in one buffer, as MPI takes them; kept by who calls often, since making one allocates.
public struct Parts: Sendable {
    /// Elements of each rank's part, and where it begins.
    public private(set) var counts: [Int32], places: [Int32]
    public private(set) var total: Int

    public init(ranks: Int) { (counts, places, total) = (Array(repeating: 0, count: ranks), Array(repeating: 0, count: ranks), 0) }

    /// Consecutive parts. Throws where all together are more than MPI counts in 32 bits.
    public init(_ counts: [Int]) throws(MPIError) {
        self.init(ranks: counts.count)
        try set { counts[$0] }
    }

    /// Sets consecutive parts without allocating.
    public mutating func set(_ count: (Int) -> Int) throws(MPIError) {
        total = 0
        for rank in counts.indices {
            places[rank] = try counted(total, "a gather of all ranks' parts")
            counts[rank] = try counted(count(rank), "a gather of all ranks' parts")
            total += Int(counts[rank])
        }
        _ = try counted(total, "a gather of all ranks' parts")
    }
}

extension Communicator {
    /// Each rank's part, one after the other, at the root; elsewhere `received` is left alone and may be nil. `parts` counts at the root.
    public func gather<E: Transferable>(
        _ sent: UnsafeBufferPointer<E>, into received: UnsafeMutablePointer<E>?, _ parts: Parts,
        to root: Int
    ) throws(MPIError) {
        let count = try counted(sent.count, "MPI_Gatherv")
        try check(
            MPI_Gatherv(sent.baseAddress, count, E.datatype, received, parts.counts, parts.places, E.datatype, Int32(root), handle), "MPI_Gatherv")
    }

    /// Every rank gets all parts. Each rank's own already lies at its place in `buffer`, which holds `parts.total` elements.
    public func allGather<E: Transferable>(inPlace buffer: UnsafeMutablePointer<E>, _ parts: Parts) throws(MPIError) {
        try check(
            MPI_Allgatherv(shim_in_place(), 0, E.datatype, buffer, parts.counts, parts.places, E.datatype, handle), "MPI_Allgatherv")
    }

    /// Part r of `sent` goes to rank r, and arrives there as part `rank` of `received`.
    public func allToAll<E: Transferable>(
        _ sent: UnsafePointer<E>?, _ sentParts: Parts, into received: UnsafeMutablePointer<E>?,
        _ receivedParts: Parts
    ) throws(MPIError) {
        try check(
            MPI_Alltoallv(
                sent, sentParts.counts, sentParts.places, E.datatype, received, receivedParts.counts, receivedParts.places,
                E.datatype, handle), "MPI_Alltoallv")
    }

    /// One number of each rank, on every rank.
    public func allGather(_ number: Int64) throws(MPIError) -> [Int64] {
        var all = [Int64](repeating: 0, count: count)
        var mine = number
        try check(MPI_Allgather(&mine, 1, Int64.datatype, &all, 1, Int64.datatype, handle), "MPI_Allgather")
        return all
    }
}
