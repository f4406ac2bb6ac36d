/// A chart of two axes: curves with bands, histograms, points. It is SVG that is read without color, named for screen readers.
public struct Chart: Sendable {
    public enum Form: Sendable {
        /// Straight from point to point.
        case line
        /// A histogram: level from each point's x to the next one's; the first series is filled.
        case steps
        /// Points alone.
        case points
    }

    public struct Series: Sendable {
        /// Intervals of y at some x.
        public typealias Band = [(x: Double, low: Double, high: Double)]
        public let name: String, form: Form
        public let points: [(x: Double, y: Double)]
        /// Drawn behind as a shade; and as a thin line on either side.
        public let band: Band, spread: Band
        /// Which of the ways to look it has, by which it is known again in other charts; its place among the series where nil.
        let look: Int?

        public init(
            _ name: String, _ points: [(x: Double, y: Double)], as form: Form = .line, band: Band = [], spread: Band = [], look: Int? = nil
        ) {
            (self.name, self.form, self.band, self.spread, self.look) = (name, form, band, spread, look)
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
        }
    }

    /// A line across the chart, thin and gray.
    public enum Reference: Sendable {
        case vertical(Double, name: String)
        case horizontal(Double, name: String)
        /// Where y is x.
        case diagonal
    }

    private let title: String, description: String, x: Axis, y: Axis
    private let series: [Series], references: [Reference]
    private let width: Double, height: Double
    /// Beside the numbers at the axis there is room for its name.
    private var left: Double { max(58, 26 + (y.ticks.map { textWidth(y.text($0)) }.max() ?? 0)) }
    private var right: Double { width - 14 }
    private var top: Double { 14 }
    private var bottom: Double { height - 44 }

    /// - Parameters:
    ///   - description: what there is to see, for those who cannot.
    ///   - width: in pixels.
    ///   - height: without the legend.
    public init(
        _ title: String, _ description: String, x: Axis, y: Axis, _ series: [Series], references: [Reference] = [], width: Double = 460,
        height: Double = 300
    ) {
        (self.title, self.description, self.x, self.y, self.series) = (title, description, x, y, series)
        (self.references, self.width, self.height) = (references, width, height)
    }

    /// - Parameter id: no other element of the page has it.
    public func figure(id: String, caption: String) -> Markup {
        let legend = legend(of: series.count > 1 ? series : [])
        let svg = drawing(id: id, title: title, description: description, width: width, height: height + legend.height, content(legend))
        return Markup("figure", ["id": id], svg, Markup("figcaption", [:], Markup("strong", [:], Markup(title)), Markup(". " + caption)))
    }

    /// A file of its own; equal charts give equal bytes.
    public var svg: String {
        let legend = legend(of: series)
        let part = DrawingFile.Part(title: title, width: width, height: height + legend.height, content: content(legend))
        return DrawingFile(id: "chart", title: title, description: description, [part]).source
    }

    private func legend(of series: [Series]) -> Legend { Legend(series.map(\.name), looks: series.indices.map(look), width: width, left: left - 40) }

    private func content(_ legend: Legend) -> [Markup] {
        frame + numbers + series.indices.map(band) + references.map(line) + series.indices.map(drawn)
            + legend.markup(top: height, hasLines: series.contains { $0.form != .points })
    }

    private func look(_ number: Int) -> Look { Look(number: series[number].look ?? number) }

    private func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
        (left + (right - left) * x.share(point.x), bottom - (bottom - top) * y.share(point.y))
    }

    // MARK: Axes

    private var frame: [Markup] {
        let across = y.ticks.map { tick in
            let place = coordinate(place((x.range.lowerBound, tick)).y)
            return Markup("line", ["class": "grid", "x1": coordinate(left), "x2": coordinate(right), "y1": place, "y2": place])
        }
        let axes = "M\(coordinate(left)) \(coordinate(top))V\(coordinate(bottom))H\(coordinate(right))"
        return across + [Markup("path", ["class": "axis", "d": axes])]
    }

    private var numbers: [Markup] {
        let below = x.ticks.flatMap { tick -> [Markup] in
            let at = place((tick, y.range.lowerBound)).x, d = "M\(coordinate(at)) \(coordinate(bottom))v4"
            return [Markup("path", ["class": "axis", "d": d]), label(x.text(tick), at, bottom + 17, anchor: "middle")]
        }
        let beside = y.ticks.map { label(y.text($0), left - 6, place((x.range.lowerBound, $0)).y + 4, anchor: "end") }
        return below + beside + [
            label(x.label, (left + right) / 2, bottom + 35, anchor: "middle"),
            label(y.label, 13, (top + bottom) / 2, anchor: "middle", turned: true),
        ]
    }

    private func line(_ reference: Reference) -> Markup {
        func path(_ d: String) -> Markup { Markup("path", ["class": "reference", "d": d]) }
        switch reference {
        case .diagonal:
            // curved where equal lengths are equal ratios
            let pieces = x.isLogarithmic ? 64 : 1, points = (0 ... pieces).map { x.value(at: Double($0) / Double(pieces)) }.map { place(($0, $0)) }
            return path("M" + points.map { "\(coordinate($0.x)) \(coordinate($0.y))" }.joined(separator: "L"))
        case .vertical(let value, let name):
            let at = place((value, y.range.lowerBound)).x, isLate = at > (left + right) / 2
            return Markup([
                path("M\(coordinate(at)) \(coordinate(bottom))V\(coordinate(top))"),
                label(name, isLate ? at - 4 : at + 4, top + 8, anchor: isLate ? "end" : "start", style: "label small"),
            ])
        case .horizontal(let value, let name):
            // curves come down to a base rate from above
            let at = place((x.range.lowerBound, value)).y, isLow = at + 16 > bottom
            return Markup([
                path("M\(coordinate(left)) \(coordinate(at))H\(coordinate(right))"),
                label(name, right - 2, isLow ? at - 4 : at + 13, anchor: "end", style: "label small"),
            ])
        }
    }

    // MARK: Series

    private func band(_ number: Int) -> Markup {
        let look = look(number), (band, spread) = (series[number].band, series[number].spread)
        func places(_ points: [(x: Double, y: Double)]) -> String {
            points.map(place).map { "\(coordinate($0.x)) \(coordinate($0.y))" }.joined(separator: "L")
        }
        // shades that lie over each other are lighter
        let isOneOfSeveral = series.count { $0.band.count > 1 } > 1, around = band.map { ($0.x, $0.high) } + band.reversed().map { ($0.x, $0.low) }
        let shade = Markup("path", ["class": "area \(isOneOfSeveral ? "light " : "")\(look.name)", "d": "M\(places(around))Z"])
        let edges = [spread.map { ($0.x, $0.low) }, spread.map { ($0.x, $0.high) }].map { edge in
            Markup("path", ["class": "edge \(look.name)", "d": "M\(places(edge))"])
        }
        return Markup((band.count > 1 ? [shade] : []) + (spread.count > 1 ? edges : []))
    }

    private func drawn(_ number: Int) -> Markup {
        let one = series[number], look = look(number), points = one.points.map(place)
        guard !points.isEmpty else { return Markup([]) }
        switch one.form {
        case .points: return Markup(points.map { look.mark($0.x, $0.y) })
        case .line:
            // a single point has no line
            return Markup((points.count > 1 ? [look.line(points)] : []) + marks(on: points, look))
        case .steps:
            let steps = zip(points, points.dropFirst()).flatMap { [$0, (x: $1.x, y: $0.y)] } + [points[points.count - 1]]
            let tops = zip(points, points.dropFirst()).map { (x: ($0.x + $1.x) / 2, y: $0.y) }
            return Markup([look.line(steps, isFilledTo: number == 0 ? bottom : nil)] + marks(on: tops, look))
        }
    }

    /// A few, not at the same places as those of other series.
    private func marks(on points: [(x: Double, y: Double)], _ look: Look) -> [Markup] {
        guard series.count > 1 || points.count == 1 else { return [] }
        let count = min(6, points.count)
        return (0 ..< count).map { number in
            let share = (Double(number) + 0.5 + 0.12 * Double(look.number % Look.count - 2)) / Double(count)
            let point = points[min(Int(share * Double(points.count)), points.count - 1)]
            return look.mark(point.x, point.y)
        }
    }
}
