import Datasets
import Detectors

/// The transforms of a recipe: a YAML list of short texts, or these with commas between; `none` where there are none.
public struct TransformList: SettingValue {
    public static let kind = "a list of transforms, as [resize 32x32, flip horizontal, standardize], or none"
    public let transforms: [Transform]

    public init() { transforms = [] }

    public init?(setting text: String) {
        guard let list = try? TransformList(RecipeEntry(key: "transforms", value: text, place: "")) else { return nil }
        self = list
    }

    /// - Throws: what is wrong and where.
    init(_ entry: RecipeEntry) throws {
        let isBracketed = entry.value.hasPrefix("[") && entry.value.hasSuffix("]")
        let text = isBracketed ? String(entry.value.dropFirst().dropLast()) : entry.value
        let items = text == "none" ? [] : text.split(separator: ",").map { $0.split(separator: " ").joined(separator: " ") }
        transforms = try items.enumerated().map { number, item in
            guard let transform = Transform(item) else {
                let place = number < entry.itemPlaces.count ? entry.itemPlaces[number] : entry.place
                throw Failure(.usage, "\(place): transforms: \(Self.explanation(of: item))")
            }
            return transform
        }
        if let flaw = Transform.flaw(in: transforms) { throw Failure(.usage, "\(entry.place): transforms: \(flaw)") }
    }

    private static func explanation(of item: String) -> String {
        let name = String(item.prefix { $0 != " " }), names = Transform.forms.map(\.name)
        if let form = Transform.forms.first(where: { $0.name == name }) { return "\"\(item)\" is not understood; it must be \(form.text)" }
        let hint = name.nearest(among: names).map { "did you mean \($0)?" } ?? "there are \(names.joined(separator: ", "))"
        return "there is no transform \"\(item)\"; \(hint)"
    }

    public var settingText: String { transforms.isEmpty ? "none" : transforms.map(\.description).joined(separator: ", ") }
}
