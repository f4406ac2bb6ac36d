// What papers write as one symbol and consists of several operations.

public func sigmoid<T: Tensor>(_ x: T) -> T { T(x.node.made(.logistic)) }
/// 1 where an element is above 0, else 0; of no slope.
public func isPositive<T: Tensor>(_ x: T) -> T { T(x.node.made(.step)) }
public func minimum<T: Tensor>(_ a: T, _ b: T) -> T { -maximum(-a, -b) }
/// Within a range; where it is cut off the slope is 0.
public func clipped<T: Tensor>(_ x: T, to range: ClosedRange<Double>) -> T {
    let below = T(x.node.maximum(x.constant(range.lowerBound)))
    return -T((-below).node.maximum(x.constant(-range.upperBound)))
}
/// Huber's loss at 1: x²/2 up to there, |x| − ½ beyond.
public func smoothL1<T: Tensor>(_ x: T) -> T {
    let size = abs(x), bent = clipped(size, to: 0 ... 1)
    return bent * (size - 0.5 * bent)
}

extension Tensor {
    /// Times a number that all ranks share.
    public func scaled(by factor: Replicated) -> Self { Self(node * factor.node) }
    /// Divided by a number that all ranks share.
    public func divided(by divisor: Replicated) -> Self { Self(node * divisor.node.reciprocal) }
}

public func / (a: Replicated, b: Batched) -> Batched { Batched(a.node * b.node.reciprocal) }
public func - (a: Replicated, b: Batched) -> Batched { Batched(a.node - b.node) }

// MARK: Axes

/// The sum along an axis, which becomes 1 long.
public func sum<T: Tensor>(_ x: T, axis: Int) -> T {
    var extents = x.shape.extents
    extents[axis] = 1
    return sum(x, to: Shape(extents))
}

/// The mean along an axis, which is no longer there: over views, or over channels.
public func mean<T: Tensor>(_ x: T, axis: Int) -> T {
    var extents = x.shape.extents
    let count = extents.remove(at: axis)
    return sum(x, axis: axis).reshaped(Shape(extents)) / Double(count)
}

/// The largest element along an axis, which becomes 1 long.
public func largest<T: Tensor>(_ x: T, axis: Int) -> T {
    let count = x.shape.extents[axis]
    guard count > 1 else { return x }
    let half = count / 2, first = x.sliced(0 ..< half, axis: axis), second = x.sliced(half ..< 2 * half, axis: axis)
    let most = largest(maximum(first, second), axis: axis)
    return count % 2 == 0 ? most : maximum(most, x.sliced(count - 1 ..< count, axis: axis))
}

// MARK: Classes

/// Logarithms of softmax along the innermost axis.
public func logSoftmax(_ logits: Batched) -> Batched {
    // moved so that the largest is 0: the result does not depend on it, nor does its derivative
    let last = logits.shape.rank - 1, moved = logits - largest(logits, axis: last).detached.broadcast(to: logits.shape)
    return moved - log(sum(exp(moved), axis: last)).broadcast(to: moved.shape)
}

/// 1 at the place of each sample's class, else 0.
/// - Parameter classes: a whole number of each sample; one that is out of range has no place.
public func oneHot(_ classes: Batched, count: Int) -> Batched {
    let numbers = classes.trace.literal([count], (0 ..< count).map(Double.init))
    let distance = abs(classes.broadcast(to: [count]) - numbers)
    return 1 - Batched(distance.node.made(.step))
}

/// Cross-entropy of each sample's logits [count] with its class.
public func crossEntropy(_ logits: Batched, _ classes: Batched) -> Batched {
    -sum(logSoftmax(logits) * oneHot(classes, count: logits.shape.count))
}

/// Cross-entropy of each view's logits [views, count] with the view's own class, all of a sample added up.
public func crossEntropy(_ logits: Batched, ofViews classes: [Int]) -> Batched {
    guard logits.shape.rank == 2, logits.shape.extents[0] == classes.count else {
        logits.trace.refuse(FormError("cross-entropy of views: \(logits.node.form) for \(classes.count) classes; it takes [views, count]"))
        return sum(logits)
    }
    let count = logits.shape.extents[1], hot = classes.flatMap { own in (0 ..< count).map { $0 == own ? 1.0 : 0 } }
    return -sum(logSoftmax(logits) * logits.trace.literal(logits.shape, hot))
}

/// `a` where the condition is above 0, else `b`. Both are computed, so both must be finite.
public func select(_ condition: Batched, _ a: Batched, else b: Batched) -> Batched {
    let yes = Batched(condition.node.made(.step))
    return yes * a + (1 - yes) * b
}
