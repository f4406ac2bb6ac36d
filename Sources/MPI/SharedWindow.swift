internal import COpenMPI

/// Memory that the ranks of a node share: each allocates a part and reads and writes those of all.
///
/// A rank sees another's stores after `synchronize()` on both sides of a barrier, which `meet()` does.
public final class SharedWindow: @unchecked Sendable {
    private let window: MPI_Win
    private let communicator: Communicator

    /// Allocates `byteCount` bytes (0 is allowed) on this rank, in memory shared by all ranks of `node`, a communicator from
    /// `splitBySharedMemory`. All its ranks call this.
    public init(byteCount: Int, on node: Communicator) throws(MPIError) {
        var base: UnsafeMutableRawPointer?, made = shim_window()
        try check(shim_window_allocate(byteCount, node.handle, &base, &made), "MPI_Win_allocate_shared")
        (window, communicator) = (made.handle, node)
        try check(shim_window_open(window), "MPI_Win_lock_all")
    }

    /// The part that `rank` of the node allocated, empty where it allocated nothing.
    public func part(of rank: Int) throws(MPIError) -> UnsafeMutableRawBufferPointer {
        var base: UnsafeMutableRawPointer?, byteCount: MPI_Aint = 0
        try check(shim_window_query(window, Int32(rank), &byteCount, &base), "MPI_Win_shared_query")
        return UnsafeMutableRawBufferPointer(start: byteCount == 0 ? nil : base, count: Int(byteCount))
    }

    /// Makes this rank's stores visible and takes notice of those of others.
    public func synchronize() throws(MPIError) { try check(MPI_Win_sync(window), "MPI_Win_sync") }

    /// What any rank wrote before is seen by every rank afterwards.
    public func meet() throws(MPIError) {
        try synchronize()
        try communicator.barrier()
        try synchronize()
    }

    /// Gives the memory back. All ranks of the node call this, before MPI is finished; no pointer into the window is valid afterwards.
    public func free() throws(MPIError) { try check(shim_window_free(shim_window(handle: window)), "MPI_Win_free") }
}

/// A number in a shared window that one rank raises and others read: who reads a value also sees what was stored before it was raised.
public struct SharedFlag: @unchecked Sendable {
    private let word: UnsafeMutablePointer<UInt64>

    /// In 8 aligned bytes that are zero.
    public init(at memory: UnsafeMutableRawPointer) { word = memory.assumingMemoryBound(to: UInt64.self) }

    public var value: UInt64 { shim_read(word) }
    public func raise(to value: UInt64) { shim_raise(word, value) }
}
