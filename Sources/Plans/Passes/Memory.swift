/// Places in one arena for what lives only a part of a step: two values share memory where their lives do not meet.
struct Memory {
    /// A value's size, and the first and last step that need it.
    struct Life {
        let floats: Int
        let first: Int
        var last: Int
        /// A value whose memory this one may take: it is read for the last time, element by element, where this one is made.
        var heir: Int?
    }
    /// Floats between places, so that vectors are aligned: one cache line.
    private static let alignment = 16

    /// Where each value begins, in floats.
    private(set) var offsets: [Int: Int] = [:]
    private(set) var floats = 0

    init(_ lives: [Int: Life]) {
        var placed: [(range: Range<Int>, life: Life)] = []
        for (value, life) in lives.sorted(by: { ($0.value.first, $0.key) < ($1.value.first, $1.key) }) {
            let size = life.floats.divided(up: Self.alignment) * Self.alignment
            if let heir = life.heir, let offset = offsets[heir] {
                offsets[value] = offset
                placed.append((offset ..< offset + size, life))
                continue
            }
            placed.removeAll { $0.life.last < life.first }
            let taken = placed.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
            let offset = Self.gap(of: size, between: taken)
            offsets[value] = offset
            placed.append((offset ..< offset + size, life))
            floats = max(floats, offset + size)
        }
    }

    /// The smallest gap that is large enough, else the end.
    private static func gap(of size: Int, between taken: [Range<Int>]) -> Int {
        var best: (offset: Int, slack: Int)?, end = 0
        for range in taken {
            let slack = range.lowerBound - end - size
            if slack >= 0, best.map({ slack < $0.slack }) ?? true { best = (end, slack) }
            end = max(end, range.upperBound)
        }
        return best?.offset ?? end
    }
}
