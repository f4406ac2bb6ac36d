import CZlib
import Foundation

/// A file that is decompressed where it is gzip and read as it is where not.
struct GzipFile: ~Copyable {
    let name: String
    private let file: gzFile

    init(_ url: URL) throws(DatasetError) {
        name = url.lastPathComponent
        guard let file = gzopen(url.path, "rb") else {
            throw DatasetError(.missingInput, "\(name) cannot be read: \(String(cString: strerror(errno)))")
        }
        self.file = file
    }

    deinit { gzclose(file) }

    /// Up to `count` bytes; fewer at the end of the file. Memory grows with what is there, not with what a header claims.
    mutating func read(_ count: Int) throws(DatasetError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: min(count, 1 << 20))
        while bytes.count < count {
            let got = gzread(file, &piece, UInt32(min(piece.count, count - bytes.count)))
            var code: Int32 = 0
            let text = gzerror(file, &code)
            // a stream that is cut off gives what it has, and then says so only here
            guard got >= 0, code == Z_OK || code == Z_STREAM_END else {
                let reason = code == Z_BUF_ERROR ? "the compressed data end too early" : text.map { String(cString: $0) } ?? "error \(code)"
                throw DatasetError(.badData, "\(name) cannot be decompressed: \(reason)")
            }
            if got == 0 { break }
            bytes += piece.prefix(Int(got))
        }
        return bytes
    }
}

extension GzipFile {
    /// All of a file.
    static func bytes(of url: URL) throws(DatasetError) -> [UInt8] {
        var file = try GzipFile(url)
        return try file.read(.max)
    }
}

/// Little-endian numbers at places that a foreign file names, which may lie outside it.
struct ForeignBytes {
    let bytes: ArraySlice<UInt8>

    var count: Int { bytes.count }

    /// `count` bytes from `place`, both counted from 0; nil where not all of them are there.
    func slice(_ place: Int, _ count: Int) -> ForeignBytes? {
        guard place >= 0, count >= 0, place <= self.count, count <= self.count - place else { return nil }
        return ForeignBytes(bytes: bytes[bytes.startIndex + place ..< bytes.startIndex + place + count])
    }

    /// The unsigned number of so many bytes at `place`.
    func number(_ place: Int, bytes count: Int) -> Int? {
        slice(place, count)?.bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The product of extents; nil where it is too large for a number or one is negative.
func checkedProduct(_ extents: [Int]) -> Int? {
    extents.reduce(1) { product, extent in
        product.flatMap {
            let (result, overflows) = $0.multipliedReportingOverflow(by: extent)
            return overflows || extent < 0 ? nil : result
        }
    }
}
