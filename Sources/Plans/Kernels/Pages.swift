import Glibc

/// Memory for vectors of floats, where much is asked for on huge pages as far as the system grants them: planes and images are
/// walked with strides that small pages answer slowly.
func allocateFloats(_ count: Int) -> Floats {
    let huge = 1 << 21, bytes = max(64, count * 4)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: bytes < huge ? 64 : huge)
    if bytes >= huge { madvise(memory, bytes / huge * huge, MADV_HUGEPAGE) }
    return memory.assumingMemoryBound(to: Float.self)
}

/// Vectors of floats that live as long as this does. They share pieces of memory, so that small ones are on huge pages too: an optimizer that
/// sweeps over them waits less.
final class FloatPool {
    private static let largest = 1 << 21
    private var pieces: [Floats] = [], next: Floats?, free = 0, taken = 0

    /// Zeros, which products may read to the end of a panel.
    func allocate(_ count: Int) -> Floats {
        let needed = (count + 64 + 15) / 16 * 16
        if needed > free {
            // pieces grow with what is taken, so that a small model takes little
            free = max(needed, min(taken, Self.largest))
            next = allocateFloats(free)
            pieces.append(next!)
        }
        let place = next!
        place.initialize(repeating: 0, count: needed)
        (next, free, taken) = (place + needed, free - needed, taken + needed)
        return place
    }

    deinit { for piece in pieces { piece.deallocate() } }
}
