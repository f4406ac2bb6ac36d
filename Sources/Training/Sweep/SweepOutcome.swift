import Foundation

/// What came of a run of a sweep: `sweep-outcome.json` in its folder, which says that the run is finished.
struct SweepOutcome: Codable, Equatable {
    /// Of the keys that define the model, and by what is chosen: an outcome of another recipe or criterion counts as none.
    let recipe: String, criterion: String
    /// The newest checkpoint's.
    let stateSHA256: String?
    /// nil where training came to values that are not finite; then `failure` says so.
    let value: Double?
    let failure: String?

    private enum CodingKeys: String, CodingKey {
        case recipe = "recipe_sha256"
        case stateSHA256 = "state_sha256"
        case criterion, value, failure
    }

    static func digest(of recipe: Recipe) -> String {
        let sets = recipe.sets.sorted { $0.key < $1.key }.map { "sets.\($0.key)=\($0.value)" }
        return sha256(Data((recipe.model.map { "\($0.name)=\($0.value)" } + sets + ["data=\(recipe.fields.data)"]).joined(separator: "\n").utf8))
    }

    /// Of a run's folder, where it has one of this recipe and criterion.
    init?(in folder: URL, of recipe: Recipe, by criterion: SweepCriterion) {
        guard let bytes = try? Data(contentsOf: Self.file(in: folder)), let found = try? JSONDecoder().decode(Self.self, from: bytes),
            found.recipe == Self.digest(of: recipe), found.criterion == criterion.subject
        else { return nil }
        self = found
    }

    init(of recipe: Recipe, by criterion: SweepCriterion, stateSHA256: String?, value: Double?, failure: String?) {
        (self.recipe, self.criterion) = (Self.digest(of: recipe), criterion.subject)
        (self.stateSHA256, self.value, self.failure) = (stateSHA256, value, failure)
    }

    func write(in folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try writeWhole(encoder.encode(self), to: Self.file(in: folder))
    }

    private static func file(in folder: URL) -> URL { folder.appendingPathComponent("sweep-outcome.json") }
}

/// Writes a file of a sweep beside its place, and renames it.
func writeWhole(_ data: Data, to file: URL) throws {
    do { try data.write(to: file, options: .atomic) } catch {
        throw Failure(.inputOutput, "\(file.path) cannot be written: \(reason(of: error)); free space, then run the same command again")
    }
}
