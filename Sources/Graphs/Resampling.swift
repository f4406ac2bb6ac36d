// Resampling of [height, width, channels], with leading axes of views if there are any.

/// The mean of every `factor` × `factor` square.
public func averagePooled(_ x: Batched, by factor: Int) -> Batched {
    pooled(x, by: factor, "average pooling") { squares, rows, columns in
        var extents = squares.shape.extents
        (extents[rows], extents[columns]) = (1, 1)
        return sum(squares, to: Shape(extents)) / Double(factor * factor)
    }
}

/// The largest of every `factor` × `factor` square.
public func maxPooled(_ x: Batched, by factor: Int) -> Batched {
    pooled(x, by: factor, "max pooling") { squares, rows, columns in largest(largest(squares, axis: rows), axis: columns) }
}

/// - Parameter fold: gives what becomes of the squares, from the axes of their rows and columns.
private func pooled(_ x: Batched, by factor: Int, _ name: String, _ fold: (_ squares: Batched, _ rows: Int, _ columns: Int) -> Batched) -> Batched {
    guard let (views, image) = x.shape.split(rank: 3), image.extents[0] % factor == 0, image.extents[1] % factor == 0 else {
        x.trace.refuse(FormError("\(name): \(x.node.form) does not fall into \(factor)×\(factor) squares"))
        return x
    }
    let (rows, columns, channels) = (image.extents[0] / factor, image.extents[1] / factor, image.extents[2])
    let squares = x.reshaped(Shape(views.extents + [rows, factor, columns, factor, channels]))
    return fold(squares, views.rank + 1, views.rank + 3).reshaped(Shape(views.extents + [rows, columns, channels]))
}

/// Every element repeated in a `factor` × `factor` square.
public func nearestUpsampled(_ x: Batched, by factor: Int) -> Batched {
    guard let (views, image) = x.shape.split(rank: 3) else {
        x.trace.refuse(FormError("nearest upsampling: \(x.node.form) is not [height, width, channels]"))
        return x
    }
    let (rows, columns, channels) = (image.extents[0], image.extents[1], image.extents[2])
    let points = x.reshaped(Shape(views.extents + [rows, 1, columns, 1, channels]))
    let squares = points.node.broadcast(to: .batched(Shape(views.extents + [rows, factor, columns, factor, channels])))
    return Batched(squares.reshaped(Shape(views.extents + [rows * factor, columns * factor, channels])))
}

/// Every channel convolved with the outer product of (1, 2, 1) / 4 with itself, zeros around.
public func blurred(_ x: Batched) -> Batched {
    guard x.shape.rank >= 3 else {
        x.trace.refuse(FormError("blur: \(x.node.form) is not [height, width, channels]"))
        return x
    }
    return [x.shape.rank - 3, x.shape.rank - 2].reduce(x) { x, axis in
        let side = x.shape.extents[axis], framed = x.padded(before: 1, after: 1, axis: axis)
        return 0.25 * (framed.sliced(0 ..< side, axis: axis) + framed.sliced(2 ..< side + 2, axis: axis)) + 0.5 * x
    }
}
