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
    /// What the rule counts beside multiply-adds, in multiply-adds, as `vigil bench --convolutions` shows it: for every number of a transform
    /// of images, for every number of a transform of slopes by weights, and how much a product for the weights takes for each of its own.
    private static let ofImages = 11, ofSlopes = 12, ofWeightProducts = 1.3

    private let geometry: Geometry
    /// [height, width, channels]: the big side's, the small side's; [height, width] of the kernel.
    let big: [Int], small: [Int], kernel: [Int]
    /// Images in a sample.
    let views: Int
    let taps: Int, tileRows: Int, tileColumns: Int
    /// Channels of the patch and of the small side, filled up.
    let inner: Int, columns: Int

    /// Nil of what no Winograd kernel is for.
    init?(_ geometry: Geometry, big: Shape, small: Shape, weight: Shape) {
        let (k, s) = (weight.extents[0], geometry.stride)
        (self.geometry, self.big, self.small, kernel) = (geometry, big.image.extents, small.image.extents, Array(weight.extents.prefix(2)))
        views = small.views.count
        taps = k.divided(up: s)
        (tileRows, tileColumns) = (self.small[0].divided(up: Self.side), self.small[1].divided(up: Self.side))
        inner = (s * s * self.big[2]).divided(up: Self.lanes) * Self.lanes
        columns = self.small[2].divided(up: Self.lanes) * Self.lanes
        guard kernel[0] == kernel[1], geometry.padding < k, taps == 2 || taps == 3 else { return nil }
    }

    /// Whether these kernels are better for a side than a matrix product is.
    func isWorthWhile(for side: ConvolutionSide, microbatch: Int) -> Bool {
        var ours = multiplyAdds + Self.ofImages * tilesOfImage * frequencies * (inner + columns)
        guard side == .weights else { return directMultiplyAdds(for: side) > ours }
        // a slope is brought back from the frequencies once for each microbatch
        ours += Self.ofSlopes * frequencies * inner * columns / (microbatch * views)
        return Self.ofWeightProducts * Double(directMultiplyAdds(for: side)) > Double(ours)
    }

    /// Multiply-adds of a matrix product for each of these kernels'.
    func saving(for side: ConvolutionSide) -> Double { Double(directMultiplyAdds(for: side)) / Double(multiplyAdds) }

    private var frequencies: Int { (taps + Self.side - 1) * (taps + Self.side - 1) }
    /// Of an image.
    private var multiplyAdds: Int { tilesOfImage * frequencies * inner * columns }

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
