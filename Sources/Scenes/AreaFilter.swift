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
        let order = brightToDark
        var parent = Array(repeating: -1, count: values.count), size = Array(repeating: 0, count: values.count)
        func root(_ pixel: Int) -> Int {
            var root = pixel
            while parent[root] != root { root = parent[root] }
            var next = pixel
            while parent[next] != root { (parent[next], next) = (root, parent[next]) }
            return root
        }
        func join(_ neighbor: Int, to pixel: Int) {
            guard parent[neighbor] >= 0 else { return }
            let other = root(neighbor)
            guard other != pixel else { return }
            if size[other] < area || values[other] == values[pixel] {
                parent[other] = pixel
                size[pixel] += size[other]
            } else {
                size[pixel] = area  // beside a part that is large enough, at a level above
            }
        }
        for pixel in order {
            (parent[pixel], size[pixel]) = (pixel, 1)
            let column = pixel % columns
            if pixel >= columns { join(pixel - columns, to: pixel) }
            if pixel + columns < values.count { join(pixel + columns, to: pixel) }
            if column > 0 { join(pixel - 1, to: pixel) }
            if column + 1 < columns { join(pixel + 1, to: pixel) }
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

    /// The pixels, the first one first among equals: by counting, since what is filtered has few levels.
    private var brightToDark: [Int] {
        let levels = Set(values).sorted(by: >), place = Dictionary(uniqueKeysWithValues: zip(levels, levels.indices))
        let level = values.map { place[$0]! }
        var next = Array(repeating: 0, count: levels.count + 1)
        for level in level { next[level + 1] += 1 }
        for level in levels.indices { next[level + 1] += next[level] }
        var order = Array(repeating: 0, count: values.count)
        for (pixel, level) in level.enumerated() {
            order[next[level]] = pixel
            next[level] += 1
        }
        return order
    }
}
