/// A page in one file: nothing in it is fetched from elsewhere, no script runs, and it reads in light, in the dark and on paper.
public struct Page {
    public struct Section {
        let id: String, heading: String, content: [Markup]
        /// - Parameter id: no other element of the page has it.
        public init(_ id: String, _ heading: String, _ content: [Markup]) { (self.id, self.heading, self.content) = (id, heading, content) }
    }

    private let title: String, lead: [Markup], sections: [Section], foot: Markup

    public init(_ title: String, lead: [Markup], _ sections: [Section], foot: Markup) {
        (self.title, self.lead, self.sections, self.foot) = (title, lead, sections, foot)
    }

    /// The file.
    public var html: String {
        let head = Markup(
            "head", [:], Markup("meta", ["charset": "utf-8"]),
            Markup("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
            Markup("meta", ["name": "color-scheme", "content": "light dark"]), Markup("title", [:], Markup(title)), .style(StyleSheet.page))
        let links = sections.map { Markup("li", [:], Markup("a", ["href": "#\($0.id)"], Markup($0.heading))) }
        let body = sections.map { section in
            Markup(
                "section", ["id": section.id, "aria-labelledby": "\(section.id)-heading"],
                [Markup("h2", ["id": "\(section.id)-heading"], Markup(section.heading))] + section.content)
        }
        let page = Markup(
            "html", ["lang": "en"], head,
            Markup(
                "body", [:],
                [
                    Markup("header", [:], [Markup("h1", [:], Markup(title))] + lead),
                    Markup("nav", ["aria-label": "Contents"], Markup("ul", [:], links)),
                ]
                    + [Markup("main", [:], body), Markup("footer", [:], foot)]))
        return "<!DOCTYPE html>\n\(page.source)\n"
    }
}

/// A table: the first row is its head, the first column names the rows.
public struct DataTable {
    private let caption: String, head: [String], rows: [[String]], textColumns: Set<Int>

    /// - Parameter textColumns: those, from 0, that hold words, not figures.
    public init(_ caption: String, head: [String], _ rows: [[String]], textColumns: Set<Int> = []) {
        (self.caption, self.head, self.rows, self.textColumns) = (caption, head, rows, textColumns)
    }

    public var markup: Markup {
        // a line does not end between a figure and its unit
        let head = self.head.map(Self.held), rows = self.rows.map { $0.map(Self.held) }
        let top = Markup(
            "tr", [:], head.enumerated().map { Markup("th", ["scope": "col", "class": textColumns.contains($0) ? "text" : "figure"], Markup($1)) })
        let body = rows.map { row in
            Markup(
                "tr", [:],
                row.enumerated().map { place, cell in
                    place == 0
                        ? Markup("th", ["scope": "row"], Markup(cell))
                        : textColumns.contains(place) ? Markup("td", ["class": "text"], Markup(cell)) : Markup("td", [:], Markup(cell))
                })
        }
        let parts = [Markup("caption", [:], Markup(caption))] + (head.isEmpty ? [] : [Markup("thead", [:], top)]) + [Markup("tbody", [:], body)]
        return Markup("div", ["class": "wide"], Markup("table", [:], parts))
    }

    private static func held(_ text: String) -> String { text.replacing(" %", with: "\u{A0}%") }
}
