/// An error that says with which code the process ends (sysexits: 64 usage, 65 bad data, 66 missing input, 70 internal, 73 cannot create,
/// 74 input or output, 75 stopped with a checkpoint). Its description is the message.
public protocol ExitCoded: Error {
    var exitCode: Int32 { get }
}

extension ExitCoded {
    public var exitCode: Int32 { 70 }
}

/// What went wrong between ranks, in one sentence.
public struct RankError: ExitCoded, CustomStringConvertible, Equatable {
    public let description: String
    public let exitCode: Int32

    public init(_ description: String, exitCode: Int32 = 70) { (self.description, self.exitCode) = (description, exitCode) }
}
