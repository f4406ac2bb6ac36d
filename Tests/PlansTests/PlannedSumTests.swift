import Graphs
import Networks
import Plans
import Testing

@Suite struct SumsOfPlans {
    /// A convolution and a dense layer whose slope is large enough to be sent by itself. Multiply-adds of a sample: 45·32 of the
    /// convolution, 45·400 of the product, as many for the slope of its weights and back to the convolution, 45·32 for the slope of that.
    @Test func sayWhenTheyAreReadyAndNeeded() throws {
        let trace = Trace(minibatch: 4, microbatch: 2, training: true), x = trace.input("x", .batched([6, 6, 2]))
        let convolution = Convolution(from: 2, to: 5, kernel: 4, stride: 2, padding: 1, bias: false, weight: .uniform(bound: 1))
        let dense = Dense(from: 45, to: 400, bias: false, weight: .uniform(bound: 1))
        let y = dense(tanh(convolution(Batched(x))).reshaped([45])), loss = mean(square(y))
        let parameters = (convolution.parameters + dense.parameters).map(\.variable)
        let slopes = gradients(of: loss.node, by: parameters.map { trace.read($0).node })
        for (parameter, slope) in zip(parameters, slopes) { trace.write(parameter, trace.read(parameter) - 0.5 * Replicated(slope)) }
        let plan = try Plan(trace, results: [loss.node], state: ModelState()), sums = plan.sums.flatMap { $0 }

        #expect(sums.reduce(0) { $0 + $1.bytes } == plan.schedule.reducedBytes)
        let all = Double(2 * 45 * 32 + 3 * 45 * 400)
        let large = try #require(sums.first { $0.bytes == 4 * 45 * 400 }), small = try #require(sums.first { $0.bytes == 4 * 4 * 4 * 2 * 5 })
        // what is left when the dense layer's slope stands: that of the convolution, and perhaps the way back to it
        #expect([1 - 1440 / all, 1 - (1440 + 18000) / all].contains { abs($0 - large.ready) < 1e-12 })
        #expect(small.ready == 1 && small.needed == 1)

        // every turn of sums divides a run
        let laps = try plan.laps()
        #expect(laps.summing.count == plan.sums.count && laps.computing.count == plan.sums.count + 1)
        #expect(laps.computing.allSatisfy { $0 >= 0 })
    }
}
