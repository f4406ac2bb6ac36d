import Detectors
import Foundation
import Graphs
import Networks
import Plans
import Testing

/// The detector that README.md adds as an example, line by line.
public struct Autoencoder: Detector {
    public static let name = "autoencoder", summary = "an autoencoder", shapes = "any"
    public struct Settings: DetectorSettings {
        @Setting("size of the code", in: 1 ... 4096, source: "ours") public var latent = 32
        public init() {}
    }
    let encoder: Dense, decoder: Dense

    public init(_ settings: Settings, sample: Shape) {
        encoder = Dense(from: sample.count, to: settings.latent, weight: .uniform(bound: 0.05))
        decoder = Dense(from: settings.latent, to: sample.count, weight: .uniform(bound: 0.05))
    }
    func reconstruct(_ x: Batched) -> Batched { decoder(relu(encoder(x))).reshaped(x.shape) }

    public var stages: [Stage] {
        [
            .train("training", epochs: 10) { step in
                let x = step.minibatch()
                let loss = mean(square(x - reconstruct(x)))
                step.update(encoder, decoder, minimizing: loss, with: Adam(rate: 1e-3))
                step.report("loss", loss)
            }
        ]
    }
    public func score(_ scoring: Scoring) { scoring.score("error", sum(square(scoring.x - reconstruct(scoring.x)))) }
}

@Suite struct OwnDetectorTests {
    /// It trains: what it learns on one minibatch lowers its loss there.
    @Test func theExampleOfTheREADMETrains() throws {
        let detector = Autoencoder(Autoencoder.Settings(), sample: [3, 4, 1]), store = Store(), state = ModelState()
        let step = TrainingStep(of: detector, stage: "training", sample: [3, 4, 1], minibatch: 8, microbatch: 4, store: store)
        guard case .train(_, let procedure) = detector.stages[0].work else { throw FormError("no training") }
        procedure(step)
        for (number, entry) in (detector.variables.map(\.variable) + store.variables.map(\.value)).enumerated() {
            switch entry.initializer {
            case .constant(let value): state[entry] = Array(repeating: value, count: entry.shape.count)
            default: state[entry] = (0 ..< entry.shape.count).map { 0.05 * sin(Double(7 * $0 + number)) }
            }
        }
        let plan = try Plan(step.trace, results: step.reports.map(\.node), state: state)
        let x = try #require(plan.input(step.minibatches[0].node))
        for place in x.indices { x[place] = sin(Float(place % 5)) }
        var losses: [Double] = []
        for _ in 0 ..< 200 {
            try plan.run()
            losses.append(plan.scalar(step.reports[0].node))
        }
        #expect(losses.allSatisfy(\.isFinite) && losses.last! < 0.5 * losses[0], "from \(losses[0]) to \(losses.last!)")
    }

    /// The lines above are those of the README.
    @Test func theREADMEHasTheseLines() throws {
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        func lines(_ path: String) throws -> Set<String> {
            Set(
                try String(contentsOf: top.appendingPathComponent(path), encoding: .utf8).split(separator: "\n").map {
                    $0.trimmingCharacters(in: .whitespaces)
                })
        }
        let readme = try lines("README.md"), here = try lines("Tests/DetectorsTests/OwnDetectorTests.swift")
        for line in [
            "encoder = Dense(from: sample.count, to: settings.latent, weight: .uniform(bound: 0.05))",
            "step.update(encoder, decoder, minimizing: loss, with: Adam(rate: 1e-3))",
            "public func score(_ scoring: Scoring) { scoring.score(\"error\", sum(square(scoring.x - reconstruct(scoring.x)))) }",
        ] {
            #expect(readme.contains(line) && here.contains(line), "\(line)")
        }
    }
}
