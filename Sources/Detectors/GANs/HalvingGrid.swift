import Graphs

/// An image that networks halve until its smaller side is 4, and what is left of it then.
struct HalvingGrid {
    let channels: Int, halvings: Int
    /// Height and width that are left: 4×4 of a square image.
    let grid: (Int, Int)

    /// - Throws: where the sides cannot be halved down to the grid.
    init(_ sample: Shape) throws(FormError) {
        let extents = sample.extents, smaller = extents.prefix(2).min() ?? 0
        guard extents.count == 3, extents[2] > 0, smaller >= 8, smaller.nonzeroBitCount == 1, extents[0] % (smaller / 4) == 0,
            extents[1] % (smaller / 4) == 0
        else {
            throw FormError(
                "samples of \(sample) do not fit: it takes [height, width, channels] with the smaller side a power of two from 8 on "
                    + "and the larger a multiple of a quarter of it, as 64×64×1 or 64×96×3")
        }
        (channels, halvings) = (extents[2], smaller.trailingZeroBitCount - 2)
        grid = (extents[0] >> halvings, extents[1] >> halvings)
    }

    /// Elements of the grid.
    var places: Int { grid.0 * grid.1 }

    /// What detectors that take such images say of them.
    static let shapes = "[height, width, channels]: the smaller side a power of two from 8 on, the larger a multiple of a quarter of it"
}
