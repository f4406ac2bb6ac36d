import Datasets
import Detectors
import Foundation
import Graphs
import Plans

/// Training has come to a value that is not finite: a loss, which is looked at in every step, or a variable, which is at every agreement and
/// before every checkpoint. Both are equal on all ranks, so all find it in the same step.
struct NotFinite: Error {
    /// "contextual is nan", "encoder.0.weight is not finite".
    let what: String
    /// After the step.
    let position: Position
}

/// A state that training can go back to, in memory.
struct Snapshot {
    let position: Position
    private let values: [Data]

    init(of model: Model, at position: Position) {
        self.position = position
        values = model.variables.map { model.state.withBytes(of: $0.variable) { Data($0) } }
    }

    /// Gives all variables the values that they had.
    func restore(_ model: Model) {
        for ((_, variable), value) in zip(model.variables, values) {
            model.state.withBytes(of: variable) { bytes in _ = value.copyBytes(to: bytes) }
        }
    }
}

extension Model {
    /// The name of a variable that is not finite, if there is one.
    var firstNotFinite: String? {
        variables.first { _, variable in
            state.withBytes(of: variable) { bytes in
                variable.shape.rank == 0
                    ? !bytes.bindMemory(to: Double.self).allSatisfy(\.isFinite) : !bytes.bindMemory(to: Float.self).allSatisfy(\.isFinite)
            }
        }?.name
    }
}

extension TrainingStep {
    /// What the values of a step are called in messages.
    func names(in model: Model) -> [(node: Node, name: String)] {
        let names = Dictionary(uniqueKeysWithValues: model.variables.map { (ObjectIdentifier($0.variable), $0.name) })
        let known = trace.variables.compactMap { variable, given, current in names[ObjectIdentifier(variable)].map { ($0, given, current) } }
        return minibatches.indices.map { (minibatches[$0].node, name(ofMinibatch: $0)) } + noises.map { ($0.node, "noise") }
            + known.map { ($0.1, $0.0) } + reports.map { ($0.node, $0.name) }
            + gradientsOfUpdates.map { ($0.node, "the gradient by \($0.parameter)") } + known.map { ($0.2, "the new value of \($0.0)") }
    }

    /// - Parameter number: from 0.
    func name(ofMinibatch number: Int) -> String { minibatches.count == 1 ? "the minibatch" : "minibatch \(number + 1)" }
}

/// Finds where values that are not finite came from.
struct Diagnosis {
    let stage: String, step: TrainingStep
    /// The last state that was sound.
    let sound: Snapshot
    let trainer: Trainer

    /// Goes back to the sound state and repeats the steps since, which have the same bits, and looks at every value. All ranks call it
    /// together and get the same error: the first value, on the rank that came to it first.
    func explain(_ symptom: NotFinite, by executor: StageExecutor) throws -> Failure {
        sound.restore(trainer.model)
        var position = sound.position
        while position.total < symptom.position.total {
            let outcome = try executor.run(position, isChecking: true)
            position.advance(redraws: outcome.redraws)
            // what is not finite on the way to finite losses and variables does no harm
            guard outcome.losses.contains(where: { !$0.value.isFinite }) || trainer.model.firstNotFinite != nil else { continue }
            let own = outcome.stray.map { stray in "\(stray.place) \(describe(stray, executor)) in step \(position.step)" } ?? ""
            let all = try trainer.group.allGather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
            if let first = earliest(all) { return failure(symptom, "; the first value that was not finite was \(first)") }
        }
        return failure(symptom, "")
    }

    private func failure(_ symptom: NotFinite, _ cause: String) -> Failure {
        Failure(
            .badData,
            "\(symptom.what) in step \(symptom.position.step) of \(stage)\(cause); the last checkpoint stays, and another run with a lower learning rate "
                + "may go further")
    }

    /// "convolution ... (inf) for sample 17 of the training split".
    private func describe(_ stray: Stray, _ executor: StageExecutor) -> String {
        let text = "\(stray.what) (\(stray.value))"
        guard let place = stray.sample else { return text }
        let minibatch = executor.delivered.indices.first { stray.what == step.name(ofMinibatch: $0) } ?? (executor.delivered.count == 1 ? 0 : nil)
        guard let minibatch else { return "\(text) at place \(place) of the minibatch" }
        return "\(text) for sample \(executor.delivered[minibatch][place - executor.places.lowerBound]) of split train"
    }

    /// Of each rank's find, the number of the work first; where several have the same, the lowest rank's.
    private func earliest(_ finds: [String]) -> String? {
        let parts = finds.enumerated().compactMap { rank, text -> (work: Int, rank: Int, what: String)? in
            let words = text.split(separator: " ", maxSplits: 1)
            return words.count == 2 ? (Int(words[0])!, rank, String(words[1])) : nil
        }
        guard let first = parts.min(by: { ($0.work, $0.rank) < ($1.work, $1.rank) }) else { return nil }
        return finds.count == 1 ? first.what : "\(first.what) on rank \(first.rank)"
    }
}
