import Foundation
import Testing

@testable import Reports

@Suite struct AxisTests {
    /// Round numbers, none of them outside, about five.
    @Test(arguments: [
        (0.0 ... 1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1"]), (0 ... 0.1, ["0", "0.02", "0.04", "0.06", "0.08", "0.1"]),
        (-3 ... 7, ["−2", "0", "2", "4", "6"]), (17 ... 53, ["20", "30", "40", "50"]), (0 ... 356, ["0", "100", "200", "300"]),
        (0 ... 4.1e-7, ["0", "1e−7", "2e−7", "3e−7", "4e−7"]),
    ]) func ticks(_ range: ClosedRange<Double>, _ expected: [String]) {
        let axis = Axis("x", range)
        #expect(axis.ticks.map(axis.text) == expected)
        #expect(axis.ticks.allSatisfy { range.lowerBound - 1e-15 <= $0 && $0 <= range.upperBound * (1 + 1e-12) })
    }

    @Test func logarithms() {
        let axis = Axis("loss", holding: [0.02, 3, 400], mayBeLogarithmic: true)
        #expect(axis.isLogarithmic && axis.ticks.map(axis.text) == ["0.01", "0.1", "1", "10", "100", "1000"])
        #expect(axis.share(0.01) == 0 && axis.share(1000) == 1 && abs(axis.share(10) - 0.6) < 1e-12)
        // near each other, or not positive: equal steps
        #expect(!Axis("loss", holding: [1, 40], mayBeLogarithmic: true).isLogarithmic)
        #expect(!Axis("loss", holding: [0, 400], mayBeLogarithmic: true).isLogarithmic)
    }

    /// One number, none and such that are not finite leave an axis to draw on.
    @Test(arguments: [[], [5], [0], [.nan, .infinity, 2], [-1e300, 1e300]] as [[Double]]) func fewNumbers(_ values: [Double]) {
        let axis = Axis("x", holding: values)
        #expect(axis.range.lowerBound < axis.range.upperBound)
        #expect(values.filter(\.isFinite).allSatisfy { (0 ... 1).contains(axis.share($0)) && axis.range.contains($0) })
    }
}

@Suite struct ChartTests {
    private func chart(_ series: [Chart.Series]) -> String {
        let axis = Axis("false-alarm rate", 0 ... 1)
        return Chart("ROC", "all & none", x: axis, y: axis, series, references: [.diagonal], width: 172, height: 158).figure(
            id: "roc", caption: "Of <a>."
        )
        .source
    }

    /// The frame is 100 by 100 here, from (58, 114) up to (158, 14).
    @Test func places() {
        let source = chart([.init("a", [(0, 0), (0.25, 0.5), (1, 1)], band: [(0, 0, 0.1), (1, 0.9, 1)])])
        #expect(source.contains("d=\"M58 114L83 64L158 14\""), "the curve: \(source)")
        #expect(source.contains("d=\"M58 104L158 14L158 24L58 114Z\""), "its band: \(source)")
        #expect(source.contains("d=\"M58 114L158 14\""), "chance: \(source)")
    }

    /// Shades that lie over each other are lighter, a spread has two thin lines, and a series keeps the look it is given.
    @Test func bands() {
        let band = [(x: 0.0, low: 0.0, high: 0.1), (1, 0.9, 1)], line = [(x: 0.0, y: 0.0), (1, 1)]
        let source = chart([.init("a", line, band: band, look: 3), .init("b", line, band: band, spread: [(0, 0.2, 0.4), (1, 0.6, 0.8)])])
        #expect(source.contains("class=\"area light s3\"") && source.contains("class=\"area light s1\"") && !source.contains(" s0\""))
        #expect(source.contains("class=\"edge s1\" d=\"M58 94L158 54\"") && source.contains("class=\"edge s1\" d=\"M58 74L158 34\""), "\(source)")
        #expect(chart([.init("a", line, band: band)]).contains("class=\"area s0\""))
    }

    /// A chart alone: a rate of nothing is at the left end of an axis of powers of ten, points that fall together are drawn once, a single series
    /// is named, and names cannot break the file.
    @Test func file() {
        let points = [(x: 0.0, y: 0.0), (0, 0.5), (0, 0.5), (0.01, 0.5), (1, 1)]
        let svg = Chart(
            "\"x\" & y", "", x: Axis("rate", decades: -2 ... 0), y: Axis("detected", 0 ... 1), [.init("a<b: area 0.7500", points)], width: 172,
            height: 158
        ).svg
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"") && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("d=\"M58 114L58 64L158 14\"") && svg.contains(">0.01</text>"), "\(svg)")
        #expect(svg.contains("s0 { stroke: #0065a3 }") && !svg.contains("var("), "colors that any program reads")
        #expect(svg.contains("a&lt;b: area 0.7500") && svg.contains(">&quot;x&quot; &amp; y</text>"))
    }

    /// Beyond the axes is held to them, what is not finite is left out.
    @Test func beyond() {
        #expect(chart([.init("a", [(-1, 0), (.nan, 1), (2, 7)])]).contains("class=\"line s0\" d=\"M58 114L158 14\""))
        #expect(!chart([.init("a", [])]).contains("class=\"line"))
    }

    /// Where y is x is no straight line on an axis of powers of ten.
    @Test func chanceByLogarithms() {
        let chart = Chart(
            "ROC", "", x: Axis("rate", decades: -2 ... 0), y: Axis("detected", 0 ... 1), [], references: [.diagonal], width: 172, height: 158)
        // in the middle the rate is a tenth
        #expect(chart.svg.contains("d=\"M58 113L") && chart.svg.contains("L108 104L") && chart.svg.contains("L158 14\""), "\(chart.svg)")
    }

    /// A histogram is level over each bin.
    @Test func steps() {
        let source = chart([.init("a", [(0, 0.2), (0.5, 0.4), (1, 0.4)], as: .steps)])
        #expect(source.contains("d=\"M58 94L108 94L108 74L158 74\""), "\(source)")
    }

    /// Series differ without color: by dashes and by marks.
    @Test func withoutColor() {
        let looks = (0 ..< Look.count).map { Look(number: $0) }
        #expect(Set(looks.map(\.dashes)).count == Look.count)
        #expect(Set(looks.map { $0.mark(0, 0).source.replacing(#/s[0-9]/#, with: "") }).count == Look.count)
    }

    /// The names that a screen reader tells.
    @Test func names() {
        let source = chart([.init("a <b>", [(0, 0), (1, 1)]), .init("c", [(0, 1)])])
        #expect(source.contains("<title id=\"roc-title\">ROC</title><desc id=\"roc-description\">all &amp; none</desc>"))
        #expect(source.contains("aria-labelledby=\"roc-title roc-description\"") && source.contains("Of &lt;a&gt;."))
    }

    @Test(arguments: [(0.0, "0"), (-0.04, "0"), (12.34, "12.3"), (-12.36, "-12.4"), (-0.5, "-0.5"), (7.96, "8")])
    func coordinates(_ value: Double, _ expected: String) { #expect(coordinate(value) == expected) }
}

@Suite struct SchematicTests {
    /// An arrow goes from left to right, boxes of one column do not overlap.
    @Test func places() {
        let boxes = ["x", "encoder", "decoder", "score", "map"].map { Schematic.Box($0 == "x" ? .input : .network, [$0]) }
        let arrows = [(0, 1), (1, 2), (2, 3), (2, 4), (0, 3)].map { Schematic.Arrow(from: $0.0, to: $0.1, label: "") }
        let source = Schematic("d", boxes, arrows).figure(id: "d", caption: "").source
        let found = source.matches(of: #/<rect class="box[^>]*?>/#).map { match in
            ["x", "y", "width", "height"].map { name in
                Double(String(match.0).split(separator: " \(name)=\"")[1].prefix { $0 != "\"" })!
            }
        }
        #expect(found.count == 5)
        guard found.count == 5 else { return }
        for arrow in arrows { #expect(found[arrow.from][0] + found[arrow.from][2] < found[arrow.to][0]) }
        #expect(found[3][1] + found[3][3] <= found[4][1] || found[4][1] + found[4][3] <= found[3][1])
        #expect(source.contains("5 boxes; x to encoder, encoder to decoder, decoder to score, decoder to map, x to score"))
    }
}

@Suite struct MarkupTests {
    @Test func text() {
        #expect(Markup("p", ["title": "a\"b"], Markup("<&>\u{1}")).source == "<p title=\"a&quot;b\">&lt;&amp;&gt;\u{FFFD}</p>")
        #expect(Markup("br", [:]).source == "<br/>" && Markup("div", [:]).source == "<div></div>")
    }
}
