import Foundation

/// Maps of a scene in a file that ENVI reads: Float32, little-endian, map after map and in each row after row (BSQ). They are written and
/// read in pieces of rows, in any order, so that nobody holds a map.
public final class ENVIMaps {
    public let rows: Int, columns: Int, names: [String]
    private let file: FileHandle

    /// A new file at a place that is free.
    /// - Parameter names: of the maps, one band each.
    public init(at place: URL, rows: Int, columns: Int, names: [String]) throws(POSIXError) {
        let descriptor = open(place.path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.error }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        (self.rows, self.columns, self.names) = (rows, columns, names)
    }

    private static var error: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }

    /// Writes rows of a map.
    public func write(_ values: [Float], map: Int, rows range: Range<Int>) throws(POSIXError) {
        precondition(values.count == range.count * columns, "\(values.count) values for \(range.count) rows of \(columns)")
        var bytes = values.map(\.bitPattern.littleEndian)
        try transfer(&bytes, map, range, pwrite)
    }

    /// Reads rows of a map that were written.
    public func values(map: Int, rows range: Range<Int>) throws(POSIXError) -> [Float] {
        var bytes = [UInt32](repeating: 0, count: range.count * columns)
        try transfer(&bytes, map, range) { pread($0, UnsafeMutableRawPointer(mutating: $1!), $2, $3) }
        return bytes.map { Float(bitPattern: UInt32(littleEndian: $0)) }
    }

    /// A map's rows in order, some at a time.
    public func forEachPiece(of map: Int, _ body: (_ rows: Range<Int>, _ values: [Float]) throws -> Void) throws {
        let size = max(1, (1 << 18) / columns)
        for first in stride(from: 0, to: rows, by: size) {
            let piece = first ..< min(first + size, rows)
            try body(piece, values(map: map, rows: piece))
        }
    }

    /// Brings everything to disk.
    public func synchronize() throws(POSIXError) {
        guard fsync(file.fileDescriptor) == 0 else { throw Self.error }
    }

    /// The header that belongs to the file, with what the source says of its bands and of where it lies.
    ///
    /// Maps have no wavelengths: those of the source's bands stand under names of their own, which programs pass over.
    public func header(_ description: String, of scene: Manifest.Scene) -> String {
        // braces end a value
        let description = description.replacingOccurrences(of: "{", with: "(").replacingOccurrences(of: "}", with: ")")
        var lines = [
            "ENVI", "description = {\(description)}", "samples = \(columns)", "lines = \(rows)", "bands = \(names.count)", "header offset = 0",
            "file type = ENVI Standard", "data type = 4", "interleave = bsq", "byte order = 0",
            "band names = {\(names.joined(separator: ", "))}",
        ]
        if let info = scene.mapInfo { lines.append("map info = {\(info)}") }
        if let system = scene.coordinateSystem { lines.append("coordinate system string = {\(system)}") }
        if let wavelengths = scene.wavelengths {
            lines.append("source wavelength = {\(wavelengths.map { "\($0)" }.joined(separator: ", "))}")
            if let unit = scene.wavelengthUnit { lines.append("source wavelength units = \(unit)") }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// - Parameter call: `pwrite`, or `pread` in its form.
    private func transfer(
        _ words: inout [UInt32], _ map: Int, _ range: Range<Int>, _ call: (Int32, UnsafeRawPointer?, Int, off_t) -> Int
    ) throws(POSIXError) {
        precondition(names.indices.contains(map) && range.lowerBound >= 0 && range.upperBound <= rows, "map \(map), rows \(range)")
        let start = 4 * (map * rows + range.lowerBound) * columns
        let isDone = words.withUnsafeMutableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = call(file.fileDescriptor, bytes.baseAddress! + done, bytes.count - done, off_t(start + done))
                if count < 0 && errno == EINTR { continue }
                if count == 0 { errno = EIO }  // the file has become shorter
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
        guard isDone else { throw Self.error }
    }
}
