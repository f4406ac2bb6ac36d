import Foundation

/// A file that keeps what a job has done before it had to stop: numbers by name, of one subject, with a digest.
struct KeptFile {
    let url: URL
    /// What the numbers belong to: a file of another subject counts as none.
    let subject: [String: String]

    init(_ url: URL, of subject: [String: String]) { (self.url, self.subject) = (url, subject.merging(["version": Vigil.version]) { $1 }) }

    /// What is kept; nil where there is nothing, or something else. Where it is damaged, that is said, with what happens then.
    func read(damaged consequence: String) -> [String: [Double]]? {
        guard let bytes = try? Data(contentsOf: url) else { return nil }
        do {
            guard sha256(bytes.dropFirst(64)) == String(decoding: bytes.prefix(64), as: UTF8.self) else {
                throw Failure(.badData, "\(url.path) is damaged")
            }
            let tensors = try Safetensors(Data(bytes.dropFirst(64)), name: url.path)
            return tensors.metadata == subject ? Self.numbers(in: tensors) : nil
        } catch {
            tell("vigil: \(error); \(consequence)")
            return nil
        }
    }

    /// Writes it, beside its place and renamed. Where it cannot be written, that is said.
    func write(_ numbers: [String: [Double]], what: String) {
        do {
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            let bytes = try Self.encoded(numbers, subject)
            try (Data(sha256(bytes).utf8) + bytes).write(to: url, options: .atomic)
        } catch {
            tell("vigil: \(what) are not kept: \(url.path) cannot be written: \(reason(of: error))")
        }
    }

    func remove() { try? FileManager.default.removeItem(at: url) }

    // MARK: From rank to rank

    static func encoded(_ numbers: [String: [Double]], _ metadata: [String: String] = [:]) throws -> Data {
        let tensors = numbers.mapValues { values in
            Safetensors.Tensor(type: "F64", shape: [values.count], bytes: values.withUnsafeBytes { Data($0) })
        }
        return try Safetensors(metadata: metadata, tensors: tensors).encoded()
    }

    static func decoded(_ bytes: Data, name: String) throws -> [String: [Double]] { numbers(in: try Safetensors(bytes, name: name)) }

    private static func numbers(in file: Safetensors) -> [String: [Double]] {
        file.tensors.mapValues { tensor in
            tensor.bytes.withUnsafeBytes { bytes in
                (0 ..< bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
            }
        }
    }
}
