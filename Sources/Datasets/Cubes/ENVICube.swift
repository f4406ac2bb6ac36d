import Foundation

/// A cube in ENVI's form: a text header (`.hdr`) beside a file of plain numbers (L3Harris, "ENVI Header Files").
struct ENVICube: Cube {
    /// How the numbers lie: band by band, line by line with the bands of a line one after another, pixel by pixel.
    private enum Interleave: String { case bsq, bil, bip }

    let name: String, rows: Int, columns: Int, bands: Int
    let notes: CubeNotes
    var type: SampleType { element.stored }
    private let element: NumericArray.Element, isBigEndian: Bool, interleave: Interleave, offset: Int
    private let file: FileHandle

    /// The header that belongs to a file of numbers: `NAME.hdr`, or with the numbers' own extension replaced.
    static func header(of data: URL) -> URL? {
        [data.appendingPathExtension("hdr"), data.deletingPathExtension().appendingPathExtension("hdr")]
            .first { $0.path != data.path && FileManager.default.fileExists(atPath: $0.path) }
    }

    /// The numbers that belong to a header.
    private static func data(of header: URL) -> URL? {
        let base = header.deletingPathExtension()
        return ([base] + ["img", "dat", "raw", "bsq", "bil", "bip", "bin"].map(base.appendingPathExtension))
            .first { FileManager.default.fileExists(atPath: $0.path) }
    }

    init(header url: URL, data given: URL? = nil) throws(DatasetError) {
        let fields = try ENVIHeader(url)
        name = url.lastPathComponent
        guard let data = given ?? Self.data(of: url) else {
            let base = url.deletingPathExtension().lastPathComponent
            throw DatasetError(.missingInput, "\(name) has no file of numbers beside it, as \(base), \(base).img or \(base).dat; put it there")
        }
        (rows, columns, bands) = (try fields.count("lines"), try fields.count("samples"), try fields.count("bands"))
        offset = try fields.number("header offset", default: 0)
        let types: [Int: NumericArray.Element] = [1: .u8, 2: .i16, 3: .i32, 4: .f32, 5: .f64, 12: .u16, 13: .u32, 14: .i64, 15: .u64]
        let code = try fields.number("data type")
        guard let element = types[code] else {
            throw fields.flaw("data type is \(code), expected \(types.keys.sorted().map(String.init).joined(separator: ", ")) (real numbers)")
        }
        let order = try fields.number("byte order", default: 0)
        guard [0, 1].contains(order) else { throw fields.flaw("byte order is \(order), expected 0 (little-endian) or 1") }
        (self.element, isBigEndian) = (element, order == 1)
        let text = fields["interleave"]?.lowercased() ?? "bsq"
        guard let interleave = Interleave(rawValue: text) else { throw fields.flaw("interleave is \(text), expected bsq, bil or bip") }
        self.interleave = interleave
        notes = try fields.notes(bands: bands)
        guard let byteCount = checkedProduct([rows, columns, bands, element.byteCount]), offset >= 0, offset <= Int.max - byteCount else {
            throw fields.flaw("\(rows) lines × \(columns) samples × \(bands) bands are more than memory can address")
        }
        do { file = try FileHandle(forReadingFrom: data) } catch {
            throw DatasetError(.missingInput, "\(data.lastPathComponent) cannot be read: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(file.fileDescriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == offset + byteCount else {
            let found = "\(data.lastPathComponent) has \(status.st_size) bytes, expected \(offset + byteCount)"
            throw DatasetError(.badData, "\(found) by \(name) (\(rows) lines × \(columns) samples × \(bands) bands); restore it from a copy")
        }
    }

    func numbers(ofRow row: Int) throws(DatasetError) -> [Double] {
        let size = element.byteCount
        switch interleave {
        case .bip: return decoded(try bytes(columns * bands * size, at: row * columns * bands * size), columns * bands)
        case .bil: return turned(decoded(try bytes(columns * bands * size, at: row * columns * bands * size), columns * bands))
        case .bsq:
            var lines: [Double] = []
            for band in 0 ..< bands { lines += decoded(try bytes(columns * size, at: (band * rows + row) * columns * size), columns) }
            return turned(lines)
        }
    }

    private func decoded(_ bytes: [UInt8], _ count: Int) -> [Double] {
        bytes.withUnsafeBytes { raw in (0 ..< count).map { element.number(raw, $0, isBigEndian: isBigEndian) } }
    }

    /// [bands, columns] to [columns, bands].
    private func turned(_ lines: [Double]) -> [Double] {
        (0 ..< columns).flatMap { column in (0 ..< bands).map { lines[$0 * columns + column] } }
    }

    private func bytes(_ count: Int, at place: Int) throws(DatasetError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count), done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { pread(file.fileDescriptor, $0.baseAddress! + done, count - done, off_t(offset + place + done)) }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                let reason = got < 0 ? String(cString: strerror(errno)) : "it has become shorter"
                throw DatasetError(.inputOutput, "the numbers of \(name) cannot be read at byte \(offset + place + done): \(reason)")
            }
            done += got
        }
        return bytes
    }
}

/// The fields of an ENVI header.
struct ENVIHeader {
    let name: String
    private var fields: [String: String] = [:]

    /// Headers are some kilobytes; what is much larger is something else.
    private static let largest = 16 << 20

    init(_ url: URL) throws(DatasetError) {
        name = url.lastPathComponent
        var file = try GzipFile(url)
        let text = String(decoding: try file.read(Self.largest), as: UTF8.self)
        guard text.hasPrefix("ENVI") else {
            throw DatasetError(.badData, "\(name) does not begin with ENVI, so it is no header; name the .hdr file of the cube")
        }
        // a value in braces may run over lines
        var open: (key: String, value: String)?
        for line in text.split(whereSeparator: \.isNewline).dropFirst() where !line.hasPrefix(";") {
            if let (key, value) = open {
                open = (key, value + " " + line)
            } else if let equals = line.firstIndex(of: "=") {
                let key = line[..<equals].split(separator: " ").joined(separator: " ").lowercased()
                open = (key, line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces))
            }
            guard let (key, value) = open, !value.hasPrefix("{") || value.contains("}") else { continue }
            fields[key] = value.hasPrefix("{") ? String(value.dropFirst().prefix { $0 != "}" }).trimmingCharacters(in: .whitespaces) : value
            open = nil
        }
        if let open { throw flaw("the braces of \(open.key) do not close") }
    }

    subscript(key: String) -> String? { fields[key] }

    func flaw(_ text: String) -> DatasetError { DatasetError(.badData, "\(name): \(text); correct the header") }

    func number(_ key: String, default absent: Int? = nil) throws(DatasetError) -> Int {
        guard let text = fields[key] else {
            guard let absent else { throw flaw("there is no \(key)") }
            return absent
        }
        guard let number = Int(text) else { throw flaw("\(key) is \"\(text)\", expected a whole number") }
        return number
    }

    func count(_ key: String) throws(DatasetError) -> Int {
        let number = try number(key)
        guard number > 0 else { throw flaw("\(key) is \(number), expected at least 1") }
        return number
    }

    private func list(_ key: String, of bands: Int) throws(DatasetError) -> [Double]? {
        guard let text = fields[key], !text.isEmpty else { return nil }
        let items = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }, numbers = items.compactMap(Double.init)
        guard numbers.count == items.count, numbers.count == bands, numbers.allSatisfy(\.isFinite) else {
            throw flaw("\(key) lists \(numbers.count) numbers among \(items.count) items, expected one for each of \(bands) bands")
        }
        return numbers
    }

    func notes(bands: Int) throws(DatasetError) -> CubeNotes {
        CubeNotes(
            wavelengths: try list("wavelength", of: bands), wavelengthUnit: fields["wavelength units"],
            isGoodBand: try list("bbl", of: bands)?.map { $0 != 0 }, mapInfo: fields["map info"], coordinateSystem: fields["coordinate system string"]
        )
    }
}
