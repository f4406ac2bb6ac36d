import Foundation

/// An IDX file of unsigned bytes (the format of MNIST), plain or compressed by gzip: a magic number, the extents as big-endian
/// 32-bit integers, the bytes.
struct IDXFile {
    /// [n, height, width] of images or [n] of labels.
    let extents: [Int]
    let bytes: [UInt8]

    /// Reads a file with so many axes (3: images, magic number 0x00000803; 1: labels, 0x00000801), which must end where its
    /// header says.
    init(_ url: URL, axes: Int) throws(DatasetError) {
        let name = url.lastPathComponent
        var file = try GzipFile(url)
        let header = try file.read(4 + 4 * axes)
        let words = stride(from: 0, to: header.count - header.count % 4, by: 4).map { place in
            header[place ..< place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        let magic = UInt32(0x800 + axes)
        guard let first = words.first, first == magic else {
            let found = words.first.map(Self.hexadecimal) ?? "no magic number"
            throw DatasetError(
                .badData,
                "\(name) begins with \(found), expected \(Self.hexadecimal(magic)) (IDX \(axes == 1 ? "labels" : "images") of unsigned bytes)")
        }
        extents = words.dropFirst().map(Int.init)
        let described = extents.map(String.init).joined(separator: " × ")
        guard extents.count == axes, extents.dropFirst().allSatisfy({ $0 > 0 }) else {
            throw DatasetError(.badData, "\(name) has extents \(described), expected \(axes), none zero")
        }
        var count = 1, overflows = false
        for extent in extents {
            let product = count.multipliedReportingOverflow(by: extent)
            (count, overflows) = (product.partialValue, overflows || product.overflow)
        }
        // one byte more than there should be tells a file that is too long
        bytes = overflows ? [] : try file.read(count + 1)
        guard bytes.count == count, !overflows else {
            let found = bytes.count > count ? "more" : "\(bytes.count) bytes"
            throw DatasetError(.badData, "\(name) holds \(found) after its header, expected \(overflows ? "" : "\(count) bytes for ")\(described)")
        }
    }

    private static func hexadecimal(_ word: UInt32) -> String {
        let digits = String(word, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
