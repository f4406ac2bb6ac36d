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

    /// Every channel of every view of a sample has the mean 0 and the variance 1 of its own.
    @Test func instanceNormNormalizesEveryChannel() throws {
        let trace = Trace(minibatch: 2, training: true), x = trace.input("x", .batched([3, 2, 5, 2])), y = InstanceNorm(epsilon: 0)(Batched(x))
        let given = [x.index: drawn(x.form, samples: 2, seed: 5)], exact = evaluate([y.node], given: given, samples: 2)[0].numbers
        for image in 0 ..< 6 {
            for channel in 0 ..< 2 {
                let values = (0 ..< 10).map { exact[(image * 10 + $0) * 2 + channel] }
                #expect(abs(values.reduce(0, +)) < 1e-11 && abs(values.reduce(0) { $0 + $1 * $1 } / 10 - 1) < 1e-11)
            }
        }
        for (a, b) in zip(try planned([y.node], given: given)[0], exact) { #expect(abs(a - b) < 1e-5) }
        _ = InstanceNorm()(Batched(trace.input("flat", .batched([4]))))
        #expect(trace.error == FormError("instance norm takes images [height, width, channels], not 4"))
    }

    /// A score does not depend on how the mean of a nearly constant channel was rounded.
    @Test func instanceNormOfNearlyConstantChannels() throws {
        let trace = Trace(minibatch: 1, training: false), x = trace.input("x", .batched([4, 4, 8]))
        var values = drawn(x.form, samples: 1, seed: 6)
        values.numbers = values.numbers.map { Double(Float(1 + 1e-3 * $0)) }
        let y = InstanceNorm(epsilon: 0)(Batched(x)), exact = evaluate([y.node], given: [x.index: values], samples: 1)[0].numbers
        for (a, b) in zip(try planned([y.node], given: [x.index: values])[0], exact) { #expect(abs(a - b) < 3e-6) }
    }

    /// Weights begin at gain / √inputs, which is also the scale of their changes; biases' is the multiplier alone.
    @Test func equalizedRates() {
        let layer = Convolution(from: 3, to: 2, kernel: 2, bias: true, equalized: EqualizedRate(gain: 3, multiplier: 0.5)),
            scale = 3 / 12.0.squareRoot()
        let dense = Dense(from: 8, to: 2, equalized: EqualizedRate())
        guard case .normal(0, let first) = layer.parameters[0].variable.initializer, case .normal(0, 0.5) = dense.parameters[0].variable.initializer
        else { Issue.record("no normal weights"); return }
        #expect(first == scale && (layer.parameters + dense.parameters).map(\.variable.moveScale) == [0.5 * scale, 0.5, 0.5, 1])
    }

    /// By hand: the mean square, corrected for its beginning at 0, of two slopes.
    @Test func lreqAdamHasNoFirstMoment() {
        let trace = Trace(minibatch: 1, training: true), slope = Replicated(trace.input("slope", .replicated([])))
        let second = Replicated(trace.input("second", .replicated([]))), power = Replicated(trace.input("power", .replicated([])))
        let optimizer = LREQAdam(rate: 0.5, beta2: 0.9, epsilon: 0.25)
        let (moments, change) = optimizer.step(slope, moments: [second], powers: [power], rate: trace.value(of: 0.5))
        let values = zip([slope, second, power], [2, 0.9, 0.81]).map { ($0.node.index, Values(.replicated([]), samples: 1, [$1])) }
        let found = evaluate([moments[0].node, change.node], given: Dictionary(uniqueKeysWithValues: values), samples: 1).map { $0.numbers[0] }
        let mean = 0.9 * 0.9 + 0.1 * 4
        #expect(abs(found[0] - mean) < 1e-15 && abs(found[1] - 0.5 * 2 / ((mean / 0.19).squareRoot() + 0.25)) < 1e-15)
        #expect(optimizer.moments.map(\.name) == ["second"] && optimizer.powers.map(\.base) == [0.9])
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
