import CKernels
import Foundation
import Testing

/// Every operation on one element: against Double within a bound in units in the last place, against the other tables to
/// the bit, and at the edges of its domain.
@Suite struct FunctionTests {
    struct Unary: CustomStringConvertible, Sendable {
        let description: String, operation: vk_operation
        /// The largest error, in units in the last place of the exact result's binade; 0.5 is a correct rounding.
        let bound: Double
        let exact: @Sendable (Double) -> Double
    }

    static let unary: [Unary] = [
        Unary(description: "negative", operation: VK_NEGATIVE, bound: 0) { -$0 },
        Unary(description: "reciprocal", operation: VK_RECIPROCAL, bound: 0.5) { 1 / $0 },
        Unary(description: "exp", operation: VK_EXP, bound: 1) { exp($0) },
        Unary(description: "log", operation: VK_LOG, bound: 1.5) { log($0) },
        Unary(description: "tanh", operation: VK_TANH, bound: 2) { tanh($0) },
        Unary(description: "softplus", operation: VK_SOFTPLUS, bound: 3) { max($0, 0) + log1p(exp(-abs($0))) },
        Unary(description: "logistic", operation: VK_LOGISTIC, bound: 2.5) { 1 / (1 + exp(-$0)) },
        Unary(description: "square root", operation: VK_SQUARE_ROOT, bound: 0.5) { $0.squareRoot() },
        Unary(description: "absolute", operation: VK_ABSOLUTE, bound: 0) { abs($0) },
        Unary(description: "sign", operation: VK_SIGN, bound: 0) { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 * 0 },
        Unary(description: "step", operation: VK_STEP, bound: 0) { $0 > 0 ? 1 : $0 <= 0 ? 0 : $0 },
        Unary(description: "copy", operation: VK_COPY, bound: 0) { $0 },
    ]

    /// Both signs of: zero, the ends of the normal and denormal ranges, infinity, where exp overflows and underflows, where
    /// tanh changes its formula, and a walk over all exponents; and a dense sweep of the range that networks live in.
    static let values: [Float] = {
        var random = SplitMix(state: 1)
        var sizes: [Float] = [0, .leastNonzeroMagnitude, .leastNormalMagnitude, .leastNormalMagnitude.nextDown, .greatestFiniteMagnitude, .infinity]
        let edges: [Float] = [0.625, 1, Float(2).squareRoot(), Float(0.5).squareRoot(), 87.33655, 88.72283, 88.722839, 88.8, 103.9, 104, 150]
        for edge in edges {
            sizes += [edge.nextDown, edge, edge.nextUp]
        }
        for exponent in -149 ... 127 {
            for _ in 0 ..< 20 { sizes.append(Float(sign: .plus, exponent: exponent, significand: 1) * .random(in: 1 ..< 2, using: &random)) }
        }
        sizes += stride(from: 0, through: 20, by: 0.001)
        sizes += stride(from: 0.9, through: 1.1, by: 0.00001)
        return sizes + sizes.map { -$0 } + [.nan]
    }()

    static func results(_ operation: vk_operation, by table: Table, _ a: [Float], _ b: [Float]? = nil) -> [Float] {
        let program = Program(
            slots: [.load(a), .load(b ?? a), .store], code: [(operation, 0, b == nil ? -1 : 1, 2)], count: a.count)
        return program.run(by: table, samples: [0 ..< 1])[2]!
    }

    @Test(arguments: unary) func againstDouble(function: Unary) {
        let results = Self.results(function.operation, by: Table.ways.last!, Self.values)
        var worst = (error: 0.0, at: Float(0))
        for (x, y) in zip(Self.values, results) {
            let exact = function.exact(Double(x))
            if exact.isNaN || y.isNaN {
                #expect(exact.isNaN && y.isNaN, "\(function) of \(x) is \(y)")
            } else if abs(exact) > Double(Float.greatestFiniteMagnitude) || y.isInfinite {
                #expect(y == Float(exact), "\(function) of \(x) is \(y)")
            } else if abs(exact) < Double(Float.leastNormalMagnitude) && function.bound > 0.5 {
                // Below the normal range a result keeps no relative precision and may be flushed.
                #expect(abs(Double(y) - exact) <= Double(Float.leastNormalMagnitude), "\(function) of \(x) is \(y)")
            } else {
                let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
                if error > worst.error { worst = (error, x) }
            }
        }
        #expect(worst.error <= function.bound, "\(function): off by \(worst.error) units at \(worst.at)")
    }

    @Test(arguments: unary) func equalInAllTables(function: Unary) {
        let results = Table.ways.map { Self.results(function.operation, by: $0, Self.values).bits }
        for other in results.dropFirst() { #expect(other == results[0]) }
    }

    @Test func limits() {
        for table in Table.ways {
            #expect(Self.results(VK_EXP, by: table, [-.infinity, 0, .infinity, 88.8, -104]) == [0, 1, .infinity, .infinity, 0])
            #expect(Self.results(VK_LOG, by: table, [0, -0.0, 1, .infinity]) == [-.infinity, -.infinity, 0, .infinity])
            #expect(Self.results(VK_LOG, by: table, [-1, -.infinity, -.leastNonzeroMagnitude]).allSatisfy { $0.isNaN })
            #expect(Self.results(VK_TANH, by: table, [-.infinity, -30, -0.0, 1e-30, 30, .infinity]) == [-1, -1, 0, 1e-30, 1, 1])
            #expect(Self.results(VK_SOFTPLUS, by: table, [-.infinity, -200, 200, .infinity]) == [0, 0, 200, .infinity])
            #expect(Self.results(VK_LOGISTIC, by: table, [-.infinity, -200, 0, 200, .infinity]) == [0, 0, 0.5, 1, 1])
        }
    }

    @Test(arguments: Table.ways) func binary(table: Table) {
        var random = SplitMix(state: 2)
        let edges: [Float] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 3e38, -3e38]
        var a = random.floats(500), b = random.floats(500)
        for x in edges { for y in edges { (a, b) = (a + [x], b + [y]) } }
        let operations: [(vk_operation, (Float, Float) -> Float)] = [
            (VK_ADD, +), (VK_SUBTRACT, -), (VK_MULTIPLY, *), (VK_DIVIDE, /),
            (VK_MAXIMUM, { $0.isNaN ? $0 : $0 > $1 ? $0 : $1 }),
        ]
        for (operation, plain) in operations {
            #expect(Self.results(operation, by: table, a, b).bits == zip(a, b).map(plain).bits, "operation \(operation.rawValue)")
        }
    }
}
