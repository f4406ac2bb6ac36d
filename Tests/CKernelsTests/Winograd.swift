import CKernels

/// A convolution as the kernels take it: the patch with its padding and, for stride 2, its phases, and the taps' places.
struct Winograd {
    let convolution: Convolution
    let taps: Int, inner: Int, columns: Int
    let tap: [Int32]

    init(_ convolution: Convolution) {
        self.convolution = convolution
        let stride = convolution.stride, kernel = convolution.kernel, channels = convolution.channels
        taps = (kernel + stride - 1) / stride
        inner = (stride * stride * channels + 15) / 16 * 16
        columns = (convolution.filters + 15) / 16 * 16
        var tap: [Int32] = []
        for a in 0 ..< taps {
            for b in 0 ..< taps {
                for k in 0 ..< inner {
                    let phase = k / channels, row = stride * a + phase / stride, column = stride * b + phase % stride
                    let exists = phase < stride * stride && row < kernel && column < kernel
                    tap.append(exists ? Int32(((row * kernel + column) * channels + k % channels) * convolution.filters) : -1)
                }
            }
        }
        self.tap = tap
    }

    var tileRows: Int { convolution.rows / 4 }
    var tileColumns: Int { convolution.columns / 4 }
    var patchRows: Int { convolution.rows + taps - 1 }
    var patchColumns: Int { convolution.columns + taps - 1 }
    var patchCount: Int { patchRows * patchColumns * inner }
    var outputCount: Int { convolution.rows * convolution.columns * columns }

    /// Calls the body for each element of an image's patch that is not padding, with the input's element there.
    private func eachElement(_ body: (_ patch: Int, _ input: Int) -> Void) {
        let stride = convolution.stride
        for i in 0 ..< patchRows * patchColumns {
            for phase in 0 ..< stride * stride {
                let row = i / patchColumns * stride + phase / stride - convolution.padding
                let column = i % patchColumns * stride + phase % stride - convolution.padding
                guard 0 ..< convolution.inputRows ~= row, 0 ..< convolution.inputColumns ~= column else { continue }
                for c in 0 ..< convolution.channels {
                    body(i * inner + phase * convolution.channels + c, (row * convolution.inputColumns + column) * convolution.channels + c)
                }
            }
        }
    }

    private func patches(_ x: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: convolution.images * patchCount)
        for image in 0 ..< convolution.images {
            eachElement { result[image * patchCount + $0] = x[image * convolution.inputCount + $1] }
        }
        return result
    }

    private func inputs(_ patches: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: convolution.images * convolution.inputCount)
        for image in 0 ..< convolution.images {
            eachElement { result[image * convolution.inputCount + $1] = patches[image * patchCount + $0] }
        }
        return result
    }

    /// Rows of `filters` as rows of `columns`, or back.
    private func rows(_ values: [Float], from: Int, to: Int) -> [Float] {
        stride(from: 0, to: values.count, by: from).flatMap { row in (0 ..< to).map { $0 < from ? values[row + $0] : 0 } }
    }

    /// All three directions: in blocks, in pieces of so many channels, and in pieces of the weight gradient, whose blocks are added in
    /// order. `range`: the tiles of a block that the weight gradient is summed over.
    func run(
        _ operands: Operands, by table: Table, imagesInBlock: Int? = nil, channels: Int? = nil,
        piece: (inner: Int, columns: Int) = (64, 64), range: Range<Int>? = nil
    ) -> Directions<Float> {
        let kernels = table.pointer.pointee, imageTiles = tileRows * tileColumns
        let patches = patches(operands.x), outputs = rows(operands.y, from: convolution.filters, to: columns)
        var x = [Float](repeating: -7777, count: patches.count), y = [Float](repeating: -7777, count: outputs.count)
        var w = [Float](repeating: 0, count: operands.w.count)
        tap.withUnsafeBufferPointer { tap in
            var tiling = vk_tiling(
                taps: Int64(taps), tileRows: Int64(tileRows), tileColumns: Int64(tileColumns), inner: Int64(inner), columns: Int64(columns),
                tap: tap.baseAddress, realColumns: Int64(convolution.filters))
            let size = imagesInBlock ?? convolution.images
            for start in stride(from: 0, to: convolution.images, by: size) {
                let images = min(size, convolution.images - start), tiles = Int64(images * imageTiles)
                var v = [Float](repeating: .nan, count: Int(vk_plane_floats(&tiling, tiling.inner, tiles))), q = v
                var z = [Float](repeating: .nan, count: Int(vk_plane_floats(&tiling, tiling.columns, tiles))), m = z
                var scratch = [Float](repeating: .nan, count: Int(vk_multiply_scratch(&tiling)))
                for image in 0 ..< images {
                    let (patch, output) = ((start + image) * patchCount, (start + image) * outputCount), first = Int64(image * imageTiles)
                    patches.withUnsafeBufferPointer { kernels.window(&tiling, $0.baseAddress! + patch, &v, first, tiles) }
                    outputs.withUnsafeBufferPointer { kernels.outputAdjoint(&tiling, $0.baseAddress! + output, &z, first, tiles) }
                }
                for channels in Self.pieces(of: columns, by: channels) {
                    kernels.multiply(&tiling, operands.w, v, &m, tiles, Int64(channels.lowerBound), Int64(channels.upperBound), &scratch)
                }
                for channels in Self.pieces(of: inner, by: channels) {
                    kernels.multiplyAdjoint(&tiling, operands.w, z, &q, tiles, Int64(channels.lowerBound), Int64(channels.upperBound), &scratch)
                }
                for image in 0 ..< images {
                    let (patch, output) = ((start + image) * patchCount, (start + image) * outputCount), first = Int64(image * imageTiles)
                    x.withUnsafeMutableBufferPointer { kernels.windowAdjoint(&tiling, q, first, tiles, $0.baseAddress! + patch) }
                    y.withUnsafeMutableBufferPointer { kernels.output(&tiling, m, first, tiles, $0.baseAddress! + output) }
                }
                let gradient = weightGradient(&tiling, kernels, v, z, tiles, range ?? 0 ..< Int(tiles), piece)
                for i in w.indices { w[i] += gradient[i] }
            }
        }
        return Directions(y: rows(y, from: columns, to: convolution.filters), x: inputs(x), w: w)
    }

    private static func pieces(of channels: Int, by length: Int?) -> [Range<Int>] {
        stride(from: 0, to: channels, by: length ?? channels).map { $0 ..< min($0 + (length ?? channels), channels) }
    }

    private func weightGradient(
        _ tiling: inout vk_tiling, _ kernels: vk_table, _ v: [Float], _ z: [Float], _ tiles: Int64, _ range: Range<Int>,
        _ piece: (inner: Int, columns: Int)
    ) -> [Float] {
        var result = [Float](repeating: -7777, count: convolution.weightCount)
        var scratch = [Float](repeating: .nan, count: Int(vk_weights_scratch(&tiling, Int64(piece.inner), Int64(piece.columns))))
        for k in stride(from: 0, to: inner, by: piece.inner) {
            for n in stride(from: 0, to: columns, by: piece.columns) {
                let (k0, k1, n0, n1) = (Int64(k), Int64(min(k + piece.inner, inner)), Int64(n), Int64(min(n + piece.columns, columns)))
                var part = [Float](repeating: .nan, count: taps * taps * Int((k1 - k0) * (n1 - n0)))
                kernels.weights(&tiling, v, z, tiles, Int64(range.lowerBound), Int64(range.upperBound), k0, k1, n0, n1, &part, &scratch)
                vk_scatter(&tiling, part, k0, k1, n0, n1, &result)
            }
        }
        return result
    }
}
