import Glibc
import Graphs

/// Replicated scalars, one after another, in Double.
final class ScalarKernel: Kernel {
    private enum Source { case scalar(UnsafeMutablePointer<Double>), vector(Floats, count: Int) }
    private struct Instruction {
        let kind: Kind, a: Source, b: UnsafeMutablePointer<Double>?
        let result: UnsafeMutablePointer<Double>
    }
    private let instructions: [Instruction]
    let tasks = 1, scratch = 0

    init(_ items: [Int], of draft: Draft, scalars: UnsafeMutablePointer<Double>, floats: (Int) -> Floats) {
        instructions = items.map { index in
            let item = draft[index], first = item.inputs[0]
            let a: Source =
                draft[first].isScalar ? .scalar(scalars + first) : .vector(floats(draft.memory(of: first)), count: draft[first].form.shape.count)
            return Instruction(kind: item.kind, a: a, b: item.inputs.count > 1 ? scalars + item.inputs[1] : nil, result: scalars + index)
        }
    }

    func run(_ task: Int, scratch: Floats) {
        for instruction in instructions { instruction.result.pointee = value(instruction) }
    }

    private func value(_ instruction: Instruction) -> Double {
        let a: Double
        switch instruction.a {
        case .scalar(let place): a = place.pointee
        case .vector(let place, let count):
            var sum = 0.0
            for element in 0 ..< count { sum += Double(place[element]) }
            a = sum
        }
        switch instruction.kind {
        case .unary(let kind): return Self.value(kind, a)
        case .binary(let kind): return Binary(kind: kind).value(a, instruction.b!.pointee)
        default: return a
        }
    }

    // swift-format-ignore: a table
    private static func value(_ kind: Unary.Kind, _ x: Double) -> Double {
        switch kind {
        case .negative: -x
        case .reciprocal: 1 / x
        case .exp: exp(x)
        case .log: log(x)
        case .tanh: tanh(x)
        case .softplus: max(x, 0) + log1p(exp(-abs(x)))
        case .logistic: 1 / (1 + exp(-x))
        case .squareRoot: x.squareRoot()
        case .absolute: abs(x)
        case .sign: x > 0 ? 1 : x < 0 ? -1 : x
        case .step: x > 0 ? 1 : x.isNaN ? x : 0
        }
    }
}
