/// Smooth random heights between 0 and 1 with features of about a unit: values drawn on an 8 × 8 grid that repeats.
struct FoldNoise {
    private let heights: [Float]

    init(_ draws: inout PatchDraws) {
        var heights = [Float]()
        for _ in 0 ..< 64 { heights.append(draws.uniform(0 ... 1)) }
        self.heights = heights
    }

    /// The height at a point whose coordinates are above −512.
    @inline(__always) func height(_ point: Point) -> Float {
        let place = point + 512, column = Int(place.x) & 7, row = Int(place.y) & 7
        let part = place - Point(Float(Int(place.x)), Float(Int(place.y))), smooth = part * part * (3 - 2 * part)
        let right = (column + 1) & 7, below = (row + 1) & 7
        let upper = heights[row * 8 + column] + (heights[row * 8 + right] - heights[row * 8 + column]) * smooth.x
        let lower = heights[below * 8 + column] + (heights[below * 8 + right] - heights[below * 8 + column]) * smooth.x
        return upper + (lower - upper) * smooth.y
    }
}

/// What fills a bag and hides the rest: its shell, clothes, and large items of little absorption.
enum SoftItem: CaseIterable {
    case book, bottle, jar, fruit, toiletryTube, shoe, laptop, box

    func draw(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        switch self {
        case .book:
            let half = draws.point(5 ... 8, 7 ... 11)
            canvas.add(RoundedBox(half: half, corner: 0.2), .plate(draws.uniform(1 ... 3.5)), .paper, pose)
            canvas.add(RoundedBox(center: Point(-half.x, 0), half: Point(0.3, half.y)), .plate(2), .paper, pose)
        case .bottle: bottle(on: &canvas, pose, &draws)
        case .jar:
            let radius = draws.uniform(2.5 ... 4.5)
            canvas.add(Ellipse(radius: radius), .tube(radius: radius, wall: 0.35), .glass, pose)
            canvas.add(Ellipse(radius: radius - 0.35), .round(radius: radius, thickness: draws.uniform(2 ... 6)), .water, pose)
        case .fruit:
            for _ in 0 ..< draws.whole(1 ... 4) {
                let radius = draws.uniform(2 ... 4), place = draws.point(-6 ... 6, -6 ... 6)
                let half = Point(radius, radius * draws.uniform(0.7 ... 1))
                canvas.add(Ellipse(center: place, half: half), .round(radius: half.y, thickness: 1.8 * half.y), .water, pose)
            }
        case .toiletryTube:
            let length = draws.uniform(5 ... 9), radius = draws.uniform(1.2 ... 2.4)
            canvas.add(
                Capsule(Point(-length, 0), Point(length, 0), radius: radius * 0.9, endRadius: radius),
                .round(radius: radius, thickness: 1.5 * radius), .water, pose)
            canvas.add(RoundedBox(center: Point(-length, 0), half: Point(1, 1.1), corner: 0.2), .plate(2), .plastic, pose)
        case .shoe: shoe(on: &canvas, pose, &draws)
        case .laptop: laptop(on: &canvas, pose, &draws)
        case .box:
            let box = RoundedBox(half: draws.point(4 ... 9, 3 ... 7), corner: draws.uniform(0.1 ... 1.5))
            let material = draws.pick([Material.plastic, .wood, .paper])
            canvas.add(box, .plate(draws.uniform(0.3 ... 1.5)), material, pose)
            canvas.add(Rim(box, width: draws.uniform(0.2 ... 0.5)), .plate(draws.uniform(2 ... 6)), material, pose)
        }
    }

    private func bottle(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let radius = draws.uniform(2.2 ... 4), length = draws.uniform(5 ... 9), isGlass = draws.chance(0.3)
        let body = RoundedBox(half: Point(length, radius), corner: radius * 0.5)
        let neck = RoundedBox(center: Point(length + 1.6, 0), half: Point(1.8, 1.3), corner: 0.2)
        let wall: Float = isGlass ? 0.35 : 0.1, shell = isGlass ? Material.glass : .plastic
        canvas.add(body, .tube(radius: radius, wall: wall), shell, pose)
        canvas.add(neck, .tube(radius: 1.3, wall: wall), shell, pose)
        if draws.chance(0.7) { canvas.add(body, .round(radius: radius, thickness: 2 * radius * draws.uniform(0.5 ... 1)), .water, pose) }
        let cap = RoundedBox(center: Point(length + 3, 0), half: Point(0.8, 1.5), corner: 0.2)
        canvas.add(cap, .tube(radius: 1.5, wall: isGlass ? 0.05 : 0.25), isGlass ? .steel : .plastic, pose)
    }

    private func shoe(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let thickness = draws.uniform(1.2 ... 3)
        canvas.add(Capsule(Point(-8, 0.3), Point(7, -0.3), radius: 3.4, endRadius: 4.6), .plate(thickness), .rubber, pose)
        canvas.add(Rim(Capsule(Point(-8, 0.3), Point(7, -0.3), radius: 3.7, endRadius: 5), width: 0.6), .plate(5), .rubber, pose)
        canvas.add(RoundedBox(center: Point(-8.5, 0.3), half: Point(2.6, 2.9), corner: 2), .plate(draws.uniform(1 ... 2.5)), .rubber, pose)
        canvas.add(Capsule(Point(-7, 0), Point(0, 0), radius: 0.7), .plate(0.12), .steel, pose)
        for eyelet in 0 ..< 8 {
            let place = Point(1.5 + Float(eyelet / 2), eyelet % 2 == 0 ? -1.3 : 1.3)
            canvas.add(Rim(Ellipse(center: place, radius: 0.4), width: 0.2), .plate(0.3), .brass, pose)
        }
    }

    /// A laptop of which the patch shows a part: chassis, keys' plate, battery and board.
    private func laptop(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let chassis = RoundedBox(center: draws.point(-8 ... 8, -6 ... 6), half: Point(15, 10.5), corner: 0.8), center = chassis.center
        canvas.add(chassis, .plate(0.25), .aluminum, pose)
        canvas.add(Rim(chassis, width: 0.45), .plate(1.2), .aluminum, pose)
        canvas.add(RoundedBox(center: center + Point(0, 6), half: Point(13, 3.2), corner: 0.2), .plate(0.3), .battery, pose)
        canvas.add(RoundedBox(center: center + Point(-4, -4), half: Point(9, 3.5), corner: 0.2), .plate(0.25), .circuitBoard, pose)
        let fan = Ellipse(center: center + Point(9, -5), radius: 2.6)
        canvas.add(Rim(fan, width: 0.3), .plate(0.8), .aluminum, pose)
        canvas.add(Path([center + Point(-6, -4), center + Point(2, -6), center + Point(9, -8)], radius: 0.4), .plate(0.2), .brass, pose)
        for _ in 0 ..< 8 {
            let chip = RoundedBox(center: center + draws.point(-12 ... 4, -7 ... -1), half: draws.point(0.2 ... 1.2, 0.2 ... 0.8))
            canvas.add(chip, .plate(draws.uniform(0.05 ... 0.2)), .brass, pose)
        }
    }
}

/// A piece of clothing or a lining: thicker here than there, with creases, ending at a hem somewhere in the patch or beyond.
struct Garment {
    private let noise: FoldNoise
    private let turn: Point
    private let shift: Point
    /// Features per centimeter, and how much longer creases are than wide.
    private let size: Float
    private let stretch: Float
    private let bend: Float
    /// Thicknesses in centimeters.
    private let base: Float
    private let crease: Float
    private let sharpness: Float
    /// Where the hem runs: a distance from the corner, along a direction.
    private let outward: Point
    private let hem: Float

    init(endingWithin reach: Float, _ draws: inout PatchDraws) {
        noise = FoldNoise(&draws)
        (turn, shift) = (draws.rotation(), draws.point(0 ... 8, 0 ... 8))
        (size, stretch, bend) = (draws.uniform(0.06 ... 0.2), draws.uniform(0.2 ... 0.8), draws.uniform(1 ... 4))
        (base, crease, sharpness) = (draws.uniform(0.3 ... 3), draws.uniform(0.4 ... 1.6), draws.uniform(4 ... 12))
        outward = draws.rotation()
        hem = (outward.x + outward.y) * 0.5 * reach + reach * draws.uniform(-0.3 ... 1)
    }

    /// The thickness at a place, in centimeters.
    func thickness(_ point: Point) -> Float {
        let turned = (point * size).turned(by: turn) + shift, broad = noise.height(turned)
        let beyond = point.x * outward.x + point.y * outward.y + 5 * broad - hem
        guard beyond < 0 else { return 0 }
        let folded = noise.height(Point(turned.x * 2.3 + bend * broad, turned.y * 2.3 * stretch + 3))
        let fine = noise.height(Point(turned.y * 5 + bend * folded, turned.x * 5 * stretch + 5))
        // a crease is where the height crosses its middle: a narrow ridge
        let ridge = max(0, 1 - sharpness * abs(folded - 0.5)) + 0.6 * max(0, 1 - sharpness * abs(fine - 0.5))
        return base * (0.5 + broad) + crease * ridge + (beyond > -0.5 ? 1.2 : 0)
    }
}

/// The bag around everything: packed clothes with folds, and in a part of the patches the rim of the bag with air beyond.
struct Bag {
    /// A point on the rim and the direction out of the bag; far away where the patch shows the inside only.
    let rim: Point
    let outward: Point

    init(on canvas: inout XRayCanvas, _ draws: inout PatchDraws) {
        let middle = Point(repeating: canvas.width / 2)
        outward = draws.rotation()
        rim = middle + outward * (draws.chance(0.3) ? canvas.width * draws.uniform(0.25 ... 0.45) : 1000)
        let (rim, outward) = (rim, outward)
        func inside(_ point: Point) -> Float {
            let beyond = (point.x - rim.x) * outward.x + (point.y - rim.y) * outward.y
            return min(1, max(0, 0.5 - 3 * beyond))
        }
        for _ in 0 ..< draws.whole(1 ... 3) {
            let garment = Garment(endingWithin: canvas.width, &draws)
            canvas.add(draws.pick([.cloth, .cloth, .cloth, .plastic])) { inside($0) * garment.thickness($0) }
        }
        // the seam along the rim, with a wire in it
        let along = Point(-outward.y, outward.x) * 40, wire = draws.uniform(0.1 ... 0.3)
        let pose = Pose(center: rim, rotation: Point(1, 0))
        canvas.add(Capsule(along, -along, radius: 0.7), .plate(2), .rubber, pose)
        canvas.add(Capsule(along - outward, -along - outward, radius: wire), .plate(wire), .steel, pose)
    }

    /// A place for an item: uniform in the middle `share` of the patch, moved inward where it would hang out of the bag.
    func place(share: Float, on canvas: XRayCanvas, _ draws: inout PatchDraws) -> Point {
        let reach = 0.5 * share * canvas.width, middle = canvas.width / 2
        let point = draws.point(middle - reach ... middle + reach, middle - reach ... middle + reach)
        let beyond = (point.x - rim.x) * outward.x + (point.y - rim.y) * outward.y + 3.5
        return beyond > 0 ? point - outward * beyond : point
    }
}
