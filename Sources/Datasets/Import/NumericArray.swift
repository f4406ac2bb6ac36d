/// An array of numbers out of a foreign file, as its bytes lie there.
struct NumericArray: Sendable {
    enum Element: Sendable {
        case u8, i8, u16, i16, u32, i32, u64, i64, f32, f64

        var byteCount: Int {
            switch self {
            case .u8, .i8: 1
            case .u16, .i16: 2
            case .u32, .i32, .f32: 4
            case .u64, .i64, .f64: 8
            }
        }

        /// The type that holds all its numbers in a set; Float, rounded where need be, where none does.
        var stored: SampleType {
            switch self {
            case .u8: .u8
            case .u16: .u16
            case .i8, .i16: .i16
            default: .f32
            }
        }
    }

    /// As messages call it.
    let name: String
    /// The first counts samples.
    let extents: [Int]
    /// The type that the array is declared with; its numbers may lie in a smaller one.
    let type: SampleType
    private let element: Element
    private let isBigEndian: Bool
    private let bytes: [UInt8]
    /// From one sample to the next, in elements.
    private let sampleStride: Int
    /// Where the numbers of a sample lie, in row-major order.
    private let places: [Int]

    /// - Throws: where extents and bytes do not agree.
    init(
        name: String, element: Element, type: SampleType? = nil, extents: [Int], isColumnMajor: Bool, isBigEndian: Bool = false, bytes: [UInt8]
    ) throws(DatasetError) {
        let text = extents.map(String.init).joined(separator: " × ")
        guard let count = checkedProduct(extents + [element.byteCount]), count == bytes.count else {
            throw DatasetError(
                .badData, "\(name) holds \(bytes.count) bytes, which are not \(text) numbers of \(element.byteCount); restore it from a copy")
        }
        guard !extents.isEmpty, count > 0 else { throw DatasetError(.badData, "\(name) has extents \(text), so it holds no samples") }
        let inner = Array(extents.dropFirst())
        var strides = [Int](repeating: 1, count: inner.count)
        if isColumnMajor {
            for axis in inner.indices { strides[axis] = extents[...axis].reduce(1, *) }
        } else {
            for axis in inner.indices { strides[axis] = inner[(axis + 1)...].reduce(1, *) }
        }
        places = zip(inner, strides).reduce([0]) { places, axis in places.flatMap { place in (0 ..< axis.0).map { place + $0 * axis.1 } } }
        sampleStride = isColumnMajor ? 1 : inner.reduce(1, *)
        (self.name, self.element, self.extents, self.type) = (name, element, extents, type ?? element.stored)
        (self.isBigEndian, self.bytes) = (isBigEndian, bytes)
    }

    /// The numbers of a sample, exact but for integers beyond 2⁵³.
    func numbers(of sample: Int) -> [Double] { places.map { number(sample * sampleStride + $0) } }

    private func number(_ place: Int) -> Double { bytes.withUnsafeBytes { element.number($0, place, isBigEndian: isBigEndian) } }
}

extension NumericArray.Element {
    /// The number at a place of many, exact but for integers beyond 2⁵³.
    func number(_ bytes: UnsafeRawBufferPointer, _ place: Int, isBigEndian: Bool) -> Double {
        let size = byteCount, first = place * size
        var bits: UInt64 = 0
        for byte in 0 ..< size { bits |= UInt64(bytes[first + byte]) << UInt64(8 * (isBigEndian ? size - 1 - byte : byte)) }
        return switch self {
        case .u8, .u16, .u32, .u64: Double(bits)
        case .i8: Double(Int8(truncatingIfNeeded: bits))
        case .i16: Double(Int16(truncatingIfNeeded: bits))
        case .i32: Double(Int32(truncatingIfNeeded: bits))
        case .i64: Double(Int64(bitPattern: bits))
        case .f32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .f64: Double(bitPattern: bits)
        }
    }
}
