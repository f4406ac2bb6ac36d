import Testing

@testable import Graphs

@Suite struct Rates {
    /// Values at the first steps of a stage of 8 steps in 2 epochs.
    private func values(_ rate: Rate) -> [Double] {
        (0 ..< 8).map { rate.value(at: Progress(step: $0, epoch: $0 / 4, share: Double($0) / 8, stepsPerEpoch: 4)) }
    }

    @Test func warmUp() {
        #expect(values(Rate(3).warmingUp(over: 1.5)) == [0.5, 1, 1.5, 2, 2.5, 3, 3, 3])
        // not whole steps: in step t of 2.5 it is t / 2.5
        #expect(values(Rate(5).warmingUp(over: 0.625)) == [2, 4, 5, 5, 5, 5, 5, 5])
        #expect(values(Rate(3).warmingUp(over: 0.25)) == values(3.0) && values(Rate(3).warmingUp(over: 0)) == values(3.0))
    }

    /// The course runs on beneath, and factors act on all of it.
    @Test func warmUpOnACourse() {
        #expect(values(.dropping(8, at: [1], by: 0.5).warmingUp(over: 2)) == [1, 2, 3, 4, 2.5, 3, 3.5, 4])
        let line = Rate.linear(8, to: 0).warmingUp(over: 1).times(2)
        #expect(values(line) == [4, 7, 9, 10, 8, 6, 4, 2] && values(Rate.linear(8, to: 0).times(2).warmingUp(over: 1)) == values(line))
    }

    @Test func levels() {
        let rate = Rate.levels(8, from: [1: 2, 2: 5])
        #expect(values(rate) == [8, 8, 8, 8, 2, 2, 2, 2] && values(rate.times(0.5)) == [4, 4, 4, 4, 1, 1, 1, 1])
        #expect([1, 2, 7].map { rate.value(at: Progress(epoch: $0)) } == [2, 5, 5] && !rate.dependsOnLength && !rate.isConstant)
    }

    @Test func whatAWarmUpChanges() {
        let warming = Rate(3).warmingUp(over: 1)
        #expect(!warming.isConstant && !warming.dependsOnLength && Rate.linear(1, to: 0).warmingUp(over: 1).dependsOnLength)
        #expect(Rate(3).warmingUp(over: 0).isConstant && warming != Rate(3))
    }
}
