import Graphs
import Networks

/// The step of an autoencoder of a table's rows, as detectors of tabular data take it: F → 512 → 256 → 128 → 256 → 512 → F with ReLU
/// between, the mean squared error, Adam. F = 121 are the features of KDD Cup 1999 with its categories spread out.
public struct DenseAutoencoder: Procedure {
    public static let name = "dense"
    public static let summary = "a step of an autoencoder of dense layers, mean squared error, Adam"
    public static var sample: Shape { [121] }
    public static let minibatch = 1024

    public struct Settings: DetectorSettings {
        @Setting("the first layer's width; it halves twice", in: 4 ... 65536, source: "")
        public var width = 512
        @Setting("learning rate of Adam", in: 0 ... 1, source: "")
        public var learningRate = 1e-3
        public init() {}
    }

    let layers: Sequential
    private let settings: Settings

    public init(_ settings: Settings, sample: Shape) throws(FormError) {
        guard sample.rank == 1, sample.count > 0 else { throw FormError("samples of \(sample) do not fit: it takes [features], as 121") }
        let width = settings.width, widths = [sample.count, width, width / 2, width / 4, width / 2, width, sample.count]
        layers = Sequential {
            for (from, to) in zip(widths.dropLast(), widths.dropFirst().dropLast()) {
                dense(from, to)
                Activation.relu
            }
            dense(widths[5], widths[6])
        }
        self.settings = settings
    }

    public static func microbatch(of minibatch: Int) -> Int { min(128, max(1, minibatch / 4)) }

    public var stages: [Stage] {
        [
            .train("reconstruction", epochs: 1) { step in
                let x = step.minibatch(), error = mean(square(layers(x) - x))
                step.update(layers, minimizing: error, with: Adam(rate: settings.learningRate))
                step.report("error", error)
            }
        ]
    }

    public func score(_ scoring: Scoring) { scoring.score("error", sum(square(layers(scoring.x) - scoring.x))) }
}

/// From N(0, 2 / inputs), as suits ReLU.
private func dense(_ from: Int, _ to: Int) -> Dense {
    Dense(from: from, to: to, weight: .normal(mean: 0, deviation: (2 / Double(from)).squareRoot()))
}
