import Foundation

/// How the samples of a set are stored, for whom the set is out of reach.
public struct SampleForm: Codable, Equatable, Sendable {
    /// [height, width, channels] or [features].
    public let shape: [Int]
    public let type: SampleType
    /// The smallest and largest possible stored number.
    public let range: [Double]
    /// Of each band of a scene, and their unit, where they are known.
    public let wavelengths: [Double]?, wavelengthUnit: String?

    public var valueRange: ClosedRange<Double> { range[0] ... range[1] }
    public var count: Int { shape.reduce(1, *) }

    public init(of manifest: Manifest) {
        (shape, type, range) = (manifest.shape, manifest.type, manifest.range)
        (wavelengths, wavelengthUnit) = (manifest.scene?.wavelengths, manifest.scene?.wavelengthUnit)
    }

    /// - Throws: where a scene has a band further from its own place than half of what bands are apart.
    public func expectBands(of manifest: Manifest) throws(DatasetError) {
        guard let own = wavelengths, let scene = manifest.scene, let found = scene.wavelengths, scene.wavelengthUnit == wavelengthUnit,
            own.count == found.count, own.count > 1
        else { return }
        let reach = (own.max()! - own.min()!) / Double(own.count - 1) / 2
        guard let odd = own.indices.first(where: { abs(own[$0] - found[$0]) > reach }) else { return }
        throw DatasetError(
            .usage,
            "\(manifest.name): band \(odd) is at \(found[odd]), the run was trained on one at \(own[odd]) (\(wavelengthUnit ?? "of no unit")); bring in the same "
                + "bands with vigil import cube --bands")
    }
}

/// Samples that are in no set, in the form of one: read one by one, each regardless of the others.
public struct NewSamples: Sendable {
    /// How foreign files are to be understood.
    public struct Request: Sendable {
        /// Whether pictures of another size, or other colors, are brought to the form.
        public var converts = false
        public var hasHeader = false
        public var separator = UInt8(ascii: ",")
        /// Columns of a table that are left out.
        public var dropped: [String] = []
        /// The array that holds the samples.
        public var array = "X"

        public init() {}
    }

    /// Of each sample: its file's path, its file and row, or its array and place. No two are alike.
    public let names: [String]
    /// A sample's numbers as a set would store them.
    public let values: @Sendable (_ sample: Int) throws -> StoredValues

    /// What lies at a path: a folder of pictures, a picture, a table in text, arrays (npz, a folder of npy files, MATLAB's).
    /// - Throws: where it is none of these, or its samples do not have the form.
    public init(at url: URL, as form: SampleForm, _ request: Request) throws(DatasetError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw DatasetError(.missingInput, "there is no such file or folder; give pictures, a table, arrays or a set")
        }
        let kind = Self.kind(of: url)
        if isFolder.boolValue {
            let holdsArrays = FileManager.default.fileExists(atPath: url.appendingPathComponent(request.array + ".npy").path)
            if holdsArrays { try self.init(arrays: url, form, request) } else { try self.init(pictures: url, form, request) }
        } else if Picture.extensions.contains(kind) {
            let header = try Picture.header(of: url)
            try Self.check(header, url.lastPathComponent, form, request)
            self.init(names: [url.lastPathComponent]) { _ in try Self.stored(Picture(url), as: form) }
        } else if ["npz", "mat"].contains(kind) {
            try self.init(arrays: url, form, request)
        } else if ["csv", "tsv", "txt", "data"].contains(kind) {
            try self.init(table: url, form, request)
        } else {
            throw DatasetError(
                .usage, "what \".\(kind)\" files hold is not known; give PNG or JPEG, csv, npz, mat, a folder of pictures, or a set (vigil import)")
        }
    }

    private init(names: [String], values: @escaping @Sendable (Int) throws -> StoredValues) { (self.names, self.values) = (names, values) }

    /// The last extension, that of compression aside.
    private static func kind(of url: URL) -> String {
        let last = url.pathExtension.lowercased()
        return last == "gz" ? url.deletingPathExtension().pathExtension.lowercased() : last
    }

    // MARK: Pictures

    private init(pictures folder: URL, _ form: SampleForm, _ request: Request) throws(DatasetError) {
        let listing = try FileListing(folder, extensions: Picture.extensions)
        guard !listing.paths.isEmpty else {
            throw DatasetError(.missingInput, "the folder holds no PNG or JPEG files, no \(request.array).npy, and no manifest of a set")
        }
        for path in listing.paths { try Self.check(Picture.header(of: listing.url(path)), path, form, request) }
        self.init(names: listing.paths) { try Self.stored(Picture(listing.url(listing.paths[$0])), as: form) }
    }

    private static func check(_ header: Picture.Header, _ name: String, _ form: SampleForm, _ request: Request) throws(DatasetError) {
        guard form.shape.count == 3, [1, 3].contains(form.shape[2]), form.type == .u8 || form.type == .u16 else {
            throw DatasetError(
                .usage, "\(name) is a picture, but the run takes \(extentsText(form.shape)) \(form.type.rawValue); give a set, a table or arrays")
        }
        let found = [header.height, header.width, header.channels]
        guard found == form.shape || request.converts else {
            throw DatasetError(
                .usage, "\(name) is \(extentsText(found)), the run takes \(extentsText(form.shape)); give --convert to bring pictures to that")
        }
    }

    private static func stored(_ picture: Picture, as form: SampleForm) -> StoredValues {
        let own = picture.converted(channels: form.shape[2], type: form.type), header = picture.header
        let isSame = header.height == form.shape[0] && header.width == form.shape[1]
        let resize = FilteredResize(from: (header.height, header.width), to: (form.shape[0], form.shape[1]), channels: form.shape[2])
        return Picture.stored(isSame ? own : resize(own), as: form.type)
    }

    // MARK: Tables and arrays

    private init(table file: URL, _ form: SampleForm, _ request: Request) throws(DatasetError) {
        var reader = try CSVReader(file, separator: request.separator), rows: [[Double]] = [], names: [String] = [], kept: [Int]?
        while try reader.next() {
            if kept == nil {
                let header = request.hasHeader ? (0 ..< reader.fieldCount).map { reader.field($0) } : nil
                kept = try Self.columns(reader.fieldCount, header: header, form, request, reader.name)
                if request.hasHeader { continue }
            }
            guard let kept, let last = kept.last, last < reader.fieldCount else {
                throw DatasetError(.badData, "\(reader.name): row \(reader.row) has \(reader.fieldCount) fields, fewer than the first")
            }
            var row: [Double] = []
            for column in kept {
                guard let number = Double(reader.field(column)) else {
                    throw DatasetError(
                        .badData,
                        "\(reader.name): row \(reader.row), column \(column): \"\(reader.field(column).prefix(40))\" is not a number; "
                            + "give --header or --drop \(column), or import the table with its categories (vigil import csv) and give the set")
                }
                row.append(number)
            }
            rows.append(row)
            names.append("\(reader.name) row \(reader.row)")
        }
        guard !rows.isEmpty else { throw DatasetError(.badData, "\(reader.name) has no rows of samples") }
        let (all, name) = (rows, reader.name)
        self.init(names: names) { try StoredValues(all[$0], as: form.type, name: "\(name): sample \($0)") }
    }

    /// The columns that samples are made of.
    private static func columns(
        _ count: Int, header: [String]?, _ form: SampleForm, _ request: Request, _ file: String
    ) throws(DatasetError) -> [Int] {
        var dropped: Set<Int> = []
        for text in request.dropped {
            guard let place = header?.firstIndex(of: text) ?? Int(text), (0 ..< count).contains(place) else {
                throw DatasetError(.usage, "\(file) has no column \"\(text)\" to leave out; there are \(count), counted from 0")
            }
            dropped.insert(place)
        }
        let kept = (0 ..< count).filter { !dropped.contains($0) }
        guard form.shape == [kept.count] else {
            throw DatasetError(
                .usage,
                "\(file) has \(kept.count) columns of numbers, the run takes \(extentsText(form.shape)); leave out others with --drop, "
                    + "or give a set that was made as the run's was")
        }
        return kept
    }

    private init(arrays url: URL, _ form: SampleForm, _ request: Request) throws(DatasetError) {
        let array = try ArrayArchive(url).array(request.array), inner = Array(array.extents.dropFirst())
        guard inner == form.shape || inner + [1] == form.shape else {
            throw DatasetError(
                .usage, "\(array.name) is \(extentsText(array.extents)), the run takes samples of \(extentsText(form.shape)); name another array")
        }
        self.init(names: (0 ..< array.extents[0]).map { "\(request.array)[\($0)]" }) {
            try StoredValues(array.numbers(of: $0), as: form.type, name: "\(array.name): sample \($0)")
        }
    }
}

extension StoredValues {
    /// Numbers of another source in a set's type, which must hold them: whole ones in an integer's range, finite ones in Float, rounded.
    fileprivate init(_ numbers: [Double], as type: SampleType, name: String) throws(DatasetError) {
        let range: ClosedRange<Double>? =
            switch type {
            case .u8: 0 ... 255
            case .u16: 0 ... 65535
            case .i16: -32768 ... 32767
            case .f32: nil
            }
        if let odd = numbers.first(where: { number in
            range.map { !$0.contains(number) || number.rounded() != number } ?? !Float(number).isFinite
        }) {
            let expected = range.map { "a whole number from \(Int($0.lowerBound)) to \(Int($0.upperBound))" } ?? "finite in 32 bits"
            throw DatasetError(.badData, "\(name) holds \(odd), expected \(expected) as the run was trained on; correct the source")
        }
        switch type {
        case .u8: self = .u8(numbers.map { UInt8($0) })
        case .u16: self = .u16(numbers.map { UInt16($0) })
        case .i16: self = .i16(numbers.map { Int16($0) })
        case .f32: self = .f32(numbers.map { Float($0) })
        }
    }
}
