import Foundation
import Ranks

/// What stops a command, in one sentence, with the exit code it ends with.
public struct Failure: ExitCoded, CustomStringConvertible, Equatable {
    /// The reasons that exit codes tell apart (sysexits).
    public enum Reason: Int32, Sendable { case usage = 64, badData = 65, missingInput = 66, `internal` = 70, cannotCreate = 73, inputOutput = 74 }
    public let reason: Reason
    public let description: String
    public var exitCode: Int32 { reason.rawValue }

    public init(_ reason: Reason, _ description: String) { (self.reason, self.description) = (reason, description) }
}

/// Why a file could not be written, in the system's words: Foundation's own for a full disk are that the operation could not be completed.
func reason(of error: any Error) -> String {
    let cause = error as? POSIXError ?? (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError
    return cause.map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
}
