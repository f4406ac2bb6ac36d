import Foundation

/// The numeric variables of a MATLAB file of level 5 (versions 5 to 7; "MAT-File Format", The MathWorks), plain or compressed, itself
/// in gzip or not.
struct MATFile {
    private struct Element {
        let type: Int
        let content: ForeignBytes
        /// Where the next one begins.
        let end: Int
    }

    private let name: String
    private let file: ForeignBytes

    init(_ url: URL) throws(DatasetError) {
        name = url.lastPathComponent
        file = ForeignBytes(bytes: try GzipFile.bytes(of: url)[...])
        if file.slice(0, 19)?.text.hasPrefix("MATLAB 7.3 MAT-file") == true {
            throw DatasetError(.badData, "\(name) is of MATLAB's version 7.3 (HDF5); save it again with -v7")
        }
        guard file.number(124, bytes: 2) == 0x0100, file.slice(126, 2)?.text == "IM" else {
            throw DatasetError(.badData, "\(name) does not begin as a little-endian MATLAB file of level 5; save it again with -v7")
        }
    }

    /// An element's type and content; short ones have both in 8 bytes, and those of a matrix are padded to as many.
    private func element(_ bytes: ForeignBytes, _ place: Int, isPadded: Bool) -> Element? {
        guard let word = bytes.number(place, bytes: 4) else { return nil }
        if word >> 16 != 0 {
            guard word >> 16 <= 4 else { return nil }
            return bytes.slice(place + 4, word >> 16).map { Element(type: word & 0xFFFF, content: $0, end: place + 8) }
        }
        guard let count = bytes.number(place + 4, bytes: 4), let content = bytes.slice(place + 8, count) else { return nil }
        return Element(type: word, content: content, end: place + 8 + (isPadded ? (count + 7) / 8 * 8 : count))
    }

    /// The variable of a name; nil where there is none.
    /// - Throws: where the file is damaged before it, or where it is no array of real numbers.
    func array(named wanted: String) throws(DatasetError) -> NumericArray? {
        var array: NumericArray?
        try visit { (content) throws(DatasetError) in
            array = try matrix(content, wanted)
            return array == nil
        }
        return array
    }

    /// The names and extents of all variables, in order.
    func variables() throws(DatasetError) -> [(name: String, extents: [Int])] {
        var found: [(name: String, extents: [Int])] = []
        try visit { (content) throws(DatasetError) in
            let head = try head(of: content)
            found.append((head.name, head.extents))
            return true
        }
        return found
    }

    /// Shows the content of each variable until told to stop.
    private func visit(_ body: (ForeignBytes) throws(DatasetError) -> Bool) throws(DatasetError) {
        var place = 128
        while place < file.count {
            guard var found = element(file, place, isPadded: false) else { throw flaw("the element at byte \(place) ends beyond the file") }
            place = found.end
            if found.type == 15 {
                // deflate packs no more than 1032 bytes into one
                guard let unpacked = inflated(found.content.bytes, raw: false, limit: 1032 * found.content.count + 64),
                    let inner = element(ForeignBytes(bytes: unpacked[...]), 0, isPadded: false)
                else { throw flaw("the element before byte \(place) cannot be decompressed") }
                found = inner
            }
            if found.type == 14 { guard try body(found.content) else { return } }
        }
    }

    private func flaw(_ text: String) -> DatasetError { DatasetError(.badData, "\(name): \(text); restore it from a copy") }

    private func head(of bytes: ForeignBytes) throws(DatasetError) -> (flags: Int, extents: [Int], name: String, end: Int) {
        guard let flags = element(bytes, 0, isPadded: true), let word = flags.content.number(0, bytes: 4),
            let extents = element(bytes, flags.end, isPadded: true), extents.content.count % 4 == 0,
            let label = element(bytes, extents.end, isPadded: true)
        else { throw flaw("a variable has no flags, extents or name") }
        let sides = (0 ..< extents.content.count / 4).map { extents.content.number(4 * $0, bytes: 4) ?? 0 }
        return (word, sides, label.content.text, label.end)
    }

    private func matrix(_ bytes: ForeignBytes, _ wanted: String) throws(DatasetError) -> NumericArray? {
        let head = try head(of: bytes)
        guard head.name == wanted else { return nil }
        // classes of arrays: double, single, then integers of 1, 2, 4 and 8 bytes, signed before unsigned
        let types: [Int: SampleType] = [6: .f32, 7: .f32, 8: .i16, 9: .u8, 10: .i16, 11: .u16, 12: .f32, 13: .f32, 14: .f32, 15: .f32]
        guard let type = types[head.flags & 0xFF], head.flags & 0x800 == 0 else {
            throw DatasetError(.badData, "\(name): \(wanted) is no array of real numbers; name another variable")
        }
        let elements: [Int: NumericArray.Element] = [
            1: .i8, 2: .u8, 3: .i16, 4: .u16, 5: .i32, 6: .u32, 7: .f32, 9: .f64, 12: .i64, 13: .u64,
        ]
        guard let numbers = element(bytes, head.end, isPadded: true), let element = elements[numbers.type] else {
            throw flaw("\(wanted) has no numbers")
        }
        return try NumericArray(
            name: "\(name): \(wanted)", element: element, type: type, extents: head.extents, isColumnMajor: true, bytes: Array(numbers.content.bytes))
    }
}
