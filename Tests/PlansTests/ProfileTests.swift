import Graphs
import Networks
import Plans
import Testing

@Suite struct ProfilesOfPlans {
    /// Calls, products and forms are those of the description, the rounds of a loop included.
    @Test func agreesWithTheDescription() throws {
        let trace = Trace(minibatch: 4, microbatch: 2, training: true), x = Batched(trace.input("x", .batched([6])))
        let first = Dense(from: 6, to: 5, bias: false, weight: .uniform(bound: 1)), second = Dense(from: 5, to: 6, weight: .uniform(bound: 1))
        func update() -> Node {
            let loss = mean(square(second(tanh(first(x))) - x)), parameters = (first.parameters + second.parameters).map(\.variable)
            let slopes = gradients(of: loss.node, by: parameters.map { trace.read($0).node })
            for (parameter, slope) in zip(parameters, slopes) { trace.write(parameter, trace.read(parameter) - 0.1 * Replicated(slope)) }
            return loss.node
        }
        _ = trace.loop(3) { _ in
            _ = update()
            return ([], [])
        }
        let plan = try Plan(trace, results: [update()], state: ModelState()), lines = try plan.profile(), schedule = plan.schedule
        let work = schedule.actions.filter { $0.kernel != "LoopRounds" }
        #expect(lines.reduce(0) { $0 + $1.calls } == work.reduce(0) { $0 + $1.rounds })
        #expect(lines.reduce(0) { $0 + $1.multiplyAdds } == schedule.multiplyAddsPerSample * 4)
        for line in lines {
            let equal = work.filter { $0.kernel == line.kernel && $0.operation == line.operation && $0.forms == line.forms }
            #expect(line.calls == equal.reduce(0) { $0 + $1.rounds } && line.multiplyAdds == equal.reduce(0) { $0 + $1.multiplyAdds * $1.rounds })
        }
        #expect(lines.map(\.seconds) == lines.map(\.seconds).sorted(by: >))
        // the means of several runs have the calls of one
        #expect(
            Dictionary(grouping: try plan.profile(runs: 3), by: \.calls).mapValues(\.count)
                == Dictionary(grouping: lines, by: \.calls).mapValues(\.count))
        #expect(Plan.Resources().peakMultiplyAdds() > 0)
    }
}
