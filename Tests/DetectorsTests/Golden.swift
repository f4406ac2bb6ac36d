import Foundation

/// What a golden program of `Tests/Goldens` wrote, in Double: its tensors by name, with what the file leaves out because it follows from
/// its gradients: optimizers' moments as `stepK/first/NAME` and `stepK/second/NAME`, in some files parameters between the first step
/// and the last; and moving averages of networks, which follow from these: `initial/averages.NAME`, `stepK/variable/averages.NAME`.
struct Golden {
    typealias Tensor = (shape: [Int], numbers: [Double])

    struct Malformed: Error, CustomStringConvertible { let description: String }

    private(set) var tensors: [String: Tensor] = [:]
    private var metadata: [String: String] = [:]

    /// - Parameters:
    ///   - name: of the file in `Tests/Goldens`, without its extension.
    ///   - leavingOut: of the file's tensors, so that what follows from gradients takes their place.
    init(_ name: String, leavingOut: (String) -> Bool = { _ in false }) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        try self.init(Data(contentsOf: tests.appendingPathComponent("Goldens/\(name).safetensors")))
        tensors = tensors.filter { !leavingOut($0.key) }
        try addMoves()
        try addAverages()
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

    /// What the file leaves out of each stage's steps because it follows from their gradients: what optimizers keep, and where they move
    /// parameters to.
    private mutating func addMoves() throws {
        struct Stages: Decodable { let stages: [Mover]? }
        let stages = try settings(as: Stages.self).stages ?? [settings(as: Mover.self)]
        var number = 0
        for mover in stages {
            var kept: [String: (moments: [String: [Double]], count: Int)] = [:]
            for count in 0 ..< mover.steps {
                let here = "step\(number)", before = number == 0 ? "initial" : "step\(number - 1)/variable"
                for (name, first) in under("\(here)/gradient") {
                    var numbers = self["\(before)/\(name)"].numbers
                    // a parameter that moves twice in a step has `gradient2` too
                    for gradient in [first, tensors["\(here)/gradient2/\(name)"]].compactMap({ $0?.numbers }) {
                        let (moments, count) = kept[name] ?? ([:], 0), (next, change) = mover.step(gradient, moments: moments, count: count + 1)
                        let scale = mover.scales?[name] ?? 1
                        kept[name] = (next, count + 1)
                        numbers = zip(numbers, change).map { $0 - scale * $1 }
                    }
                    for (moment, numbers) in kept[name]!.moments { add("\(here)/\(moment)/\(name)", (first.shape, numbers)) }
                    add("\(here)/variable/\(name)", (first.shape, numbers))
                }
                // what no gradient moves stays
                for name in under("initial").keys { add("\(here)/variable/\(name)", self["\(before)/\(name)"]) }
                for (power, base) in mover.powers { add("\(here)/\(power)", ([], [pow(base, Double(count + 1))])) }
                number += 1
            }
        }
    }

    /// e ← decay·e + (1 − decay)·θ, from θ before the first step; statistics are those of the network.
    private mutating func addAverages() throws {
        struct Averages: Decodable { let averageDecay: Double?, averaged: [String]? }
        let averages = try settings(as: Averages.self)
        guard let decay = averages.averageDecay, let networks = averages.averaged else { return }
        func isAveraged(_ name: String) -> Bool { networks.contains { name.hasPrefix($0 + ".") } }
        var last = under("initial").filter { isAveraged($0.key) }
        for (name, value) in last { add("initial/averages.\(name)", value) }
        for number in (0...).prefix(while: { !under("step\($0)/variable").isEmpty }) {
            for (name, value) in under("step\(number)/variable") where isAveraged(name) {
                let isParameter = tensors["step\(number)/gradient/\(name)"] != nil, before = last[name]!.numbers
                last[name] = (value.shape, isParameter ? zip(before, value.numbers).map { decay * $0 + (1 - decay) * $1 } : value.numbers)
                add("step\(number)/variable/averages.\(name)", last[name]!)
            }
        }
    }

    private mutating func add(_ name: String, _ tensor: Tensor) { if tensors[name] == nil { tensors[name] = tensor } }
}

/// By what a golden program moves parameters in a stage: PyTorch's Adam, ALAE's without a first moment, or RMSProp as in TensorFlow 1.
private struct Mover: Decodable {
    let steps: Int, rate: Double, beta1: Double?, beta2: Double?, decay: Double?, epsilon: Double
    /// By what parameters' changes are multiplied, where it is not 1.
    let scales: [String: Double]?

    var powers: [(String, Double)] { [("power1", beta1), ("power2", beta2)].compactMap { name, base in base.map { (name, $0) } } }

    /// What is kept after a step, the `count`th, and what it takes off the parameter.
    func step(_ gradient: [Double], moments: [String: [Double]], count: Int) -> (moments: [String: [Double]], change: [Double]) {
        func average(_ moment: String, from first: Double, _ share: Double, _ values: [Double]) -> [Double] {
            zip(moments[moment] ?? values.map { _ in first }, values).map { share * $0 + (1 - share) * $1 }
        }
        let squares = gradient.map { $0 * $0 }
        if let decay {
            let second = average("second", from: 1, decay, squares)
            return (["second": second], zip(gradient, second).map { rate * $0 / ($1 + epsilon).squareRoot() })
        }
        let beta2 = beta2!
        guard let beta1 else {
            let second = average("second", from: 0, beta2, squares), bias = 1 - pow(beta2, Double(count))
            return (["second": second], zip(gradient, second).map { rate * $0 / (($1 / bias).squareRoot() + epsilon) })
        }
        let first = average("first", from: 0, beta1, gradient), second = average("second", from: 0, beta2, squares)
        let (bias1, bias2) = (1 - pow(beta1, Double(count)), 1 - pow(beta2, Double(count)))
        return (["first": first, "second": second], zip(first, second).map { rate * $0 / bias1 / (($1 / bias2).squareRoot() + epsilon) })
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
