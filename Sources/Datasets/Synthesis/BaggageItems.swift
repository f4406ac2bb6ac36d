/// Dense things that bags are full of: metal, electronics, batteries. Together they darken a patch without a threat about as much
/// as threats do; few are as dense as a handgun. None has a blade, a barrel with a grip, or a slide.
enum DenseItem: CaseIterable {
    case cells, powerBank, charger, coins, keys, belt, padlock, can, flashlight, umbrella, cable, rods, circuitBoard, camera, watch
    case pens, zipper, spring, tin, weights

    /// As often as each is drawn: power, light and drinks, which people carry most, five times as often as the rest.
    static let usual: [DenseItem] =
        allCases + repeatElement([.cells, .powerBank, .charger, .can, .flashlight], count: 4).joined()

    func draw(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        switch self {
        case .cells: cells(&canvas, pose, &draws)
        case .powerBank: powerBank(&canvas, pose, &draws)
        case .charger: charger(&canvas, pose, &draws)
        case .coins: coins(&canvas, pose, &draws)
        case .keys: keys(&canvas, pose, &draws)
        case .belt: belt(&canvas, pose, &draws)
        case .padlock: padlock(&canvas, pose, &draws)
        case .can: can(&canvas, pose, &draws)
        case .flashlight: flashlight(&canvas, pose, &draws)
        case .umbrella: umbrella(&canvas, pose, &draws)
        case .cable: cable(&canvas, pose, &draws)
        case .rods: rods(&canvas, pose, &draws)
        case .circuitBoard: circuitBoard(&canvas, pose, &draws)
        case .camera: camera(&canvas, pose, &draws)
        case .watch: watch(&canvas, pose, &draws)
        case .pens: pens(&canvas, pose, &draws)
        case .zipper: zipper(&canvas, pose, &draws)
        case .spring: spring(&canvas, pose, &draws)
        case .tin: tin(&canvas, pose, &draws)
        case .weights: weights(&canvas, pose, &draws)
        }
    }

    /// Loose round cells side by side: steel cups, a brass pin.
    private func cells(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let count = draws.whole(2 ... 6), radius = draws.uniform(0.5 ... 1.6), half = draws.uniform(2.2 ... 3.3)
        for cell in 0 ..< count {
            let center = Point(draws.uniform(-0.3 ... 0.3), (Float(cell) - Float(count - 1) / 2) * 2.1 * radius)
            let body = RoundedBox(center: center, half: Point(half, radius), corner: 0.15)
            canvas.add(body, .round(radius: radius, thickness: 1.6 * radius), .battery, pose)
            canvas.add(body, .tube(radius: radius, wall: 0.04), .steel, pose)
            canvas.add(RoundedBox(center: center + Point(half + 0.1, 0), half: Point(0.15, 0.3)), .plate(0.4), .brass, pose)
        }
    }

    private func powerBank(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(4.5 ... 8, 2.8 ... 4.2), cells = draws.whole(1 ... 4), width = 0.9 * half.y / Float(cells)
        let thickness = draws.uniform(0.8 ... 2.2)
        canvas.add(RoundedBox(half: half, corner: 0.8), .plate(0.4), draws.pick([.plastic, .aluminum]), pose)
        for cell in 0 ..< cells {
            let center = Point(0.4, (2 * Float(cell) + 1 - Float(cells)) * width)
            canvas.add(
                RoundedBox(center: center, half: Point(half.x - 1, width * 0.92), corner: 0.2), .round(radius: 0.4, thickness: thickness), .battery,
                pose)
        }
        canvas.add(RoundedBox(center: Point(0.7 - half.x, 0), half: Point(0.5, half.y * 0.8)), .plate(0.4), .circuitBoard, pose)
    }

    /// A mains adapter: a wound core in a plastic block, pins, a cable.
    private func charger(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(3 ... 6, 2.2 ... 3.5)
        canvas.add(RoundedBox(half: half, corner: 0.6), .plate(2.5), .plastic, pose)
        canvas.add(RoundedBox(half: half * 0.88, corner: 0.1), .plate(0.4), .circuitBoard, pose)
        let core = RoundedBox(center: draws.point(-1 ... 1, -0.4 ... 0.4), half: draws.point(1 ... 1.7, 1 ... 1.6), corner: 0.2)
        canvas.add(core, .plate(draws.uniform(0.4 ... 1.2)), .steel, pose)
        for _ in 0 ..< draws.whole(2 ... 5) {
            let radius = draws.uniform(0.3 ... 0.7)
            canvas.add(
                Ellipse(center: draws.point(-half.x * 0.7 ... half.x * 0.7, -half.y * 0.6 ... half.y * 0.6), radius: radius), .plate(1.2), .aluminum,
                pose)
        }
        for side in [-0.9, 0.9] as [Float] {
            canvas.add(Capsule(Point(half.x, side), Point(half.x + 1.8, side), radius: 0.24), .plate(0.4), .brass, pose)
        }
        let bend = draws.point(-12 ... -6, -7 ... 7), end = draws.point(-14 ... -4, -9 ... 9)
        canvas.add(Path(curve(Point(-half.x, 0), bend, end, pieces: 6), radius: 0.2), .plate(0.25), .brass, pose)
    }

    private func coins(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        for _ in 0 ..< draws.whole(4 ... 12) {
            let radius = draws.uniform(0.8 ... 1.35), tilted = Point(radius, radius * draws.uniform(0.35 ... 1))
            canvas.add(Ellipse(half: tilted), .plate(0.2), .brass, pose.part(at: draws.point(-3.5 ... 3.5, -3.5 ... 3.5), turned: draws.rotation()))
        }
    }

    private func keys(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        canvas.add(Rim(Ellipse(radius: 1.5), width: 0.22), .plate(0.3), .steel, pose)
        for _ in 0 ..< draws.whole(2 ... 6) {
            let rotation = draws.rotation(), key = pose.part(at: Point(1.4, 0).turned(by: rotation), turned: rotation)
            let bow = Cut(Ellipse(center: Point(1.1, 0), radius: draws.uniform(0.9 ... 1.3)), without: Ellipse(center: Point(0.5, 0), radius: 0.35))
            let length = draws.uniform(2 ... 3.6)
            canvas.add(bow, .plate(0.25), .brass, key)
            canvas.add(RoundedBox(center: Point(2 + length / 2, -0.1), half: Point(length / 2, 0.35)), .plate(0.25), .brass, key)
            for tooth in 0 ..< 3 {
                let place = Point(2.6 + Float(tooth) * length / 4, 0.35)
                canvas.add(RoundedBox(center: place, half: Point(0.22, draws.uniform(0.1 ... 0.3))), .plate(0.25), .brass, key)
            }
        }
    }

    /// A rolled belt seen from its edge, with a buckle.
    private func belt(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let radius = draws.uniform(3 ... 4.5)
        for turn in 0 ..< draws.whole(2 ... 4) {
            canvas.add(Rim(Ellipse(radius: radius - 0.75 * Float(turn)), width: 0.4), .plate(3.5), .rubber, pose)
        }
        let buckle = pose.part(at: Point(radius + 1.5, 0), turned: draws.rotation(within: 0.1))
        canvas.add(
            Rim(RoundedBox(half: Point(2.6, 2.4), corner: 0.7), width: draws.uniform(0.4 ... 0.8)), .plate(draws.uniform(0.4 ... 0.9)), .brass, buckle
        )
        canvas.add(Capsule(Point(-2.2, 0), Point(2.4, 0.2), radius: 0.28), .plate(0.5), .steel, buckle)
    }

    private func padlock(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(1.8 ... 3.2, 1.6 ... 2.6)
        canvas.add(RoundedBox(half: half, corner: 0.5), .plate(draws.uniform(0.5 ... 1.2)), .brass, pose)
        let shackle = Rim(RoundedBox(center: Point(0, -half.y - 0.6), half: Point(half.x * 0.75, 2.4), corner: half.x * 0.75), width: 0.55)
        canvas.add(Cut(shackle, without: RoundedBox(half: half)), .plate(0.8), .steel, pose)
    }

    private func can(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(4.5 ... 7.5, 2.5 ... 3.5), metal = draws.chance(0.5)
        let body = RoundedBox(half: half, corner: 0.4)
        canvas.add(body, .tube(radius: half.y, wall: metal ? 0.04 : 0.08), metal ? .steel : .aluminum, pose)
        canvas.add(body, .round(radius: half.y, thickness: 1.9 * half.y), .water, pose)
        for end in [-1, 1] as [Float] {
            canvas.add(RoundedBox(center: Point(end * half.x, 0), half: Point(0.25, half.y)), .plate(0.4), metal ? .steel : .aluminum, pose)
        }
    }

    private func flashlight(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.uniform(4.5 ... 8), radius = draws.uniform(1.2 ... 1.9)
        let body = RoundedBox(half: Point(half, radius), corner: 0.2)
        canvas.add(body, .tube(radius: radius, wall: 0.25), .aluminum, pose)
        canvas.add(
            RoundedBox(center: Point(-1, 0), half: Point(half - 1.5, radius - 0.3), corner: 0.2), .round(radius: radius, thickness: 1.7 * radius),
            .battery, pose)
        let head = Polygon([
            Point(half - 1, -radius), Point(half + 1.4, -1.6 * radius), Point(half + 2.4, -1.6 * radius),
            Point(half + 2.4, 1.6 * radius), Point(half + 1.4, 1.6 * radius), Point(half - 1, radius),
        ])
        canvas.add(head, .tube(radius: 1.6 * radius, wall: 0.3), .aluminum, pose)
        canvas.add(RoundedBox(center: Point(-half, 0), half: Point(0.5, radius)), .plate(0.6), .brass, pose)
    }

    /// A folding umbrella: a shaft, ribs that fan out a little, springs and a handle.
    private func umbrella(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.uniform(9 ... 13), spread = draws.uniform(1.2 ... 3)
        canvas.add(Capsule(Point(-half, 0), Point(half, 0), radius: 0.6), .tube(radius: 0.6, wall: 0.12), .steel, pose)
        for rib in 0 ..< 8 {
            let side = Float(rib) / 3.5 - 1
            canvas.add(Capsule(Point(half * 0.9, side * 0.5), Point(-half * 0.6, side * spread), radius: 0.17), .plate(0.35), .steel, pose)
        }
        canvas.add(Capsule(Point(-half * 0.6, 0), Point(half, 0), radius: spread, endRadius: 1), .plate(1), .cloth, pose)
        canvas.add(Capsule(Point(-half, 0), Point(-half - 4, 0), radius: 1.4), .round(radius: 1.4, thickness: 2.8), .plastic, pose)
        canvas.add(Capsule(Point(half * 0.8, 0), Point(half, 0), radius: 0.9), .plate(0.9), .steel, pose)
    }

    /// A coiled cable: rings whose centers wander.
    private func cable(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let size = draws.point(2.2 ... 4.5, 2.2 ... 5.5), radius = draws.uniform(0.15 ... 0.4)
        for _ in 0 ..< draws.whole(3 ... 8) {
            let ring = Ellipse(center: draws.point(-0.8 ... 0.8, -0.8 ... 0.8), half: size * draws.uniform(0.75 ... 1.1))
            canvas.add(Rim(ring, width: 2 * radius), .plate(radius * 0.9), .brass, pose)
        }
        let plug = pose.part(at: Point(size.x, -size.y), turned: draws.rotation())
        canvas.add(RoundedBox(half: Point(1.5, 0.9), corner: 0.3), .plate(1), .plastic, plug)
        canvas.add(RoundedBox(center: Point(1.6, 0), half: Point(0.9, 0.5)), .plate(0.4), .steel, plug)
    }

    /// The drawbar of a suitcase: a pair of hollow bars across the patch.
    private func rods(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let radius = draws.uniform(0.6 ... 1.1), gap = draws.uniform(3 ... 6), start = draws.chance(0.5) ? -30 : draws.uniform(-6 ... 0)
        for side in draws.chance(0.6) ? [-gap, gap] : [0] {
            let bar = RoundedBox(center: Point((start + 30) / 2, side), half: Point((30 - start) / 2, radius), corner: 0.2)
            canvas.add(bar, .plate(0.35), .aluminum, pose)
            canvas.add(Rim(bar, width: 0.22), .plate(1.8), .aluminum, pose)
            canvas.add(RoundedBox(center: Point(start + 5, side), half: Point(4, radius * 0.6)), .plate(0.3), .steel, pose)
        }
    }

    private func circuitBoard(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(4 ... 8, 3 ... 5)
        canvas.add(RoundedBox(half: half), .plate(0.35), .circuitBoard, pose)
        canvas.add(Rim(RoundedBox(half: half + 0.4, corner: 0.5), width: 0.4), .plate(2), .plastic, pose)
        for _ in 0 ..< draws.whole(8 ... 16) {
            let center = draws.point(-half.x * 0.85 ... half.x * 0.85, -half.y * 0.85 ... half.y * 0.85)
            let part = RoundedBox(center: center, half: draws.point(0.2 ... 1.4, 0.2 ... 1), corner: 0.1)
            canvas.add(part, .plate(draws.uniform(0.1 ... 0.6)), draws.pick([.brass, .steel, .aluminum]), pose)
        }
    }

    private func camera(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.point(4.5 ... 6.5, 3 ... 4.2), lens = Point(draws.uniform(-1.5 ... 1.5), 0), radius = half.y * draws.uniform(0.65 ... 0.95)
        canvas.add(RoundedBox(half: half, corner: 0.8), .plate(0.9), .aluminum, pose)
        canvas.add(RoundedBox(center: Point(half.x - 1.3, 0.3), half: Point(0.9, half.y - 0.9)), .plate(1.2), .battery, pose)
        canvas.add(Rim(Ellipse(center: lens, radius: radius), width: 0.4), .plate(2.5), .aluminum, pose)
        canvas.add(Ellipse(center: lens, radius: radius * 0.75), .round(radius: radius, thickness: 3), .glass, pose)
        canvas.add(Rim(Ellipse(center: lens, radius: radius * 0.6), width: 0.35), .plate(0.6), .steel, pose)
        canvas.add(RoundedBox(center: Point(-half.x + 1.2, -half.y), half: Point(0.8, 0.5)), .plate(0.6), .steel, pose)
    }
}
