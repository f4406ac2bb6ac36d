import CCrypto
import Foundation

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
public final class SHA256 {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("SHA-256: no memory for a context") }
        precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "SHA-256: libcrypto does not offer it")
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256: update failed")
    }

    public func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The 32 bytes of the digest; nothing may be added afterwards.
    public func digest() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "SHA-256: no digest")
        return digest
    }

    /// The digest of a whole file, read in pieces of 1 MiB, in hexadecimal; and the file's length.
    public static func ofFile(_ url: URL) throws(DatasetError) -> (digest: String, byteCount: Int) {
        guard let file = fopen(url.path, "rb") else {
            throw DatasetError(.missingInput, "\(url.lastPathComponent) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        let hash = SHA256()
        var piece = [UInt8](repeating: 0, count: 1 << 20), byteCount = 0
        while true {
            let count = fread(&piece, 1, piece.count, file)
            piece.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
            byteCount += count
            if count < piece.count { break }
        }
        guard ferror(file) == 0 else {
            throw DatasetError(
                .inputOutput,
                "\(url.lastPathComponent) cannot be read after byte \(byteCount): \(String(cString: strerror(errno))); restore it from a copy")
        }
        return (hexadecimal(hash.digest()), byteCount)
    }
}

/// Two lower-case digits a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
