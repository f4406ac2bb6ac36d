import Foundation

/// What a set is: the content of its `manifest.json`.
public struct Manifest: Codable, Equatable, Sendable {
    /// A class of samples.
    public struct Class: Codable, Equatable, Sendable {
        public var name: String
        public var normal: Bool
        /// Samples of each split, by its name.
        public var counts: [String: Int]
        /// False where nobody has looked what its samples are: they are trained on as normals are, and are nothing to evaluate with.
        /// Left out where true.
        public var labeled: Bool?

        /// What semi-supervised detectors are told of a sample: 1 for a normal one, -1 for an anomaly, 0 where nobody knows.
        public var sign: Float { labeled == false ? 0 : normal ? 1 : -1 }
    }

    public struct Split: Codable, Equatable, Sendable {
        public var name: String
        public var count: Int
        /// In the order of their samples.
        public var shards: [Shard]
        /// True where its samples have groups (patient, scan); left out where not.
        public var grouped: Bool?
    }

    public struct Shard: Codable, Equatable, Sendable {
        /// Relative to the set's folder, and inside it.
        public var file: String
        public var count: Int
        /// The file's length and SHA-256.
        public var bytes: Int
        public var sha256: String
    }

    /// Where a set's samples lie, where they are the pixels of one scene, row after row: then it has one split, which is trained on and
    /// scored as a whole, and answers to `train` and `test`.
    public struct Scene: Codable, Equatable, Sendable {
        public static let split = "scene"
        public var rows: Int, columns: Int
        /// The bands of the source that samples have, counted from 0; left out where they are all.
        public var sourceBands: [Int]?
        /// Those that the source says are of no use, taken or not.
        public var badBands: [Int]?
        /// Of each band of a sample, and their unit.
        public var wavelengths: [Double]?
        public var wavelengthUnit: String?
        /// Where the scene lies, as ENVI's `map info` and `coordinate system string` say it.
        public var mapInfo: String?
        public var coordinateSystem: String?

        public init(
            rows: Int, columns: Int, sourceBands: [Int]? = nil, badBands: [Int]? = nil, wavelengths: [Double]? = nil, wavelengthUnit: String? = nil,
            mapInfo: String? = nil, coordinateSystem: String? = nil
        ) {
            (self.rows, self.columns, self.sourceBands, self.badBands) = (rows, columns, sourceBands, badBands)
            (self.wavelengths, self.wavelengthUnit, self.mapInfo, self.coordinateSystem) = (wavelengths, wavelengthUnit, mapInfo, coordinateSystem)
        }
    }

    /// The version of this format that is written and read.
    public static let currentFormat = 1
    public static let fileName = "manifest.json"

    public var format: Int
    public var name: String
    /// The extents of a sample: [height, width, channels] or [features].
    public var shape: [Int]
    public var type: SampleType
    /// The smallest and largest possible stored number.
    public var range: [Double]
    /// What a stored number means, with its unit.
    public var meaning: String
    public var classes: [Class]
    public var splits: [Split]
    /// Where the samples come from, as the importer or synthesizer tells.
    public var provenance: [String: String]
    /// See `Fingerprint`.
    public var fingerprint: String
    /// Left out where samples have no places.
    public var scene: Scene?

    public var valueRange: ClosedRange<Double> { range[0] ... range[1] }
    /// Numbers in a sample.
    public var sampleCount: Int { shape.reduce(1, *) }
    public var sampleByteCount: Int { sampleCount * type.byteCount }

    /// Reads and checks the manifest of the set in a folder.
    public init(of folder: URL) throws(DatasetError) {
        let url = folder.appendingPathComponent(Self.fileName)
        let data: Data
        do { data = try Data(contentsOf: url) } catch {
            throw DatasetError(
                .missingInput, "\(folder.lastPathComponent) has no \(Self.fileName), so it is no set, or one whose writing was not finished")
        }
        self = try Manifest(decoding: data)
    }

    /// Reads and checks a manifest, as rank 0 sends it to the others.
    public init(decoding data: Data) throws(DatasetError) {
        struct Header: Decodable { var format: Int }
        let header: Header = try Self.decoded(data)
        guard header.format == Self.currentFormat else {
            throw Self.flaw(
                "format \(header.format) is not known, expected \(Self.currentFormat)",
                remedy: "; read the set with the version of vigil that wrote it"
            )
        }
        self = try Self.decoded(data)
        try check(remedy: Self.restoring)
    }

    /// The bytes of `manifest.json`; equal manifests give equal bytes.
    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    init(
        name: String, shape: [Int], type: SampleType, range: ClosedRange<Double>, meaning: String, classes: [Class], splits: [Split],
        provenance: [String: String], fingerprint: String, scene: Scene? = nil
    ) throws(DatasetError) {
        (self.format, self.name, self.shape, self.type, self.meaning) = (Self.currentFormat, name, shape, type, meaning)
        (self.range, self.classes, self.splits) = ([range.lowerBound, range.upperBound], classes, splits)
        (self.provenance, self.fingerprint, self.scene) = (provenance, fingerprint, scene)
        try check(remedy: "")
    }

    /// What to do where a manifest that was read is wrong; a description of a set to come says itself what is.
    private static let restoring = "; restore the file from a copy or make the set again"

    private static func flaw(_ text: String, remedy: String = restoring) -> DatasetError { DatasetError(.badData, "\(fileName): \(text)\(remedy)") }

    private static func decoded<Value: Decodable>(_ data: Data) throws(DatasetError) -> Value {
        func path(_ keys: [any CodingKey]) -> String {
            keys.reduce("") { text, key in
                if let place = key.intValue { return "\(text)[\(place)]" }
                return text + (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
        do { return try JSONDecoder().decode(Value.self, from: data) } catch {
            switch error {
            case DecodingError.keyNotFound(let key, let context): throw flaw("\"\(path(context.codingPath + [key]))\" is missing")
            case DecodingError.valueNotFound(_, let context): throw flaw("\"\(path(context.codingPath))\" has no value")
            case DecodingError.typeMismatch(let type, let context): throw flaw("\"\(path(context.codingPath))\" is not of type \(type)")
            case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
                throw flaw("\"\(path(context.codingPath))\" has a value that is not known")
            default: throw flaw("this is not JSON, so it was damaged or is another file")
            }
        }
    }

    /// Refuses what cannot be: everything that later code relies on and no shard is needed for.
    private func check(remedy: String) throws(DatasetError) {
        func expect(_ holds: Bool, _ text: @autoclosure () -> String) throws(DatasetError) {
            if !holds { throw Self.flaw(text(), remedy: remedy) }
        }
        let (_, overflows) = shape.reduce((type.byteCount, false)) {
            let (product, overflow) = $0.0.multipliedReportingOverflow(by: $1)
            return (product, $0.1 || overflow)
        }
        try expect(
            [1, 3].contains(shape.count) && shape.allSatisfy { $0 > 0 } && !overflows, "shape \(shape) is not [height, width, channels] or [features]"
        )
        try expect(range.count == 2 && range[0] < range[1] && range.allSatisfy(\.isFinite), "range \(range) is not [smallest, largest]")
        try expect(!classes.isEmpty && Set(classes.map(\.name)).count == classes.count, "there are no classes, or two have one name")
        if let odd = classes.first(where: { $0.labeled == false && !$0.normal }) {
            throw Self.flaw("class \(odd.name) is abnormal though not labeled; say one or the other")
        }
        try expect(Set(splits.map(\.name)).count == splits.count, "two splits have one name")
        for split in splits {
            try expect(split.shards.allSatisfy { $0.count > 0 }, "a shard of split \(split.name) has no samples")
            let held = Self.sum(split.shards.map(\.count))
            try expect(
                held == split.count, "split \(split.name) has \(split.count) samples, but its shards have \(held.map(String.init) ?? "too many")")
            try expect(classes.allSatisfy { $0.counts[split.name, default: 0] >= 0 }, "a class has a count below 0 of split \(split.name)")
            let counted = Self.sum(classes.map { $0.counts[split.name, default: 0] })
            try expect(
                counted == split.count,
                "split \(split.name) has \(split.count) samples, but its classes have \(counted.map(String.init) ?? "too many")")
            for shard in split.shards {
                let parts = shard.file.split(separator: "/", omittingEmptySubsequences: false)
                let isInside = !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." } && !shard.file.contains("\0")
                try expect(isInside, "shard \"\(shard.file)\" is not a path inside the set's folder")
            }
        }
        if let scene {
            let pixels = checkedProduct([scene.rows, scene.columns]), isWhole = splits.isEmpty || splits.map(\.name) == [Scene.split]
            try expect(
                scene.rows > 0 && scene.columns > 0 && shape.count == 1 && isWhole && splits.allSatisfy { $0.count == pixels },
                "a scene of \(scene.rows)×\(scene.columns) pixels needs one split \"\(Scene.split)\" with as many samples of [features]")
            try expect(scene.wavelengths.map { $0.count == shape[0] } ?? true, "a scene has not one wavelength for each of \(shape[0]) bands")
        }
        let files = splits.flatMap(\.shards).map(\.file)
        try expect(Set(files).count == files.count, "a shard is named twice")
    }

    private static func sum(_ counts: [Int]) -> Int? {
        counts.reduce(0) { sum, count in
            sum.flatMap {
                let (total, overflow) = $0.addingReportingOverflow(count); return overflow ? nil : total
            }
        }
    }
}
