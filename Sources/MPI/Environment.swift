internal import COpenMPI

/// The MPI library of this process: started once, finished once.
public enum Environment {
    /// Starts MPI, asking for calls from any thread, and returns whether that was granted. Starting twice is harmless.
    @discardableResult public static func start() throws(MPIError) -> Bool {
        var started: Int32 = 0, level: Int32 = 0
        try check(MPI_Initialized(&started), "MPI_Initialized")
        if started == 0 {
            try check(MPI_Init_thread(nil, nil, Int32(MPI_THREAD_MULTIPLE), &level), "MPI_Init_thread")
        } else {
            try check(MPI_Query_thread(&level), "MPI_Query_thread")
        }
        return level >= Int32(MPI_THREAD_MULTIPLE)
    }

    /// Ends MPI after all ranks have come here. Nothing of this module may be called afterwards.
    public static func finish() throws(MPIError) { try check(MPI_Finalize(), "MPI_Finalize") }

    /// Ends all processes of the job at once, with this exit code. Returns where MPI could not.
    public static func abort(_ code: Int32) { MPI_Abort(shim_world(), code) }

    /// The library's own name and version.
    public static var version: String {
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1), length: Int32 = 0
        guard MPI_Get_library_version(&text, &length) == MPI_SUCCESS else { return "unknown" }
        return String(decoding: text.prefix(Int(length)).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The name of the node this process runs on.
    public static func node() throws(MPIError) -> String {
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_PROCESSOR_NAME) + 1), length: Int32 = 0
        try check(MPI_Get_processor_name(&text, &length), "MPI_Get_processor_name")
        return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
