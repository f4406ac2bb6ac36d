import Foundation

/// Every combination of the values of some keys, each with several seeds.
struct SweepGrid {
    struct Setting {
        /// In the order of the keys.
        let values: [String]
        let runs: [Run]
    }
    struct Run {
        /// The run's folder within the sweep's: "settings.latent=50_seed=0".
        let name: String, recipe: Recipe
    }
    let keys: [String]
    /// The last key's values turn fastest.
    let settings: [Setting]
    /// Setting after setting, seed after seed.
    var runs: [Run] { settings.flatMap(\.runs) }

    /// - Parameters:
    ///   - variations: "KEY=V1,V2".
    ///   - seeds: how many, from the recipe's on.
    init(_ source: RecipeSource, varying variations: [String], seeds: Int) throws {
        guard (1 ... 1000).contains(seeds) else { throw Failure(.usage, "--seeds is \(seeds); it must be from 1 to 1000") }
        guard !variations.isEmpty else { throw Failure(.usage, "nothing is varied; give --vary KEY=V1,V2, as --vary settings.latent=10,50") }
        let axes = try variations.map(Self.axis)
        keys = axes.map(\.key)
        for (place, key) in keys.enumerated() {
            if keys[..<place].contains(key) { throw Failure(.usage, "--vary gives \(key) twice; write all its values behind one --vary") }
            if source.overrides.contains(where: { $0.key == key }) {
                let option = ["detector", "data"].contains(key) ? "--\(key)" : "--set"
                throw Failure(.usage, "\(key) is varied and given by \(option); leave one of them out")
            }
        }
        let combinations = axes.reduce([[]]) { rows, axis in rows.flatMap { row in axis.values.map { row + [(key: axis.key, value: $0)] } } }
        var names: [String: String] = [:], models: [String: String] = [:]
        settings = try combinations.map { combination in
            let first = try source.recipe(varied: combination)
            if first.run.stage != nil { throw Failure(.usage, "run.stage ends training early; leave it out of a sweep") }
            let words = combination.map { "\($0.key)=\($0.value)" }
            let runs = try (0 ..< seeds).map { number in
                let seed = first.fields.seed + number, name = (words + ["seed=\(seed)"]).joined(separator: "_")
                return Run(name: Self.fileName(name), recipe: try source.recipe(varied: combination + [("seed", "\(seed)")]))
            }
            // "0.1" and "0.10" are one value, and two values may come to one name
            let model = first.model.map { "\($0.name)=\($0.value)" }.joined(separator: "\n") + first.fields.data,
                setting = words.joined(separator: " ")
            if let other = models.updateValue(setting, forKey: model) {
                throw Failure(.usage, "\(other) and \(setting) are the same model; leave one of them out of --vary")
            }
            if let other = names.updateValue(setting, forKey: runs[0].name) {
                throw Failure(.usage, "\(other) and \(setting) would have one folder, \(runs[0].name); give them in sweeps of their own")
            }
            return Setting(values: combination.map(\.value), runs: runs)
        }
    }

    private static func axis(_ text: String) throws -> (key: String, values: [String]) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, !text.hasPrefix("=") else {
            throw Failure(.usage, "--vary \(text): it must be key=value,value, as --vary settings.latent=10,50")
        }
        let key = parts[0], values = parts[1].components(separatedBy: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if key == "seed" { throw Failure(.usage, "--vary seed: seeds are no setting to choose; say how many with --seeds") }
        if key.hasPrefix("run.") {
            throw Failure(.usage, "--vary \(key): it does not change the model, so there is nothing to choose; give it by --set")
        }
        if values.contains("") { throw Failure(.usage, "--vary \(text): a value is empty; write values with single commas between") }
        if let twice = values.indices.first(where: { values[..<$0].contains(values[$0]) }) {
            throw Failure(.usage, "--vary \(key): \(values[twice]) stands twice; keep one")
        }
        return (key, values)
    }

    /// In characters that any file system and shell takes.
    private static func fileName(_ text: String) -> String {
        String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._=-+".contains($0)) ? $0 : "-" }.prefix(200))
    }
}
