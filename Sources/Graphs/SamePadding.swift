// Convolutions with the padding that TensorFlow calls SAME: of a side n, ⌈n / stride⌉ outputs. Where the zeros that this takes are of an odd
// number, one more comes after than before, so it is no symmetric padding.

/// Zeros before and after a side.
private func samePadding(_ side: Int, kernel: Int, stride: Int) -> (before: Int, after: Int) {
    let outputs = (side + stride - 1) / stride, zeros = max((outputs - 1) * stride + kernel - side, 0)
    return (zeros / 2, zeros - zeros / 2)
}

/// `x` [height, width, channels], `w` [kernel, kernel, channels, features].
public func sameConvolution(_ x: Batched, _ w: Replicated, stride: Int) -> Batched {
    guard let axes = ImageAxes(x, w) else { return convolution(x, w, stride: stride, padding: 0) }
    let zeros = axes.sides.map { samePadding(x.shape.extents[$0.axis], kernel: $0.kernel, stride: stride) }
    // what both sides of both axes have is the convolution's own padding; few zeros, or none, are left to be written
    let shared = min(zeros[0].before, zeros[1].before)
    let framed = zip(axes.sides, zeros).reduce(x) { x, next in
        let (before, after) = (next.1.before - shared, next.1.after - shared)
        return before + after == 0 ? x : x.padded(before: before, after: after, axis: next.0.axis)
    }
    return convolution(framed, w, stride: stride, padding: shared)
}

/// The adjoint, of images `stride` times as high and wide: `x` [height, width, features], the same `w`; the kernel is no smaller than the
/// stride.
/// - Parameter sides: height and width of the images, where they are others of which the convolution makes `x`'s.
public func sameTransposedConvolution(_ x: Batched, _ w: Replicated, stride: Int, sides: [Int]? = nil) -> Batched {
    guard let axes = ImageAxes(x, w) else { return transposedConvolution(x, w, stride: stride, padding: 0) }
    let extents = sides ?? axes.sides.map { x.shape.extents[$0.axis] * stride }
    for (extent, side) in zip(extents, axes.sides) where (extent + stride - 1) / stride != x.shape.extents[side.axis] {
        x.trace.refuse(FormError("transposed convolution: \(x.node.form) does not come from sides \(extents) by padding SAME and stride \(stride)"))
        return x
    }
    let zeros = zip(extents, axes.sides).map { samePadding($0, kernel: $1.kernel, stride: stride) }
    let shared = min(zeros[0].before, zeros[1].before)
    let framed = transposedConvolution(x, w, stride: stride, padding: shared)
    return zip(zip(axes.sides, extents), zeros).reduce(framed) { image, next in
        let ((side, extent), first) = (next.0, next.1.before - shared)
        let inner = first ..< first + extent
        return inner == 0 ..< image.shape.extents[side.axis] ? image : image.sliced(inner, axis: side.axis)
    }
}

/// The axes of rows and columns with the kernel's extents along them; nil where there are none, which convolutions refuse.
private struct ImageAxes {
    let sides: [(axis: Int, kernel: Int)]

    init?(_ x: Batched, _ w: Replicated) {
        guard x.shape.rank >= 3, w.shape.rank == 4 else { return nil }
        sides = [(x.shape.rank - 3, w.shape.extents[0]), (x.shape.rank - 2, w.shape.extents[1])]
    }
}
