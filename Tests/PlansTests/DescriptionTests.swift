import Graphs
import Networks
import Plans
import Testing

/// What a plan says of itself: counts that follow from the shapes by hand.
@Suite struct DescriptionOfPlans {
    /// A convolution and a product with an update of their weights, three samples on two lanes.
    @Test func countsFollowFromShapes() throws {
        let trace = Trace(minibatch: 3, microbatch: 2, training: true), x = trace.input("x", .batched([6, 6, 2]))
        let convolution = Convolution(from: 2, to: 5, kernel: 4, stride: 2, padding: 1, bias: false, weight: .uniform(bound: 1))
        let dense = Dense(from: 45, to: 7, bias: false, weight: .uniform(bound: 1))
        let y = dense(tanh(convolution(Batched(x))).reshaped([45])), loss = mean(square(y))
        let parameters = (convolution.parameters + dense.parameters).map(\.variable)
        let slopes = gradients(of: loss.node, by: parameters.map { trace.read($0).node })
        for (parameter, slope) in zip(parameters, slopes) { trace.write(parameter, trace.read(parameter) - 0.5 * Replicated(slope)) }
        let plan = try Plan(trace, results: [loss.node], state: ModelState()), schedule = plan.schedule

        func counts(_ operation: String) -> [Int] { schedule.actions.filter { $0.operation.hasPrefix(operation) }.map(\.multiplyAdds) }
        // outputs times what each sums: forward 3·3·5 of 4·4·2, and as many for the weights; no slope by x is asked for
        #expect(counts("convolution") == [3 * 45 * 32, 3 * 45 * 32] && counts("transposed convolution").isEmpty)
        // forward, for the weights, and back to the convolution
        #expect(counts("product") == [3 * 45 * 7, 3 * 45 * 7, 3 * 45 * 7])
        #expect(schedule.multiplyAddsPerSample == 2 * 45 * 32 + 3 * 45 * 7)
        // both slopes in Float32 and the loss in Double
        #expect(schedule.reducedBytes == 4 * (45 * 7 + 4 * 4 * 2 * 5) + 8)
        #expect(schedule.samples == 3 && schedule.arenaBytes == plan.arenaBytes)
        let convolved = try #require(schedule.actions.first { $0.operation == "convolution, stride 2" })
        #expect(convolved.forms == "batched 8×8×2, 4×4×2×5 -> batched 3×3×5" && convolved.kernel == "WindowKernel")
        #expect(convolved.bytes == 4 * (3 * 128 + 160 + 3 * 45))
    }

    /// From 2×2 to 4×4 by a kernel of 4 and stride 2: every place of the big side meets 2·2 taps.
    @Test func transposedConvolution() throws {
        let trace = Trace(minibatch: 1, training: false), x = trace.input("x", .batched([2, 2, 3]))
        let layer = TransposedConvolution(from: 3, to: 5, kernel: 4, stride: 2, padding: 1, bias: false, weight: .uniform(bound: 1))
        let schedule = try Plan(trace, results: [layer(Batched(x)).node], state: ModelState()).schedule
        #expect(schedule.multiplyAddsPerSample == 4 * 4 * 5 * 2 * 2 * 3 && schedule.reducedBytes == 0)
    }

    /// The text as a person reads it.
    @Test func text() throws {
        let trace = Trace(minibatch: 1000, training: false), x = Batched(trace.input("x", .batched([2])))
        let plan = try Plan(trace, results: [total(tanh(x) * x).node], state: ModelState())
        #expect(
            plan.description == """
                   kernel              bytes  multiply-adds  computes
                1  ElementwiseKernel  16,000              0  tanh, multiply: batched 2 -> batched 2
                2  TotalKernel         8,008              0  total over samples: batched 2 -> 2
                3  Reduction               8              0  sum over the ranks: 2
                3 actions on 1000 samples; 0 multiply-adds a sample, arena 12,160 bytes, 8 bytes added over the ranks
                """)
    }
}
