internal import COpenMPI

/// A call of MPI that failed, in the library's own words, or one that could not be made.
public struct MPIError: Error, CustomStringConvertible, Sendable {
    /// The call, as `MPI_Bcast`.
    public let call: String
    /// What went wrong.
    public let reason: String

    public init(call: String, reason: String) { (self.call, self.reason) = (call, reason) }

    public var description: String { "\(call) failed: \(reason)." }
}

/// Looks at the code that a call returned.
func check(_ code: Int32, _ call: StaticString) throws(MPIError) {
    guard code != MPI_SUCCESS else { return }
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1), length: Int32 = 0
    let described = MPI_Error_string(code, &text, &length) == MPI_SUCCESS
    let whole = described ? String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self) : "error code \(code)"
    // MPICH lists its stack of calls below the reason.
    let reason = whole.prefix { $0 != "\n" }
    throw MPIError(call: "\(call)", reason: String(reason.hasSuffix(", error stack:") ? reason.dropLast(14) : reason))
}

/// A count as MPI takes it. MPI's counts are 32-bit; calls that cannot be made in pieces refuse more.
func counted(_ count: Int, _ call: StaticString) throws(MPIError) -> Int32 {
    guard let small = Int32(exactly: count) else {
        throw MPIError(call: "\(call)", reason: "\(count) elements are more than one call takes (\(Int32.max)); send them in several calls")
    }
    return small
}
