import CJPEG
import CPNG
import Foundation

/// A picture out of a PNG or JPEG file: rows of pixels of 1 (gray) or 3 channels (red, green, blue), without its opacity.
struct Picture: Sendable {
    /// What a file says of itself before anything is decoded.
    struct Header: Equatable, Sendable {
        let height: Int, width: Int, channels: Int
        /// `u8`, or `u16` for PNG of 16 bits.
        let type: SampleType

        var count: Int { height * width * channels }
    }

    /// Names of files that are taken for pictures.
    static let extensions: Set<String> = ["png", "jpg", "jpeg"]
    /// No scan has more numbers; a small file that claims to is made to fill memory.
    private static let most = 1 << 28

    let header: Header
    let values: StoredValues

    init(_ url: URL) throws(DatasetError) {
        let bytes = try Self.contents(of: url)
        header = try Self.header(bytes, url.lastPathComponent)
        if header.type == .u16 {
            var numbers = [UInt16](repeating: 0, count: header.count)
            _ = try Self.decode(bytes, url.lastPathComponent, into: &numbers)
            values = .u16(numbers)
        } else {
            var numbers = [UInt8](repeating: 0, count: header.count)
            _ = try Self.decode(bytes, url.lastPathComponent, into: &numbers)
            values = .u8(numbers)
        }
    }

    init(header: Header, values: StoredValues) { (self.header, self.values) = (header, values) }

    static func header(of url: URL) throws(DatasetError) -> Header { try header(contents(of: url), url.lastPathComponent) }

    private static func contents(of url: URL) throws(DatasetError) -> [UInt8] {
        // gzip would be read through, which no picture needs
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw DatasetError(.missingInput, "\(url.lastPathComponent) cannot be read")
        }
        return Array(data)
    }

    private static func header(_ bytes: [UInt8], _ name: String) throws(DatasetError) -> Header {
        let found = try decode(bytes, name, into: nil)
        let sides = found.prefix(3).map { Int($0) }
        guard let count = checkedProduct(sides), (1 ... most).contains(count), [1, 3].contains(sides[2]) else {
            throw DatasetError(
                .badData, "\(name) is \(sides[1]) × \(sides[0]) of \(sides[2]) channels, expected at most \(most) numbers of 1 or 3 channels")
        }
        return Header(height: sides[1], width: sides[0], channels: sides[2], type: found[3] == 16 ? .u16 : .u8)
    }

    /// - Returns: width, height, channels, bits.
    private static func decode(_ bytes: [UInt8], _ name: String, into pixels: UnsafeMutableRawPointer?) throws(DatasetError) -> [UInt32] {
        var extents: [UInt32] = [0, 0, 0, 8], message = [CChar](repeating: 0, count: 256), code: Int32 = 0
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            code = vigil_png_decode(bytes, bytes.count, &extents, pixels, &message)
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            code = vigil_jpeg_decode(bytes, UInt(bytes.count), &extents, pixels?.assumingMemoryBound(to: UInt8.self), &message)
        } else {
            throw DatasetError(.badData, "\(name) does not begin as PNG or JPEG; convert it or take it out of the folder")
        }
        guard code == 0 else {
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw DatasetError(.badData, "\(name) cannot be decoded (\(text)); restore it from a copy or take it out of the folder")
        }
        return extents
    }
}

extension Picture {
    /// Its numbers as 0 ... 255 or 0 ... 65535.
    var numbers: [Double] {
        switch values {
        case .u8(let values): values.map(Double.init)
        case .u16(let values): values.map(Double.init)
        default: preconditionFailure("a picture of \(values.type)")
        }
    }

    /// Rounded to whole numbers, ties to even, and held in the type's range.
    static func stored(_ numbers: [Double], as type: SampleType) -> StoredValues {
        type == .u16
            ? .u16(numbers.map { UInt16(min(max($0.rounded(.toNearestOrEven), 0), 65535)) })
            : .u8(numbers.map { UInt8(min(max($0.rounded(.toNearestOrEven), 0), 255)) })
    }

    /// Gray from colors by the luma of ITU-R BT.601, three equal channels from gray; 8 bits as 257 times as much in 16.
    func converted(channels: Int, type: SampleType) -> [Double] {
        var numbers = numbers
        if header.channels == 3, channels == 1 {
            let colors = numbers
            numbers = stride(from: 0, to: colors.count, by: 3).map { (place: Int) -> Double in
                let red = 0.299 * colors[place], green = 0.587 * colors[place + 1], blue = 0.114 * colors[place + 2]
                return red + green + blue
            }
        } else if header.channels == 1, channels == 3 {
            numbers = numbers.flatMap { [$0, $0, $0] }
        }
        let factor = header.type == type ? 1 : type == .u16 ? 257 : 1 / 257.0
        return factor == 1 ? numbers : numbers.map { $0 * factor }
    }
}
