import Foundation

/// A sample beside what a detector makes of it: input, reconstruction, map of anomaly, and the map's scale of colors with its numbers.
public struct Overlay {
    /// Shares of the range, [height, width, channels]: three channels are red, green and blue, of other numbers the mean is shown.
    public struct Panel {
        let height: Int, width: Int, channels: Int
        let shares: [Double]

        public init(_ shares: [Double], shape: [Int]) {
            (height, width, channels, self.shares) = (shape[0], shape[1], shape.count > 2 ? shape[2] : 1, shares)
        }

        fileprivate func color(_ x: Int, _ y: Int) -> Color {
            let first = (y * width + x) * channels, values = shares[first ..< first + channels]
            guard channels == 3 else { return .gray(values.reduce(0, +) / Double(channels)) }
            let levels = values.map { Color.gray($0).red }
            return Color(levels[0], levels[1], levels[2])
        }
    }

    /// Numbers of pixels, [height, width].
    public struct Map {
        let height: Int, width: Int
        let values: [Float]
        /// What the lightest color stands for; the darkest is 0.
        public let largest: Double

        public init(_ values: [Float], shape: [Int], largest: Double) {
            (height, width, self.values) = (shape[0], shape[1], values)
            self.largest = largest > 0 ? largest : 1
        }
    }

    private static let side = 192, gap = 8, barWidth = 16, labelWidth = 6 * 8
    private let panels: [Panel], map: Map?, after: [Panel]

    /// - Parameters:
    ///   - panels: the input, then reconstructions.
    ///   - after: what stands behind the map's scale.
    public init(_ panels: [Panel], map: Map?, after: [Panel] = []) { (self.panels, self.map, self.after) = (panels, map, after) }

    /// Small pictures are enlarged, pixel by pixel, so that their larger side has at least 192.
    public var canvas: Canvas {
        let inOrder: [Panel?] = panels + (map == nil ? [] : [nil]) + after
        let sizes = inOrder.map { panel in panel.map { ($0.height, $0.width) } ?? (map!.height, map!.width) }
        let scales = sizes.map { max(1, (Self.side + max($0.0, $0.1) - 1) / max($0.0, $0.1)) }
        let widths = zip(sizes, scales).map { $0.1 * $1 }, height = zip(sizes, scales).map { $0.0 * $1 }.max() ?? 0
        let bar = map == nil ? 0 : Self.barWidth + 4 + Self.labelWidth + Self.gap
        var canvas = Canvas(width: widths.reduce(Self.gap) { $0 + $1 + Self.gap } + bar, height: height + 2 * Self.gap), left = Self.gap
        for (number, panel) in inOrder.enumerated() {
            let scale = scales[number]
            for y in 0 ..< sizes[number].0 {
                for x in 0 ..< sizes[number].1 {
                    canvas.fill(
                        x: left + x * scale ..< left + (x + 1) * scale, y: Self.gap + y * scale ..< Self.gap + (y + 1) * scale,
                        panel?.color(x, y) ?? mapColor(x, y))
                }
            }
            left += widths[number] + Self.gap
            guard panel == nil, let map else { continue }
            Self.paintBar(of: map, on: &canvas, left: left, height: height)
            left += bar
        }
        return canvas
    }

    /// The same without enlargement and scale of colors, for a page that enlarges: a pixel between two pictures.
    public var strip: Canvas {
        let sizes = panels.map { ($0.height, $0.width) } + (map.map { [($0.height, $0.width)] } ?? [])
        let width = sizes.reduce(sizes.count - 1) { $0 + $1.1 }
        var canvas = Canvas(width: max(width, 1), height: sizes.map(\.0).max() ?? 1), left = 0
        for (number, size) in sizes.enumerated() {
            for y in 0 ..< size.0 {
                for x in 0 ..< size.1 { canvas[left + x, y] = number < panels.count ? panels[number].color(x, y) : mapColor(x, y) }
            }
            left += size.1 + 1
        }
        return canvas
    }

    private func mapColor(_ x: Int, _ y: Int) -> Color { map.map { ColorScale.color(Double($0.values[y * $0.width + x]) / $0.largest) } ?? .black }

    /// The scale of colors, light above, with numbers at its ends and middle.
    private static func paintBar(of map: Map, on canvas: inout Canvas, left: Int, height: Int) {
        for row in 0 ..< height {
            let color = ColorScale.color(1 - Double(row) / Double(max(height - 1, 1)))
            canvas.fill(x: left ..< left + barWidth, y: gap + row ..< gap + row + 1, color)
        }
        for (share, y) in [(1.0, gap + 7), (0.5, gap + height / 2 + 3), (0.0, gap + height)] {
            canvas.write(String(format: "%.3g", share * map.largest), x: left + barWidth + 4, y: y)
        }
    }
}
