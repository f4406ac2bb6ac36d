import Ranks

/// What a run is asked to train, beside what its checkpoint has.
struct Continuation {
    let folder: String
    /// As `Trainer.definition`.
    let definition: [String: String]
    /// Whether a rate depends on how long its stage is.
    let dependsOnLength: Bool
    let fingerprint: String
    let stages: [(name: String, length: Int)]

    /// - Throws: where the checkpoint is of another model, or further than what is asked of it can still be done.
    func check(_ record: Checkpoint.Record) throws {
        // more epochs may be asked of a finished stage, unless its rates went by its length
        let changed = Set(definition.keys).union(record.model.keys)
            .filter { definition[$0] != record.model[$0] && (dependsOnLength || !Recipe.isLength($0)) }.sorted()
        if let first = changed.first {
            let list = changed.map { "\($0) is \(definition[$0] ?? "absent") (was \(record.model[$0] ?? "absent"))" }.joined(separator: ", ")
            throw Failure(.usage, "\(folder) was trained by another recipe: \(list); set \(first) back or \(otherFolder)")
        }
        guard record.fingerprint == fingerprint else {
            throw Failure(.usage, "\(folder) was trained on other data: fingerprint \(record.fingerprint), now \(fingerprint); \(otherFolder)")
        }
        try checkLengths(record.position)
    }

    /// - Throws: where stages that others have followed would be longer or shorter: what those made of them would be of another model.
    private func checkLengths(_ position: Position) throws {
        let over = stages.prefix(position.stage), asked = over.map(\.length).reduce(0, +), done = position.total - position.step
        guard asked != done else { return }
        let names = over.map(\.name).joined(separator: ", ")
        throw Failure(
            .usage,
            "\(folder) went on to stage \(stages[position.stage].name) after \(done) steps of \(names), for which this recipe asks \(asked); "
                + "set epochs and steps back or \(otherFolder)")
    }

    private var otherFolder: String { "choose another folder with --out" }
}
