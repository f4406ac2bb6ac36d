/// Knives: a blade of one of five kinds and a handle. Sizes are those of kitchen, hunting and pocket knives.
struct Knife {
    enum Kind: CaseIterable { case chef, clipPoint, dagger, folding, cleaver }

    func draw(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let kind = draws.pick(Kind.allCases), length = kind == .folding ? draws.uniform(7 ... 10) : draws.uniform(9 ... 15)
        let half = kind == .cleaver ? draws.uniform(2.5 ... 3.8) : draws.uniform(1 ... (kind == .chef ? 2.3 : 1.7))
        let thickness = draws.uniform(0.5 ... 1)
        // the middle of the whole knife is the item's origin
        let root = kind == .folding ? 0 : 0.5 * (11 - length)
        let blade = Polygon(Self.blade(kind, length: length, half: half).map { $0 + Point(root, 0) })
        canvas.add(blade, .round(radius: 0.5 * half, thickness: thickness), .steel, pose)
        let handle = pose.part(at: Point(root, 0), turned: kind == .folding ? draws.rotation(within: 0.22) : Point(1, 0))
        Self.handle(of: kind, blade: half, on: &canvas, handle, &draws)
    }

    /// The outline of a blade from its root at 0 to the tip, the spine above.
    private static func blade(_ kind: Kind, length: Float, half: Float) -> [Point] {
        let tip = Point(length, 0)
        switch kind {
        case .chef:
            return [Point(0, -half)] + curve(Point(0.6 * length, -half), Point(0.9 * length, -0.9 * half), tip - Point(0, 0.5 * half), pieces: 3)
                + curve(tip - Point(0, 0.5 * half), Point(0.75 * length, half), Point(0.3 * length, half), pieces: 4).dropFirst() + [Point(0, half)]
        case .clipPoint:
            return [Point(0, -half), Point(0.6 * length, -half)]
                + curve(Point(0.66 * length, -0.75 * half), Point(0.8 * length, -0.2 * half), tip, pieces: 3)
                + curve(tip, Point(0.9 * length, half), Point(0.6 * length, half), pieces: 3).dropFirst() + [Point(0, half)]
        case .dagger: return [Point(0, -0.9 * half), Point(0.65 * length, -half), tip, Point(0.65 * length, half), Point(0, 0.9 * half)]
        case .folding:
            return [Point(0, -half), Point(0.5 * length, -half)]
                + curve(Point(0.5 * length, -half), Point(0.85 * length, -0.8 * half), tip, pieces: 3)
                + curve(tip, Point(0.8 * length, half), Point(0.4 * length, 0.9 * half), pieces: 3).dropFirst() + [Point(0, 0.7 * half)]
        case .cleaver: return [Point(0, -half), Point(length, -half), Point(length, 0.9 * half), Point(0.4, half), Point(0, 0.5 * half)]
        }
    }

    private static func handle(of kind: Kind, blade half: Float, on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let length = draws.uniform(9.5 ... 12), radius = draws.uniform(1 ... 1.4), top: Float = kind == .chef || kind == .cleaver ? -0.3 * half : 0
        let grip = Capsule(Point(-0.6, top), Point(-length, top + 0.4), radius: radius * 0.9, endRadius: radius * 1.15)
        if draws.chance(0.25) {
            // all of steel and hollow, as one piece with the blade
            canvas.add(grip, .tube(radius: radius, wall: draws.uniform(0.12 ... 0.25)), .steel, pose)
        } else {
            canvas.add(grip, .round(radius: 0.6, thickness: 1.8), draws.pick([.wood, .plastic]), pose)
            let tang = Capsule(Point(0, top), Point(-length * draws.uniform(0.6 ... 1), top + 0.4), radius: radius * draws.uniform(0.4 ... 0.9))
            canvas.add(tang, .plate(draws.uniform(0.3 ... 0.6)), .steel, pose)
            for rivet in 1 ... 3 {
                canvas.add(Ellipse(center: Point(-Float(rivet) * length / 3.6, top + 0.1), radius: 0.38), .plate(1.6), .brass, pose)
            }
        }
        if kind == .dagger || kind == .clipPoint {
            canvas.add(RoundedBox(half: Point(0.4, half + 1.1), corner: 0.3), .plate(draws.uniform(0.8 ... 1.5)), .brass, pose)
            canvas.add(Ellipse(center: Point(-length - 0.6, top + 0.4), radius: 1.2), .plate(0.8), .steel, pose)
        }
    }
}

/// Handguns from the side: self-loading pistols and revolvers. The bore points along x, the grip down.
struct Gun {
    func draw(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let pose = pose.part(at: Point(0.5, -1))
        if draws.chance(0.6) { Self.pistol(on: &canvas, pose, &draws) } else { Self.revolver(on: &canvas, pose, &draws) }
    }

    private static func pistol(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let muzzle = draws.uniform(6.5 ... 10)
        PistolPart.slide(from: -8, to: muzzle, on: &canvas, pose, &draws)
        PistolPart.barrel(from: muzzle - draws.uniform(9 ... 12), to: muzzle + draws.uniform(0 ... 0.6), on: &canvas, pose, &draws)
        PistolPart.frame(to: muzzle - draws.uniform(0.5 ... 2), on: &canvas, pose, &draws)
        if draws.chance(0.8) {
            PistolPart.magazine(on: &canvas, pose.part(at: Point(-6.3, 3), turned: rotated(by: 0.29)), &draws)
        }
    }

    private static func revolver(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let muzzle = draws.uniform(4.5 ... 10), steel = draws.uniform(0.35 ... 0.9), bore: Float = -2.6
        let barrel = RoundedBox(center: Point(muzzle / 2, bore), half: Point(muzzle / 2, 0.85), corner: 0.2)
        canvas.add(barrel, .plate(0.4), .steel, pose)
        canvas.add(Rim(barrel, width: 0.5), .plate(0.4), .steel, pose)
        canvas.add(Capsule(Point(0, bore + 1.4), Point(muzzle * 0.6, bore + 1.4), radius: 0.4), .plate(0.4), .steel, pose)
        canvas.add(Polygon([Point(muzzle - 1.4, bore - 0.8), Point(muzzle - 0.3, bore - 1.5), Point(muzzle, bore - 0.8)]), .plate(0.4), .steel, pose)
        // the drum with its chambers, between strap and frame
        let drum = RoundedBox(center: Point(-2.3, bore + 0.9), half: Point(2.1, 1.95), corner: 0.4)
        canvas.add(drum, .round(radius: 1.6, thickness: draws.uniform(0.3 ... 1.3)), .steel, pose)
        for chamber in [-1.2, 0, 1.2] as [Float] {
            canvas.add(RoundedBox(center: Point(-2.3, bore + 0.9 + chamber), half: Point(1.9, 0.4), corner: 0.2), .plate(0.5), .brass, pose)
        }
        let strap = Polygon([
            Point(0.5, bore - 0.9), Point(0.5, bore + 3.4), Point(-5.4, bore + 3.6), Point(-6.6, bore + 1.6), Point(-5.6, bore - 0.9),
        ])
        let window = RoundedBox(center: drum.center, half: Point(2.2, 1.9))
        canvas.add(Cut(strap, without: window), .plate(steel * 1.5), .steel, pose)
        canvas.add(Capsule(Point(-5.6, bore - 0.4), Point(-7.2, bore - 1.7), radius: 0.45), .plate(0.7), .steel, pose)
        let back = curve(Point(-5.5, 0), Point(-8, 2), Point(-8.4, 7.6), pieces: 4),
            front = curve(Point(-5.6, 7.9), Point(-6.2, 3.5), Point(-3.6, 0.8), pieces: 4)
        canvas.add(Polygon(back + front), .plate(2.4), draws.pick([.wood, .rubber]), pose)
        let core = draws.chance(0.5) ? Rim(Polygon(back + front), width: 0.7) : Rim(Polygon(back + front), width: 2)
        canvas.add(core, .plate(steel), .steel, pose)
        PistolPart.guardAndTrigger(at: Point(-1.6, 1.9), thickness: steel, on: &canvas, pose)
    }
}

/// What a handgun comes apart into. Drawn alone they are the class of gun parts, together a pistol.
enum PistolPart: CaseIterable {
    case barrel, slide, magazine, frame, slideAndBarrel

    func draw(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let above = pose.part(at: Point(0, 3.9)), muzzle = draws.uniform(6.5 ... 9.5)
        switch self {
        case .barrel: Self.barrel(from: -5.5, to: draws.uniform(4 ... 7), on: &canvas, above, &draws)
        case .slide: Self.slide(from: -muzzle, to: muzzle, on: &canvas, above, &draws)
        case .magazine: Self.magazine(on: &canvas, pose, &draws)
        case .frame: Self.frame(to: muzzle, on: &canvas, pose, &draws)
        case .slideAndBarrel:
            Self.slide(from: -8, to: muzzle, on: &canvas, above, &draws)
            Self.barrel(from: muzzle - 10, to: muzzle, on: &canvas, above, &draws)
        }
    }

    /// A tube with a bore, and the block of the chamber with its lug at the rear end.
    static func barrel(from rear: Float, to muzzle: Float, on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let line: Float = -3.9, radius = draws.uniform(0.7 ... 0.9)
        let tube = RoundedBox(center: Point((rear + muzzle) / 2, line), half: Point((muzzle - rear) / 2, radius), corner: 0.1)
        canvas.add(tube, .tube(radius: radius, wall: radius - 0.4), .steel, pose)
        let chamber = RoundedBox(center: Point(rear + 1.5, line + 0.1), half: Point(1.5, 1.1))
        canvas.add(Cut(chamber, without: RoundedBox(center: Point(rear + 1, line), half: Point(1.2, 0.5))), .plate(1.2), .steel, pose)
        let lug = Polygon([Point(rear + 1.2, line + 1), Point(rear + 2.9, line + 1), Point(rear + 2.5, line + 2.2), Point(rear + 1.6, line + 2.2)])
        canvas.add(lug, .plate(0.7), .steel, pose)
    }

    /// The slide: two walls with a hollow for barrel and spring, a solid rear, sights, and the port where cases leave.
    static func slide(from rear: Float, to muzzle: Float, on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let wall = draws.uniform(0.45 ... 0.85), bevel = draws.uniform(0.2 ... 1.2)
        let outline = Polygon([Point(rear, -5.2), Point(muzzle - bevel, -5.2), Point(muzzle, -5.2 + bevel), Point(muzzle, -2.4), Point(rear, -2.4)])
        let port = RoundedBox(center: Point(rear + 6.8, -4.6), half: Point(1.5, 0.75))
        canvas.add(Cut(outline, without: port), .plate(wall), .steel, pose)
        canvas.add(RoundedBox(center: Point(rear + 2.6, -3.9), half: Point(2.6, 1.1)), .plate(2 * wall), .steel, pose)
        canvas.add(RoundedBox(center: Point((rear + muzzle) / 2, -5), half: Point((muzzle - rear) / 2 - bevel, 0.2)), .plate(0.4), .steel, pose)
        let spring = Capsule(Point(rear + 8, -2.7), Point(muzzle - 0.3, -2.7), radius: 0.4)
        canvas.add(spring, .plate(0.4), .steel, pose)
        for sight in [rear + 0.8, muzzle - 1.4] {
            canvas.add(RoundedBox(center: Point(sight, -5.4), half: Point(0.4, 0.35)), .plate(0.6), .steel, pose)
        }
    }

    /// A box of sheet steel with leaning cartridges, a spring below them, and a floor plate; its length lies along x.
    static func magazine(on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let half = draws.uniform(4.6 ... 5.6), count = draws.whole(0 ... 7)
        let box = RoundedBox(half: Point(half, 1.5), corner: 0.2)
        canvas.add(box, .plate(draws.uniform(0.15 ... 0.35)), .steel, pose)
        canvas.add(Rim(box, width: 0.25), .plate(0.7), .steel, pose)
        canvas.add(RoundedBox(center: Point(half, 0), half: Point(0.4, 1.9), corner: 0.1), .plate(1.2), draws.pick([.steel, .plastic]), pose)
        for cartridge in 0 ..< count {
            let x = 0.7 - half + 1.05 * Float(cartridge)
            canvas.add(Capsule(Point(x, 1), Point(x - 0.35, -1), radius: 0.45, endRadius: 0.35), .plate(0.4), .brass, pose)
        }
        for turn in 0 ..< max(0, 8 - count) {
            let x = half - 0.7 - 0.9 * Float(turn)
            canvas.add(Capsule(Point(x, -1.1), Point(x - 0.5, 1.1), radius: 0.13), .plate(0.2), .steel, pose)
        }
    }

    /// The frame: rails, the hollow grip, trigger guard and trigger.
    static func frame(to front: Float, on canvas: inout XRayCanvas, _ pose: Pose, _ draws: inout PatchDraws) {
        let material = draws.pick([Material.steel, .steel, .aluminum, .plastic]),
            wall = material.attenuation.y < 1 ? draws.uniform(0.8 ... 1.4) : draws.uniform(0.35 ... 0.6)
        let rails = Polygon([Point(-8, -2.6), Point(front, -2.6), Point(front, -1.4), Point(front - 3.5, -1), Point(-2.5, -0.7), Point(-8, -1)])
        canvas.add(rails, .plate(1.2 * wall), material, pose)
        canvas.add(RoundedBox(center: Point((front - 8) / 2, -2.4), half: Point((front + 8) / 2, 0.2)), .plate(0.6), .steel, pose)
        let grip = Polygon([
            Point(-8.6, -2.4), Point(-2.9, -1.2), Point(-3.9, 2.5), Point(-5.4, 7.4), Point(-9.9, 7), Point(-8.9, 1.8), Point(-8.2, -0.4),
        ])
        canvas.add(grip, .plate(wall), material, pose)
        canvas.add(Rim(grip, width: 0.45), .plate(0.5 * wall), material, pose)
        canvas.add(Capsule(Point(-8, -2), Point(-9.2, -2.9), radius: 0.4), .plate(0.7), .steel, pose)
        for pin in [Point(-6.5, -0.6), Point(-1.8, -1.5), Point(-7, 5.5)] { canvas.add(Ellipse(center: pin, radius: 0.3), .plate(0.8), .steel, pose) }
        guardAndTrigger(at: Point(-1, 0.6), thickness: material.attenuation.y < 1 ? 0.4 : wall, on: &canvas, pose)
    }

    static func guardAndTrigger(at center: Point, thickness: Float, on canvas: inout XRayCanvas, _ pose: Pose) {
        canvas.add(Rim(RoundedBox(center: center, half: Point(2.3, 1.9), corner: 1.3), width: 0.45), .plate(thickness), .steel, pose)
        canvas.add(
            Path(curve(center + Point(0.1, -1.7), center + Point(-0.5, -0.2), center + Point(0.4, 0.9), pieces: 3), radius: 0.25), .plate(0.4),
            .steel, pose)
    }
}
