import CZlib

/// Decompresses a stream of deflate: with zlib's header and checksum, or raw as in zip.
///
/// - Parameter limit: nothing is allocated beyond so many bytes.
/// - Returns: nil where the stream is damaged, ends early or holds more than `limit`.
func inflated(_ bytes: ArraySlice<UInt8>, raw: Bool, limit: Int) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit2_(&stream, raw ? -15 : 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = Array(bytes), output: [UInt8] = [], piece = [UInt8](repeating: 0, count: 1 << 18), place = 0, status = Z_OK
    return input.withUnsafeMutableBufferPointer { input in
        while status == Z_OK {
            if stream.avail_in == 0, place < input.count {
                let count = min(input.count - place, 1 << 30)
                (stream.next_in, stream.avail_in) = (input.baseAddress! + place, UInt32(count))
                place += count
            }
            status = piece.withUnsafeMutableBufferPointer { piece in
                (stream.next_out, stream.avail_out) = (piece.baseAddress!, UInt32(piece.count))
                return inflate(&stream, Z_NO_FLUSH)
            }
            output += piece.prefix(piece.count - Int(stream.avail_out))
            if output.count > limit { return nil }
        }
        return status == Z_STREAM_END ? output : nil
    }
}
