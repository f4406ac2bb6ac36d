internal import COpenMPI

/// Processes that communicate. All ranks make the same collective calls in the same order. Errors are thrown, never fatal.
///
/// A communicator may be used from any thread, by one at a time.
public final class Communicator: @unchecked Sendable {
    let handle: MPI_Comm
    public let rank: Int, count: Int

    /// The most elements that one call moves; longer buffers go in pieces. Below MPI's own limit of 2³¹ - 1, so that the bytes of a piece
    /// stay within what libraries are tested with. The same on all ranks; smaller in tests.
    public var largestPiece = 1 << 27

    init(adopting handle: MPI_Comm) throws(MPIError) {
        try check(shim_comm_errors_return(handle), "MPI_Comm_set_errhandler")
        var rank: Int32 = 0, count: Int32 = 0
        try check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
        try check(MPI_Comm_size(handle, &count), "MPI_Comm_size")
        (self.handle, self.rank, self.count) = (handle, Int(rank), Int(count))
    }

    /// All processes of the job.
    public static func world() throws(MPIError) -> Communicator { try Communicator(adopting: shim_world()) }

    /// The same ranks, whose messages never meet those of this one.
    public func duplicate() throws(MPIError) -> Communicator {
        var made = shim_comm()
        try check(shim_comm_duplicate(handle, &made), "MPI_Comm_dup")
        return try Communicator(adopting: made.handle)
    }

    /// The ranks that give the same color (0 or larger), ordered by `key`, then by rank.
    public func split(color: Int, key: Int = 0) throws(MPIError) -> Communicator {
        var made = shim_comm()
        try check(shim_comm_split(handle, counted(color, "MPI_Comm_split"), counted(key, "MPI_Comm_split"), &made), "MPI_Comm_split")
        return try Communicator(adopting: made.handle)
    }

    /// The ranks that share memory with this one: those of its node.
    public func splitBySharedMemory() throws(MPIError) -> Communicator {
        var made = shim_comm()
        try check(shim_comm_split_shared(handle, Int32(rank), &made), "MPI_Comm_split_type")
        return try Communicator(adopting: made.handle)
    }

    /// Gives a communicator that was made (not the world) back to MPI; all its ranks call this, and nothing of it afterwards.
    public func free() throws(MPIError) { try check(shim_comm_free(shim_comm(handle: handle)), "MPI_Comm_free") }

    public func barrier() throws(MPIError) { try check(MPI_Barrier(handle), "MPI_Barrier") }

    /// The root's buffer replaces that of the others. All give the same count.
    public func broadcast<E: Transferable>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws(MPIError) {
        try inPieces(buffer.count) { (start, count) throws(MPIError) in
            try check(MPI_Bcast(buffer.baseAddress! + start, count, E.datatype, Int32(root), handle), "MPI_Bcast")
        }
    }

    /// Reduces the buffers of all ranks element by element; every rank gets the result in place of its own.
    public func allReduce<E: Transferable>(_ buffer: UnsafeMutableBufferPointer<E>, _ reduction: Reduction) throws(MPIError) {
        try inPieces(buffer.count) { (start, count) throws(MPIError) in
            let place = buffer.baseAddress! + start
            try check(MPI_Allreduce(shim_in_place(), place, count, E.datatype, reduction.operation, handle), "MPI_Allreduce")
        }
    }

    /// As `allReduce`, in place at the root; the others' buffers are left alone.
    public func reduce<E: Transferable>(_ buffer: UnsafeMutableBufferPointer<E>, _ reduction: Reduction, to root: Int) throws(MPIError) {
        try inPieces(buffer.count) { (start, count) throws(MPIError) in
            let place = UnsafeMutableRawPointer(buffer.baseAddress! + start)
            try check(
                MPI_Reduce(
                    rank == root ? shim_in_place() : place, rank == root ? place : nil, count, E.datatype, reduction.operation,
                    Int32(root), handle), "MPI_Reduce")
        }
    }

    /// Sends one buffer while another is received, from the same rank or a different one.
    public func sendReceive<E: Transferable>(
        _ sent: UnsafeBufferPointer<E>, to: Int, _ received: UnsafeMutableBufferPointer<E>, from: Int,
        tag: Int32 = 0
    ) throws(MPIError) {
        guard max(sent.count, received.count) > largestPiece else {
            return try check(
                MPI_Sendrecv(
                    sent.baseAddress, Int32(sent.count), E.datatype, Int32(to), tag, received.baseAddress, Int32(received.count),
                    E.datatype, Int32(from), tag, handle, shim_status_ignore()), "MPI_Sendrecv")
        }
        var requests: [Request] = []
        try requests.receive(into: received, from: from, tag: tag, by: self)
        try requests.send(sent, to: to, tag: tag, by: self)
        for request in requests { try request.wait() }
    }

    public func send<E: Transferable>(_ buffer: UnsafeBufferPointer<E>, to rank: Int, tag: Int32 = 0) throws(MPIError) {
        try inPieces(buffer.count) { (start, count) throws(MPIError) in
            try check(MPI_Send(buffer.baseAddress! + start, count, E.datatype, Int32(rank), tag, handle), "MPI_Send")
        }
    }

    /// Receives as many elements as were sent; the count must be the sender's.
    public func receive<E: Transferable>(into buffer: UnsafeMutableBufferPointer<E>, from rank: Int, tag: Int32 = 0) throws(MPIError) {
        try inPieces(buffer.count) { (start, count) throws(MPIError) in
            let place = buffer.baseAddress! + start
            try check(MPI_Recv(place, count, E.datatype, Int32(rank), tag, handle, shim_status_ignore()), "MPI_Recv")
        }
    }

    /// The rank whose message with this tag waits to be received, if there is one.
    public func sender(ofWaiting tag: Int32) throws(MPIError) -> Int? {
        var found: Int32 = 0, rank: Int32 = 0
        try check(shim_probe(tag, handle, &found, &rank), "MPI_Iprobe")
        return found == 0 ? nil : Int(rank)
    }

    /// Calls with consecutive (start, count) of at most `largestPiece`; not at all for an empty buffer.
    func inPieces(_ total: Int, _ body: (Int, Int32) throws(MPIError) -> Void) throws(MPIError) {
        var start = 0
        while start < total {
            let count = min(largestPiece, total - start)
            try body(start, Int32(count))
            start += count
        }
    }
}
