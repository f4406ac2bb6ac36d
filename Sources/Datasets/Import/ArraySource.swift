import Foundation

/// Samples and labels in named arrays: of an npz archive, a folder of npy files, or a MATLAB file.
public struct ArraySource: SampleSource {
    /// The file and the names in it.
    public struct Request: Sendable {
        public var file: URL
        /// [n, features], [n, height, width] or [n, height, width, channels].
        public var samples = "X"
        /// [n] whole numbers, which name the classes.
        public var labels = "y"
        /// [n] whole numbers that say what belongs together (scan, patient), if any.
        public var groups: String?
        /// Of samples that were published to test on, if there are such.
        public var testSamples: String?
        public var testLabels: String?
        public var testGroups: String?
        /// Names in place of the labels' numbers, in their order.
        public var classNames: [String]?
        /// The smallest and largest possible number; of the type where that is an integer, else those found, unless given.
        public var range: ClosedRange<Double>?

        public init(file: URL) { self.file = file }
    }

    public let shape: [Int]
    public let type: SampleType
    public let range: ClosedRange<Double>
    public var meaning: String { "numbers of the source, not scaled" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let groups: [Int64]?
    public let provenance: [String: String]
    private let arrays: [NumericArray]

    /// Reads and checks the arrays.
    public init(_ request: Request) throws(DatasetError) {
        let archive = try ArrayArchive(request.file)
        var pairs = [(try archive.array(request.samples), try archive.array(request.labels))]
        switch (request.testSamples, request.testLabels) {
        case (let samples?, let labels?): pairs.append((try archive.array(samples), try archive.array(labels)))
        case (nil, nil): break
        default: throw DatasetError(.usage, "test samples and test labels belong together; name both or none")
        }
        arrays = pairs.map(\.0)
        let extents = Array(arrays[0].extents.dropFirst())
        for array in arrays where Array(array.extents.dropFirst()) != extents || !(1 ... 3).contains(extents.count) || array.type != arrays[0].type {
            let text = extentsText(array.extents)
            throw DatasetError(
                .badData, "\(array.name) is \(text) \(array.type); expected samples × features, or height × width (× channels), alike in all arrays")
        }
        var numbers: [Int] = []
        for (samples, labels) in pairs { numbers += try Self.wholeNumbers(labels, of: samples, "label", most: 1 << 16) }
        groups = try Self.groups([request.groups] + (pairs.count > 1 ? [request.testGroups] : []), of: pairs.map(\.0), in: archive)
        let distinct = Set(numbers).sorted()
        classes = request.classNames ?? distinct.map(String.init)
        guard classes.count == distinct.count else {
            let list = distinct.prefix(20).map(String.init).joined(separator: ", ")
            throw DatasetError(.usage, "there are \(distinct.count) classes, labeled \(list), and \(classes.count) names; give one for each")
        }
        let places = Dictionary(uniqueKeysWithValues: zip(distinct, Int32(0)...))
        (labels, testStart) = (numbers.map { places[$0]! }, arrays.count > 1 ? arrays[0].extents[0] : nil)
        (shape, type) = (extents.count == 2 ? extents + [1] : extents, arrays[0].type)
        range = try Self.range(of: arrays, request.range)
        provenance = [
            "importer": "arrays", "file": try archive.provenance(), "arrays": pairs.map { "\($0.name), \($1.name)" }.joined(separator: ", "),
        ]
    }

    /// Of the samples and of those to test on.
    private static func groups(_ names: [String?], of samples: [NumericArray], in archive: ArrayArchive) throws(DatasetError) -> [Int64]? {
        let given = names.compactMap(\.self)
        guard !given.isEmpty else { return nil }
        guard given.count == samples.count else {
            throw DatasetError(.usage, "groups and test groups belong together where there are test samples; name both or none")
        }
        var numbers: [Int64] = []
        for (name, samples) in zip(given, samples) {
            numbers += try wholeNumbers(archive.array(name), of: samples, "group", most: .max).map(Int64.init)
        }
        return numbers
    }

    /// One for each sample, of `most` different ones.
    private static func wholeNumbers(_ array: NumericArray, of samples: NumericArray, _ what: String, most: Int) throws(DatasetError) -> [Int] {
        let count = samples.extents[0], isRow = array.extents.count == 2 && array.extents[0] == 1
        guard array.extents.reduce(1, *) == count, array.extents.filter({ $0 > 1 }).count <= 1 else {
            throw DatasetError(
                .badData, "\(array.name) is \(extentsText(array.extents)), expected a \(what) for each of the \(count) of \(samples.name)")
        }
        let values = isRow ? array.numbers(of: 0) : (0 ..< count).flatMap(array.numbers)
        guard values.allSatisfy({ $0.rounded() == $0 && abs($0) < 0x1p31 }), Set(values).count <= most else {
            let limit = most == .max ? "" : ", at most 65,536 different"
            throw DatasetError(.badData, "\(array.name) holds numbers that are no \(what)s; expected whole ones\(limit)")
        }
        return values.map { Int($0) }
    }

    private static func range(of arrays: [NumericArray], _ given: ClosedRange<Double>?) throws(DatasetError) -> ClosedRange<Double> {
        switch arrays[0].type {
        case .u8 where given == nil: return 0 ... 255
        case .u16 where given == nil: return 0 ... 65535
        case .i16 where given == nil: return -32768 ... 32767
        default: break
        }
        var (low, high) = (Double.infinity, -Double.infinity)
        for array in arrays {
            for sample in 0 ..< array.extents[0] {
                for number in array.numbers(of: sample) {
                    let value = Double(Float(number))
                    guard value.isFinite, given?.contains(value) ?? true else {
                        let expected = given.map { "within \($0.lowerBound) to \($0.upperBound)" } ?? "finite in 32 bits"
                        throw DatasetError(.badData, "\(array.name): sample \(sample) holds \(number), which is not \(expected); correct the source")
                    }
                    (low, high) = (min(low, value), max(high, value))
                }
            }
        }
        return given ?? low ... (low < high ? high : low + max(1, abs(low)))
    }

    public func values(of samples: ArraySlice<Int>) -> StoredValues {
        let numbers = samples.lazy.flatMap { sample in
            let first = arrays[0].extents[0]
            return sample < first ? arrays[0].numbers(of: sample) : arrays[1].numbers(of: sample - first)
        }
        return switch type {
        case .u8: .u8(numbers.map { UInt8($0) })
        case .u16: .u16(numbers.map { UInt16($0) })
        case .i16: .i16(numbers.map { Int16($0) })
        case .f32: .f32(numbers.map { Float($0) })
        }
    }
}

/// Where named arrays lie.
struct ArrayArchive {
    private enum Form {
        case folder, npz(ZipFile), mat(MATFile)
    }

    private let url: URL
    private let form: Form

    /// What the file is is seen by its first bytes.
    init(_ url: URL) throws(DatasetError) {
        self.url = url
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
            form = .folder
            return
        }
        var file = try GzipFile(url)
        form = try file.read(2) == Array("PK".utf8) ? .npz(ZipFile(url)) : .mat(MATFile(url))
    }

    func array(_ name: String) throws(DatasetError) -> NumericArray {
        let file = url.lastPathComponent
        switch form {
        case .folder:
            guard !name.contains("/") else { throw DatasetError(.usage, "\"\(name)\" is no name of an array") }
            let member = url.appendingPathComponent(name + ".npy")
            return try npyArray(GzipFile.bytes(of: member), name: "\(name).npy")
        case .npz(let archive):
            if let bytes = try archive.contents(of: name + ".npy") { return try npyArray(bytes, name: "\(file): \(name)") }
            let names = archive.names.map { $0.hasSuffix(".npy") ? String($0.dropLast(4)) : $0 }.prefix(40).joined(separator: ", ")
            throw DatasetError(.usage, "\(file) has no array \"\(name)\"; there are \(names)")
        case .mat(let variables):
            guard let array = try variables.array(named: name) else {
                throw DatasetError(.usage, "\(file) has no variable \"\(name)\"; name another")
            }
            return array
        }
    }

    func provenance() throws(DatasetError) -> String {
        guard case .folder = form else { return try ArraySource.provenance(of: url) }
        return try FileListing(url, extensions: ["npy"]).provenance()
    }
}
