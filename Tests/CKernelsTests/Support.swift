import CKernels

/// A table of kernels that this processor runs.
struct Table: Sendable, CustomStringConvertible {
    let name: String
    /// Whether elementwise programs run as machine code, where they can.
    var compiles = false

    var pointer: UnsafePointer<vk_table> { vk_table_named(name)! }
    var panel: Int { Int(pointer.pointee.panel) }
    var description: String { name + (compiles ? ", compiled" : "") }

    static let all = ["portable", "neon", "avx2", "avx512"].map { Table(name: $0) }.filter { vk_table_named($0.name) != nil }
    /// For elementwise programs.
    static let ways = all + all.filter { $0.pointer.pointee.compile != nil }.map { Table(name: $0.name, compiles: true) }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same cases in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1 ... 1) -> [Float] {
        (0 ..< count).map { _ in .random(in: range, using: &self) }
    }
}

extension [Float] {
    /// Bit patterns, with one for every NaN: kernels promise no payload.
    var bits: [UInt32] { map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern } }
}
