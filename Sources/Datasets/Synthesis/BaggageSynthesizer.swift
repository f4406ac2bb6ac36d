import Randomness

/// X-ray patches of bags, made up: the shape of the UBA patches of GANomaly (Akçay et al., 2018), which only their owners have.
///
/// A patch shows 18 to 26 cm of a bag. Clothes and large soft items fill it, then dense items until what is dense darkens a drawn
/// area; a threat is the first of these, so patches with and without one are about equally dark and busy. What tells a threat is
/// its shape: a blade with a handle, a barrel with grip and trigger guard, a slide, a magazine.
///
/// A patch is a function of seed, content and number alone. Arithmetic is +, −, ×, ÷ and √ in Float, which IEEE 754 rounds
/// in one way, and never a library's exp or sin: the same bytes on any machine, rank and thread.
public struct BaggageSynthesizer: Sendable {
    /// What a patch holds.
    public enum Content: Int, CaseIterable, Sendable {
        case benign, knife, gun, gunPart

        /// The name of the class: "benign", "knife", "gun" or "gun parts".
        public var name: String { ["benign", "knife", "gun", "gun parts"][rawValue] }
    }

    /// What cannot be made.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case side(Int), channels(Int)

        public var description: String {
            switch self {
            case .side(let side): "synthesize baggage: patches of side \(side) cannot be made; choose a side from 16 to 256"
            case .channels(let channels): "synthesize baggage: patches of \(channels) channels cannot be made; choose 1 (gray) or 3 (pseudo-color)"
            }
        }
    }

    /// Height and width of a patch in pixels.
    public let side: Int
    /// 1 for gray, 3 for the pseudo-color of a dual-energy scanner.
    public let channels: Int
    private let seed: UInt64

    /// A synthesizer of patches of `side` × `side` pixels (16 to 256).
    public init(side: Int, channels: Int = 1, seed: UInt64) throws(Failure) {
        guard (16 ... 256).contains(side) else { throw .side(side) }
        guard channels == 1 || channels == 3 else { throw .channels(channels) }
        (self.side, self.channels, self.seed) = (side, channels, seed)
    }

    /// The patch of a number, [side, side, channels], 0 … 255 with white where nothing absorbs: the same bytes whoever draws it.
    /// The same number in another channel count or at another side shows the same bag.
    public func patch(_ number: UInt64, _ content: Content) -> [UInt8] {
        let purpose = key(of: "baggage")
        var draws = PatchDraws(Philox(seed: seed, purpose, 0, UInt64(content.rawValue), number))
        // How many items fit in is settled on one grid, for sides to agree.
        var trial = draws
        var (canvas, items) = Self.packed(content, side: Self.settlingSide, &trial)
        if side == Self.settlingSide { draws = trial } else { (canvas, items) = Self.packed(content, side: side, items: items, &draws) }
        let scanner = Scanner(photons: draws.uniform(3_000 ... 12_000))
        let signals = scanner.signals(canvas.depths, side: side, noise: Philox(seed: seed, purpose, 1, UInt64(content.rawValue), number))
        func byte(_ value: Float) -> UInt8 { UInt8(min(1, max(0, value)) * 255 + 0.5) }
        guard channels == 3 else { return signals.map { byte(Scanner.gray($0)) } }
        return signals.flatMap { signal in
            let color = Scanner.color(signal)
            return [byte(color.x), byte(color.y), byte(color.z)]
        }
    }

    /// The side whose grid settles how many dense items a bag holds.
    private static let settlingSide = 32

    /// A bag's patch with everything in it, and its count of dense items: `items` where given, else as many as fit in.
    private static func packed(_ content: Content, side: Int, items: Int? = nil, _ draws: inout PatchDraws) -> (XRayCanvas, items: Int) {
        var canvas = XRayCanvas(side: side, width: draws.uniform(18 ... 26))
        let bag = Bag(on: &canvas, &draws)
        for _ in 0 ..< draws.whole(0 ... 2) {
            let pose = Pose(center: bag.place(share: 1, on: canvas, &draws), rotation: draws.rotation(), foreshortening: draws.uniform(0.6 ... 1))
            draws.pick(SoftItem.allCases).draw(on: &canvas, pose, &draws)
        }
        // Dense items up to a share of the patch's area; the first lies near the middle. A threat counts for 80 % of what it
        // darkens: whoever packs one leaves out some of the rest for it.
        let before = canvas.shade, target = draws.uniform(0.075 ... 0.19) * canvas.width * canvas.width
        var allowance: Float = 0, turn = 0
        while turn < items ?? 12, turn == 0 || items != nil || canvas.shade - before - allowance < target {
            let pose = Pose(
                center: bag.place(share: turn == 0 ? 0.35 : 0.9, on: canvas, &draws), rotation: draws.rotation(),
                foreshortening: draws.uniform(0.7 ... 1), mirrored: draws.chance(0.5), scale: draws.uniform(0.9 ... 1.1))
            switch turn == 0 ? content : .benign {
            case .benign: draws.pick(DenseItem.usual).draw(on: &canvas, pose, &draws)
            case .knife: Knife().draw(on: &canvas, pose, &draws)
            case .gun: Gun().draw(on: &canvas, pose, &draws)
            case .gunPart: draws.pick(PistolPart.allCases).draw(on: &canvas, pose, &draws)
            }
            if turn == 0, content != .benign { allowance = 0.2 * (canvas.shade - before) }
            turn += 1
        }
        return (canvas, turn)
    }
}

/// How many patches of each class make up a number of threats: in UBA's proportions, 63,496 knives to 45,855 guns to 13,452 gun
/// parts (Akçay et al., 2018), by largest remainder.
public func baggageCounts(threats: Int) -> [(content: BaggageSynthesizer.Content, count: Int)] {
    precondition(threats >= 0, "\(threats) threats")
    let shares: [(content: BaggageSynthesizer.Content, patches: Int)] = [(.knife, 63_496), (.gun, 45_855), (.gunPart, 13_452)]
    let all = shares.reduce(0) { $0 + $1.patches }
    var counts = shares.map { ($0.content, count: threats * $0.patches / all) }
    let missing = threats - counts.reduce(0) { $0 + $1.count }
    let byRemainder = shares.indices.sorted { (threats * shares[$0].patches % all, $1) > (threats * shares[$1].patches % all, $0) }
    for place in byRemainder.prefix(missing) { counts[place].count += 1 }
    return counts.map { (content: $0.0, count: $0.count) }
}
