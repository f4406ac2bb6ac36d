import Foundation

/// A sweep as a picture: a column for each setting with a dot for each seed and a line at their mean; the chosen one is filled and named.
struct SweepPlot {
    private let table: SweepTable
    private let columnWidth = 90.0, height = 240.0, left = 80.0, top = 40.0

    init(_ table: SweepTable) { self.table = table }

    var svg: String {
        let width = left + columnWidth * Double(table.rows.count) + 20, foot = 24 + 16 * Double(table.keys.count)
        let figures = table.rows.flatMap(\.figures), low = figures.min() ?? 0, high = figures.max() ?? 1
        let margin = high > low ? (high - low) * 0.1 : max(abs(high) * 0.1, 0.01)
        func y(_ value: Double) -> Double { top + height * (high + margin - value) / (high - low + 2 * margin) }
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(width)) \(text(top + height + foot))\" font-family=\"sans-serif\" "
                + "font-size=\"12\" role=\"img\" aria-label=\"\(escaped(label))\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            "<text x=\"8\" y=\"20\">\(escaped(table.criterion.name)), \(table.criterion.isHigherBetter ? "higher" : "lower") is better</text>",
        ]
        for step in 0 ... 4 {
            let value = low - margin + (high - low + 2 * margin) * Double(step) / 4
            parts.append(line(left, y(value), width - 20, y(value), "#ccc"))
            parts.append("<text x=\"\(text(left - 8))\" y=\"\(text(y(value) + 4))\" text-anchor=\"end\">\(Vigil.short(value))</text>")
        }
        for (place, row) in table.rows.enumerated() {
            let x = left + columnWidth * (Double(place) + 0.5), isChosen = place == table.chosen
            for value in row.figures {
                parts.append(
                    "<circle cx=\"\(text(x))\" cy=\"\(text(y(value)))\" r=\"4\" stroke=\"black\" fill=\"\(isChosen ? "black" : "white")\"/>")
            }
            if let mean = row.mean { parts.append(line(x - 20, y(mean), x + 20, y(mean), "black")) }
            for (number, value) in (row.values + (isChosen ? ["chosen"] : [])).enumerated() {
                parts.append(
                    "<text x=\"\(text(x))\" y=\"\(text(top + height + 16 + 16 * Double(number)))\" text-anchor=\"middle\">\(escaped(value))</text>")
            }
        }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var label: String { "\(table.criterion.name) by \(table.keys.joined(separator: ", "))" }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String) -> String {
        "<line x1=\"\(text(x1))\" y1=\"\(text(y1))\" x2=\"\(text(x2))\" y2=\"\(text(y2))\" stroke=\"\(color)\"/>"
    }
    private func text(_ value: Double) -> String { String(format: "%.1f", value) }
    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: "\"", with: "&quot;")
    }
}
