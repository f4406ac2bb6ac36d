import CHDF5

/// A data set of numbers in an open file, read and written by hyperslabs.
public final class Dataset: Sendable {
    /// How errors call it: file and path.
    public let name: String
    /// The extents; none for a single number.
    public let shape: [Int]
    public let elementType: ElementType
    /// The extents of a chunk; nil where the data lie in one piece.
    public let chunk: [Int]?
    let handle: Handle
    private let file: File

    private init(_ name: String, _ shape: [Int], _ elementType: ElementType, _ chunk: [Int]?, _ handle: Handle, _ file: File) {
        (self.name, self.shape, self.elementType, self.chunk, self.handle, self.file) = (name, shape, elementType, chunk, handle, file)
    }

    /// A new data set of the root group, in chunks with Fletcher-32 checksums; `deflate` is the level of compression
    /// (1 to 9; bytes are shuffled first), 0 for none.
    public static func create<Element: HDF5Element>(
        _ name: String, of _: Element.Type, shape: [Int], chunk: [Int], deflate: Int = 0, in file: File
    ) throws(HDF5Error) -> Dataset {
        let place = "\(file.name): /\(name)"
        precondition(shape.count == chunk.count && (0 ... 9).contains(deflate), "\(place): shape \(shape), chunk \(chunk), deflate \(deflate)")
        let creation = try list(ch5_dataset_create(), place), space = try dataspace(shape, place)
        let extents = chunk.map(hsize_t.init)
        try checked("\(place): chunks of \(chunk) are not possible") { H5Pset_chunk(creation.id, Int32(extents.count), extents) }
        try checked("\(place): cannot leave out times") { H5Pset_obj_track_times(creation.id, false) }
        if deflate > 0 {
            try checked("\(place): no shuffle filter") { H5Pset_shuffle(creation.id) }
            try checked("\(place): no deflate filter") { H5Pset_deflate(creation.id, UInt32(deflate)) }
        }
        try checked("\(place): no Fletcher-32 filter") { H5Pset_fletcher32(creation.id) }
        let id = try checked("\(place) cannot be created") {
            H5Dcreate2(file.handle.id, name, Element.storedType, space.id, ch5_default(), creation.id, ch5_default())
        }
        return Dataset(place, shape, Element.elementType, chunk, Handle(id) { H5Dclose($0) }, file)
    }

    /// Opens a data set by its path. Refused by name: external links, external storage, virtual data sets, filters other than
    /// deflate, shuffle and Fletcher-32, and values that are no numbers.
    public static func open(_ path: String, in file: File) throws(HDF5Error) -> Dataset {
        let place = "\(file.name): /\(path.hasPrefix("/") ? String(path.dropFirst()) : path)"
        try file.refuseForeignLinks(to: path)
        let handle = Handle(try checked("\(place) cannot be opened") { H5Dopen2(file.handle.id, path, ch5_default()) }) { H5Dclose($0) }
        let creation = Handle(try checked("\(place): no properties") { H5Dget_create_plist(handle.id) }) { H5Pclose($0) }
        let chunk = try checkedLayout(creation, place)
        let type = Handle(try checked("\(place): no type") { H5Dget_type(handle.id) }) { H5Tclose($0) }
        let elementType = try HDF5.elementType(of: type, at: place)
        let space = Handle(try checked("\(place): no extents") { H5Dget_space(handle.id) }) { H5Sclose($0) }
        return Dataset(place, try extents(of: space, elementType, place), elementType, chunk, handle, file)
    }

    /// The bytes that the data take in the file.
    public var storedByteCount: Int { Int(clamping: entered { H5Dget_storage_size(handle.id) }) }

    /// The bytes that the chunk which begins at `start` takes in the file.
    public func storedByteCount(ofChunkAt start: [Int]) throws(HDF5Error) -> Int {
        var count: hsize_t = 0
        let offset = start.map(hsize_t.init)
        try checked("\(name): no size of the chunk at \(start)") { H5Dget_chunk_storage_size(handle.id, offset, &count) }
        return Int(clamping: count)
    }

    /// Whether every element was written: the library gives zeros, and no error, for those that were not.
    public func isComplete() throws(HDF5Error) -> Bool {
        guard let chunk else {
            var status = H5D_SPACE_STATUS_ERROR
            try checked("\(name): no status of its space") { H5Dget_space_status(handle.id, &status) }
            return status == H5D_SPACE_STATUS_ALLOCATED || shape.contains(0)
        }
        let space = try space()
        var count: hsize_t = 0
        try checked("\(name): no count of its chunks") { H5Dget_num_chunks(handle.id, space.id, &count) }
        return Int(clamping: count) == zip(shape, chunk).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) }.reduce(1, *)
    }

    /// Reads the block of `count` elements along each axis from `start` into `buffer`, in row-major order.
    public func read<Element: HDF5Element>(into buffer: UnsafeMutableBufferPointer<Element>, from start: [Int], count: [Int]) throws(HDF5Error) {
        try expect(Element.self, buffer.count, start, count)
        guard buffer.count > 0 else { return }
        let (memory, stored) = try selection(start, count)
        try checked("\(name) cannot be read from \(start), \(count) elements") {
            H5Dread(handle.id, Element.nativeType, memory.id, stored.id, ch5_default(), buffer.baseAddress)
        }
    }

    /// Writes a block, as `read` reads one.
    public func write<Element: HDF5Element>(_ buffer: UnsafeBufferPointer<Element>, from start: [Int], count: [Int]) throws(HDF5Error) {
        try expect(Element.self, buffer.count, start, count)
        guard buffer.count > 0 else { return }
        let (memory, stored) = try selection(start, count)
        try checked("\(name) cannot be written from \(start), \(count) elements") {
            H5Dwrite(handle.id, Element.nativeType, memory.id, stored.id, ch5_default(), buffer.baseAddress)
        }
    }

    /// Reads whole rows: all that lies at `rows` of the first axis.
    public func read<Element: HDF5Element>(_: Element.Type, rows: Range<Int>) throws(HDF5Error) -> [Element] {
        let (start, count) = block(rows), elements = count.reduce(1, *)
        var outcome = Result<Void, HDF5Error>.success(())
        // not zeros first: a generic array writes them one call each where it is not specialized, half of a loader's time
        let values = [Element](unsafeUninitializedCapacity: elements) { places, initialized in
            let places = UnsafeMutableBufferPointer(rebasing: places.prefix(elements))
            outcome = Result { () throws(HDF5Error) in try read(into: places, from: start, count: count) }
            if case .success = outcome { initialized = places.count }
        }
        try outcome.get()
        return values
    }

    /// Writes whole rows.
    public func write<Element: HDF5Element>(_ values: [Element], rows: Range<Int>) throws(HDF5Error) {
        let (start, count) = block(rows)
        let outcome = values.withUnsafeBufferPointer { buffer in
            Result { () throws(HDF5Error) in try write(buffer, from: start, count: count) }
        }
        try outcome.get()
    }

    private func block(_ rows: Range<Int>) -> (start: [Int], count: [Int]) {
        (shape.enumerated().map { $0.offset == 0 ? rows.lowerBound : 0 }, shape.enumerated().map { $0.offset == 0 ? rows.count : $0.element })
    }

    private func expect<Element: HDF5Element>(_: Element.Type, _ held: Int, _ start: [Int], _ count: [Int]) throws(HDF5Error) {
        guard Element.elementType == elementType else { throw HDF5Error("\(name) is \(elementType), expected \(Element.elementType)") }
        let isInside =
            start.count == shape.count && count.count == shape.count
            && zip(shape, zip(start, count)).allSatisfy { $1.0 >= 0 && $1.1 >= 0 && $1.0 <= $0 - $1.1 }
        guard isInside else { throw HDF5Error("\(name) is \(shape), which has no block of \(count) at \(start)") }
        precondition(count.reduce(1, *) == held, "\(name): a buffer of \(held) elements for a block of \(count)")
    }

    private func space() throws(HDF5Error) -> Handle {
        Handle(try checked("\(name): no extents") { H5Dget_space(handle.id) }) { H5Sclose($0) }
    }

    private func selection(_ start: [Int], _ count: [Int]) throws(HDF5Error) -> (memory: Handle, stored: Handle) {
        let stored = try space()
        if !shape.isEmpty {
            let offsets = start.map(hsize_t.init), counts = count.map(hsize_t.init)
            try checked("\(name): no block of \(count) at \(start)") {
                H5Sselect_hyperslab(stored.id, H5S_SELECT_SET, offsets, nil, counts, nil)
            }
        }
        return (try dataspace(count, name), stored)
    }
}

/// A dataspace of these extents.
func dataspace(_ shape: [Int], _ place: String) throws(HDF5Error) -> Handle {
    let extents = shape.map(hsize_t.init)
    return Handle(try checked("\(place): extents \(shape) are not possible") { H5Screate_simple(Int32(shape.count), extents, nil) }) { H5Sclose($0) }
}

/// The extents of a dataspace, whose product in bytes fits an Int.
private func extents(of space: Handle, _ type: ElementType, _ place: String) throws(HDF5Error) -> [Int] {
    let rank = try checked("\(place): no extents") { H5Sget_simple_extent_ndims(space.id) }
    var extents = [hsize_t](repeating: 0, count: Int(rank))
    try checked("\(place): no extents") { H5Sget_simple_extent_dims(space.id, &extents, nil) }
    var byteCount = UInt64(type.byteCount), overflows = false
    for extent in extents {
        let product = byteCount.multipliedReportingOverflow(by: extent)
        (byteCount, overflows) = (product.partialValue, overflows || product.overflow || extent > UInt64(Int.max))
    }
    guard !overflows, byteCount <= UInt64(Int.max) else { throw HDF5Error("\(place) declares \(extents) elements, more than memory can address") }
    return extents.map { Int($0) }
}

/// The chunk of a data set's layout, which must keep the data in this file and use filters that are known.
private func checkedLayout(_ creation: Handle, _ place: String) throws(HDF5Error) -> [Int]? {
    let layout = entered { H5Pget_layout(creation.id) }
    if layout == H5D_VIRTUAL { throw HDF5Error("\(place) is a virtual data set, which is not read; copy its data into this file") }
    if try checked("\(place): no list of external files", { H5Pget_external_count(creation.id) }) > 0 {
        throw HDF5Error("\(place) has external storage, which is not read; copy its data into this file")
    }
    for number in 0 ..< (try checked("\(place): no list of filters") { H5Pget_nfilters(creation.id) }) {
        var flags: UInt32 = 0, settings: UInt32 = 0, count = 0
        var name = [CChar](repeating: 0, count: 64)
        let filter = try checked("\(place): filter \(number) is not known") {
            H5Pget_filter2(creation.id, UInt32(number), &flags, &count, &settings, name.count, &name, nil)
        }
        guard [H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32].contains(filter) else {
            throw HDF5Error("\(place) is stored through filter \(filter), which is not read; expected deflate, shuffle or Fletcher-32")
        }
    }
    guard layout == H5D_CHUNKED else { return nil }
    var chunk = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
    let rank = try checked("\(place): no extents of a chunk") { H5Pget_chunk(creation.id, Int32(chunk.count), &chunk) }
    return chunk.prefix(Int(rank)).map { Int(clamping: $0) }
}
