import CHDF5
import Foundation

/// An open file of HDF5's latest format (that of version 1.10, whose metadata is checksummed) or, for reading, of any.
///
/// A new file is built in memory and written by `close`: a full disk is then an error of one plain write, where the library
/// would crash when it closes a file that it could not write (measured with 1.10.8). Files that are read are locked by the
/// library, shared.
public final class File: Sendable {
    /// How errors call the file: its last path component.
    public let name: String
    let handle: Handle

    /// Where a new file is built, and where it goes: an empty file of its name.
    private let draft: (image: FileImage, output: FileHandle)?

    private init(_ name: String, _ handle: Handle, draft: (FileImage, FileHandle)? = nil) {
        (self.name, self.handle, self.draft) = (name, handle, draft)
    }

    /// A new file; one that exists is an error. Its size is bounded by memory.
    public static func create(_ path: String) throws(HDF5Error) -> File {
        let name = URL(fileURLWithPath: path).lastPathComponent
        let access = try accessList(name), creation = try list(ch5_file_create(), name)
        try checked("\(name): cannot fix the file format") { H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110) }
        // equal contents give equal bytes
        try checked("\(name): cannot leave out times") { H5Pset_obj_track_times(creation.id, false) }
        let output = try opened(name) { Foundation.open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666) }
        let image = FileImage()
        try checked("\(name): cannot be built in memory") { H5Pset_fapl_core(access.id, 1 << 20, false) }
        var callbacks = image.callbacks
        try checked("\(name): cannot be built in memory") { H5Pset_file_image_callbacks(access.id, &callbacks) }
        let id = try checked("\(name) cannot be created") { H5Fcreate(path, ch5_truncate(), creation.id, access.id) }
        return File(name, Handle(id) { [image] id in withExtendedLifetime(image) { H5Fclose(id) } }, draft: (image, output))
    }

    private static func opened(_ name: String, _ open: () -> Int32) throws(HDF5Error) -> FileHandle {
        let descriptor = open()
        guard descriptor >= 0 else { throw HDF5Error("\(name) cannot be created: \(String(cString: strerror(errno)))") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Opens a file for reading. Anything but a regular file (a pipe, a device) is refused.
    public static func open(_ path: String) throws(HDF5Error) -> File {
        let name = URL(fileURLWithPath: path).lastPathComponent
        var status = stat()
        guard stat(path, &status) == 0 else { throw HDF5Error("\(name) cannot be opened: \(String(cString: strerror(errno)))") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw HDF5Error("\(name) cannot be opened: it is not a regular file") }
        let access = try accessList(name)
        let id = try checked("\(name) cannot be opened") { H5Fopen(path, ch5_read_only(), access.id) }
        return File(name, Handle(id) { H5Fclose($0) })
    }

    /// Closes the file with all its data sets, which must not be used afterwards; a new file is written, and is on disk when
    /// this returns. One that was read may simply be let go.
    public func close() throws(HDF5Error) {
        try handle.closeNow("\(name) cannot be closed")
        guard let draft else { return }
        guard let image = draft.image.bytes else { throw HDF5Error("\(name) cannot be written: the library left no whole image of it") }
        try write(image, to: draft.output.fileDescriptor)
    }

    private func write(_ image: UnsafeRawBufferPointer, to descriptor: Int32) throws(HDF5Error) {
        var written = 0
        while written < image.count {
            let count = Foundation.write(descriptor, image.baseAddress! + written, image.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw HDF5Error("\(name) cannot be written after \(written) of \(image.count) bytes: \(String(cString: strerror(errno)))")
            }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw HDF5Error("\(name) cannot be brought to disk: \(String(cString: strerror(errno)))") }
    }

    /// The names in the root group, in order of name.
    public func names() throws(HDF5Error) -> [String] {
        var information = H5G_info_t()
        try checked("\(name) cannot be listed") { H5Gget_info(handle.id, &information) }
        var names: [String] = []
        for place in 0 ..< information.nlinks {
            let what = "\(name): name \(place) cannot be read"
            func text(into buffer: UnsafeMutablePointer<CChar>?, _ size: Int) throws(HDF5Error) -> Int {
                try checked(what) { H5Lget_name_by_idx(handle.id, ".", H5_INDEX_NAME, H5_ITER_INC, place, buffer, size, ch5_default()) }
            }
            var bytes = [CChar](repeating: 0, count: try text(into: nil, 0) + 1)
            _ = try text(into: &bytes, bytes.count)
            names.append(String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        return names
    }

    /// Whether the root group has this name.
    public func has(_ link: String) throws(HDF5Error) -> Bool {
        try checked("\(name): \(link) cannot be looked up") { H5Lexists(handle.id, link, ch5_default()) } > 0
    }

    /// Refuses a path with an external link on it, by name. Soft links stay within the file; where one leads through an
    /// external link the library itself fails, as external links are off.
    func refuseForeignLinks(to path: String) throws(HDF5Error) {
        var reached = ""
        for component in path.split(separator: "/") {
            reached += "/" + component
            guard try checked("\(name): \(reached) cannot be looked up", { H5Lexists(handle.id, reached, ch5_default()) }) > 0 else {
                throw HDF5Error("\(name) has no \(reached)")
            }
            var information = H5L_info_t()
            try checked("\(name): link \(reached) cannot be read") { H5Lget_info(handle.id, reached, &information, ch5_default()) }
            if information.type != H5L_TYPE_HARD && information.type != H5L_TYPE_SOFT {
                throw HDF5Error("\(name): \(reached) is an external link, which is not followed; copy its data into this file")
            }
        }
    }

    private static func accessList(_ name: String) throws(HDF5Error) -> Handle {
        let access = try list(ch5_file_access(), name)
        try checked("\(name): cannot tie data sets to their file") { H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG) }
        return access
    }
}

/// A new property list of a class.
func list(_ kind: hid_t, _ place: String) throws(HDF5Error) -> Handle {
    Handle(try checked("\(place): out of property lists") { H5Pcreate(kind) }) { H5Pclose($0) }
}
