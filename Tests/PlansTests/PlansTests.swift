import Graphs
@testable import Plans
import Randomness
import Testing

/// Draws that depend on nothing but their place.
func drawn(_ form: Form, samples: Int, seed: UInt64, in range: ClosedRange<Double> = -1.5 ... 1.5) -> Values {
    let philox = Philox(seed: seed), count = form.shape.count * (form.extent == .batched ? samples : 1)
    return Values(
        form, samples: samples,
        (0 ..< count).map { place in
            // as Float holds them, so that plan and reference start from the same numbers
            Double(Float(range.lowerBound + philox.uniform(UInt64(place)) * (range.upperBound - range.lowerBound)))
        })
}

/// Runs a trace by a plan, with all of a minibatch on one rank.
func planned(
    _ results: [Node], given: [Int: Values], threads: Int = 1, isa: InstructionSet = .best, convolutions: ConvolutionChoice = .byRule
) throws -> [[Double]] {
    let team = ThreadTeam(count: threads)
    defer { team.end() }
    let trace = results[0].trace
    let plan = try Plan(trace, results: results, state: ModelState(), on: .init(team: team, isa: isa), convolutions: convolutions)
    for (index, values) in given {
        guard let input = plan.input(Node(trace: trace, index: index)) else { continue }
        for (place, number) in values.numbers.enumerated() { input[place] = Float(number) }
    }
    try plan.run()
    return results.map { $0.form == .replicated([]) ? [plan.scalar($0)] : plan.floats($0).map(Double.init) }
}

@Suite struct PlanOfOperations {
    static let cases = operations.flatMap { $0.cases }

    /// Value, first and second derivatives of every case of every operation by a plan, against the reference in Double; with
    /// lanes of which the last is short.
    @Test(arguments: cases.indices) func agreesWithTheReference(_ number: Int) throws {
        let test = Self.cases[number], samples = 5
        let trace = Trace(minibatch: samples, microbatch: 2, training: true)
        let inputs = test.inputs.enumerated().map { trace.input("x\($0)", $1) }
        let weights = try trace.input("weights", test.operation.form(of: test.inputs))
        func scalar(_ node: Node) -> Node { node.gathered(to: .init(shape: [], extent: node.form.extent)).gathered(to: .replicated([])) }
        let y = trace.node(test.operation, inputs)
        let loss = scalar(weights * y * y * y)
        let first = gradients(of: loss, by: inputs)
        let second = gradients(of: first.map { scalar($0 * $0) }.reduce(trace.constant(0), +), by: inputs)

        var given = [weights.index: drawn(weights.form, samples: samples, seed: 99, in: 0.5 ... 1)]
        for (seed, input) in inputs.enumerated() { given[input.index] = drawn(input.form, samples: samples, seed: UInt64(seed + 1), in: test.range) }
        // replicated scalars cannot be inputs of a plan: they come from variables
        guard !test.inputs.contains(.replicated([])), weights.form != .replicated([]) else { return }

        let results = [y, loss] + first + second
        let exact = evaluate(results, given: given, samples: samples)
        for isa in InstructionSet.available {
            for (result, (found, expected)) in zip(results, zip(try planned(results, given: given, isa: isa), exact)) {
                let largest = expected.numbers.reduce(1e-3) { max($0, abs($1)) }
                #expect(found.count == expected.numbers.count)
                for (a, b) in zip(found, expected.numbers) {
                    #expect(abs(a - b) < 2e-5 * largest, "\(test.operation) on \(isa.name), node \(result.index)")
                }
            }
        }
    }
}
