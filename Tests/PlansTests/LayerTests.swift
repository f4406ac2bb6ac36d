import Graphs
import Networks
import Testing

/// Layers and functions whose sums meet in more than one way, by a plan and by the reference, against what they mean.
@Suite struct LayerTests {
    /// Each microbatch has the mean 0 and the variance 1 of its own, the last and shorter one too.
    @Test func localBatchNormNormalizesEveryMicrobatch() throws {
        let samples = 5, trace = Trace(minibatch: samples, microbatch: 2, training: true), x = trace.input("x", .batched([3, 2]))
        let layer = BatchNorm(2, epsilon: 0, scale: .constant(1), scope: .local), y = layer(Batched(x))
        var given = [x.index: drawn(x.form, samples: samples, seed: 5)]
        for entry in trace.variables {
            guard case .constant(let value) = entry.variable.initializer else { preconditionFailure("a variable that is drawn") }
            given[entry.given.index] = Values(entry.given.form, samples: samples, Array(repeating: value, count: 2))
        }
        let numbers = evaluate([y.node], given: given, samples: samples)[0].numbers
        for lane in [0 ..< 2, 2 ..< 4, 4 ..< 5] {
            for channel in 0 ..< 2 {
                let values = lane.flatMap { sample in (0 ..< 3).map { numbers[(sample * 3 + $0) * 2 + channel] } }
                #expect(abs(values.reduce(0, +)) < 1e-12 * Double(values.count))
                #expect(abs(values.reduce(0) { $0 + $1 * $1 } / Double(values.count) - 1) < 1e-12)
            }
        }
    }

    /// Parts come back out of a concatenation, which has them in their order.
    @Test func concatenation() throws {
        let trace = Trace(minibatch: 3, training: true), a = trace.input("a", .batched([2, 1])), b = trace.input("b", .batched([2, 2]))
        let whole = concatenated([Batched(a), Batched(b)], axis: 1)
        let given = [a.index: drawn(a.form, samples: 3, seed: 1), b.index: drawn(b.form, samples: 3, seed: 2)]
        let results = [whole.node, whole.sliced(0 ..< 1, axis: 1).node, whole.sliced(1 ..< 3, axis: 1).node]
        for found in [try planned(results, given: given), evaluate(results, given: given, samples: 3).map(\.numbers)] {
            #expect(found[1] == given[a.index]!.numbers && found[2] == given[b.index]!.numbers)
            #expect(found[0].prefix(3).elementsEqual([found[1][0], found[2][0], found[2][1]]))
        }
    }
}
