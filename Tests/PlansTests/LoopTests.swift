import Graphs
import Networks
@testable import Plans
import Testing

/// Loops: what goes round, what is read from outside, what comes out.
@Suite struct LoopTests {
    private let samples = 5

    /// By the plan, in Float, and by the reference.
    private func both(_ results: [Node], given: [Int: Values], inLoops: [Int: [Values]] = [:], progress: Progress = .init()) throws -> [[[Double]]] {
        let trace = results[0].trace
        if let error = trace.error { throw error }
        let plan = try Plan(trace, results: results, state: ModelState())
        func fill(_ node: Int, _ values: Values) {
            guard let input = plan.input(Node(trace: trace, index: node)) else { return }
            for (place, number) in values.numbers.enumerated() { input[place] = Float(number) }
        }
        for (node, values) in given { fill(node, values) }
        try plan.run(progress) { scope, round in
            for (node, rounds) in inLoops where trace.entries[node].scope == scope { fill(node, rounds[round]) }
        }
        let exact = evaluate(results, given: given, inLoops: inLoops, samples: trace.minibatch, progress: progress).map(\.numbers)
        return [results.map { $0.form == .replicated([]) ? [plan.scalar($0)] : plan.floats($0).map(Double.init) }, exact]
    }

    private func expectEqual(_ found: [[Double]], _ expected: [[Double]]) {
        for (found, expected) in zip(found, expected) {
            #expect(
                found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($1)) }, "\(found), \(expected)")
        }
    }

    /// x ← x · y + 1, three times; a loop in a loop; and a value from outside both.
    @Test func whatGoesRound() throws {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true)
        let x = trace.input("x", .batched([2])), y = Batched(trace.input("y", .batched([2])))
        let once = trace.loop(3, carrying: [x]) { given in ([(Batched(given[0]) * y + 1).node], []) }.last[0]
        let twice = trace.loop(2, carrying: [x]) { outer in
            (trace.loop(3, carrying: outer) { inner in ([(Batched(inner[0]) * y + 0.5 * Batched(outer[0])).node], []) }.last, [])
        }.last[0]
        let given = [x.index: drawn(x.form, samples: samples, seed: 1), y.node.index: drawn(y.node.form, samples: samples, seed: 2)]
        let results = try both([once, twice, total(Batched(once)).node], given: given)
        expectEqual(results[0], results[1])
        let (a, b) = (given[x.index]!.numbers, given[y.node.index]!.numbers)
        expectEqual([results[1][0]], [zip(a, b).map { ((($0 * $1) + 1) * $1 + 1) * $1 + 1 }])
    }

    /// Inputs inside are new each round; what is exported is of the last.
    @Test func inputsAndExports() throws {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true)
        var noise: Node?
        let outcome = trace.loop(4, carrying: [trace.constant(0)]) { given in
            noise = trace.input("noise", .batched([3]))
            let sum = total(Graphs.sum(Batched(noise!)))
            return ([(Replicated(given[0]) + sum).node], [sum.node])
        }
        let rounds = (0 ..< 4).map { drawn(.batched([3]), samples: samples, seed: UInt64($0)) }
        let results = try both([outcome.last[0], outcome.exports[0]], given: [:], inLoops: [noise!.index: rounds])
        expectEqual(results[0], results[1])
        expectEqual(results[1], [[rounds.reduce(0) { $0 + $1.numbers.reduce(0, +) }], [rounds[3].numbers.reduce(0, +)]])
    }

    /// Variables go on from round to round, after an update before the loop too, and are read changed after it.
    @Test func variables() throws {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true), w = Variable([2], .constant(1)), fixed = Variable([2], .constant(3))
        let x = Batched(trace.input("x", .batched([2]))), state = ModelState()
        (state[w], state[fixed]) = ([1, 2], [3, 4])
        trace.write(w, trace.read(w) + 1)
        _ = trace.loop(3) { _ in
            trace.write(w, 0.5 * trace.read(w) + trace.read(fixed) + average(x))
            return ([], [])
        }
        let after = trace.read(w)
        trace.write(w, 2 * trace.read(w))
        let plan = try Plan(trace, results: [after.node], state: state)
        let values = drawn(.batched([2]), samples: samples, seed: 7)
        for (place, number) in values.numbers.enumerated() { plan.input(x.node)![place] = Float(number) }
        try plan.run()
        let mean = (0 ..< 2).map { element in (0 ..< samples).reduce(0) { $0 + values.numbers[2 * $1 + element] } / Double(samples) }
        let expected = (0 ..< 2).map { element in
            (0 ..< 3).reduce([2.0, 3][element]) { value, _ in 0.5 * value + [3.0, 4][element] + mean[element] }
        }
        expectEqual([plan.floats(after.node).map(Double.init), state[w], state[fixed]], [expected, expected.map { 2 * $0 }, [3, 4]])
    }

    /// In `repeated` a rate goes by the stage, in a search by its own steps.
    @Test func rates() throws {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true), rate = Rate.dropping(1, at: [2], by: 0.5)
        let byStage = trace.loop(4, carrying: [trace.constant(0)]) { ([(Replicated($0[0]) + trace.value(of: rate)).node], []) }.last[0]
        let x = Batched(trace.input("x", .batched([1])))
        // the slope of z is 1, so each step takes the rate
        let found = trace.search(from: x, steps: 4, with: SGD(rate: rate)) { sum($0) }
        let given = [x.node.index: Values(.batched([1]), samples: samples, Array(repeating: 10, count: samples))]
        for (epoch, expected) in [(0, 4.0), (2, 2.0)] {
            let results = try both([byStage, found.node], given: given, progress: Progress(step: 9, epoch: epoch))
            expectEqual(results[0], [[expected], Array(repeating: 10 - 3, count: samples)])
            expectEqual(results[1], results[0])
        }
        #expect(trace.rates == [rate])
    }

    /// Every sample for itself, within bounds: Adam's moments are the sample's own.
    @Test func searches() throws {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true)
        let x = Batched(trace.input("x", .batched([3]))), target = Batched(trace.input("target", .batched([3])))
        let found = trace.search(from: x, steps: 200, with: Adam(rate: 0.1), within: -1 ... 1) { sum(square($0 - target)) }
        let given = [x.node.index: drawn(x.node.form, samples: samples, seed: 3), target.node.index: drawn(x.node.form, samples: samples, seed: 4)]
        let results = try both([found.node], given: given)
        let wanted = given[target.node.index]!.numbers.map { min(1, max(-1, $0)) }
        #expect(zip(results[0][0], wanted).allSatisfy { abs($0 - $1) < 0.02 } && zip(results[1][0], wanted).allSatisfy { abs($0 - $1) < 0.02 })
    }

    /// No derivative comes through what a loop gives.
    @Test func barriers() {
        let trace = Trace(minibatch: samples, training: true), w = Variable([1], .constant(1))
        let x = Batched(trace.input("x", .batched([1]))) * trace.read(w)
        let found = trace.search(from: x, steps: 2, with: SGD(rate: 1)) { sum(square($0)) }
        trace.expect(total(sum(found)).node, toDependOn: [("w", w)])
        #expect(trace.error == FormError("the loss does not depend on w, or only through `detached`"))
    }
}
