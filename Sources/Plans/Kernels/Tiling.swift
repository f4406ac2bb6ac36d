import CKernels
import Graphs

/// Which of its three sides a convolution gives, of (big image, small image, weights).
enum ConvolutionSide: Hashable { case small, big, weights }

/// A convolution brought to the one form that Winograd's kernels take: at stride 1, of `taps`×`taps`, without padding, in tiles
/// of 4×4 places of the small side.
///
/// A stride s is taken out by splitting the big side into its s×s phases, which become channels of a *patch*: one pixel
/// of it holds s×s neighboring pixels. What the kernel lacks to a multiple of s are taps of zeros.
struct Tiling {
    /// Places of a tile in each direction, and what channels are filled up to a multiple of, for the sake of vectors.
    static let side = 4, lanes = 16
    /// Multiply-adds of the matrix product for one of these, which also pays for the transforms.
    private static let worth = 1.5

    private let geometry: Geometry
    /// [height, width, channels]: the big side's, the small side's; [height, width] of the kernel.
    let big: [Int], small: [Int], kernel: [Int]
    /// Images in a sample.
    let views: Int
    let taps: Int, tileRows: Int, tileColumns: Int
    /// Channels of the patch and of the small side, filled up.
    let inner: Int, columns: Int

    /// Nil where a matrix product is the better kernel, by the multiply-adds that each needs for `side`.
    init?(_ geometry: Geometry, for side: ConvolutionSide, big: Shape, small: Shape, weight: Shape) {
        let (k, s) = (weight.extents[0], geometry.stride)
        (self.geometry, self.big, self.small, kernel) = (geometry, big.image.extents, small.image.extents, Array(weight.extents.prefix(2)))
        views = small.views.count
        taps = k.divided(up: s)
        (tileRows, tileColumns) = (self.small[0].divided(up: Self.side), self.small[1].divided(up: Self.side))
        inner = (s * s * self.big[2]).divided(up: Self.lanes) * Self.lanes
        columns = self.small[2].divided(up: Self.lanes) * Self.lanes
        guard kernel[0] == kernel[1], geometry.padding < k, taps == 2 || taps == 3 else { return nil }
        let frequencies = (taps + Self.side - 1) * (taps + Self.side - 1)
        let ours = Double(tileRows * tileColumns * frequencies * inner * columns)
        guard Double(directMultiplyAdds(for: side)) > Self.worth * ours else { return nil }
    }

    /// Of an image, as a matrix product: what fills up its panels is computed too.
    private func directMultiplyAdds(for side: ConvolutionSide) -> Int {
        let channels = side == .big ? big[2].divided(up: Self.lanes) * Self.lanes : big[2]
        let features = side == .big ? small[2] : columns
        return small[0] * small[1] * kernel[0] * kernel[1] * channels * features
    }

    /// Channels of an image side's planes.
    func channels(of side: ConvolutionSide) -> Int { side == .big ? inner : columns }

    var tilesOfImage: Int { tileRows * tileColumns }
    var tilesOfSample: Int { tilesOfImage * views }

    /// [height, width] of a patch, and of the small side in whole tiles.
    private var patch: [Int] { [tileRows * Self.side + taps - 1, tileColumns * Self.side + taps - 1] }
    private var whole: [Int] { [tileRows * Self.side, tileColumns * Self.side] }

    /// Floats of an image's patch, and of its small side in whole tiles.
    var patchFloats: Int { patch[0] * patch[1] * inner }
    var wholeFloats: Int { whole[0] * whole[1] * columns }

    /// Whether the small side is in whole tiles as it lies in memory.
    var isWhole: Bool { whole == Array(small.prefix(2)) && columns == small[2] }

    /// For every pixel of a sample's big side, where its channels lie in the sample's patches; -1 where no tap meets it.
    var patchRuns: [Int32] {
        let (s, p) = (geometry.stride, geometry.padding)
        return runs(of: big, imageFloats: patchFloats) { y, x in
            let (row, column) = ((y + p) / s, (x + p) / s), phase = (y + p) % s * s + (x + p) % s
            guard row < patch[0], column < patch[1] else { return nil }
            return (row * patch[1] + column) * inner + phase * big[2]
        }
    }

    /// The same for the small side in whole tiles.
    var wholeRuns: [Int32] { runs(of: small, imageFloats: wholeFloats) { y, x in (y * whole[1] + x) * columns } }

    private func runs(of image: [Int], imageFloats: Int, _ place: (_ y: Int, _ x: Int) -> Int?) -> [Int32] {
        (0 ..< views).flatMap { view in
            (0 ..< image[0]).flatMap { y in (0 ..< image[1]).map { x in Int32(place(y, x).map { view * imageFloats + $0 } ?? -1) } }
        }
    }

    /// For every tap and channel of the patch, where its weights begin; -1 for zeros.
    var tapTable: [Int32] {
        let s = geometry.stride, channels = big[2], features = small[2]
        return (0 ..< taps * taps).flatMap { tap in
            (0 ..< inner).map { channel in
                let phase = channel / channels
                let (i, j) = (tap / taps * s + phase / s, tap % taps * s + phase % s)
                guard phase < s * s, i < kernel[0], j < kernel[1] else { return -1 }
                return Int32(((i * kernel[1] + j) * channels + channel % channels) * features)
            }
        }
    }
}
