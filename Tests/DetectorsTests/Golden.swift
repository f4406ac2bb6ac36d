import Foundation

/// What a golden program of `Tests/Goldens` wrote, in Double: its tensors by name, with Adam's moments, which the file
/// leaves out because they follow from its gradients, as `stepK/first/NAME` and `stepK/second/NAME`.
struct Golden {
    typealias Tensor = (shape: [Int], numbers: [Double])

    struct Malformed: Error, CustomStringConvertible { let description: String }

    private(set) var tensors: [String: Tensor] = [:]
    private var metadata: [String: String] = [:]

    /// - Parameter name: of the file in `Tests/Goldens`, without its extension.
    init(_ name: String) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        try self.init(Data(contentsOf: tests.appendingPathComponent("Goldens/\(name).safetensors")))
        try addMoments()
    }

    /// - Parameter file: safetensors: the header's length in 8 bytes, little-endian, the header in JSON, then the numbers.
    init(_ file: Data) throws {
        let bytes = [UInt8](file)
        let length = bytes.prefix(8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard bytes.count >= 8, length <= UInt64(bytes.count - 8) else {
            throw Malformed(description: "a header of \(length) bytes in \(bytes.count)")
        }
        let data = bytes[(8 + Int(length))...]
        for (name, item) in try JSONDecoder().decode([String: Item].self, from: Data(bytes[8 ..< data.startIndex])) {
            switch item {
            case .metadata(let entries): metadata = entries
            case .tensor(let entry):
                guard entry.offsets.count == 2, 0 <= entry.offsets[0], entry.offsets[0] <= entry.offsets[1], entry.offsets[1] <= data.count
                else { throw Malformed(description: "\(name) at \(entry.offsets) in \(data.count) bytes") }
                let numbers = entry.numbers(data[(data.startIndex + entry.offsets[0]) ..< (data.startIndex + entry.offsets[1])])
                guard let numbers, numbers.count == entry.shape.reduce(1, *)
                else { throw Malformed(description: "\(name): \(entry.type) \(entry.shape) in \(entry.offsets[1] - entry.offsets[0]) bytes") }
                tensors[name] = (entry.shape, numbers)
            }
        }
    }

    subscript(_ name: String) -> Tensor {
        guard let tensor = tensors[name] else { preconditionFailure("no \(name) in the golden file") }
        return tensor
    }

    /// The tensors under a prefix, as `step0/gradient`, by the rest of their names.
    func under(_ prefix: String) -> [String: Tensor] {
        let found = tensors.filter { $0.key.hasPrefix(prefix + "/") }
        return Dictionary(uniqueKeysWithValues: found.map { (String($0.key.dropFirst(prefix.count + 1)), $0.value) })
    }

    /// What the golden program was set to.
    func settings<Settings: Decodable>(as type: Settings.Type = Settings.self) throws -> Settings {
        try JSONDecoder().decode(Program<Settings>.self, from: Data((metadata["golden"] ?? "").utf8)).settings
    }

    /// m ← β₁m + (1 − β₁)g and v ← β₂v + (1 − β₂)g², from zero.
    private mutating func addMoments() throws {
        struct Betas: Decodable { let beta1: Double?, beta2: Double?, steps: Int }
        let betas = try settings(as: Betas.self)
        guard let beta1 = betas.beta1, let beta2 = betas.beta2 else { return }
        for step in 0 ..< betas.steps {
            for (name, gradient) in under("step\(step)/gradient") {
                let zero = Array(repeating: 0.0, count: gradient.numbers.count)
                let first = tensors["step\(step - 1)/first/\(name)"]?.numbers ?? zero
                let second = tensors["step\(step - 1)/second/\(name)"]?.numbers ?? zero
                tensors["step\(step)/first/\(name)"] = (gradient.shape, zip(first, gradient.numbers).map { beta1 * $0 + (1 - beta1) * $1 })
                tensors["step\(step)/second/\(name)"] = (gradient.shape, zip(second, gradient.numbers).map { beta2 * $0 + (1 - beta2) * $1 * $1 })
            }
        }
    }
}

/// What the metadata say of the golden program.
private struct Program<Settings: Decodable>: Decodable { let settings: Settings }

/// What the header says under one name.
private enum Item: Decodable {
    case tensor(Entry), metadata([String: String])

    init(from decoder: any Decoder) throws {
        if let entry = try? Entry(from: decoder) { self = .tensor(entry) } else { self = .metadata(try [String: String](from: decoder)) }
    }
}

private struct Entry: Decodable {
    let type: String, shape: [Int], offsets: [Int]
    enum CodingKeys: String, CodingKey { case type = "dtype", shape, offsets = "data_offsets" }

    /// Float64, or minibatches in 8-bit floating point of 5 exponent bits, which is the upper half of a Float16.
    func numbers(_ bytes: ArraySlice<UInt8>) -> [Double]? {
        switch type {
        case "F64" where bytes.count.isMultiple(of: 8):
            stride(from: bytes.startIndex, to: bytes.endIndex, by: 8).map { start in
                Double(bitPattern: bytes[start ..< start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
            }
        case "F8_E5M2": bytes.map { Double(Float16(bitPattern: UInt16($0) << 8)) }
        default: nil
        }
    }
}
