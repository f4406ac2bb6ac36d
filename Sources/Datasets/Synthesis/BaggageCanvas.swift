import Randomness

/// A place or a direction, in centimeters. x to the right, y down.
typealias Point = SIMD2<Float>

extension Point {
    @inline(__always) var magnitude: Float { (x * x + y * y).squareRoot() }
    /// This vector turned by the angle whose cosine and sine are `rotation`.
    @inline(__always) func turned(by rotation: Point) -> Point { Point(x * rotation.x - y * rotation.y, x * rotation.y + y * rotation.x) }
}

/// The draws of one patch in their order. The counter starts at 0 for every patch, so no patch depends on another.
struct PatchDraws {
    let source: Philox
    private var counter: UInt64 = 0

    init(_ source: Philox) { self.source = source }

    mutating func uniform(_ range: ClosedRange<Float>) -> Float {
        counter += 1
        return range.lowerBound + (range.upperBound - range.lowerBound) * Float(source.block(counter).0 >> 8) * 0x1p-24
    }

    mutating func whole(_ range: ClosedRange<Int>) -> Int {
        counter += 1
        return range.lowerBound + source.index(below: range.count, counter)
    }

    mutating func chance(_ probability: Float) -> Bool { uniform(0 ... 1) < probability }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[whole(0 ... elements.count - 1)] }

    mutating func point(_ x: ClosedRange<Float>, _ y: ClosedRange<Float>) -> Point { Point(uniform(x), uniform(y)) }

    /// Cosine and sine of an angle within ± `turns` of a full turn.
    mutating func rotation(within turns: Float = 0.5) -> Point { rotated(by: uniform(-turns ... turns)) }
}

/// Cosine and sine of an angle in turns, from −1 to 1: by series at an eighth of the angle, doubled three times.
func rotated(by turns: Float) -> Point {
    let x = turns * (6.283_185_3 / 8), square = x * x
    let sine = x * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
    let cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30 * (1 - square / 56)))
    var rotation = Point(cosine, sine)
    for _ in 0 ..< 3 { rotation = rotation.turned(by: rotation) }
    return rotation
}

/// Where an item lies: its own coordinates (centimeters, length along x) to the patch.
struct Pose {
    var center: Point
    /// Cosine and sine of the turn in the plane.
    var rotation: Point
    /// What is seen of the length of an item that is tilted out of the plane, above 0 and at most 1; rays pass it on a longer way.
    var foreshortening: Float = 1
    var mirrored = false
    var scale: Float = 1

    /// The pose of a part at `offset`, turned by `rotation` within the item.
    func part(at offset: Point, turned rotation: Point = Point(1, 0)) -> Pose {
        var pose = self
        pose.center = place(offset)
        pose.rotation = Point(rotation.x, mirrored ? -rotation.y : rotation.y).turned(by: self.rotation)
        return pose
    }

    /// An item's point in the patch.
    func place(_ point: Point) -> Point {
        center + (Point(point.x * foreshortening, mirrored ? -point.y : point.y) * scale).turned(by: rotation)
    }
}

/// How thick an item is, by the distance inward from its outline, in centimeters.
enum CrossSection {
    /// The same thickness all over.
    case plate(Float)
    /// Rounded toward the outline: full thickness from `radius` inward. With thickness = 2 × radius, a round bar or a ball.
    case round(radius: Float, thickness: Float)
    /// The wall of a round hollow body.
    case tube(radius: Float, wall: Float)

    @inline(__always) func thickness(_ depth: Float) -> Float {
        switch self {
        case .plate(let thickness): return thickness
        case .round(let radius, let thickness): return thickness * Self.arch(depth / radius)
        case .tube(let radius, let wall):
            let outer = 2 * radius * Self.arch(depth / radius)
            return depth <= wall ? outer : outer - 2 * (radius - wall) * Self.arch((depth - wall) / (radius - wall))
        }
    }

    /// The quarter circle from 0 at the outline to 1 at the radius.
    @inline(__always) private static func arch(_ depth: Float) -> Float {
        let rest = 1 - min(1, depth)
        return (1 - rest * rest).squareRoot()
    }
}

/// A patch while items are laid into it: the optical depth at both energies on a grid twice as fine as the pixels.
struct XRayCanvas {
    let side: Int
    /// Width of the patch in centimeters.
    let width: Float
    private(set) var depths: [Spectrum]
    /// What has been drawn so far, see `add`.
    private(set) var shade: Float = 0

    init(side: Int, width: Float) {
        (self.side, self.width) = (2 * side, width)
        depths = Array(repeating: .zero, count: self.side * self.side)
    }

    /// Adds a body of a material. Depth a shades a point by a / (1 + a), close to what the screen shows; `shade` grows by the sum
    /// over the patch in square centimeters, so bodies can be weighed against each other by how much they darken.
    mutating func add<Body: Outline>(_ body: Body, _ section: CrossSection, _ material: Material, _ pose: Pose) {
        let pitch = width / Float(side), bounds = body.bounds
        guard let (columns, rows) = window(bounds, pose, pitch) else { return }
        // the item's coordinates of a step to the right and of one down in the patch
        let across = 1 / (pose.scale * pose.foreshortening), down = (pose.mirrored ? -1 : 1) / pose.scale
        let xAxis = Point(pose.rotation.x * across, -pose.rotation.y * down), yAxis = Point(pose.rotation.y * across, pose.rotation.x * down)
        let soft = pose.scale / pitch, way = material.attenuation * (pose.scale / pose.foreshortening)
        let columnsPerCentimeter = 1 / (xAxis.magnitude * pitch)
        var sum: Float = 0
        for row in rows {
            let y = (Float(row) + 0.5) * pitch - pose.center.y
            var column = columns.lowerBound
            while column < columns.upperBound {
                let x = (Float(column) + 0.5) * pitch - pose.center.x
                let distance = body.distance(Point(x * xAxis.x + y * yAxis.x, x * xAxis.y + y * yAxis.y))
                let cover = min(1, 0.5 - distance * soft)
                if cover > 0 {
                    let depth = way * (cover * section.thickness(max(-distance, 0.25 * pitch)))
                    depths[row * side + column] += depth
                    sum += depth.y / (1 + depth.y)
                    column += 1
                } else {
                    // nothing is nearer than the distance: the columns within it are outside too
                    column += max(1, Int((distance * columnsPerCentimeter).rounded(.down)))
                }
            }
        }
        shade += sum * pitch * pitch
    }

    /// Adds a smooth layer: its thickness in centimeters at every pixel's center, in centimeters from the upper left corner.
    mutating func add(_ material: Material, thickness: (Point) -> Float) {
        let pitch = 2 * width / Float(side)
        for row in stride(from: 0, to: side, by: 2) {
            for column in stride(from: 0, to: side, by: 2) {
                let depth = material.attenuation * thickness(Point((Float(column / 2) + 0.5) * pitch, (Float(row / 2) + 0.5) * pitch))
                let corner = row * side + column
                for place in [corner, corner + 1, corner + side, corner + side + 1] { depths[place] += depth }
            }
        }
    }

    /// The columns and rows of the grid that a body may touch; none where it lies outside.
    private func window(_ bounds: Bounds, _ pose: Pose, _ pitch: Float) -> (Range<Int>, Range<Int>)? {
        let corners = [bounds.low, Point(bounds.high.x, bounds.low.y), bounds.high, Point(bounds.low.x, bounds.high.y)].map(pose.place)
        let low = corners.dropFirst().reduce(corners[0], pointwiseMin) / pitch - 1
        let high = corners.dropFirst().reduce(corners[0], pointwiseMax) / pitch + 1
        let limit = Float(side)
        let columns = Int(min(limit, max(0, low.x))) ..< Int(min(limit, max(0, high.x + 1)).rounded(.down))
        let rows = Int(min(limit, max(0, low.y))) ..< Int(min(limit, max(0, high.y + 1)).rounded(.down))
        return columns.isEmpty || rows.isEmpty ? nil : (columns, rows)
    }
}
