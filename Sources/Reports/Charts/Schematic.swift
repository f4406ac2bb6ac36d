/// Boxes with arrows between them, from left to right: what flows through what.
public struct Schematic {
    public enum Kind: String { case input, network, operation, end }

    public struct Box {
        public let kind: Kind, lines: [String]
        /// - Parameter lines: the first one is its name.
        public init(_ kind: Kind, _ lines: [String]) { (self.kind, self.lines) = (kind, lines) }

        var width: Double { 16 + 1.1 * (lines.map { textWidth($0) }.max() ?? 0) }
        var height: Double { 12 + 15 * Double(lines.count) }
    }

    public struct Arrow {
        public let from: Int, to: Int, label: String
        public init(from: Int, to: Int, label: String) { (self.from, self.to, self.label) = (from, to, label) }
    }

    private let title: String, boxes: [Box], arrows: [Arrow]

    /// - Parameter arrows: between places of `boxes`, without a circle.
    public init(_ title: String, _ boxes: [Box], _ arrows: [Arrow]) { (self.title, self.boxes, self.arrows) = (title, boxes, arrows) }

    /// In words: what a screen reader tells.
    var description: String {
        let flows = arrows.map { "\(boxes[$0.from].lines[0]) to \(boxes[$0.to].lines[0])" }
        return "\(boxes.count) boxes; " + flows.joined(separator: ", ")
    }

    /// - Parameter id: no other element of the page has it.
    public func figure(id: String, caption: String) -> Markup {
        let plan = Layers(boxes, arrows), (width, height) = plan.size
        let svg = drawing(id: id, title: title, description: description, width: width, height: height, content(plan))
        return Markup("figure", ["id": id], svg, Markup("figcaption", [:], Markup("strong", [:], Markup(title)), Markup(". " + caption)))
    }

    /// A file of its own, with several below each other.
    public static func svg(_ parts: [Schematic], title: String) -> String {
        let words = parts.map { "\($0.title): \($0.description)" }.joined(separator: ". ")
        let drawn = parts.map { part in
            let plan = Layers(part.boxes, part.arrows), (width, height) = plan.size
            return DrawingFile.Part(title: part.title, width: width, height: height, content: part.content(plan))
        }
        return DrawingFile(id: "schematic", title: title, description: words, drawn).source
    }

    private func content(_ plan: Layers) -> [Markup] {
        arrows.indices.map { drawn(arrows[$0], along: plan.way(ofArrow: $0)) } + boxes.indices.map { drawn(boxes[$0], at: plan.place(ofBox: $0)) }
    }

    private func drawn(_ box: Box, at place: (x: Double, y: Double)) -> Markup {
        let top = place.y - box.height / 2
        let frame = Markup(
            "rect",
            [
                "class": "box \(box.kind.rawValue)", "x": coordinate(place.x), "y": coordinate(top), "width": coordinate(box.width),
                "height": coordinate(box.height), "rx": box.kind == .operation ? coordinate(box.height / 2) : "3",
            ])
        let text = box.lines.enumerated().map { number, line in
            label(
                line, place.x + box.width / 2, top + 17 + 15 * Double(number), anchor: "middle",
                style: number > 0 ? "label small" : box.kind == .operation ? "label" : "label strong")
        }
        return Markup([frame] + text)
    }

    private func drawn(_ arrow: Arrow, along way: [(x: Double, y: Double)]) -> Markup {
        var d = "M\(coordinate(way[0].x)) \(coordinate(way[0].y))"
        for (a, b) in zip(way, way.dropFirst()) {
            let middle = coordinate((a.x + b.x) / 2)
            d += "C\(middle) \(coordinate(a.y)) \(middle) \(coordinate(b.y)) \(coordinate(b.x)) \(coordinate(b.y))"
        }
        let end = way[way.count - 1], tip = "M\(coordinate(end.x)) \(coordinate(end.y))l-7 -3.5v7Z"
        let text = label(arrow.label, way[0].x + 6, way[0].y - 5, style: "label small")
        return Markup(
            [Markup("path", ["class": "arrow", "d": d]), Markup("path", ["class": "tip", "d": tip])] + (arrow.label.isEmpty ? [] : [text]))
    }
}

/// Where boxes stand and arrows run (after Sugiyama, Tagawa & Toda, IEEE Trans. Syst. Man Cybern. 11, 1981): a box is one layer to the right of the last
/// that points to it; an arrow over several layers has a place in each; within a layer everything stands near what it is joined to.
private struct Layers {
    private struct Item { let layer: Int, width: Double, height: Double, box: Int? }
    private var items: [Item] = []
    /// Of each arrow, the items that it passes.
    private var ways: [[Int]] = []
    private var layers: [[Int]] = []
    /// The middle of each item.
    private var y: [Double] = []
    private var x: [Double] = []
    private static let gap = 16.0, margin = 10.0

    init(_ boxes: [Schematic.Box], _ arrows: [Schematic.Arrow]) {
        let depths = Self.depths(boxes.count, arrows)
        items = boxes.enumerated().map { Item(layer: depths[$0], width: $1.width, height: $1.height, box: $0) }
        for arrow in arrows {
            let between = depths[arrow.from] + 1 < depths[arrow.to] ? Array(depths[arrow.from] + 1 ..< depths[arrow.to]) : []
            let passed = between.indices.map { items.count + $0 }
            items += between.map { Item(layer: $0, width: 0, height: 10, box: nil) }
            ways.append([arrow.from] + passed + [arrow.to])
        }
        layers = (0 ... (depths.max() ?? 0)).map { layer in items.indices.filter { items[$0].layer == layer } }
        order()
        spread()
        var left = Self.margin, labels = [Double](repeating: 0, count: layers.count)
        for (way, arrow) in zip(ways, arrows) { labels[items[way[0]].layer] = max(labels[items[way[0]].layer], textWidth(arrow.label)) }
        x = [Double](repeating: 0, count: items.count)
        for (number, layer) in layers.enumerated() {
            let width = layer.map { items[$0].width }.max() ?? 0
            // those that come to an end stand to the left, close to what they come from
            for item in layer { x[item] = left + (items[item].box == nil ? 0 : (width - items[item].width) / 2) }
            left += width + max(48, labels[number] + 22)
        }
    }

    /// The longest way to each box, in arrows.
    private static func depths(_ count: Int, _ arrows: [Schematic.Arrow]) -> [Int] {
        var depths = [Int](repeating: 0, count: count)
        // a way without a circle has fewer arrows than there are boxes
        for _ in 0 ..< count { for arrow in arrows { depths[arrow.to] = max(depths[arrow.to], depths[arrow.from] + 1) } }
        precondition(depths.allSatisfy { $0 < max(count, 1) }, "a schematic goes round in a circle")
        return depths
    }

    private var neighbors: [(before: [Int], after: [Int])] {
        var found = items.map { _ in (before: [Int](), after: [Int]()) }
        for way in ways {
            for (a, b) in zip(way, way.dropFirst()) {
                found[a].after.append(b)
                found[b].before.append(a)
            }
        }
        return found
    }

    /// Puts each layer in the order of the means of its neighbors' places, forward and backward in turn.
    private mutating func order() {
        let neighbors = neighbors
        for round in 0 ..< 8 {
            let isForward = round % 2 == 0
            for number in isForward ? Array(layers.indices) : layers.indices.reversed() {
                var places: [Int: Double] = [:]
                for layer in layers { for (place, item) in layer.enumerated() { places[item] = Double(place) / Double(layer.count) } }
                let wanted = layers[number].map { item -> (Double, Int) in
                    let near = isForward ? neighbors[item].before : neighbors[item].after
                    return (near.isEmpty ? places[item]! : near.reduce(0.0) { $0 + places[$1]! } / Double(near.count), item)
                }
                layers[number] = wanted.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
            }
        }
    }

    /// Gives each item a height near its neighbors', without changing their order.
    private mutating func spread() {
        let neighbors = neighbors
        y = [Double](repeating: 0, count: items.count)
        for round in 0 ..< 24 {
            for layer in round % 2 == 0 ? layers : layers.reversed() {
                var wanted = layer.map { item -> Double in
                    let near = neighbors[item].before + neighbors[item].after
                    return near.isEmpty ? y[item] : near.reduce(0.0) { $0 + y[$1] } / Double(near.count)
                }
                let mean = wanted.reduce(0, +) / Double(max(1, wanted.count))
                for place in wanted.indices.dropFirst() {
                    let least = (items[layer[place - 1]].height + items[layer[place]].height) / 2 + Self.gap
                    wanted[place] = max(wanted[place], wanted[place - 1] + least)
                }
                // who made room for others moves back as a whole
                let moved = wanted.reduce(0, +) / Double(max(1, wanted.count)) - mean
                for (place, item) in layer.enumerated() { y[item] = wanted[place] - moved }
            }
        }
        close()
    }

    /// Moves parts together between which nothing runs, from the top.
    private mutating func close() {
        let arrows = ways.flatMap { way in zip(way, way.dropFirst()).map { (min(y[$0], y[$1]), max(y[$0], y[$1])) } }
        let taken = (items.indices.map { (y[$0] - items[$0].height / 2, y[$0] + items[$0].height / 2) } + arrows).sorted { $0.0 < $1.0 }
        var end = taken.first?.0 ?? 0, moved = Self.margin - end
        var steps = [(from: -Double.infinity, by: moved)]
        for (low, high) in taken {
            if low > end + 2 * Self.gap {
                moved -= low - end - 2 * Self.gap
                steps.append((low, moved))
            }
            end = max(end, high)
        }
        for item in items.indices {
            let top = y[item] - items[item].height / 2
            y[item] += steps.last { $0.from <= top }!.by
        }
    }

    var size: (width: Double, height: Double) {
        let width = items.indices.map { x[$0] + items[$0].width }.max() ?? 0, height = items.indices.map { y[$0] + items[$0].height / 2 }.max() ?? 0
        return (width + Self.margin, height + Self.margin)
    }

    /// The left end and the middle's height.
    func place(ofBox box: Int) -> (x: Double, y: Double) { (x[box], y[box]) }

    func way(ofArrow arrow: Int) -> [(x: Double, y: Double)] {
        let way = ways[arrow]
        return way.enumerated().map { place, item in (x: place == 0 ? x[item] + items[item].width : x[item], y: y[item]) }
    }
}
