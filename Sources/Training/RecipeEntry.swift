import Yams

/// A key of a recipe with its value, and where it stands.
struct RecipeEntry {
    /// With the keys above it: "settings.latent".
    let key: String
    let value: String
    /// For messages: "recipe.yaml line 4".
    let place: String
    /// Those of a list's items, whose texts `value` has with commas between.
    var itemPlaces: [String] = []

    /// The scalars of a YAML mapping, mappings within flattened. Anchors, aliases and lists but that of transforms are refused.
    static func parse(_ text: String, file: String) throws -> [RecipeEntry] {
        let parser: Parser, root: Node?
        do {
            parser = try Parser(yaml: text)
            root = try parser.singleRoot()
        } catch let error as YamlError { throw Failure(.usage, "\(file)\(explanation(of: error))") }
        guard let root else { return [] }
        guard case .mapping(let mapping) = root else { throw Failure(.usage, "\(file): it must be a list of `key: value` lines") }
        // nodes know their anchors as long as their parser lives
        return try withExtendedLifetime(parser) { try entries(of: mapping, under: "", file: file) }
    }

    private static func entries(of mapping: Node.Mapping, under prefix: String, file: String) throws -> [RecipeEntry] {
        try mapping.flatMap { key, value -> [RecipeEntry] in
            let place = "\(file) line \(key.mark?.line ?? value.mark?.line ?? 1)"
            guard let name = key.scalar?.string else { throw Failure(.usage, "\(place): a key must be a word") }
            guard key.anchor == nil, value.anchor == nil else { throw Failure(.usage, "\(place): anchors are not taken; write the value out") }
            switch value {
            // a group of which every key is left out
            case .scalar(let scalar) where scalar.string.isEmpty && prefix.isEmpty && ["rate", "settings", "run"].contains(name): return []
            case .scalar(let scalar): return [RecipeEntry(key: prefix + name, value: scalar.string, place: place)]
            case .mapping(let inner): return try entries(of: inner, under: "\(prefix)\(name).", file: file)
            case .sequence(let list) where prefix + name == "transforms":
                let items = try list.map { item in
                    let place = "\(file) line \(item.mark?.line ?? 1)"
                    guard let text = item.scalar?.string, item.anchor == nil else {
                        throw Failure(.usage, "\(place): an item of transforms must be a text, as resize 32x32")
                    }
                    return (text: text, place: place)
                }
                let value = items.map(\.text).joined(separator: ",")
                return [RecipeEntry(key: name, value: value, place: place, itemPlaces: items.map(\.place))]
            case .sequence: throw Failure(.usage, "\(place): \(prefix)\(name) is a list; it must be one value")
            case .alias: throw Failure(.usage, "\(place): aliases are not taken; write the value out")
            }
        }
    }

    private static func explanation(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            " line \(mark.line): this is no YAML: \(problem)"
        case .reader(let problem, _, _, _): ": this is no YAML: \(problem)"
        case .duplicatedKeysInMapping(let duplicates, let context): " line \(context.mark.line): the key \(duplicates[0]) stands twice; keep one"
        default: ": this is no YAML: \(error)"
        }
    }
}

extension String {
    /// The candidate with the fewest letters to change, if they are few.
    public func nearest(among candidates: [String]) -> String? {
        let tail = String(split(separator: ".").last ?? "")
        let measured = candidates.map { candidate in
            (candidate, min(distance(to: candidate), 1 + tail.distance(to: String(candidate.split(separator: ".").last ?? ""))))
        }
        guard let best = measured.min(by: { ($0.1, $0.0) < ($1.1, $1.0) }), best.1 <= Swift.max(2, count / 3) else { return nil }
        return best.0
    }

    /// Letters to insert, delete or exchange (Levenshtein), letters' case aside.
    private func distance(to other: String) -> Int {
        let (a, b) = (Array(lowercased()), Array(other.lowercased()))
        var row = Array(0 ... b.count)
        for i in a.indices {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let next = Swift.min(row[j + 1] + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                (diagonal, row[j + 1]) = (row[j + 1], next)
            }
        }
        return row[b.count]
    }
}
