import Detectors
import Foundation
import Graphs
import Networks

/// LeNet-like: no bias, no affine batch norm, so that a constant is not the best network.
private func lenet(_ sample: Shape) -> Sequential {
    Sequential {
        Convolution(from: sample.extents[2], to: 2, kernel: 5, padding: 2)
        BatchNorm(2, epsilon: 1e-4, affine: false)
        Activation.leakyReLU(0.01)
        Rearrangement.maxPool(2)
        Dense(from: sample.extents[0] * sample.extents[1] / 2, to: 3, bias: false, weight: normal())
    }
}

/// Deep SVDD (Ruff et al. 2018): the center is fitted between two stages.
struct DeepSVDD: Sketch {
    static let name = "deep-svdd"
    let encoder: Sequential, decoder: Sequential
    @State var center: Variable

    init(sample: Shape) {
        (encoder, decoder) = (lenet(sample), perceptron(3, sample.count, bias: false))
        _center = State([3], .constant(0))
    }

    var stages: [Stage] {
        [
            .train("pretraining", epochs: 150) { step in
                let x = step.minibatch(), loss = average(sum(square(x - decoder(encoder(x)).reshaped(x.shape))))
                step.update(encoder, decoder, minimizing: loss, with: Adam(rate: .dropping(1e-4, at: [50], by: 0.1), weightDecay: 0.5e-3))
                step.report("reconstruction", loss)
            },
            .fit("center") { fit in
                fit.total(total(encoder(fit.x)))
                // a unit whose center is 0 could be made constant
                fit.conclude { found in
                    [(center, found.totals[0].map { $0 / Double(found.samples) }.map { abs($0) < 0.1 ? ($0 < 0 ? -0.1 : 0.1) : $0 })]
                }
            },
            .train("training", epochs: 150) { step in
                let loss = average(sum(square(encoder(step.minibatch()) - step.trace.read(center))))
                step.update(encoder, minimizing: loss, with: Adam(rate: .dropping(1e-4, at: [50], by: 0.1), weightDecay: 0.5e-6))
                step.report("distance", loss)
            },
        ]
    }

    func score(_ scoring: Scoring) { scoring.score("distance", sum(square(encoder(scoring.x) - scoring.trace.read(center)))) }
}

/// Deep SAD (Ruff et al. 2020): what is known to be anomalous is pushed from the center.
struct DeepSAD: Sketch {
    static let name = "deep-sad"
    let encoder: Sequential
    @State var center: Variable

    init(sample: Shape) {
        encoder = lenet(sample)
        _center = State([3], .constant(0.1))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 150) { step in
                let distance = sum(square(encoder(step.minibatch()) - step.trace.read(center))) + 1e-6
                let loss = average(select(-step.supervision(), 1 / distance, else: distance))
                step.update(encoder, minimizing: loss, with: Adam(rate: 1e-4))
                step.report("distance", loss)
            }
        ]
    }

    func score(_ scoring: Scoring) { scoring.score("distance", sum(square(encoder(scoring.x) - scoring.trace.read(center)))) }
}

/// Outlier Exposure (Hendrycks et al. 2019): a second set, two of its samples beside each of the first under one batch norm.
struct OutlierExposure: Sketch {
    static let name = "outlier-exposure"
    let classifier: Sequential
    static let classes = 3

    init(sample: Shape) {
        classifier = Sequential {
            Convolution(from: sample.extents[2], to: 2, kernel: 3, padding: 1)
            BatchNorm(2)
            Activation.relu
            Rearrangement.averagePool(2)
            Dense(from: sample.extents[0] * sample.extents[1] / 2, to: Self.classes, weight: normal())
        }
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 10) { step in
                let x = step.minibatch(), outliers = step.minibatch(from: "outliers", each: 2)
                let logits = classifier(concatenated([x.reshaped(Shape([1] + x.shape.extents)), outliers], axis: 0))
                let inside = logits.sliced(0 ..< 1, axis: 0).reshaped([Self.classes]), outside = logits.sliced(1 ..< 3, axis: 0)
                let known = average(crossEntropy(inside, step.labels())), unknown = -mean(logSoftmax(outside))
                let sgd = SGD(rate: .cosine(0.1, to: 1e-6), momentum: 0.9, nesterov: true, weightDecay: 5e-4)
                step.update(classifier, minimizing: known + 0.5 * unknown, with: sgd)
                step.report("known", known)
                step.report("unknown", unknown)
            }
        ]
    }

    func score(_ scoring: Scoring) { scoring.score("msp", -exp(largest(logSoftmax(classifier(scoring.x)), axis: 0))) }
}

/// GEOM (Golan & El-Yaniv 2018): 72 views of every sample, and a Dirichlet distribution fitted to the answers for each.
struct GEOM: Sketch {
    static let name = "geom"
    let classifier: Sequential
    @State var concentrations: Variable
    private let transforms: [Placement]
    private var count: Int { transforms.count }

    init(sample: Shape) {
        let placements = [false, true].flatMap { flip in
            [0, -2, 2].flatMap { x in
                [0, -2, 2].flatMap { y in
                    (0 ..< 4).map { quarters in
                        let first = flip ? Placement.identity(sample).flipped(axis: 1) : .identity(sample)
                        return first.shifted(by: x, axis: 1).shifted(by: y, axis: 0).rotated(quarters: quarters)
                    }
                }
            }
        }
        transforms = placements
        classifier = Sequential {
            Convolution(from: sample.extents[2], to: 2, kernel: 3, stride: 2, padding: 1)
            BatchNorm(2)
            Activation.relu
            Dense(from: sample.extents[0] * sample.extents[1] / 2, to: placements.count, weight: normal())
        }
        _concentrations = State([placements.count, placements.count], .constant(1))
    }

    private func answers(_ x: Batched) -> Batched { logSoftmax(classifier(views(x, transforms))) }

    var stages: [Stage] {
        [
            .train("training", epochs: 3) { step in
                let logits = classifier(views(step.minibatch(), transforms))
                let loss = average(crossEntropy(logits, ofViews: Array(0 ..< count))) / Double(count)
                step.update(classifier, minimizing: loss, with: Adam(rate: 1e-3))
                step.report("cross-entropy", loss)
            },
            .fit("answers") { fit in
                let logs = answers(fit.x)
                fit.total(total(logs))
                fit.total(total(exp(logs)))
                fit.conclude { found in
                    let (logs, means) = (found.totals[0].map { $0 / Double(found.samples) }, found.totals[1].map { $0 / Double(found.samples) })
                    return [(concentrations, (0 ..< count).flatMap { dirichlet(meanLogs: logs[row($0)], means: means[row($0)]) })]
                }
            },
        ]
    }

    private func row(_ view: Int) -> Range<Int> { view * count ..< (view + 1) * count }

    func score(_ scoring: Scoring) {
        let weights = scoring.trace.read(concentrations) - 1
        scoring.score("dirichlet", -sum(answers(scoring.x) * weights) / Double(count))
    }
}

/// The Dirichlet distribution that fits best to mean logarithms (Minka 2000), from a first guess by means.
private func dirichlet(meanLogs: ArraySlice<Double>, means: ArraySlice<Double>) -> [Double] {
    var α = means.map { 10 * $0 + 1e-3 }
    for _ in 0 ..< 50 {
        let whole = digamma(α.reduce(0, +))
        α = meanLogs.map { inverseDigamma(whole + max($0, -60)) }
    }
    return α
}

private func digamma(_ x: Double) -> Double {
    if x < 6 { return digamma(x + 1) - 1 / x }
    let square = 1 / (x * x)
    return log(x) - 0.5 / x - square * (1 / 12.0 - square * (1 / 120.0 - square / 252.0))
}

private func trigamma(_ x: Double) -> Double {
    if x < 6 { return trigamma(x + 1) + 1 / (x * x) }
    let square = 1 / (x * x)
    return 1 / x + square / 2 + square / x * (1 / 6.0 - square * (1 / 30.0 - square / 42.0))
}

private func inverseDigamma(_ y: Double) -> Double {
    var x = y >= -2.22 ? exp(y) + 0.5 : -1 / (y - digamma(1))
    for _ in 0 ..< 5 { x -= (digamma(x) - y) / trigamma(x) }
    return x
}
