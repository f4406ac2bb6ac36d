internal import COpenMPI

/// A transfer under way. Its buffer must stay where it is, and a received one unread and a sent one unwritten, until `wait` returns or
/// `isDone` is true: so the calls take pointers to memory that the caller allocated, never arrays.
public struct Request {
    private var pending: shim_request

    init(_ pending: shim_request) { self.pending = pending }

    /// Returns when the transfer is complete.
    public func wait() throws(MPIError) {
        var pending = pending
        try check(shim_wait(&pending), "MPI_Wait")
    }

    /// Moves transfers along and says whether this one is complete; once it was, it may be asked again.
    public mutating func isDone() throws(MPIError) -> Bool {
        var done: Int32 = 0
        try check(shim_test(&pending, &done), "MPI_Test")
        return done != 0
    }
}

extension Communicator {
    /// Begins to send at most `largestPiece` elements.
    public func startSending<E: Transferable>(_ buffer: UnsafeBufferPointer<E>, to rank: Int, tag: Int32 = 0) throws(MPIError) -> Request {
        var made = shim_request()
        let count = try counted(buffer.count, "MPI_Isend")
        try check(shim_send(buffer.baseAddress, count, E.datatype, Int32(rank), tag, handle, &made), "MPI_Isend")
        return Request(made)
    }

    /// Begins to receive at most `largestPiece` elements.
    public func startReceiving<E: Transferable>(into buffer: UnsafeMutableBufferPointer<E>, from rank: Int, tag: Int32 = 0) throws(MPIError)
        -> Request
    {
        var made = shim_request()
        let count = try counted(buffer.count, "MPI_Irecv")
        try check(shim_receive(buffer.baseAddress, count, E.datatype, Int32(rank), tag, handle, &made), "MPI_Irecv")
        return Request(made)
    }

    /// Begins an all-reduce in place.
    public func startAllReduce<E: Transferable>(_ buffer: UnsafeMutableBufferPointer<E>, _ reduction: Reduction) throws(MPIError) -> Request {
        var made = shim_request()
        let count = try counted(buffer.count, "MPI_Iallreduce")
        try check(
            shim_all_reduce(shim_in_place(), buffer.baseAddress, count, E.datatype, reduction.operation, handle, &made), "MPI_Iallreduce")
        return Request(made)
    }
}

extension [Request] {
    /// Begins to send a buffer of any length, in pieces.
    public mutating func send<E: Transferable>(_ buffer: UnsafeBufferPointer<E>, to rank: Int, tag: Int32 = 0, by communicator: Communicator)
        throws(MPIError)
    {
        try communicator.inPieces(buffer.count) { (start, count) throws(MPIError) in
            append(try communicator.startSending(UnsafeBufferPointer(rebasing: buffer[start ..< start + Int(count)]), to: rank, tag: tag))
        }
    }

    /// Begins to receive a buffer of any length, in the pieces in which it is sent.
    public mutating func receive<E: Transferable>(
        into buffer: UnsafeMutableBufferPointer<E>, from rank: Int, tag: Int32 = 0,
        by communicator: Communicator
    ) throws(MPIError) {
        try communicator.inPieces(buffer.count) { (start, count) throws(MPIError) in
            let piece = UnsafeMutableBufferPointer(rebasing: buffer[start ..< start + Int(count)])
            append(try communicator.startReceiving(into: piece, from: rank, tag: tag))
        }
    }

    /// Moves transfers along and says whether all are complete, which are then forgotten, keeping the storage.
    public mutating func areDone() throws(MPIError) -> Bool {
        while let last = indices.last {
            guard try self[last].isDone() else { return false }
            removeLast()
        }
        return true
    }

    /// Waits for all and forgets them, keeping the storage.
    public mutating func waitForAll() throws(MPIError) {
        for request in self { try request.wait() }
        removeAll(keepingCapacity: true)
    }
}
