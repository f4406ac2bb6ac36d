import CHDF5
import Foundation

/// The bytes of a file that the library builds in memory, kept when it closes the file. (`H5Fget_file_image` would give those
/// of a file that is still open, whose superblock has a checksum that is not right, as of 1.10.8.)
final class FileImage: @unchecked Sendable {
    /// Set under the library's lock while the file is closed, and only read afterwards.
    private var memory: UnsafeMutableRawPointer?

    deinit { free(memory) }

    /// Hands the library's memory over to this image instead of freeing it; the image must outlive the file.
    var callbacks: H5FD_file_image_callbacks_t {
        H5FD_file_image_callbacks_t(
            image_malloc: { size, _, _ in malloc(size) },
            image_memcpy: { to, from, size, _, _ in memcpy(to!, from!, size) },
            image_realloc: { memory, size, _, _ in realloc(memory, size) },
            image_free: { memory, operation, data in
                if operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE, let data {
                    Unmanaged<FileImage>.fromOpaque(data).takeUnretainedValue().memory = memory
                } else {
                    free(memory)
                }
                return 0
            },
            udata_copy: { $0 }, udata_free: { _ in 0 }, udata: Unmanaged.passUnretained(self).toOpaque())
    }

    /// The file, whole: from its beginning to the end that its superblock states (version 3: a little-endian address of 8 bytes
    /// at byte 28), as the library allocates in larger steps. Nil before the file is closed.
    var bytes: UnsafeRawBufferPointer? {
        guard let memory, memory.load(fromByteOffset: 8, as: UInt8.self) == 3 else { return nil }
        return UnsafeRawBufferPointer(start: memory, count: Int(memory.loadUnaligned(fromByteOffset: 28, as: UInt64.self)))
    }
}
