@testable import Detectors
import Networks
import Plans
import Testing

/// Detectors held to golden programs, which have a file for each of their variants that trains otherwise.
@Suite struct GoldenSteps {
    static let files = [
        "ganomaly", "ganomaly-released-2018-07", "ganomaly-released-2018-10", "ganomaly-released-2019-08", "ganomaly-anomalib",
        "skip-ganomaly", "skip-ganomaly-released", "alocc", "alocc-released", "alocc-paper-2018",
        "adae", "adae-yeonghyeon", "anogan", "anogan-cross-entropy", "fanogan-izi", "fanogan-ziz", "ocgan", "ocgan-released-2019", "alae-vectors",
        "alae-images",
    ]
    /// Whose variables after each step are all in the file, since they do not follow from its gradients.
    static let whole =
        ["egbad-images", "egbad-vectors", "alad-images", "alad-released", "alad-vectors"]
        + ["images", "vectors", "plain", "released"].map { "aae-\($0)" } + ["hadgan", "hadgan-norm", "ocgan-compact", "ocgan-compact-released"]

    @Test(arguments: files + whole) func namesAreThoseOfTheProgram(_ file: String) throws {
        let run = try GoldenProgram(file)
        #expect(Set(run.detector.variables.map(\.name)) == Set(run.golden.under("initial").keys))
        #expect(run.detector.variables.allSatisfy { run.golden["initial/\($0.name)"].shape == $0.variable.shape.extents })
        #expect(run.stages.map(\.numbers.count).allSatisfy { $0 > 1 } && run.steps >= (file == "alad-released" ? 2 : 5))
        for (step, numbers) in run.stages {
            #expect(step.trace.error == nil)
            for number in numbers {
                #expect(Set(step.reports.map(\.name)) == Set(run.golden.under("step\(number)/loss").keys))
                #expect(Set(step.gradientsOfUpdates.map(\.parameter)) == Set(run.golden.under("step\(number)/gradient").keys))
            }
        }
        #expect(run.golden.tensors.values.allSatisfy { $0.numbers.allSatisfy(\.isFinite) })
        guard Self.whole.contains(file) else { return }
        // what no update moves, outside of loops or in them, is an average
        let kept = run.store.variables.keys
        #expect(
            run.detector.parameters.allSatisfy { parameter in
                parameter.name.hasPrefix("averages.") || kept.contains { $0.hasSuffix("/second/\(parameter.name)") }
            })
    }

    /// What the reader adds to a file is what the program had: the last step's gradients lead where the file says, and every variable
    /// moves.
    @Test(arguments: files) func filesAreWhole(_ file: String) throws {
        let run = try GoldenProgram(file), last = run.steps - 1
        let moved = run.golden.under("step\(last)/gradient").keys
        let derived = try Golden(file) { name in moved.contains { name == "step\(last)/variable/\($0)" } }
        for (name, expected) in run.golden.under("step\(last)/variable") {
            expectClose(derived["step\(last)/variable/\(name)"].numbers, expected.numbers, within: 1e-13, name)
        }
        for number in 0 ... last {
            for (name, gradient) in run.golden.under("step\(number)/gradient") where gradient.numbers.allSatisfy({ abs($0) < 1e-12 }) {
                #expect(name.hasSuffix(".bias"), "the slope by \(name) is 0")
            }
        }
        let scoring = Scoring(of: run.detector, sample: run.sample, microbatch: 1)
        run.detector.score(scoring)
        #expect(scoring.scores.allSatisfy { !$0.isOnHost })
        let networks = Set(moved.map { $0.prefix { $0 != "." } })
        for name in run.golden.under("initial").keys where networks.contains(name.prefix { $0 != "." }) {
            let tensors = (0 ... last).map { run.golden["step\($0)/variable/\(name)"].numbers }
            // of what rounding leaves of the slope of a bias before batch norm, RMSProp makes no move
            #expect(Set(tensors + [run.golden["initial/\(name)"].numbers]).count > 1 || name.hasSuffix(".bias"), "\(name) never moves")
        }
    }

    /// In Double.
    @Test(arguments: files + whole) func reference(_ file: String) throws {
        let run = try GoldenProgram(file)
        run.compare(try run.outcomes(ReferenceExecution.self), within: 1e-9)
        try run.compareScores(ReferenceExecution.self, within: 1e-9)
    }

    /// ADAE's default step is badly conditioned at so small a size: PyTorch's own gradients lose as many digits in float32, 1.4e-4 of the
    /// largest, as `adae.py` prints. (Of the variant's seeds one that loses few was taken; of the default none was found.)
    private func tolerance(of file: String) -> Double { file == "adae" ? 3e-4 : 1e-4 }

    /// In Float; and the same bits of all that a step leaves, whoever computes it.
    @Test(arguments: files + whole) func plan(_ file: String) throws {
        let run = try GoldenProgram(file)
        var first: [Outcome] = []
        try forEachResource(threads: [1, 2]) { resources in
            let outcomes = try run.outcomes(PlannedExecution.self, on: resources)
            if first.isEmpty { first = outcomes }
            #expect(outcomes == first, "\(resources.isa.name), \(resources.team.count) threads")
            try run.compareScores(PlannedExecution.self, within: tolerance(of: file), on: resources)
        }
        run.compare(first, within: tolerance(of: file), whole: file.hasPrefix("ganomaly"))
    }
}
