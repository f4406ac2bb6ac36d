import Glibc

/// How far a stage has come (or a loop, whose unit is the round).
public struct Progress: Sendable {
    /// Steps done.
    public var step = 0
    /// Whole epochs done; in a loop, rounds.
    public var epoch = 0
    /// The share of all steps that is done, 0 to below 1.
    public var share = 0.0
    /// Steps in an epoch; in a loop 1.
    public var stepsPerEpoch = 1

    public init(step: Int = 0, epoch: Int = 0, share: Double = 0, stepsPerEpoch: Int = 1) {
        (self.step, self.epoch, self.share, self.stepsPerEpoch) = (step, epoch, share, stepsPerEpoch)
    }
}

/// A number that may change while training goes on: a learning rate, the weight of a loss. A stage's unit is the epoch, a
/// search's its step.
public struct Rate: Hashable, Sendable, ExpressibleByFloatLiteral {
    private enum Course: Hashable {
        case constant
        case drops(at: [Int], factor: Double)
        case levels(from: [Int], [Double])
        case decay(factor: Double)
        case linear(to: Double), cosine(to: Double)
    }
    /// At the beginning, warm-up aside.
    public let first: Double
    private let course: Course
    /// Units of the warm-up before which it has not reached its course.
    private let warmup: Double

    private init(_ first: Double, _ course: Course, warmup: Double = 0) { (self.first, self.course, self.warmup) = (first, course, warmup) }
    public init(_ value: Double) { self.init(value, .constant) }
    public init(floatLiteral value: Double) { self.init(value) }

    /// Multiplied by `factor` at each of these units.
    public static func dropping(_ first: Double, at units: [Int], by factor: Double) -> Rate { Rate(first, .drops(at: units, factor: factor)) }
    /// `first`, and from each of these units on, in ascending order, the value beside it.
    public static func levels(_ first: Double, from levels: KeyValuePairs<Int, Double>) -> Rate {
        Rate(first, .levels(from: levels.map(\.key), levels.map(\.value)))
    }
    /// Multiplied by `factor` after each unit.
    public static func decaying(_ first: Double, by factor: Double) -> Rate { Rate(first, .decay(factor: factor)) }
    /// On a straight line, step by step, to `last` at the end.
    public static func linear(_ first: Double, to last: Double) -> Rate { Rate(first, .linear(to: last)) }
    /// By half a cosine, step by step, to `last` at the end.
    public static func cosine(_ first: Double, to last: Double) -> Rate { Rate(first, .cosine(to: last)) }

    public func times(_ factor: Double) -> Rate {
        let scaled: Course =
            switch course {
            case .constant, .drops, .decay: course
            case .levels(let units, let values): .levels(from: units, values.map { $0 * factor })
            case .linear(let last): .linear(to: last * factor)
            case .cosine(let last): .cosine(to: last * factor)
            }
        return Rate(first * factor, scaled, warmup: warmup)
    }

    /// The same, but over its first units (a part of one too) it rises in equal steps from near 0 to its course, which runs on beneath:
    /// in step t of W, counted from 1, it is t / W of that.
    public func warmingUp(over units: Double) -> Rate { Rate(first, course, warmup: units) }

    /// Whether it depends on how long the stage is, so that a finished one cannot be made longer.
    public var dependsOnLength: Bool {
        switch course {
        case .constant, .drops, .levels, .decay: false
        case .linear, .cosine: true
        }
    }

    var isConstant: Bool { course == .constant && warmup == 0 }

    public func value(at progress: Progress) -> Double {
        let steps = warmup * Double(progress.stepsPerEpoch), step = Double(progress.step + 1)
        return step < steps ? onCourse(at: progress) * (step / steps) : onCourse(at: progress)
    }

    private func onCourse(at progress: Progress) -> Double {
        switch course {
        case .constant: first
        case .drops(let units, let factor): first * pow(factor, Double(units.count { $0 <= progress.epoch }))
        case .levels(let units, let values): units.lastIndex { $0 <= progress.epoch }.map { values[$0] } ?? first
        case .decay(let factor): first * pow(factor, Double(progress.epoch))
        case .linear(let last): first + (last - first) * progress.share
        case .cosine(let last): last + (first - last) * (1 + cos(.pi * progress.share)) / 2
        }
    }
}

/// The value that a rate has at a step: given from outside, by how far training has come.
package struct Scheduled: Operation {
    package let rate: Rate

    package func form(of inputs: [Form]) -> Form { .replicated([]) }
    package func pullback(_ upstream: Node, result: Node, inputs: [Node]) -> [Node?] { [] }
    package func evaluate(_ inputs: [Values], as form: Form, samples: Int) -> Values { preconditionFailure("it depends on the progress") }
    package static var cases: [Case] { [] }
}

extension Trace {
    /// A rate's value at the step that is computed; in a loop too it goes by the stage.
    public func value(of rate: Rate) -> Replicated { Replicated(outsideLoops { scheduled(rate) }) }

    /// A rate's value at the round of the loop around it.
    package func value(inLoop rate: Rate) -> Replicated { Replicated(scheduled(rate)) }

    private func scheduled(_ rate: Rate) -> Node { rate.isConstant ? constant(rate.first) : node(Scheduled(rate: rate), []) }

    /// The rates whose values change from step to step, searches' own not among them.
    public var rates: [Rate] { entries.compactMap { $0.scope == 0 ? ($0.operation as? Scheduled)?.rate : nil } }
}
