/// An image of one channel, row after row.
public struct GrayImage: Equatable, Sendable {
    public let rows: Int, columns: Int
    public var values: [Double]

    public init(rows: Int, columns: Int, _ values: [Double]) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows)×\(columns)")
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    public static func - (left: GrayImage, right: GrayImage) -> GrayImage {
        precondition(left.rows == right.rows && left.columns == right.columns, "images of different sizes")
        return GrayImage(rows: left.rows, columns: left.columns, zip(left.values, right.values).map { $0 - $1 })
    }
}

extension GrayImage {
    /// Area opening (Vincent 1993): bright parts (of pixels that meet at sides) of fewer than `area` pixels sink to the level at which they
    /// meet enough others.
    ///
    /// A pixel's result depends on no pixel farther than `area` - 1 away, so that blocks with a halo of as many rows give the same.
    public func areaOpened(_ area: Int) -> GrayImage {
        // Pixels from bright to dark join the parts beside them (union-find, Meijster & Wilkinson 2002); a part that has become large
        // enough keeps its level, the rest of it is lower.
        let order = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
        var parent = Array(repeating: -1, count: values.count), size = Array(repeating: 0, count: values.count)
        func root(_ pixel: Int) -> Int {
            var root = pixel
            while parent[root] != root { root = parent[root] }
            var next = pixel
            while parent[next] != root { (parent[next], next) = (root, parent[next]) }
            return root
        }
        for pixel in order {
            (parent[pixel], size[pixel]) = (pixel, 1)
            for neighbor in neighbors(of: pixel) where parent[neighbor] >= 0 {
                let other = root(neighbor)
                guard other != pixel else { continue }
                if size[other] < area || values[other] == values[pixel] {
                    parent[other] = pixel
                    size[pixel] += size[other]
                } else {
                    size[pixel] = area  // beside a part that is large enough, at a level above
                }
            }
        }
        // from dark to bright: a root keeps its value, what joined it takes its
        var result = self
        for pixel in order.reversed() where parent[pixel] != pixel { result.values[pixel] = result.values[parent[pixel]] }
        return result
    }

    /// The dual of area opening: dark parts of fewer than `area` pixels rise.
    public func areaClosed(_ area: Int) -> GrayImage {
        let opened = GrayImage(rows: rows, columns: columns, values.map(-)).areaOpened(area)
        return GrayImage(rows: rows, columns: columns, opened.values.map(-))
    }

    private func neighbors(of pixel: Int) -> [Int] {
        let (row, column) = pixel.quotientAndRemainder(dividingBy: columns)
        return [
            row > 0 ? pixel - columns : -1, row + 1 < rows ? pixel + columns : -1, column > 0 ? pixel - 1 : -1, column + 1 < columns ? pixel + 1 : -1,
        ].filter { $0 >= 0 }
    }
}
