/// The smaller and plainer of the dense items.
extension DenseItem {
    func watch(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let radius = draws.uniform(1.6 ... 2.4)
        canvas.add(Ellipse(radius: radius), .plate(draws.uniform(0.2 ... 0.5)), .steel, pose)
        canvas.add(Rim(Ellipse(radius: radius), width: 0.35), .plate(0.8), .steel, pose)
        for side in [-1, 1] as [Float] {
            for link in 0 ..< 5 {
                let place = Point(side * (radius + 0.6 + 0.95 * Float(link)), 0.08 * Float(link * link))
                canvas.add(RoundedBox(center: place, half: Point(0.4, radius * 0.5), corner: 0.1), .plate(0.3), .steel, pose)
            }
        }
    }

    func pens(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        for _ in 0 ..< draws.whole(2 ... 6) {
            let pen = pose.part(at: draws.point(-1.5 ... 1.5, -2.5 ... 2.5), turned: draws.rotation(within: 0.06)), metal = draws.chance(0.6)
            canvas.add(Capsule(Point(-6.5, 0), Point(6, 0), radius: 0.5), .tube(radius: 0.5, wall: 0.15), metal ? .brass : .plastic, pen)
            canvas.add(Capsule(Point(6, 0), Point(7.2, 0), radius: 0.45, endRadius: 0.08), .round(radius: 0.4, thickness: 0.7), .brass, pen)
            canvas.add(Capsule(Point(-6, 0.4), Point(-2.5, 0.5), radius: 0.14), .plate(0.2), .steel, pen)
        }
    }

    func zipper(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let bend = draws.uniform(-5 ... 5), line = curve(Point(-14, 0), Point(0, bend), Point(14, 0), pieces: 40)
        for tooth in line.dropLast() { canvas.add(RoundedBox(center: tooth, half: Point(0.2, 0.4)), .plate(0.3), .brass, pose) }
        let pull = pose.part(at: draws.pick(line), turned: draws.rotation())
        canvas.add(RoundedBox(half: Point(0.9, 0.6), corner: 0.2), .plate(0.6), .brass, pull)
        canvas.add(Rim(RoundedBox(center: Point(2.4, 0), half: Point(1.6, 0.55), corner: 0.5), width: 0.25), .plate(0.3), .brass, pull)
    }

    /// A coil spring or a spiral binding, seen from the side.
    func spring(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let turns = draws.whole(8 ... 16), pitch = draws.uniform(0.9 ... 1.4), half = draws.uniform(0.8 ... 2.2)
        for turn in 0 ..< turns {
            let x = (Float(turn) - Float(turns) / 2) * pitch
            canvas.add(Capsule(Point(x, -half), Point(x + pitch, half), radius: 0.16), .plate(0.4), .steel, pose)
            canvas.add(Capsule(Point(x + pitch, half), Point(x + pitch, -half), radius: 0.16), .plate(0.4), .steel, pose)
        }
    }

    /// A flat tin with something in it.
    func tin(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let box = RoundedBox(half: draws.point(3 ... 5.5, 2.5 ... 4), corner: draws.uniform(0.5 ... 2))
        canvas.add(box, .plate(draws.uniform(0.05 ... 0.15)), .steel, pose)
        canvas.add(Rim(box, width: 0.25), .plate(draws.uniform(0.3 ... 0.8)), .steel, pose)
        for _ in 0 ..< draws.whole(3 ... 9) {
            let center = draws.point(-2.5 ... 2.5, -2 ... 2)
            canvas.add(
                Ellipse(center: center, radius: draws.uniform(0.4 ... 0.9)), .plate(draws.uniform(0.3 ... 0.9)),
                draws.pick([.steel, .glass, .brass]), pose)
        }
    }

    /// Massive metal: weights, door knobs, machine parts that are discs, knobs and blocks.
    func weights(_ canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        for _ in 0 ..< draws.whole(1 ... 3) {
            let part = pose.part(at: draws.point(-3 ... 3, -3 ... 3), turned: draws.rotation()), radius = draws.uniform(1.3 ... 3)
            let thickness = draws.uniform(0.3 ... 1.2)
            switch draws.whole(0 ... 2) {
            case 0:
                canvas.add(
                    Cut(Ellipse(radius: radius), without: Ellipse(radius: radius * draws.uniform(0.15 ... 0.6))), .plate(thickness), .steel, part)
            case 1: canvas.add(Ellipse(radius: radius), .round(radius: radius, thickness: 2 * thickness), .steel, part)
            default: canvas.add(RoundedBox(half: Point(radius, radius * draws.uniform(0.5 ... 1)), corner: 0.2), .plate(thickness), .steel, part)
            }
        }
    }
}
