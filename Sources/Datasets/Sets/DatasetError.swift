/// What is wrong with a set, a foreign file or a request about them, in one sentence that says what to do.
public struct DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Whose fault it is; the command's exit code follows from it.
    public enum Kind: Sendable {
        case usage, badData, missingInput, cannotCreate, inputOutput
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}
