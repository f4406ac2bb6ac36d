import Glibc

/// Memory for vectors of floats, where much is asked for on huge pages as far as the system grants them: planes and images are
/// walked with strides that small pages answer slowly.
func allocateFloats(_ count: Int) -> Floats {
    let huge = 1 << 21, bytes = max(64, count * 4)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: bytes < huge ? 64 : huge)
    if bytes >= huge { madvise(memory, bytes / huge * huge, MADV_HUGEPAGE) }
    return memory.assumingMemoryBound(to: Float.self)
}
