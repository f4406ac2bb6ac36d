import Detectors
import Graphs
import Networks
import Plans
import Randomness
import Testing

/// The values of variables between runs, networks' and optimizers' alike.
typealias Memory = [ObjectIdentifier: [Double]]

/// What a run leaves.
struct Outcome: Equatable {
    var results: [[Double]]
    var variables: Memory
}

/// Numbers for an input; of one inside a loop, those of each round.
struct Given {
    let node: Node, rounds: [[Double]]
    init(_ node: Node, _ numbers: [Double]) { self.init(node, rounds: [numbers]) }
    init(_ node: Node, rounds: [[Double]]) { (self.node, self.rounds) = (node, rounds) }
}

/// Numbers in the order in which a step asks for them: inputs side by side in a loop come in turn, round by round.
func inTime(_ inputs: [(node: Node, rounds: Int)], _ numbers: [[Double]]) -> [Given] {
    var rest = numbers[...], given: [Given] = [], place = 0
    while place < inputs.count {
        let rounds = inputs[place].rounds, together = rounds == 1 ? inputs[place ... place] : inputs[place...].prefix { $0.rounds == rounds }
        var values = together.map { _ in [[Double]]() }
        for _ in 0 ..< rounds { for number in values.indices { values[number].append(rest.removeFirst()) } }
        given += zip(together, values).map { Given($0.node, rounds: $1) }
        place += together.count
    }
    return given
}

extension Fit {
    /// The values of variables after a pass over one block, in Double.
    func concluded(with inputs: [Given], from memory: Memory) throws -> Memory {
        let found = try ReferenceExecution(trace, results: totals + maxima).run(inputs, from: memory).results
        let findings = Findings(totals: Array(found.prefix(totals.count)), maxima: Array(found.dropFirst(totals.count)), samples: trace.minibatch)
        return memory.merging(try conclusion(findings).map { (ObjectIdentifier($0), $1) }) { $1 }
    }
}

/// A trace that is run again and again, with results that are read after each run.
protocol Execution {
    init(_ trace: Trace, results: [Node], on resources: Plan.Resources) throws
    func run(_ inputs: [Given], from memory: Memory) throws -> Outcome
}

/// In Double, each node by its operation's plain code.
struct ReferenceExecution: Execution {
    let trace: Trace, results: [Node]

    init(_ trace: Trace, results: [Node], on resources: Plan.Resources = .init()) throws {
        if let error = trace.error { throw error }
        (self.trace, self.results) = (trace, results)
    }

    func run(_ inputs: [Given], from memory: Memory) -> Outcome {
        let variables = trace.variables
        var given: [Int: Values] = [:], inLoops: [Int: [Values]] = [:]
        for input in inputs + variables.map({ Given($0.given, memory[of: $0.variable]) }) {
            let values = input.rounds.map { Values(input.node.form, samples: trace.minibatch, $0) }
            if trace.entries[input.node.index].scope == 0 { given[input.node.index] = values[0] } else { inLoops[input.node.index] = values }
        }
        let found = evaluate(results + variables.map(\.current), given: given, inLoops: inLoops, samples: trace.minibatch).map(\.numbers)
        let moved = zip(variables, found.dropFirst(results.count)).map { (ObjectIdentifier($0.variable), $1) }
        return Outcome(results: Array(found.prefix(results.count)), variables: memory.merging(moved) { $1 })
    }
}

/// In Float, as runs of Vigil compute.
struct PlannedExecution: Execution {
    let trace: Trace, results: [Node]
    let plan: Plan
    private let state = ModelState()

    init(_ trace: Trace, results: [Node], on resources: Plan.Resources = .init()) throws {
        (self.trace, self.results) = (trace, results)
        plan = try Plan(trace, results: results, state: state, on: resources)
    }

    func run(_ inputs: [Given], from memory: Memory) throws -> Outcome {
        for (variable, _, _) in trace.variables { state[variable] = memory[of: variable] }
        func fill(scope: Int, round: Int) {
            for given in inputs where trace.entries[given.node.index].scope == scope {
                guard let input = plan.input(given.node) else { continue }
                #expect(input.count == given.rounds[round].count)
                for (place, number) in zip(input.indices, given.rounds[round]) { input[place] = Float(number) }
            }
        }
        fill(scope: 0, round: 0)
        try plan.run(before: fill)
        let moved = trace.variables.map { (ObjectIdentifier($0.variable), state[$0.variable]) }
        let found = results.map { $0.form == .replicated([]) ? [plan.scalar($0)] : plan.floats($0).map(Double.init) }
        return Outcome(results: found, variables: memory.merging(moved) { $1 })
    }
}

extension Memory {
    /// Draws that depend on names alone, generic enough that no number stays at its neutral value.
    init(drawnFor detector: any Detector) {
        self.init()
        for (number, (_, variable)) in detector.variables.enumerated() {
            let draws = uniform(variable.shape.count, seed: UInt64(1000 + number))
            self[ObjectIdentifier(variable)] = draws.map {
                if case .constant(let value) = variable.initializer { value + 0.2 * $0 } else { 0.6 * $0 - 0.3 }
            }
        }
    }

    /// What is not set begins as its initializer says, as optimizers' state does.
    subscript(of variable: Variable) -> [Double] {
        if let numbers = self[ObjectIdentifier(variable)] { return numbers }
        guard case .constant(let value) = variable.initializer else { preconditionFailure("a variable of \(variable.shape) without a value") }
        return Array(repeating: value, count: variable.shape.count)
    }
}

/// Draws on [0, 1) that Float holds exactly.
func uniform(_ count: Int, seed: UInt64) -> [Double] {
    let philox = Philox(seed: seed)
    return (0 ..< count).map { Double(Float(philox.uniform(UInt64($0)))) }
}

/// Draws on [-1, 1) for every input of a step.
func draws(for step: TrainingStep) -> [Given] {
    let inputs = step.minibatches.map { ($0.node, $0.rounds) } + step.noises.map { ($0.node, $0.rounds) }
    let places = 0 ..< step.trace.minibatch
    let labels = step.minibatches.compactMap(\.labels).map { Given($0, places.map { [0, 2, 1][$0 % 3] }) }
    let classes = labels + step.minibatches.compactMap(\.supervision).map { Given($0, places.map { [1, -1, 0][$0 % 3] }) }
    return classes
        + inputs.enumerated().map { number, input in
            let count = input.0.form.shape.count * step.trace.minibatch
            return Given(input.0, rounds: (0 ..< input.1).map { uniform(count, seed: UInt64(100 * number + $0)).map { 2 * $0 - 1 } })
        }
}

/// Every thread count with every instruction set of this processor.
func forEachResource(threads: [Int], _ body: (Plan.Resources) throws -> Void) rethrows {
    for count in threads {
        let team = ThreadTeam(count: count)
        defer { team.end() }
        for isa in InstructionSet.available { try body(.init(team: team, isa: isa)) }
    }
}

/// Every number within a share of the largest, or of a floor for what is 0 but for rounding.
func expectClose(_ found: [Double], _ expected: [Double], within tolerance: Double, floor: Double = 0, _ what: String) {
    let largest = expected.reduce(floor) { max($0, abs($1)) }
    let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(found.count == expected.count && worst <= tolerance * largest, "\(what): \(worst) of \(largest)")
}
