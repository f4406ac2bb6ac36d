@testable import Graphs
@testable import Networks
import Testing

/// Layers that do otherwise in training than after it.
@Suite struct TrainingLayerTests {
    // MARK: Dropout

    @Test func dropoutKeepsWhereItDrawsAboveTheRate() throws {
        let trace = Trace(minibatch: 2, training: true), x = trace.input("x", .batched([3])), layer = Dropout(0.25)
        let first = layer(Batched(x)), second = layer(Batched(x)), slope = gradient(of: total(sum(first)), by: Batched(x))
        #expect(trace.noises.map(\.distribution) == [.uniform, .uniform] && trace.noises.map(\.node.form) == [.batched([3]), .batched([3])])
        let given = [
            x.index: Values(x.form, samples: 2, [1, 2, 3, 4, 5, 6]),
            trace.noises[0].node.index: Values(x.form, samples: 2, [0, 0.5, 0.75, 0.25, 0.26, 0.24]),
            trace.noises[1].node.index: Values(x.form, samples: 2, [0.9, 0, 0, 0, 0, 0]),
        ]
        let results = [first.node, second.node, slope.node],
            expected = [[0, 2, 3, 0, 5, 0], [1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 1, 0]].map { $0.map { $0 / 0.75 } }
        for found in [try planned(results, given: given), evaluate(results, given: given, samples: 2).map(\.numbers)] {
            for (found, expected) in zip(found, expected) { for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6) } }
        }
    }

    @Test func dropoutLeavesAllInEvaluation() {
        let trace = Trace(minibatch: 2, training: true), x = Batched(trace.input("x", .batched([3])))
        #expect(trace.evaluating { Dropout(0.5)(x) }.node == x.node && Dropout(0)(x).node == x.node && trace.noises.isEmpty)
        #expect(trace.frozenStatistics { Dropout(0.5)(x) }.node != x.node)
    }

    // MARK: Spectral norm

    private let matrix = [0.9, -0.4, 0.3, 0.2, 1.1, -0.7, 0.5, 0.6]  // [4, 2]

    /// The layer of `matrix` with its vector's first value, traced on a sample, in one mode.
    private func traced(training: Bool, slope: SpectralNorm.Slope = .ofWeightsAlone) -> (
        trace: Trace, layer: Dense, x: Batched, y: Batched, given: (_ weights: [Double]) -> [Int: Values]
    ) {
        let trace = Trace(minibatch: 1, training: training), x = Batched(trace.input("x", .batched([4])))
        let layer = Dense(from: 4, to: 2, bias: false, weight: .constant(0)).spectrallyNormalized(slope: slope), y = layer(x)
        func given(_ weights: [Double]) -> [Int: Values] {
            let variables = trace.variables.map { variable, node, _ in
                (node.index, Values(node.form, samples: 1, variable === layer.spectral?.vector ? first : weights))
            }
            return Dictionary(uniqueKeysWithValues: variables + [(x.node.index, Values(x.node.form, samples: 1, sample))])
        }
        return (trace, layer, x, y, given)
    }

    // the mathematics once more, by hand
    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += x * y }
        return sum
    }
    private func row(_ number: Int, of w: [Double]) -> [Double] { Array(w[2 * number ..< 2 * number + 2]) }
    private func column(_ number: Int, of w: [Double]) -> [Double] { [0, 1, 2, 3].map { w[2 * $0 + number] } }
    private func unit(_ x: [Double]) -> [Double] { x.map { $0 / (dot(x, x).squareRoot() + 1e-12) } }
    private func left(_ w: [Double], _ u: [Double]) -> [Double] { unit([0, 1, 2, 3].map { dot(row($0, of: w), u) }) }
    private func right(_ w: [Double], _ v: [Double]) -> [Double] { unit([0, 1].map { dot(column($0, of: w), v) }) }
    private func σ(_ w: [Double], _ v: [Double], _ u: [Double]) -> Double { dot(v, [0, 1, 2, 3].map { dot(row($0, of: w), u) }) }
    private func iterated(_ w: [Double], _ u: [Double]) -> (u: [Double], σ: Double) {
        let v = left(w, u), next = right(w, v)
        return (next, σ(w, v, next))
    }
    private let first = [0.3, -1.2], sample = [0.5, -1, 2, 0.25]

    /// One iteration an application, kept in training alone; the weights are divided by what it finds.
    @Test(arguments: [true, false]) func oneIterationAnApplication(_ training: Bool) throws {
        let (trace, layer, _, y, given) = traced(training: training), once = iterated(matrix, first)
        let expected = [0, 1].map { dot(column($0, of: matrix), sample) / once.σ }
        let vector = try #require(trace.variables.first { $0.variable === layer.spectral?.vector })
        #expect((vector.current != vector.given) == training && layer.states.map(\.name) == ["spectral.vector"])
        #expect(layer.parameters.map(\.name) == ["weight"])
        let found = evaluate([y.node, vector.current], given: given(matrix), samples: 1).map(\.numbers)
        for (found, expected) in zip(found, [expected, training ? once.u : first]) {
            for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-12) }
        }
    }

    /// Iterated often, σ is the largest singular value: that of [4, 2] by its 2×2 Gram matrix.
    @Test func theIterationFindsTheLargestSingularValue() {
        var (u, σ) = (first, 0.0)
        for _ in 0 ..< 300 { (u, σ) = iterated(matrix, u) }
        let (a, b) = (column(0, of: matrix), column(1, of: matrix))
        let half = (dot(a, a) + dot(b, b)) / 2, determinant = dot(a, a) * dot(b, b) - dot(a, b) * dot(a, b)
        #expect(abs(σ * σ - (half + (half * half - determinant).squareRoot())) < 1e-10)  // the 1e-12 beside the norms shows
    }

    /// The slope by the weights against differences: with u and v held, or with the iteration made anew for moved weights.
    @Test(arguments: [SpectralNorm.Slope.ofWeightsAlone, .throughIteration]) func slopes(_ slope: SpectralNorm.Slope) throws {
        let (trace, layer, _, y, given) = traced(training: true, slope: slope)
        let weight = try #require(trace.variables.first { $0.variable === layer.weight }).given
        let derivative = gradients(of: total(sum(y * y)).node, by: [weight])[0]
        let exact = evaluate([derivative], given: given(matrix), samples: 1)[0].numbers
        let v = left(matrix, first), u = right(matrix, v)
        func loss(_ w: [Double]) -> Double {
            let size = slope == .throughIteration ? iterated(w, first).σ : σ(w, v, u)
            let y = [0, 1].map { dot(column($0, of: w), sample) / size }
            return dot(y, y)
        }
        for place in matrix.indices {
            func moved(_ step: Double) -> Double {
                var w = matrix
                w[place] += step
                return loss(w)
            }
            let h = 1e-4, difference = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
            #expect(abs(difference - exact[place]) < 1e-8, "\(slope) at \(place)")
        }
    }

    @Test func convolutionsHaveAVectorOverTheirOutputs() {
        let layer = Convolution.same(from: 2, to: 3, kernel: 5, stride: 2, bias: true).spectrallyNormalized()
        #expect(layer.variables.map { "\($0.name) \($0.variable.shape)" } == ["weight 5×5×2×3", "bias 3", "spectral.vector 3"])
        #expect(layer.parameters.map(\.name) == ["weight", "bias"])
        let trace = Trace(minibatch: 2, training: true), x = trace.input("x", .batched([6, 8, 2]))
        #expect(layer(Batched(x)).shape == [3, 4, 3] && trace.error == nil)
    }

    // MARK: Padding SAME

    /// (rows, columns), kernel, stride; zeros before and after, by hand.
    @Test(arguments: [
        ([6, 8], 3, 2, [0, 1]), ([6, 8], 5, 2, [1, 2]), ([7, 9], 5, 2, [2, 2]), ([6, 8], 4, 2, [1, 1]), ([5, 4], 3, 1, [1, 1]),
        ([6, 4], 4, 1, [1, 2]),
    ]) func samePadding(_ sides: [Int], _ kernel: Int, _ stride: Int, _ zeros: [Int]) throws {
        let trace = Trace(minibatch: 2, training: true), x = trace.input("x", .batched([sides[0], sides[1], 2]))
        let w = trace.input("w", .replicated([kernel, kernel, 2, 3]))
        let y = sameConvolution(Batched(x), Replicated(w), stride: stride)
        let framed = [0, 1].reduce(Batched(x)) { $0.padded(before: zeros[0], after: zeros[1], axis: $1) }
        let plain = convolution(framed, Replicated(w), stride: stride, padding: 0)
        #expect(y.shape == Shape(sides.map { ($0 + stride - 1) / stride } + [3]))
        // the adjoint: Σ conv(x)·y = Σ x·convᵀ(y), of images `stride` times as large
        let back = sameTransposedConvolution(y.detached, Replicated(w), stride: stride)
        let whole = sides.allSatisfy { $0 % stride == 0 }
        let (forward, backward) = (sum(square(y)), whole ? sum(Batched(x) * back) : sum(square(y)))
        if whole { #expect(back.shape == x.form.shape) }
        let given = [x.index: drawn(x.form, samples: 2, seed: 1), w.index: drawn(w.form, samples: 2, seed: 2)]
        let found = evaluate([y.node, plain.node, forward.node, backward.node], given: given, samples: 2).map(\.numbers)
        #expect(found[0] == found[1])
        for (a, b) in zip(found[2], found[3]) { #expect(abs(a - b) < 1e-11 * abs(a)) }
        let inPlan = try planned([y.node, back.node], given: given)
        let exact = evaluate([y.node, back.node], given: given, samples: 2).map(\.numbers)
        for (a, b) in zip(inPlan.joined(), exact.joined()) { #expect(abs(a - b) < 1e-4) }
    }
}
