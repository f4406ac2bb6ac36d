import Foundation

/// Pictures (PNG of up to 16 bits, JPEG) in folders that name their classes: FOLDER/CLASS/..., or FOLDER/train/CLASS/... and
/// FOLDER/test/CLASS/... where a division was published.
public struct FolderSource: SampleSource {
    public let shape: [Int]
    public let type: SampleType
    public var range: ClosedRange<Double> { 0 ... (type == .u16 ? 65535 : 255) }
    public var meaning: String { shape[2] == 1 ? "gray level" : "red, green, blue" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let groups: [Int64]?
    public let provenance: [String: String]
    private let listing: FileListing
    /// Places in the listing, the training side first.
    private let order: [Int]

    /// Reads the names of all files and their headers, and all contents for a digest.
    /// - Parameters:
    ///   - size: [height, width] that pictures are resized to (see `FilteredResize`); where nil all must have one size.
    ///   - channels: 1 or 3; colors become gray or gray colors; where nil all must have as many.
    ///   - pattern: a regular expression whose first group, found in a file's path in its class's folder, names what belongs together (patient,
    ///     scan), if any.
    public init(_ folder: URL, size: [Int]? = nil, channels: Int? = nil, group pattern: String? = nil) throws(DatasetError) {
        let listing = try FileListing(folder, extensions: Picture.extensions), name = folder.lastPathComponent
        guard !listing.paths.isEmpty else { throw DatasetError(.missingInput, "\(name) holds no PNG or JPEG files") }
        let parts = listing.paths.map { $0.split(separator: "/").map(String.init) }
        let isDivided = parts.allSatisfy { $0.count > 2 && ["train", "test"].contains($0[0]) }
        let depth = isDivided ? 1 : 0
        if let stray = parts.firstIndex(where: { $0.count < depth + 2 }) {
            throw DatasetError(.badData, "\(name): \(listing.paths[stray]) lies in no class's folder; put it into one that names its class")
        }
        let names = parts.map { $0[depth] }, classes = Set(names).sorted(), train = parts.indices.filter { isDivided && parts[$0][0] == "train" }
        let order = train + parts.indices.filter { !(isDivided && parts[$0][0] == "train") }
        var first: Picture.Header?, type = SampleType.u8
        for path in listing.paths {
            let header = try Picture.header(of: listing.url(path)), expected = first ?? header
            guard size != nil || (header.height, header.width) == (expected.height, expected.width) else {
                let (found, wanted) = ("\(header.height) × \(header.width)", "\(expected.height) × \(expected.width)")
                throw DatasetError(.usage, "\(name): \(path) is \(found), others are \(wanted); give the size that all are brought to")
            }
            guard channels != nil || header.channels == expected.channels else {
                throw DatasetError(
                    .usage,
                    "\(name): \(path) has \(header.channels) channels, others have \(expected.channels); give the number that all are brought to")
            }
            first = expected
            if header.type == .u16 { type = .u16 }
        }
        let sides = size ?? [first!.height, first!.width], channels = channels ?? first!.channels
        guard sides.count == 2, sides.allSatisfy({ (1 ... 1 << 14).contains($0) }), [1, 3].contains(channels) else {
            throw DatasetError(
                .usage, "pictures cannot be brought to \(extentsText(sides + [channels])); expected sides to \(1 << 14), 1 or 3 channels")
        }
        let own = parts.map { $0[(depth + 1)...].joined(separator: "/") }
        groups = try pattern.map { pattern throws(DatasetError) in groupNumbers(of: try Self.groups(order.map { own[$0] }, pattern, in: name)) }
        let places = Dictionary(uniqueKeysWithValues: zip(classes, Int32(0)...))
        (self.listing, self.order, self.classes, self.type, shape) = (listing, order, classes, type, sides + [channels])
        (labels, testStart) = (order.map { places[names[$0]]! }, isDivided ? train.count : nil)
        provenance = [
            "importer": "folder", "folder": try listing.provenance(),
            "form": "\(extentsText(sides + [channels])) \(type.rawValue), resized bilinearly with a filter where another size",
        ]
    }

    private static func groups(_ paths: [String], _ pattern: String, in folder: String) throws(DatasetError) -> [String] {
        guard let expression = try? Regex(pattern) else {
            throw DatasetError(.usage, "\"\(pattern)\" is no regular expression; give one with a group, as \"^([^_]+)_\"")
        }
        var names: [String] = []
        for path in paths {
            guard let match = path.firstMatch(of: expression), match.output.count > 1, let name = match.output[1].substring else {
                throw DatasetError(
                    .usage, "\(folder): the group of \"\(pattern)\" is not in \(path); give an expression that all paths have, as \"^([^_]+)_\"")
            }
            names.append(String(name))
        }
        return names
    }

    public func values(of samples: ArraySlice<Int>) throws(DatasetError) -> StoredValues {
        var numbers: [Double] = []
        for sample in samples {
            let picture = try Picture(listing.url(listing.paths[order[sample]])), header = picture.header
            let own = picture.converted(channels: shape[2], type: type)
            let isSame = header.height == shape[0] && header.width == shape[1]
            numbers +=
                isSame ? own : FilteredResize(from: (header.height, header.width), to: (shape[0], shape[1]), channels: shape[2])(own)
        }
        return Picture.stored(numbers, as: type)
    }
}
