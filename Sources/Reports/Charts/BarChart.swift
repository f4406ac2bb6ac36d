import Foundation

/// Figures in 0 ... 1 as bars, one below the other, each with an interval; groups of them bear a name.
public struct BarChart: Sendable {
    public struct Bar: Sendable {
        /// The series that it belongs to, which gives it its look.
        public let series: Int, value: Double, interval: ClosedRange<Double>?
        public init(series: Int, _ value: Double, interval: ClosedRange<Double>?) {
            (self.series, self.value, self.interval) = (series, value, interval)
        }
    }

    private let title: String, description: String, axis: Axis, series: [String], groups: [(name: String, bars: [Bar])]
    /// Where a line stands for what chance reaches.
    private let chance: Double?
    private static let barHeight = 15.0, gap = 9.0, width = 620.0, right = 66.0

    public init(
        _ title: String, _ description: String, axis label: String, series: [String], groups: [(name: String, bars: [Bar])], chance: Double? = nil
    ) {
        (self.title, self.description, self.series, self.groups, self.chance) = (title, description, series, groups, chance)
        axis = Axis(label, 0 ... 1)
    }

    /// - Parameter id: no other element of the page has it.
    public func figure(id: String, caption: String) -> Markup {
        let left = 14 + min(200, groups.map { textWidth($0.name) }.max() ?? 0)
        func place(_ value: Double) -> Double { left + (Self.width - Self.right - left) * axis.share(value) }
        var content: [Markup] = [], y = 8.0
        for group in groups {
            let height = Self.barHeight * Double(group.bars.count)
            content.append(label(Self.short(group.name), left - 8, y + height / 2 + 4, anchor: "end"))
            for bar in group.bars {
                content.append(drawn(bar, y: y, from: place(0), place))
                y += Self.barHeight
            }
            y += Self.gap
        }
        let scale = axis.ticks.flatMap { tick -> [Markup] in
            let x = place(tick)
            return [
                Markup("line", ["class": "grid", "x1": coordinate(x), "x2": coordinate(x), "y1": "4", "y2": coordinate(y)]),
                label(axis.text(tick), x, y + 14, anchor: "middle"),
            ]
        }
        let reference = chance.map { chance in
            Markup("path", ["class": "reference", "d": "M\(coordinate(place(chance))) 4V\(coordinate(y))"])
        }
        let legend = Legend(series.count > 1 ? series : [], width: Self.width, left: 10)
        let svg = drawing(
            id: id, title: title, description: description, width: Self.width, height: y + 40 + legend.height,
            scale + content + [reference, label(axis.label, (left + Self.width - Self.right) / 2, y + 31, anchor: "middle")].compactMap { $0 }
                + legend.markup(top: y + 38, hasLines: false))
        return Markup("figure", ["id": id], svg, Markup("figcaption", [:], Markup("strong", [:], Markup(title)), Markup(". " + caption)))
    }

    private func drawn(_ bar: Bar, y: Double, from origin: Double, _ place: (Double) -> Double) -> Markup {
        let look = Look(number: bar.series), end = place(bar.value), middle = y + Self.barHeight / 2
        let body = Markup(
            "rect",
            [
                "class": "bar \(look.name)", "x": coordinate(origin), "y": coordinate(y + 2), "width": coordinate(max(end - origin, 0.5)),
                "height": coordinate(Self.barHeight - 4),
            ])
        let whisker = bar.interval.map { interval in
            let (a, b) = (coordinate(place(interval.lowerBound)), coordinate(place(interval.upperBound))), m = coordinate(middle)
            return Markup("path", ["class": "whisker", "d": "M\(a) \(coordinate(middle - 4))v8M\(a) \(m)H\(b)M\(b) \(coordinate(middle - 4))v8"])
        }
        let mark = series.count > 1 ? look.mark(origin + 7, middle) : Markup([])
        let number = label(String(format: "%.3f", bar.value), Self.width - 6, middle + 4, anchor: "end")
        return Markup([body, whisker, mark, number].compactMap { $0 })
    }

    /// What fits beside the bars.
    private static func short(_ name: String) -> String { name.count > 30 ? name.prefix(29) + "…" : name }
}
