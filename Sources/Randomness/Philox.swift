/// Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011): a block of four random words as a pure function of a counter
/// and a key. Nothing is drawn from a shared stream, so a draw depends on its place alone: not on ranks, threads or order.
public struct Philox: Sendable {
    let key: (UInt32, UInt32)

    public init(key: UInt64) { self.key = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)) }

    /// A key for one purpose under a seed: `words` say which, as (purpose, stage, step, ...).
    public init(seed: UInt64, _ words: UInt64...) { self.init(seed: seed, words) }

    public init(seed: UInt64, _ words: [UInt64]) {
        var philox = Philox(key: seed)
        for (place, word) in words.enumerated() {
            let block = philox.block(word, UInt64(place))
            philox = Philox(key: UInt64(block.0) | UInt64(block.1) << 32)
        }
        self = philox
    }

    /// The four words at a 128-bit counter.
    @inlinable public func block(_ low: UInt64, _ high: UInt64 = 0) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c0, c1) = (UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32))
        var (c2, c3) = (UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high >> 32))
        var (k0, k1) = words
        for _ in 0 ..< 10 {
            let a = UInt64(0xD251_1F53) * UInt64(c0), b = UInt64(0xCD9E_8D57) * UInt64(c2)
            (c0, c1, c2, c3) = (
                UInt32(truncatingIfNeeded: b >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: a)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }

    @usableFromInline var words: (UInt32, UInt32) { key }

    /// 64 random bits at a counter.
    @inlinable public func bits(_ low: UInt64, _ high: UInt64 = 0) -> UInt64 {
        let block = block(low, high)
        return UInt64(block.0) | UInt64(block.1) << 32
    }

    /// A number in [0, 1) at a counter, of 53 random bits.
    @inlinable public func uniform(_ low: UInt64, _ high: UInt64 = 0) -> Double { Double(bits(low, high) >> 11) * 0x1p-53 }

    /// A whole number in 0 ..< `bound` at a counter (by the high half of a product; its bias is below bound / 2⁶⁴).
    @inlinable public func index(below bound: Int, _ low: UInt64, _ high: UInt64 = 0) -> Int {
        Int(bits(low, high).multipliedFullWidth(by: UInt64(bound)).high)
    }
}
