import Foundation

/// The rows of a table in text (RFC 4180), plain or compressed by gzip: fields between separators, rows between line ends; a field in
/// quotes may hold either, and a quote written twice. A row without any character is passed over.
struct CSVReader: ~Copyable {
    /// No row of a table is that long; a file that is no table may have one.
    private static let longestRow = 1 << 24

    /// The rows that were read so far, the current one among them.
    private(set) var row = 0
    let name: String
    private var file: GzipFile
    private let separator: UInt8
    private var piece: [UInt8] = []
    private var place = 0
    /// The current row without separators and quotes, and where each field ends in it.
    private var text: [UInt8] = []
    private var ends: [Int] = []

    init(_ url: URL, separator: UInt8) throws(DatasetError) {
        file = try GzipFile(url)
        (name, self.separator) = (url.lastPathComponent, separator)
    }

    var fieldCount: Int { ends.count }

    /// A field of the current row without spaces around it.
    func field(_ number: Int) -> String {
        var bytes = text[(number == 0 ? 0 : ends[number - 1]) ..< ends[number]]
        while bytes.first == 0x20 { bytes.removeFirst() }
        while bytes.last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Goes to the next row; false at the end.
    mutating func next() throws(DatasetError) -> Bool {
        text.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        var isQuoted = false, afterQuote = false, isEmpty = true
        while let byte = try nextByte() {
            if isQuoted {
                if byte == UInt8(ascii: "\"") { (isQuoted, afterQuote) = (false, true) } else { text.append(byte) }
            } else if byte == UInt8(ascii: "\n") {
                if isEmpty { continue }
                return endRow()
            } else if byte == UInt8(ascii: "\"") {
                if afterQuote { text.append(byte) }
                (isQuoted, afterQuote, isEmpty) = (true, false, false)
                continue
            } else if byte == separator {
                ends.append(text.count)
                (afterQuote, isEmpty) = (false, false)
            } else if byte != UInt8(ascii: "\r") {
                text.append(byte)
                (afterQuote, isEmpty) = (false, false)
            }
            guard text.count < Self.longestRow, ends.count < Self.longestRow else {
                throw DatasetError(.badData, "\(name): row \(row + 1) does not end within 16 MiB, so this is no table in text")
            }
        }
        if isQuoted { throw DatasetError(.badData, "\(name): the file ends within quotes that row \(row + 1) opens; restore it from a copy") }
        return isEmpty ? false : endRow()
    }

    private mutating func endRow() -> Bool {
        ends.append(text.count)
        row += 1
        return true
    }

    private mutating func nextByte() throws(DatasetError) -> UInt8? {
        if place == piece.count {
            (piece, place) = (try file.read(1 << 20), 0)
            if piece.isEmpty { return nil }
        }
        place += 1
        return piece[place - 1]
    }
}
