import Foundation

/// An array in NumPy's format (versions 1 to 3): a magic number, a Python dictionary with type, order and extents, the numbers.
/// Python objects and records are refused; nothing is ever executed.
func npyArray(_ bytes: [UInt8], name: String) throws(DatasetError) -> NumericArray {
    let file = ForeignBytes(bytes: bytes[...])
    guard file.slice(0, 6)?.bytes.elementsEqual([0x93] + Array("NUMPY".utf8)) == true, let version = file.number(6, bytes: 1),
        (1 ... 3).contains(version), let length = file.number(8, bytes: version == 1 ? 2 : 4),
        let header = file.slice(version == 1 ? 10 : 12, length)?.text
    else { throw DatasetError(.badData, "\(name) does not begin as an array of NumPy's format, version 1 to 3; restore it from a copy") }
    func flaw(_ text: String) -> DatasetError { DatasetError(.badData, "\(name): \(text)") }
    func value(_ key: String) -> Substring? {
        guard let place = header.range(of: "'\(key)':") else { return nil }
        return header[place.upperBound...].drop { $0 == " " }
    }
    guard let typeText = value("descr"), let orderText = value("fortran_order"), let extentText = value("shape"), extentText.first == "(",
        let end = extentText.firstIndex(of: ")"), orderText.hasPrefix("True") || orderText.hasPrefix("False")
    else { throw flaw("its header does not give descr, fortran_order and shape; restore it from a copy") }
    let extents = extentText[..<end].dropFirst().split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) ?? -1 }
    guard extents.allSatisfy({ $0 >= 0 }) else { throw flaw("its header gives the extents \(extentText[...end]); restore it from a copy") }
    let code = typeText.first == "'" ? typeText.dropFirst().prefix { $0 != "'" } : typeText.prefix { $0 != "," }
    let elements: [Substring: NumericArray.Element] = [
        "u1": .u8, "b1": .u8, "i1": .i8, "u2": .u16, "i2": .i16, "u4": .u32, "i4": .i32, "u8": .u64, "i8": .i64, "f4": .f32, "f8": .f64,
    ]
    guard let order = code.first, "<>|=".contains(order), let element = elements[code.dropFirst()] else {
        throw flaw("it holds \(code), expected whole numbers or floats of 1 to 8 bytes; save it as one of these")
    }
    let start = (version == 1 ? 10 : 12) + length
    return try NumericArray(
        name: name, element: element, extents: extents, isColumnMajor: orderText.hasPrefix("True"), isBigEndian: order == ">",
        bytes: Array(bytes[start...]))
}
