extension Philox {
    /// A permutation of 0 ..< `count` that this key stands for (Fisher & Yates).
    public func permutation(_ count: Int) -> [Int] {
        var order = Array(0 ..< count)
        for place in stride(from: count - 1, to: 0, by: -1) { order.swapAt(place, index(below: place + 1, UInt64(place))) }
        return order
    }
}

/// A 64-bit hash of a name, to key draws by it (FNV-1a).
public func key(of name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
