/// What a threat lets through of the X-rays, pixel by pixel: 1 beside it, 0 where it lets nothing through.
struct Threat: Sendable {
    /// Shades of a plain ground and of JPEG stay above this; a threat's outline does not.
    private static let outline: Float = 0.95

    let height: Int, width: Int
    /// [height, width], 0 ... 1.
    let transmission: [Float]

    private init(height: Int, width: Int, transmission: [Float]) { (self.height, self.width, self.transmission) = (height, width, transmission) }

    /// Of a picture on a plain ground, cut to the threat's outline; nil where there is none.
    ///
    /// The ground is the level that only 5 % of the picture's border lie below, so that its grain does not show as a darker frame around the
    /// threat; whatever is brighter lets all through.
    init?(_ picture: Picture) {
        let (height, width) = (picture.header.height, picture.header.width)
        let levels = picture.converted(channels: 1, type: picture.header.type)
        let border = levels.indices.filter { place in
            let (y, x) = (place / width, place % width)
            return y == 0 || x == 0 || y == height - 1 || x == width - 1
        }
        let ground = border.map { levels[$0] }.sorted()[border.count / 20]
        guard ground > 0 else { return nil }
        let all = levels.map { Float(min(1, $0 / ground)) }
        let rows = (0 ..< height).filter { y in all[y * width ..< (y + 1) * width].contains { $0 < Self.outline } }
        let columns = (0 ..< width).filter { x in rows.contains { all[$0 * width + x] < Self.outline } }
        guard let top = rows.first, let bottom = rows.last, let left = columns.first, let right = columns.last else { return nil }
        var transmission: [Float] = []
        for row in top ... bottom { transmission += all[row * width + left ... row * width + right] }
        self.init(height: bottom - top + 1, width: right - left + 1, transmission: transmission)
    }

    /// By one of the eight symmetries of the square: bit 0 exchanges left and right, bit 1 top and bottom, then bit 2 rows and columns.
    func turned(_ symmetry: Int) -> Threat {
        let swaps = symmetry & 4 != 0, (rows, columns) = swaps ? (width, height) : (height, width)
        let turned = (0 ..< rows * columns).map { place in
            let (y, x) = (place / columns, place % columns), (row, column) = swaps ? (x, y) : (y, x)
            return transmission[(symmetry & 2 != 0 ? height - 1 - row : row) * width + (symmetry & 1 != 0 ? width - 1 - column : column)]
        }
        return Threat(height: rows, width: columns, transmission: turned)
    }

    /// The length that a side of `length` pixels comes to.
    static func scaled(_ length: Int, _ factor: Double) -> Int { max(1, Int((Double(length) * factor).rounded())) }

    /// Both sides brought to `factor` of their length.
    func scaled(_ factor: Double) -> Threat {
        let rows = Self.scaled(height, factor), columns = Self.scaled(width, factor)
        let resize = FilteredResize(from: (height, width), to: (rows, columns), channels: 1)
        return Threat(height: rows, width: columns, transmission: resize(transmission.map(Double.init)).map { Float($0) })
    }

    /// Multiplies it into a patch, [height, width, channels], with its upper left pixel at `place`; it lies within.
    func project(into patch: inout [Double], width patchWidth: Int, channels: Int, at place: (y: Int, x: Int)) {
        for row in 0 ..< height {
            for column in 0 ..< width {
                let share = Double(transmission[row * width + column])
                let first = ((place.y + row) * patchWidth + place.x + column) * channels
                for number in first ..< first + channels { patch[number] *= share }
            }
        }
    }
}
