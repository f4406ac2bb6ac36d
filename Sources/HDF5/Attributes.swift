import CHDF5

/// The value of an attribute. Strings are UTF-8 of fixed length, padded with zeros (h5py reads them as bytes).
public enum Attribute: Equatable, Sendable {
    case string(String)
    case strings([String])
    case integer(Int64)
    case integers([Int64])
    case numbers([Double])
}

/// What carries attributes: a file (its root group) or a data set.
public protocol Attributed {
    var attributesOwner: (name: String, id: Int64) { get }
}

extension File: Attributed {
    public var attributesOwner: (name: String, id: Int64) { (name, handle.id) }
}

extension Dataset: Attributed {
    public var attributesOwner: (name: String, id: Int64) { (name, handle.id) }
}

extension Attributed {
    /// Adds an attribute.
    public func setAttribute(_ name: String, to value: Attribute) throws(HDF5Error) {
        switch value {
        case .integer(let number): try write([number], Int64.self, [], name)
        case .integers(let numbers): try write(numbers, Int64.self, [numbers.count], name)
        case .numbers(let numbers): try write(numbers, Double.self, [numbers.count], name)
        case .string(let text): try write([text], [], name)
        case .strings(let texts): try write(texts, [texts.count], name)
        }
    }

    /// Reads an attribute; nil where there is none of this name. Numbers come as 64-bit integers or Doubles, whatever their
    /// stored size; variable-length strings, compounds, references and more than one axis are refused.
    public func attribute(_ name: String) throws(HDF5Error) -> Attribute? {
        let owner = attributesOwner, place = "\(owner.name): attribute \(name)"
        guard try checked("\(place) cannot be looked up", { H5Aexists(owner.id, name) }) > 0 else { return nil }
        let handle = Handle(try checked("\(place) cannot be opened") { H5Aopen(owner.id, name, ch5_default()) }) { H5Aclose($0) }
        let type = Handle(try checked("\(place): no type") { H5Aget_type(handle.id) }) { H5Tclose($0) }
        let space = Handle(try checked("\(place): no extents") { H5Aget_space(handle.id) }) { H5Sclose($0) }
        let rank = try checked("\(place): no extents") { H5Sget_simple_extent_ndims(space.id) }
        let count = try checked("\(place): no extents") { H5Sget_simple_extent_npoints(space.id) }
        // an attribute lies whole in a header; this is the library's own limit in most files
        guard rank <= 1, count <= 1 << 20 else {
            throw HDF5Error("\(place) has \(rank) axes and \(count) elements; expected a value or a short list")
        }
        if entered({ H5Tget_class(type.id) }) == H5T_STRING { return try strings(handle, type, Int(count), isList: rank == 1, place) }
        switch try elementType(of: type, at: place) {
        case .float16, .float32, .float64: return .numbers(try numbers(handle, Double.self, Int(count), place))
        default:
            let values = try numbers(handle, Int64.self, Int(count), place)
            return rank == 0 ? .integer(values[0]) : .integers(values)
        }
    }

    private func numbers<Element: HDF5Element>(_ handle: Handle, _: Element.Type, _ count: Int, _ place: String) throws(HDF5Error) -> [Element] {
        var values = [Element](repeating: .zero, count: count)
        try checked("\(place) cannot be read") { H5Aread(handle.id, Element.nativeType, &values) }
        return values
    }

    private func strings(_ handle: Handle, _ type: Handle, _ count: Int, isList: Bool, _ place: String) throws(HDF5Error) -> Attribute {
        guard try checked("\(place): no type", { H5Tis_variable_str(type.id) }) == 0 else {
            throw HDF5Error("\(place) is a string of variable length, which is not read; expected one of fixed length")
        }
        let size = entered { H5Tget_size(type.id) }
        guard size <= 1 << 16, size * count <= 1 << 24 else {
            throw HDF5Error("\(place) declares \(count) strings of \(size) bytes, too many to be true")
        }
        var bytes = [UInt8](repeating: 0, count: size * count)
        try checked("\(place) cannot be read") { H5Aread(handle.id, type.id, &bytes) }
        let texts = (0 ..< count).map { String(decoding: bytes[$0 * size ..< ($0 + 1) * size].prefix { $0 != 0 }, as: UTF8.self) }
        return isList ? .strings(texts) : .string(texts[0])
    }

    private func write<Element: HDF5Element>(_ values: [Element], _: Element.Type, _ shape: [Int], _ name: String) throws(HDF5Error) {
        try create(name, stored: Element.storedType, shape) { H5Awrite($0, Element.nativeType, values) }
    }

    private func write(_ texts: [String], _ shape: [Int], _ name: String) throws(HDF5Error) {
        let place = "\(attributesOwner.name): attribute \(name)"
        let size = max(1, texts.map(\.utf8.count).max() ?? 0)
        let type = Handle(try checked("\(place): no type") { H5Tcopy(ch5_c_string()) }) { H5Tclose($0) }
        try checked("\(place): no string of \(size) bytes") { H5Tset_size(type.id, size) }
        try checked("\(place): no padding") { H5Tset_strpad(type.id, H5T_STR_NULLPAD) }
        try checked("\(place): no UTF-8") { H5Tset_cset(type.id, H5T_CSET_UTF8) }
        let bytes = texts.flatMap { Array($0.utf8) + [UInt8](repeating: 0, count: size - $0.utf8.count) }
        try create(name, stored: type.id, shape) { H5Awrite($0, type.id, bytes) }
    }

    private func create(_ name: String, stored: hid_t, _ shape: [Int], _ write: (hid_t) -> herr_t) throws(HDF5Error) {
        let owner = attributesOwner, place = "\(owner.name): attribute \(name)"
        let space = try dataspace(shape, place)
        let id = try checked("\(place) cannot be created") { H5Acreate2(owner.id, name, stored, space.id, ch5_default(), ch5_default()) }
        let handle = Handle(id) { H5Aclose($0) }
        try checked("\(place) cannot be written") { write(handle.id) }
    }
}
