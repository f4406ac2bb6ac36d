import CCrypto
import Foundation

/// A file of named tensors (the safetensors format): eight bytes of header length, a JSON header, the numbers. The bytes depend on
/// the contents alone.
struct Safetensors {
    struct Tensor {
        /// "F32" or "F64".
        let type: String
        let shape: [Int]
        let bytes: Data
    }
    let metadata: [String: String]
    let tensors: [String: Tensor]

    /// The file's bytes, tensors in the order of their names.
    func encoded() throws -> Data {
        var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata], start = 0
        let names = tensors.keys.sorted()
        for name in names {
            let tensor = tensors[name]!
            header[name] = ["dtype": tensor.type, "shape": tensor.shape, "data_offsets": [start, start + tensor.bytes.count]]
            start += tensor.bytes.count
        }
        var text = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
        // numbers begin at a multiple of eight
        text.append(contentsOf: Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
        file.append(text)
        for name in names { file.append(tensors[name]!.bytes) }
        return file
    }

    init(metadata: [String: String], tensors: [String: Tensor]) { (self.metadata, self.tensors) = (metadata, tensors) }

    /// - Throws: `Failure`, where the bytes are not such a file; `name` is the file's, for the message.
    init(_ file: Data, name: String) throws {
        func flaw(_ what: String) -> Failure { Failure(.badData, "\(name): \(what); the file is damaged or no safetensors file") }
        guard file.count >= 8 else { throw flaw("it has \(file.count) bytes") }
        let length = file.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(file.count - 8), length < 1 << 28 else { throw flaw("its header should have \(length) bytes of \(file.count)") }
        let body = file.dropFirst(8 + Int(length))
        guard let header = try? JSONSerialization.jsonObject(with: file.dropFirst(8).prefix(Int(length))) as? [String: Any] else {
            throw flaw("its header is no JSON")
        }
        var tensors: [String: Tensor] = [:]
        for (name, value) in header where name != "__metadata__" {
            guard let entry = value as? [String: Any], let type = entry["dtype"] as? String, let shape = entry["shape"] as? [Int],
                let offsets = entry["data_offsets"] as? [Int], offsets.count == 2, let size = ["F32": 4, "F64": 8][type]
            else { throw flaw("\(name) is not described") }
            let (count, overflow) = shape.reduce((size, false)) { total, extent in
                let (product, overflow) = total.0.multipliedReportingOverflow(by: extent)
                return (product, total.1 || overflow || extent < 0)
            }
            guard !overflow, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= body.count, offsets[1] - offsets[0] == count else {
                throw flaw("\(name) of \(shape) lies at \(offsets[0])..<\(offsets[1]) of \(body.count) bytes")
            }
            tensors[name] = Tensor(type: type, shape: shape, bytes: body.dropFirst(offsets[0]).prefix(count))
        }
        (metadata, self.tensors) = (header["__metadata__"] as? [String: String] ?? [:], tensors)
    }
}

/// The SHA-256 of bytes, in hexadecimal.
public func sha256(_ data: Data) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let isDone = data.withUnsafeBytes { EVP_Digest($0.baseAddress, data.count, &digest, nil, EVP_sha256(), nil) }
    precondition(isDone == 1, "libcrypto has no SHA-256")
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
