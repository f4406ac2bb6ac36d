/// What recipes are made from: a file's text, and what stands over it.
public struct RecipeSource: Sendable {
    let text: String?, file: String, overrides: [(key: String, value: String)]

    /// - Parameters:
    ///   - text: YAML; nil for a recipe that consists of overrides.
    ///   - file: its name, for messages.
    public init(text: String?, file: String, overrides: [(key: String, value: String)]) {
        (self.text, self.file, self.overrides) = (text, file, overrides)
    }

    /// - Parameter varied: what stands over all, from a sweep's grid.
    public func recipe(varied: [(key: String, value: String)] = []) throws -> Recipe {
        try Recipe(text, file: file, overrides: overrides, varied: varied)
    }
}
