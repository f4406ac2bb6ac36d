import Foundation

/// Curves of detection against false alarms as a small picture in SVG; the rate of false alarms is drawn by its logarithm, since what
/// matters of a map with few anomalies lies at rates of one in a hundred and below.
public struct ROCChart {
    public struct Curve {
        let name: String, area: Double
        /// Rates of false alarms and of detection, both rising.
        let points: [(x: Double, y: Double)]

        /// - Parameter area: under the curve, of 1.
        public init(_ name: String, area: Double, points: [(x: Double, y: Double)]) { (self.name, self.area, self.points) = (name, area, points) }
    }

    private static let width = 420.0, height = 260.0, left = 48.0, top = 12.0
    /// Told apart without color by their dashes.
    private static let styles = [("#0b5fa5", ""), ("#b5410b", "7 3"), ("#3c7a2a", "2 3"), ("#6b3fa0", "9 3 2 3"), ("#555555", "1 2")]
    private let curves: [Curve], title: String
    /// The axis goes from 10 to this power to 1.
    private let decades: Int

    /// - Parameter normals: so many that a rate can be as small as one of them.
    public init(_ curves: [Curve], title: String, normals: Int) {
        (self.curves, self.title) = (curves, title)
        decades = max(1, Int(log10(Double(max(normals, 10))).rounded(.up)))
    }

    /// The file; equal curves give equal bytes.
    public var svg: String {
        let (width, height, left, top) = (Self.width, Self.height, Self.left, Self.top), bottom = top + height
        let total = (width: left + width + 16, height: bottom + 44 + 16 * Double(curves.count))
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(total.width)) \(text(total.height))\" width=\"\(text(total.width))\" "
                + "role=\"img\" aria-label=\"\(escaped(title))\" font-family=\"sans-serif\" font-size=\"11\">",
            "<title>\(escaped(title))</title>", "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        ]
        for power in -decades ... 0 {
            let x = place(x: pow(10, Double(power)))
            lines.append("<path d=\"M\(text(x)) \(text(top))V\(text(bottom))\" stroke=\"#ddd\"/>")
            let label = power == 0 ? "1" : "10<tspan dy=\"-4\" font-size=\"8\">\(power)</tspan>"
            lines.append("<text x=\"\(text(x))\" y=\"\(text(bottom + 14))\" text-anchor=\"middle\">\(label)</text>")
        }
        for step in 0 ... 4 {
            let y = place(y: Double(step) / 4)
            lines.append("<path d=\"M\(text(left)) \(text(y))H\(text(left + width))\" stroke=\"#ddd\"/>")
            lines.append("<text x=\"\(text(left - 6))\" y=\"\(text(y + 4))\" text-anchor=\"end\">\(text(Double(step) / 4))</text>")
        }
        lines.append("<text x=\"\(text(left + width / 2))\" y=\"\(text(bottom + 30))\" text-anchor=\"middle\">rate of false alarms</text>")
        lines.append("<text transform=\"translate(12 \(text(top + height / 2))) rotate(-90)\" text-anchor=\"middle\">rate of detection</text>")
        for (number, curve) in curves.enumerated() {
            let (color, dashes) = Self.styles[number % Self.styles.count],
                stroke = "stroke=\"\(color)\" stroke-dasharray=\"\(dashes)\" stroke-width=\"1.6\""
            let y = bottom + 44 + 16 * Double(number)
            lines.append("<path d=\"\(path(of: curve))\" fill=\"none\" \(stroke)/>")
            lines.append("<path d=\"M\(text(left)) \(text(y - 4))h32\" \(stroke)/>")
            let label = "\(curve.name): area \(String(format: "%.4f", curve.area))"
            lines.append("<text x=\"\(text(left + 40))\" y=\"\(text(y))\">\(escaped(label))</text>")
        }
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    private func place(x rate: Double) -> Double { Self.left + Self.width * max(0, 1 + log10(max(rate, 1e-300)) / Double(decades)) }
    private func place(y rate: Double) -> Double { Self.top + Self.height * (1 - rate) }

    /// Straight lines between the points; those that fall on one hundredth of a pixel are drawn once. A slanted line is curved on this axis, by
    /// less than can be seen where the points are those of single anomalies.
    private func path(of curve: Curve) -> String {
        var drawn: [String] = []
        for point in curve.points {
            let place = "\(text(place(x: point.x))) \(text(place(y: point.y)))"
            if drawn.last != place { drawn.append(place) }
        }
        return "M" + drawn.joined(separator: "L")
    }

    /// To a hundredth of a pixel, as short as can be.
    private func text(_ number: Double) -> String {
        let text = String(format: "%.2f", number)
        return text.contains(".") ? String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed()) : text
    }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: "\"", with: "&quot;")
    }
}
