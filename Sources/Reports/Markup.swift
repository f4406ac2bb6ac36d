/// A piece of a page: elements of HTML and SVG with text in them, well-formed as XML too, so that any tool reads it.
public struct Markup: Sendable, ExpressibleByStringInterpolation {
    /// As it stands in the file.
    public let source: String

    private init(source: String) { self.source = source }

    /// Text, in which nothing is read as markup.
    public init(_ text: String) { source = Self.escaped(text) }
    public init(stringLiteral text: String) { self.init(text) }

    /// An element.
    public init(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: [Markup]) {
        let start = name + attributes.map { " \($0.key)=\"\(Self.escaped($0.value))\"" }.joined()
        // what HTML lets have no content is closed at once, and nothing else: browsers would take the rest of the page for its content
        source = Self.empty.contains(name) ? "<\(start)/>" : "<\(start)>\(content.map(\.source).joined())</\(name)>"
    }

    public init(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: Markup...) { self.init(name, attributes, content) }

    /// Pieces one after another.
    public init(_ parts: [Markup]) { source = parts.map(\.source).joined() }

    /// A style sheet, in which neither `<` nor `&` may stand.
    public static func style(_ rules: String) -> Markup {
        precondition(!rules.contains { $0 == "<" || $0 == "&" }, "a style sheet that is no XML")
        return Markup(source: "<style>\n\(rules)</style>\n")
    }

    private static let empty: Set = ["meta", "img", "br", "path", "line", "rect", "circle"]

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // XML has no such characters, however they are written
            case _ where scalar.value < 32 && scalar != "\n" && scalar != "\t" || [0xFFFE, 0xFFFF].contains(scalar.value): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Coordinates of a drawing: a tenth of a pixel is finer than anyone sees.
func coordinate(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
}
