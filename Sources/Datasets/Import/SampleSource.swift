/// Foreign samples, read and checked, numbered from 0 through all their files; which of them go where is a `SplitProtocol`'s to say.
public protocol SampleSource: Sendable {
    /// [height, width, channels] or [features].
    var shape: [Int] { get }
    var type: SampleType { get }
    /// The smallest and largest possible stored number.
    var range: ClosedRange<Double> { get }
    /// What a stored number means, with its unit.
    var meaning: String { get }
    var classes: [String] { get }
    /// The class of every sample, a place in `classes`.
    var labels: [Int32] { get }
    /// The first of the samples that were published to test on, all later ones with it; nil where nothing is said of that.
    var testStart: Int? { get }
    /// What belongs together (scan, patient), for every sample; nil where that is not known.
    var groups: [Int64]? { get }
    /// Whatever decides the samples: digests of files, settings.
    var provenance: [String: String] { get }
    /// The numbers of some samples, one sample after the other; a function of them alone.
    func values(of samples: ArraySlice<Int>) throws -> StoredValues
}

extension SampleSource {
    public var testStart: Int? { nil }
    public var groups: [Int64]? { nil }
}

/// A number for each sample's group: its name where all names are whole numbers, else the name's place among them, sorted.
func groupNumbers(of names: [String]) -> [Int64] {
    let numbers = names.compactMap(Int64.init)
    guard numbers.count < names.count else { return numbers }
    let places = Dictionary(uniqueKeysWithValues: zip(Set(names).sorted(), Int64(0)...))
    return names.map { places[$0]! }
}

/// A source brought into a set under a protocol: what is written, and which rank asks for what, does not depend on the ranks.
public struct SetImport: Sendable {
    public let description: SetDescription
    private let source: any SampleSource
    private let division: SplitProtocol.Division

    /// - Throws: where the protocol does not fit the source; nothing is written.
    public init(_ source: some SampleSource, named name: String, by splitProtocol: SplitProtocol) throws(DatasetError) {
        self.source = source
        division = try splitProtocol.division(of: source)
        description = SetDescription(
            name: name, shape: source.shape, type: source.type, range: source.range, meaning: source.meaning, classes: source.classes,
            normalClasses: division.normalClasses,
            provenance: source.provenance.merging(splitProtocol.provenance) { own, _ in own })
    }

    /// Writes this rank's shards of both splits; the writer is one of `description`. The records of all ranks go to
    /// `SetWriter.finish` on rank 0.
    public func write(to writer: SetWriter) throws -> [ShardRecord] {
        try [("train", division.train), ("test", division.test)].flatMap { name, members in
            try writer.write(split: name, count: members.count) { range in
                let numbers = members[range]
                return Samples(
                    values: try source.values(of: numbers), labels: numbers.map { source.labels[$0] },
                    groups: source.groups.map { groups in numbers.map { groups[$0] } }, sources: numbers.map(Int64.init))
            }
        }
    }
}
