import Graphs
import Ranks
import Testing

@testable import Plans

/// A run that looks for the first value that is not finite.
@Suite struct CheckingTests {
    private let weight = Variable([3], .constant(1)), state = ModelState()

    /// A step over 4 samples of 3 elements: `body` makes the loss, by which the weight moves.
    private func stray(_ samples: [Float], weight values: [Double] = [1, 1, 1], _ body: (Batched, Replicated) -> Batched) throws -> Stray? {
        let trace = Trace(minibatch: 4, microbatch: 2, training: true)
        let x = Batched(trace.input("x", .batched([3]))), w = trace.read(weight)
        let loss = average(sum(body(x, w))), slope = gradients(of: loss.node, by: [w.node])[0]
        trace.write(weight, w - 0.1 * Replicated(slope))
        state[weight] = values
        let plan = try Plan(trace, results: [loss.node], state: state)
        _ = plan.input(x.node)!.update(fromContentsOf: samples)
        return try plan.runChecking(naming: [
            (x.node, "the minibatch"), (w.node, "w"), (loss.node, "loss"), (slope, "the gradient by w"),
            (trace.variables[0].current, "the new value of w"),
        ])
    }
    private let sound: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

    @Test func nothing() throws { #expect(try stray(sound) { x, w in square(x * w) } == nil) }

    /// The values are those of a run that does not look.
    @Test func theSameBits() throws {
        _ = try stray(sound) { x, w in exp(0.1 * (x * w)) }
        let checked = state[weight]
        let trace = Trace(minibatch: 4, microbatch: 2, training: true)
        let x = Batched(trace.input("x", .batched([3]))), w = trace.read(weight)
        let loss = average(sum(exp(0.1 * (x * w))))
        trace.write(weight, w - 0.1 * Replicated(gradients(of: loss.node, by: [w.node])[0]))
        state[weight] = [1, 1, 1]
        let plan = try Plan(trace, results: [loss.node], state: state)
        _ = plan.input(x.node)!.update(fromContentsOf: sound)
        try plan.run()
        #expect(state[weight] == checked)
    }

    @Test func inTheData() throws {
        var samples = sound
        samples[7] = .nan
        #expect(try stray(samples) { x, w in square(x * w) } == Stray(place: 0, what: "the minibatch", value: "nan", sample: 2))
        samples[7] = -.infinity
        #expect(try stray(samples) { x, w in square(x * w) }?.value == "-inf")
    }

    @Test func inAVariable() throws {
        let found = try stray(sound, weight: [1, .infinity, 1]) { x, w in square(x * w) }
        #expect(found == Stray(place: 0, what: "w", value: "inf", sample: nil))
    }

    /// What overflows on the way to the loss is named by its operations and the variable before it.
    @Test func onTheWay() throws {
        var samples = sound
        samples[4] = 1e30
        let found = try #require(try stray(samples) { x, w in square(x * w) })
        #expect(found.value == "inf" && found.sample == 1 && found.place > 0)
        #expect(found.what.hasPrefix("a value of ") && found.what.contains("multiply") && found.what.contains("computed from "), "\(found.what)")
    }

    /// In a loop it is found when it comes up, though what goes round is finite at the beginning.
    @Test func inALoop() throws {
        let trace = Trace(minibatch: 4, microbatch: 2, training: true, names: [ObjectIdentifier(weight): "w"])
        let x = Batched(trace.input("x", .batched([3])))
        let last = trace.loop(4, carrying: [x.node]) { given in ([(square(Batched(given[0])) * trace.read(weight)).node], []) }.last[0]
        state[weight] = [1, 1, 1]
        let plan = try Plan(trace, results: [last], state: state)
        _ = plan.input(x.node)!.update(fromContentsOf: sound.map { $0 == 12 ? 1e8 : $0 })
        // 1e8, 1e16, 1e32, then beyond Float
        var rounds = 0
        let found = try #require(try plan.runChecking(naming: [(x.node, "the minibatch")]) { _, _ in rounds += 1 })
        #expect(found.value == "inf" && found.sample == nil && found.what.contains("multiply") && found.place > 3 && rounds == 4, "\(found)")
        _ = plan.input(x.node)!.update(fromContentsOf: sound.map { $0 / 12 })
        #expect(try plan.runChecking(naming: []) == nil)
    }

    /// A quotient by a small number whose slope overflows: the loss is finite, the gradient not.
    @Test func inAGradientAlone() throws {
        let found = try #require(try stray(sound, weight: [1e-25, 1, 1]) { x, w in x / w })
        #expect(["inf", "-inf"].contains(found.value) && found.what != "loss", "\(found)")
        #expect(state[weight].contains { !$0.isFinite })
    }
}
