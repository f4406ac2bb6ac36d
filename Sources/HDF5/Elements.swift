import CHDF5

/// The numbers that a data set or attribute may hold, by NumPy's names.
public enum ElementType: String, Sendable, CaseIterable {
    case uint8, uint16, int16, int32, int64, float32, float64
    /// Not read; here to be named in errors.
    case int8, uint32, uint64, float16

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8: 1
        case .uint16, .int16, .float16: 2
        case .int32, .uint32, .float32: 4
        case .int64, .uint64, .float64: 8
        }
    }
}

/// A Swift type of numbers that is read and written as it is; in the file it is little-endian.
public protocol HDF5Element: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
    static var zero: Self { get }
    /// The library's identifiers of the type in memory and in files.
    static var nativeType: Int64 { get }
    static var storedType: Int64 { get }
}

extension UInt8: HDF5Element {
    public static var elementType: ElementType { .uint8 }
    public static var nativeType: Int64 { ch5_native_u8() }
    public static var storedType: Int64 { ch5_stored_u8() }
}
extension UInt16: HDF5Element {
    public static var elementType: ElementType { .uint16 }
    public static var nativeType: Int64 { ch5_native_u16() }
    public static var storedType: Int64 { ch5_stored_u16() }
}
extension Int16: HDF5Element {
    public static var elementType: ElementType { .int16 }
    public static var nativeType: Int64 { ch5_native_i16() }
    public static var storedType: Int64 { ch5_stored_i16() }
}
extension Int32: HDF5Element {
    public static var elementType: ElementType { .int32 }
    public static var nativeType: Int64 { ch5_native_i32() }
    public static var storedType: Int64 { ch5_stored_i32() }
}
extension Int64: HDF5Element {
    public static var elementType: ElementType { .int64 }
    public static var nativeType: Int64 { ch5_native_i64() }
    public static var storedType: Int64 { ch5_stored_i64() }
}
extension Float: HDF5Element {
    public static var elementType: ElementType { .float32 }
    public static var nativeType: Int64 { ch5_native_f32() }
    public static var storedType: Int64 { ch5_stored_f32() }
}
extension Double: HDF5Element {
    public static var elementType: ElementType { .float64 }
    public static var nativeType: Int64 { ch5_native_f64() }
    public static var storedType: Int64 { ch5_stored_f64() }
}

/// The element type of an open data type, or an error that names what it is instead.
func elementType(of type: Handle, at place: String) throws(HDF5Error) -> ElementType {
    let kind = entered { H5Tget_class(type.id) }, size = entered { H5Tget_size(type.id) }
    let isSigned = kind == H5T_INTEGER && entered { H5Tget_sign(type.id) } == H5T_SGN_2
    switch (kind, size) {
    case (H5T_INTEGER, 1): return isSigned ? .int8 : .uint8
    case (H5T_INTEGER, 2): return isSigned ? .int16 : .uint16
    case (H5T_INTEGER, 4): return isSigned ? .int32 : .uint32
    case (H5T_INTEGER, 8): return isSigned ? .int64 : .uint64
    case (H5T_FLOAT, 2): return .float16
    case (H5T_FLOAT, 4): return .float32
    case (H5T_FLOAT, 8): return .float64
    default:
        throw HDF5Error("\(place) holds \(name(ofClass: kind)), which are not read; expected whole numbers or floats of 1 to 8 bytes")
    }
}

private func name(ofClass kind: H5T_class_t) -> String {
    switch kind {
    case H5T_COMPOUND: "compound values"
    case H5T_REFERENCE: "references"
    case H5T_VLEN: "variable-length values"
    case H5T_STRING: "strings"
    case H5T_ENUM: "enumerated values"
    case H5T_OPAQUE: "opaque values"
    case H5T_ARRAY: "arrays"
    case H5T_BITFIELD: "bit fields"
    case H5T_TIME: "times"
    default: "numbers of an unusual size"
    }
}
