/// A gray image reduced by a whole factor while its rows come in, so that a picture of a scene of any size is of a size to look at.
public struct ReducedImage {
    /// What a cell shows of its pixels: of a map the largest, or a target of a few pixels would be gone.
    public enum Rule: Sendable { case mean, largest }

    public let factor: Int, height: Int, width: Int
    private let columns: Int, rule: Rule
    private var cells: [Double], counts: [Int]

    /// - Parameter side: that neither side of the picture is to be above.
    public init(rows: Int, columns: Int, within side: Int, _ rule: Rule) {
        factor = max(1, (max(rows, columns) + side - 1) / side)
        (height, width) = ((rows + factor - 1) / factor, (columns + factor - 1) / factor)
        (self.columns, self.rule) = (columns, rule)
        cells = Array(repeating: rule == .mean ? 0 : -.infinity, count: height * width)
        counts = Array(repeating: 0, count: height * width)
    }

    /// Adds rows; their order decides the last bits of means.
    public mutating func add(_ values: [Float], rows: Range<Int>) {
        for (place, value) in values.enumerated() {
            let cell = (rows.lowerBound + place / columns) / factor * width + place % columns / factor
            cells[cell] = rule == .mean ? cells[cell] + Double(value) : max(cells[cell], Double(value))
            counts[cell] += 1
        }
    }

    /// Row after row from the top.
    public var values: [Double] { rule == .mean ? zip(cells, counts).map { $0 / Double(max(1, $1)) } : cells }
}
