import CKernels

/// The kernels of one instruction set. All give the same bits.
public struct InstructionSet: @unchecked Sendable {
    let table: UnsafePointer<vk_table>

    /// The best of this processor.
    public static var best: InstructionSet { InstructionSet(table: vk_table_best()) }

    /// "avx512", "avx2", "neon" or "portable"; nil where the name is unknown or this processor lacks it.
    public init?(named name: String) {
        guard let table = vk_table_named(name) else { return nil }
        self.table = table
    }

    private init(table: UnsafePointer<vk_table>) { self.table = table }

    /// As `init(named:)` takes it.
    public var name: String { String(cString: table.pointee.name) }

    /// Those of this processor, best first.
    public static var available: [InstructionSet] { ["avx512", "avx2", "neon", "portable"].compactMap(InstructionSet.init(named:)) }
}
