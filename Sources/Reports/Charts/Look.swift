/// How the series of a chart differ: by color, by the way a line is broken and by a mark, so that they are told apart without color.
struct Look {
    let number: Int

    /// Six are enough for a chart that can be read; further ones begin again.
    static let count = 6
    private var place: Int { number % Self.count }

    /// The class that the style sheet gives a color.
    var name: String { "s\(place)" }
    var dashes: String { ["none", "7 3", "2 2.5", "9 3 2 3", "4 3", "12 4 2 2 2 4"][place] }

    /// A mark around a place, about 7 wide.
    func mark(_ x: Double, _ y: Double) -> Markup {
        func path(_ points: [(Double, Double)], isOpen: Bool = false) -> Markup {
            let places = points.map { "\(coordinate(x + $0.0)) \(coordinate(y + $0.1))" }
            return Markup("path", ["class": "mark \(name)", "d": "M" + places.joined(separator: "L") + (isOpen ? "" : "Z")])
        }
        switch place {
        case 0: return Markup("circle", ["class": "mark \(name)", "cx": coordinate(x), "cy": coordinate(y), "r": "3.2"])
        case 1: return path([(-3, -3), (3, -3), (3, 3), (-3, 3)])
        case 2: return path([(0, -3.8), (3.6, 2.8), (-3.6, 2.8)])
        case 3: return path([(0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)])
        case 4: return path([(0, 3.8), (3.6, -2.8), (-3.6, -2.8)])
        default: return path([(-4, -1.2), (0, -4.2), (4, -1.2), (2.5, 3.6), (-2.5, 3.6)])
        }
    }

    func line(_ points: [(x: Double, y: Double)], isFilledTo floor: Double? = nil) -> Markup {
        // of points that fall on one another one is enough
        let drawn = points.map { "\(coordinate($0.x)) \(coordinate($0.y))" }.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
        let places = drawn.joined(separator: "L")
        let line = Markup("path", ["class": "line \(name)", "d": "M\(places)", "stroke-dasharray": dashes])
        guard let floor, let first = points.first, let last = points.last else { return line }
        let area = "M\(coordinate(first.x)) \(coordinate(floor))L\(places)L\(coordinate(last.x)) \(coordinate(floor))Z"
        return Markup([Markup("path", ["class": "area \(name)", "d": area]), line])
    }
}

/// Text in a drawing.
func label(_ text: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "label", turned: Bool = false) -> Markup {
    let place = turned ? " rotate(-90)" : ""
    return Markup(
        "text", ["class": style, "transform": "translate(\(coordinate(x)) \(coordinate(y)))\(place)", "text-anchor": anchor], Markup(text))
}

/// About how wide a text is, in the 12 pixels that labels have.
func textWidth(_ text: String) -> Double { 7 * Double(text.count) }

/// A drawing with a name and a description that screen readers tell.
///
/// - Parameters:
///   - id: no other element of the page has it.
///   - isFile: whether it stands alone, and not in a page.
func drawing(
    id: String, title: String, description: String, width: Double, height: Double, _ content: [Markup], isFile: Bool = false
) -> Markup {
    let words = [Markup("title", ["id": "\(id)-title"], Markup(title)), Markup("desc", ["id": "\(id)-description"], Markup(description))]
    let names = "\(id)-title \(id)-description", box = "0 0 \(coordinate(width)) \(coordinate(height))"
    let (width, height) = (coordinate(width), coordinate(height))
    return isFile
        ? Markup(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": names, "viewBox": box, "width": width, "height": height,
            ], words + content)
        : Markup("svg", ["role": "img", "aria-labelledby": names, "viewBox": box, "width": width, "height": height], words + content)
}

/// Drawings below each other, each under its title, in a file of their own.
struct DrawingFile {
    struct Part { let title: String, width: Double, height: Double, content: [Markup] }

    private let svg: Markup

    /// - Parameters:
    ///   - id: of the drawing in the file.
    ///   - description: of all parts.
    init(id: String, title: String, description: String, _ parts: [Part]) {
        var content: [Markup] = [
            .style(StyleSheet.drawing), Markup("rect", ["class": "paper", "width": "100%", "height": "100%"]),
        ]
        var y = 0.0, width = 0.0
        for part in parts {
            content.append(label(part.title, 10, y + 20, style: "label strong"))
            content.append(Markup("g", ["transform": "translate(0 \(coordinate(y + 28)))"], part.content))
            (width, y) = (max(width, part.width, 20 + textWidth(part.title)), y + part.height + 44)
        }
        svg = drawing(id: id, title: title, description: description, width: width, height: y, content, isFile: true)
    }

    var source: String { svg.source + "\n" }
}

/// What the lines and marks stand for, in rows below a chart.
struct Legend {
    private let rows: [[(name: String, look: Look, x: Double)]]
    private static let rowHeight = 18.0, swatch = 34.0

    init(_ names: [String], looks: [Look]? = nil, width: Double, left: Double) {
        var rows: [[(name: String, look: Look, x: Double)]] = [[]], x = left
        for (number, name) in names.enumerated() {
            let needed = Self.swatch + textWidth(name) + 14
            if x + needed > width, !rows[rows.count - 1].isEmpty { (rows, x) = (rows + [[]], left) }
            rows[rows.count - 1].append((name, looks?[number] ?? Look(number: number), x))
            x += needed
        }
        self.rows = names.isEmpty ? [] : rows
    }

    var height: Double { Self.rowHeight * Double(rows.count) }

    func markup(top: Double, hasLines: Bool) -> [Markup] {
        rows.enumerated().flatMap { row, entries in
            let y = top + Self.rowHeight * Double(row) + 11
            return entries.flatMap { entry -> [Markup] in
                let line = hasLines ? [entry.look.line([(entry.x, y - 4), (entry.x + 28, y - 4)])] : []
                return line + [entry.look.mark(entry.x + 14, y - 4), label(entry.name, entry.x + Self.swatch, y)]
            }
        }
    }
}
