/// The least upright rectangle around an outline, in the item's coordinates.
struct Bounds {
    var low: Point
    var high: Point

    func grown(by margin: Float) -> Bounds { Bounds(low: low - margin, high: high + margin) }

    init(low: Point, high: Point) { (self.low, self.high) = (low, high) }

    init(around points: [Point]) {
        (low, high) = points.reduce((points[0], points[0])) { (pointwiseMin($0.0, $1), pointwiseMax($0.1, $1)) }
    }
}

/// A plane figure by its signed distance: below 0 inside, about the distance to the outline in centimeters elsewhere.
protocol Outline {
    var bounds: Bounds { get }
    func distance(_ point: Point) -> Float
}

/// A rectangle with round corners; with `corner` = the lesser half side, a stadium.
struct RoundedBox: Outline {
    var center = Point.zero
    let half: Point
    var corner: Float = 0

    var bounds: Bounds { Bounds(low: center - half, high: center + half) }

    @inline(__always) func distance(_ point: Point) -> Float {
        let offset = point - center
        let outside = pointwiseMax(offset, -offset) - half + corner
        return pointwiseMax(outside, .zero).magnitude + min(max(outside.x, outside.y), 0) - corner
    }
}

/// An ellipse; its distance is exact for a circle and right near the outline otherwise.
struct Ellipse: Outline {
    var center = Point.zero
    let half: Point

    init(center: Point = .zero, half: Point) { (self.center, self.half) = (center, half) }

    init(center: Point = .zero, radius: Float) { self.init(center: center, half: Point(radius, radius)) }

    var bounds: Bounds { Bounds(low: center - half, high: center + half) }

    @inline(__always) func distance(_ point: Point) -> Float {
        let scaled = (point - center) / half
        return (scaled.magnitude - 1) * min(half.x, half.y)
    }
}

/// What is within a radius of a segment; the radius may change evenly from end to end.
struct Capsule: Outline {
    let from: Point
    let to: Point
    let radius: Float
    var endRadius: Float

    init(_ from: Point, _ to: Point, radius: Float, endRadius: Float? = nil) {
        (self.from, self.to, self.radius, self.endRadius) = (from, to, radius, endRadius ?? radius)
    }

    var bounds: Bounds { Bounds(around: [from, to]).grown(by: max(radius, endRadius)) }

    @inline(__always) func distance(_ point: Point) -> Float {
        let along = to - from, offset = point - from
        let part = min(1, max(0, (offset.x * along.x + offset.y * along.y) / (along.x * along.x + along.y * along.y + 1e-12)))
        return (offset - along * part).magnitude - radius - (endRadius - radius) * part
    }
}

/// A closed figure of straight sides, in either sense of rotation.
struct Polygon: Outline {
    private let corners: [Point]
    private let sides: [Point]
    let bounds: Bounds

    init(_ corners: [Point]) {
        self.corners = corners
        sides = corners.indices.map { corners[($0 + 1) % corners.count] - corners[$0] }
        bounds = Bounds(around: corners)
    }

    @inline(__always) func distance(_ point: Point) -> Float {
        var nearest = Float.infinity, inside = false
        for place in corners.indices {
            let side = sides[place], offset = point - corners[place]
            let part = min(1, max(0, (offset.x * side.x + offset.y * side.y) / (side.x * side.x + side.y * side.y)))
            let gap = offset - side * part
            nearest = min(nearest, gap.x * gap.x + gap.y * gap.y)
            // a ray to the right crosses this side
            if (offset.y < 0) != (offset.y < side.y), (offset.x * side.y < offset.y * side.x) == (side.y > 0) { inside.toggle() }
        }
        return inside ? -nearest.squareRoot() : nearest.squareRoot()
    }
}

/// What is within a radius of a line through points: cables, straps, seams.
struct Path: Outline {
    private let pieces: [Capsule]
    let bounds: Bounds

    init(_ points: [Point], radius: Float) {
        pieces = zip(points, points.dropFirst()).map { Capsule($0, $1, radius: radius) }
        bounds = Bounds(around: points).grown(by: radius)
    }

    @inline(__always) func distance(_ point: Point) -> Float {
        var nearest = Float.infinity
        for piece in pieces { nearest = min(nearest, piece.distance(point)) }
        return nearest
    }
}

/// The rim of an outline: a band of `width` inward from it.
struct Rim<Body: Outline>: Outline {
    let body: Body
    let width: Float

    init(_ body: Body, width: Float) { (self.body, self.width) = (body, width) }

    var bounds: Bounds { body.bounds }

    @inline(__always) func distance(_ point: Point) -> Float {
        let distance = body.distance(point)
        return max(distance, -distance - width)
    }
}

/// One outline without another: holes and notches.
struct Cut<Body: Outline, Hole: Outline>: Outline {
    let body: Body
    let hole: Hole

    init(_ body: Body, without hole: Hole) { (self.body, self.hole) = (body, hole) }

    var bounds: Bounds { body.bounds }

    @inline(__always) func distance(_ point: Point) -> Float { max(body.distance(point), -hole.distance(point)) }
}

/// Points of the curve from `from` to `to` that bends toward `control` (a quadratic Bézier curve), ends included.
func curve(_ from: Point, _ control: Point, _ to: Point, pieces: Int) -> [Point] {
    (0 ... pieces).map { piece in
        let t = Float(piece) / Float(pieces), s = 1 - t
        return from * (s * s) + control * (2 * s * t) + to * (t * t)
    }
}
