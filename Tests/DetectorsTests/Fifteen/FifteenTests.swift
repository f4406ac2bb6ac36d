@testable import Detectors
import Graphs
import Networks
import Plans
import Testing

/// The shape of the API: detectors of all kinds are traced, planned and run for two steps, by the plan and by the reference.
@Suite struct Fifteen {
    static let image: Shape = [8, 8, 1]
    static let names = [
        "ganomaly", "ganomaly released-2018-07", "ganomaly released-2018-10", "ganomaly released-2019-08", "ganomaly anomalib", "caae", "rsrae",
        "f-anogan", "egbad", "egbad vectors", "alad", "alad released", "alad vectors", "aae", "aae vectors", "advae", "alae",
        "alae vectors", "cavga", "deep-svdd",
        "deep-sad",
        "outlier-exposure", "anogan", "ocgan", "geom", "hadgan", "rapp",
    ]

    static func make(_ name: String) throws -> (detector: any Detector, sample: Shape) {
        let sample: Shape =
            switch name {
            case "hadgan", "rsrae", "advae", "rapp", "egbad vectors", "alad vectors", "aae vectors", "alae vectors": [7]
            case "ganomaly anomalib": [20, 18, 1]
            case _ where name.hasPrefix("ganomaly") || name == "f-anogan" || ["egbad", "alad", "alad released", "aae"].contains(name): [16, 16, 1]
            default: image
            }
        let sketches: [any Sketch.Type] = [
            ConstrainedAAE.self, RSRAE.self, AdVAE.self, CAVGA.self, DeepSVDD.self, DeepSAD.self, OutlierExposure.self, GEOM.self, HADGANSketch.self,
            RaPP.self,
        ]
        let sketch = sketches.first { $0.name == name }
        return (try sketch.map { $0.init(sample: sample) } ?? smallDetector(name, sample: sample), sample)
    }

    @Test(arguments: names) func twoSteps(_ name: String) throws {
        let (detector, sample) = try Self.make(name), store = Store()
        var memory = Memory(drawnFor: detector)
        for stage in detector.stages {
            switch stage.work {
            case .train(_, let procedure):
                // three lanes, the last short
                let step = TrainingStep(of: detector, stage: stage.name, sample: sample, minibatch: 5, microbatch: 2, store: store)
                procedure(step)
                memory = try run(step, from: memory)
            case .fit(let procedure): memory = try fit(procedure, of: detector, sample, from: memory)
            case .scene: preconditionFailure("\(name) needs a scene to be trained")
            }
        }
        try score(detector, sample, from: memory)
    }

    private func isFinite(_ numbers: [Double]) -> Bool { numbers.allSatisfy { $0.isFinite } }

    /// Two steps of the reference; the plan gives the same from the same state.
    private func run(_ step: TrainingStep, from memory: Memory) throws -> Memory {
        let results = step.reports.map(\.node), names = step.reports.map(\.name)
        let reference = try ReferenceExecution(step.trace, results: results), plan = try PlannedExecution(step.trace, results: results)
        var memory = memory
        for number in 0 ..< 2 {
            let exact = reference.run(draws(for: step), from: memory), found = try plan.run(draws(for: step), from: memory)
            for (name, (found, expected)) in zip(names, zip(found.results, exact.results)) {
                #expect(expected[0].isFinite)
                expectClose(found, expected, within: 1e-3, "\(name), step \(number)")
            }
            for (variable, given, current) in step.trace.variables {
                #expect(isFinite(found.variables[of: variable]))
                // in Adam's first steps a slope of rounding noise may move either way, by its rate
                expectClose(found.variables[of: variable], exact.variables[of: variable], within: 0.02, floor: 0.5, "a variable of \(variable.shape)")
                if given != current, variable.shape.rank > 1 {
                    #expect(exact.variables[of: variable] != memory[of: variable], "a variable of \(variable.shape) stays")
                }
            }
            memory = exact.variables
        }
        return memory
    }

    /// A pass over five samples.
    private func fit(_ procedure: (Fit) throws -> Void, of detector: any Detector, _ sample: Shape, from memory: Memory) throws -> Memory {
        let fit = Fit(of: detector, sample: sample, block: 5)
        try procedure(fit)
        let nodes = fit.totals + fit.maxima, x = Given(fit.x.node, uniform(5 * sample.count, seed: 77).map { 2 * $0 - 1 })
        let inputs = [x] + fit.trace.noises.enumerated().map { Given($1.node, uniform(5 * $1.node.form.shape.count, seed: UInt64(80 + $0))) }
        let exact = try ReferenceExecution(fit.trace, results: nodes).run(inputs, from: memory).results
        let found = try PlannedExecution(fit.trace, results: nodes).run(inputs, from: memory).results
        for (found, expected) in zip(found, exact) { expectClose(found, expected, within: 1e-3, "a total of a fit") }
        let fitted = try fit.concluded(with: inputs, from: memory)
        for (_, variable) in detector.states { #expect(isFinite(fitted[of: variable]) && fitted[of: variable].count == variable.shape.count) }
        return fitted
    }

    /// All scores and maps; and one sample's are its own, whatever it is scored with.
    private func score(_ detector: any Detector, _ sample: Shape, from memory: Memory) throws {
        let scoring = Scoring(of: detector, sample: sample, microbatch: 3)
        detector.score(scoring)
        let results = scoring.results + scoring.maps.map(\.node)
        func inputs(second: Double) -> [Given] {
            let images = uniform(3 * sample.count, seed: 5).enumerated().map { $0 / sample.count == 1 ? second : 2 * $1 - 1 }
            return [Given(scoring.x.node, images)]
                + scoring.noises.enumerated().map { Given($1.node, uniform(3 * $1.node.form.shape.count, seed: UInt64(90 + $0))) }
        }
        let plan = try PlannedExecution(scoring.trace, results: results)
        let exact = try ReferenceExecution(scoring.trace, results: results).run(inputs(second: 0.5), from: memory).results
        let found = try plan.run(inputs(second: 0.5), from: memory).results, other = try plan.run(inputs(second: -0.1), from: memory).results
        for (node, ((found, other), expected)) in zip(results, zip(zip(found, other), exact)) where node.form.extent == .batched {
            #expect(isFinite(expected))
            expectClose(found, expected, within: 5e-3, floor: 1e-3, "a result of scoring")
            let count = node.form.shape.count
            #expect(Array(found[..<count]) == Array(other[..<count]) && Array(found[(2 * count)...]) == Array(other[(2 * count)...]))
        }
        let values = try scoring.values { node in
            let place = results.firstIndex(of: node)!, count = node.form.shape.count
            return found[place].prefix(count).map { Float($0) }
        }
        #expect(values.count == scoring.scores.count && isFinite(values))
    }

    // MARK: What one of them has that others have not

    @Test func loopsAreTracedOnce() throws {
        let (detector, sample) = try Self.make("caae")
        let step = trainingSteps(of: detector, sample: sample, minibatch: 5, microbatch: 2)[0]
        #expect(step.noises.map(\.rounds) == [20, 20] && step.minibatches.map(\.rounds) == [1])
        #expect(step.trace.loops.values.map(\.count) == [20])
    }

    @Test func geomHas72Views() throws {
        let (detector, sample) = try Self.make("geom")
        #expect(detector.variables.first { $0.name == "concentrations" }?.variable.shape == [72, 72])
        let step = trainingSteps(of: detector, sample: sample, minibatch: 2, microbatch: 2)[0]
        #expect(step.trace.entries.contains { $0.form == .batched([72, 8, 8, 1]) } && step.trace.error == nil)
    }

    @Test func aSecondSetStandsBesideTheFirst() throws {
        let (detector, sample) = try Self.make("outlier-exposure")
        let step = trainingSteps(of: detector, sample: sample, minibatch: 4, microbatch: 2)[0]
        #expect(step.minibatches.map(\.set) == [nil, "outliers"] && step.minibatches.map(\.each) == [nil, 2])
        #expect(step.minibatchesPerStep() == 1 && step.minibatchesPerStep(of: "outliers") == 1)
        #expect(step.minibatches[0].labels != nil)
        #expect(step.trace.rates.map { $0.value(at: .init(share: 0.5)) }.allSatisfy { abs($0 - 0.05) < 1e-3 })
    }

    /// E, D, and F with G have each a state of their own; the third update moves E by its own and F, G by theirs.
    @Test func alaeHasThreeOptimizerStates() throws {
        let (detector, sample) = try Self.make("alae"), store = Store()
        let step = TrainingStep(of: detector, stage: "training", sample: sample, minibatch: 4, microbatch: 2, store: store)
        guard case .train(_, let procedure) = detector.stages[0].work else { return }
        procedure(step)
        #expect(Set(store.variables.keys.map { $0.split(separator: "/")[2] }) == ["encoder", "discriminator", "generator"])
        #expect(step.averages.count == detector.parameters.count / 2 && step.trace.error == nil)
    }

    /// A scene's totals from blocks, its filters on rows with halos: the same whatever the blocks.
    @Test func hadgansScene() throws {
        let (detector, sample) = try Self.make("hadgan"), memory = Memory(drawnFor: detector)
        let (rows, columns) = (10, 6), scoring = Scoring(of: detector, sample: sample, microbatch: columns)
        detector.score(scoring)
        let residual = scoring.maps[0].node, plan = try PlannedExecution(scoring.trace, results: [residual])
        let cube = uniform(rows * columns * sample.count, seed: 3).map { 2 * $0 - 1 }
        func scores(blocks: [Range<Int>]) throws -> [String: [Float]] {
            let map = SceneMap(channels: sample.count) { range in
                try range.flatMap { row in
                    let pixels = Array(cube[row * columns * sample.count ..< (row + 1) * columns * sample.count])
                    return try plan.run([Given(scoring.x.node, pixels)], from: memory).results[0].map { Float($0) }
                }
            }
            let gathering = Scene.Gathering(
                sum: { count, block in
                    try (0 ..< rows).reduce(into: Array(repeating: 0.0, count: count)) { sums, row in
                        for (place, value) in try block(row ..< row + 1).enumerated() { sums[place] += value }
                    }
                },
                maximum: { _, block in try block(0 ..< rows) })
            let scene = Scene(rows: rows, columns: columns, maps: ["residual": map], gathering: gathering)
            let sceneDetector = try #require(detector as? any SceneDetector)
            try sceneDetector.score(scene)
            return try Dictionary(
                uniqueKeysWithValues: scene.scores.map { score in (score.name, try blocks.flatMap { try score.map.values(of: $0) }) })
        }
        let whole = try scores(blocks: [0 ..< rows])
        #expect(Set(whole.keys) == ["D_spectral", "D_spatial", "D_SS"])
        #expect(whole.values.allSatisfy { $0.count == rows * columns && $0.allSatisfy { $0.isFinite } })
        let inBlocks = try scores(blocks: [0 ..< 3, 3 ..< 4, 4 ..< 10])
        #expect(inBlocks == whole)
    }
}

/// What cannot be meant is an error that says where, not a wrong number.
@Suite struct UpdateErrors {
    private struct Pair: Network { let a: Sequential, b: Sequential }
    private let pair = Pair(a: perceptron(3, 2, 3), b: perceptron(3, 2, 3))
    private let pooled = Pair(
        a: Sequential {
            Convolution(from: 1, to: 2, kernel: 1)
            Rearrangement.maxPool(2)
        }, b: perceptron(3, 2, 3))

    private func error(_ body: (TrainingStep) -> Void) -> String? { error(of: pair, body) }

    private func error(of network: any Network, _ body: (TrainingStep) -> Void) -> String? {
        let step = TrainingStep(of: network, stage: "training", sample: [3], minibatch: 4, store: Store())
        body(step)
        return step.trace.error?.description
    }
    private func loss(_ network: Sequential, _ x: Batched) -> Replicated { mean(square(x - network(x))) }

    @Test func messages() {
        let adam = Adam(rate: 1e-3)
        #expect(
            error { step in
                let x = step.minibatch(), early = loss(pair.a, x)
                step.update(pair.a, minimizing: loss(pair.a, x), with: adam)
                step.update(pair.a, minimizing: early, with: adam, group: "again")
            } == "the loss was traced before a.0.weight was updated; trace it again")
        #expect(
            error { step in
                let x = step.minibatch()
                step.update(pair.a, pair.b, minimizing: loss(pair.a, x), with: adam)
            } == "the loss does not depend on b.0.weight, or only through `detached`")
        #expect(
            error { step in
                for _ in 0 ..< 2 { step.update(pair.a, minimizing: loss(pair.a, step.minibatch()), with: adam) }
            } == "training: two updates move a; give each a `group`, or both the same one where they share their state")
        #expect(
            error { step in
                let x = step.minibatch()
                step.update(groups: ["one": [pair.a], "two": [pair.b, pair.a]], minimizing: loss(pair.a, x) + loss(pair.b, x), with: adam)
            } == "training: a.0.weight is moved by two optimizer states at once, one and two; leave it in one")
        #expect(
            error { step in
                step.update(pair.a, minimizing: loss(pair.a, step.minibatch()), with: adam, group: "one")
                step.update(pair.b, minimizing: loss(pair.b, step.minibatch()), with: SGD(rate: 0.1), group: "one")
            } == "training: two updates share the state one, but their optimizers keep different things")
        #expect(
            error { step in step.update(perceptron(3, 2, 3), minimizing: loss(pair.a, step.minibatch()), with: adam) }
                == "training: a network is updated that is no part of the detector; store it in a property")
        #expect(
            error { step in step.update(pair.b, minimizing: loss(pair.b, step.minibatch().reshaped([3, 1]).sliced(0 ..< 2, axis: 0)), with: adam) }
                == "a dense layer of 3 inputs takes vectors or images of as many elements, not 2×1 (b.0.weight)")
        #expect(
            error(of: pooled) { step in
                let x = step.minibatch().reshaped([3, 1, 1])
                step.report("x", mean(pooled.a(x)))
            } == "max pooling: batched 3×1×2 does not fall into 2×2 squares (layer 2 of a)")
        #expect(error { step in step.report("x", step.trace.literal([2], [1, 2])) } == "training: x of 2 is reported; a report is one number")
        #expect(error { step in _ = step.labels() } == "training: labels are asked for before a minibatch")
        #expect(
            error { step in
                var inside: Batched?
                step.repeated(2) { inside = step.normal([3]) }
                step.report("x", mean(inside!))
            } == "a value made inside a loop is used outside of it; only variables and what is searched for come out")
        #expect(
            error { step in step.assign(Variable([3], .constant(0)), step.trace.literal([3], [1, 2, 3])) }
                == "training: a variable of 3 is assigned that is no part of the detector; store it in a property")
        #expect(
            error { step in step.assign(pair.a.parameters[0].variable, step.trace.literal([4], [1, 2, 3, 4])) }
                == "a.0.weight of 3×2 is given a value of 4; give it one of its own shape")
        #expect(
            error { step in step.average(pair.a, into: perceptron(3, 4, 3), decay: 0.5) }
                == "training: the average of a network is taken into one of other layers; make both of the same")
        #expect(
            error { step in _ = LayerNorm(3)(step.minibatch()) } == "layer norm takes samples of 3 axes, not 3")
        #expect(error { step in step.repeated(0) {} } == "a loop runs 0 times; it must be at least once")

        let scoring = Scoring(of: pair, sample: [3], microbatch: 2)
        _ = scoring.search(from: scoring.x, steps: 2, with: adam) { x in sum(square(x - scoring.normal([3]))) }
        #expect(scoring.trace.error?.description == "noise is drawn inside a search while scoring; draw it before")
    }
}
