/// For every element of a result the elements of an operand whose sum it is: flips, rotations, shifts, views, and their adjoints.
package struct Gather: Operation {
    /// Compared by content, kept once.
    package final class Places: Hashable, Sendable {
        /// Of the operand.
        package let from: Shape
        package let to: Shape
        /// For element e of the result, `places[starts[e] ..< starts[e + 1]]` of the operand.
        package let starts: [Int32], places: [Int32]

        package init(from: Shape, to: Shape, _ sources: [[Int]]) {
            precondition(sources.count == to.count)
            (self.from, self.to) = (from, to)
            starts = sources.reduce(into: [0]) { $0.append($0.last! + Int32($1.count)) }
            places = sources.flatMap { $0.map(Int32.init) }
        }

        package static func == (a: Places, b: Places) -> Bool {
            a === b || (a.from == b.from && a.to == b.to && a.starts == b.starts && a.places == b.places)
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(from)
            hasher.combine(to)
            hasher.combine(places)
        }

        /// Where each element of the operand goes, in ascending order.
        var adjoint: Places {
            var targets = Array(repeating: [Int](), count: from.count)
            for element in 0 ..< to.count {
                for place in starts[element] ..< starts[element + 1] { targets[Int(places[Int(place)])].append(element) }
            }
            return Places(from: to, to: from, targets)
        }
    }
    package let places: Places

    package func form(of inputs: [Form]) throws(FormError) -> Form {
        guard inputs[0].shape == places.from else { throw FormError("gather: \(inputs[0]) is not \(places.from)") }
        return Form(shape: places.to, extent: inputs[0].extent)
    }

    package func pullback(_ upstream: Node, result: Node, inputs: [Node]) -> [Node?] {
        [upstream.trace.node(Gather(places: places.adjoint), [upstream])]
    }

    package func evaluate(_ inputs: [Values], as form: Form, samples: Int) -> Values {
        let count = places.from.count
        return Values(
            form, samples: samples,
            (0 ..< (form.extent == .batched ? samples : 1)).flatMap { sample in
                (0 ..< places.to.count).map { element in
                    (places.starts[element] ..< places.starts[element + 1]).reduce(0.0) {
                        $0 + inputs[0].numbers[sample * count + Int(places.places[Int($1)])]
                    }
                }
            })
    }

    package static var cases: [Case] {
        [
            Case(Gather(places: Places(from: [2, 3], to: [4], [[5], [0], [0], [2]])), .batched([2, 3])),
            Case(Gather(places: Places(from: [3], to: [2, 2], [[1, 2], [], [0, 1, 2], [0]])), .replicated([3])),
        ]
    }
}

/// Numbers known when the procedure is traced.
package struct Literal: Operation {
    package let shape: Shape, numbers: [Double]

    package func form(of inputs: [Form]) -> Form { .replicated(shape) }
    package func pullback(_ upstream: Node, result: Node, inputs: [Node]) -> [Node?] { [] }
    package func evaluate(_ inputs: [Values], as form: Form, samples: Int) -> Values { Values(form, samples: samples, numbers) }
    package static var cases: [Case] { [Case(Literal(shape: [2, 2], numbers: [0.5, -1, 0, 2]))] }
}

/// A rearrangement of a sample's elements: for each element of the result, the element of the operand that it is.
public struct Placement: Sendable {
    public let from: Shape, to: Shape
    let sources: [Int]

    private init(from: Shape, to: Shape, _ source: ([Int]) -> [Int]) {
        let strides = from.extents.indices.map { from.extents[($0 + 1)...].reduce(1, *) }
        var sources: [Int] = []
        to.forEachIndex { index in sources.append(zip(source(index), strides).reduce(0) { $0 + $1.0 * $1.1 }) }
        (self.from, self.to, self.sources) = (from, to, sources)
    }

    private init(from: Shape, to: Shape, sources: [Int]) { (self.from, self.to, self.sources) = (from, to, sources) }

    public static func identity(_ shape: Shape) -> Placement { Placement(from: shape, to: shape) { $0 } }

    /// This one first, then `next`.
    private func then(_ next: Placement) -> Placement { Placement(from: from, to: next.to, sources: next.sources.map { sources[$0] }) }

    /// Mirrored along an axis.
    public func flipped(axis: Int) -> Placement {
        then(
            Placement(from: to, to: to) { index in
                var index = index
                index[axis] = to.extents[axis] - 1 - index[axis]
                return index
            })
    }

    /// Images [height, width, channels], turned by quarters counterclockwise.
    public func rotated(quarters: Int) -> Placement {
        let (rows, columns) = (to.extents[0], to.extents[1]), turned: Shape = [columns, rows, to.extents[2]]
        guard quarters % 4 != 0 else { return self }
        let once = then(Placement(from: to, to: turned) { [$0[1], columns - 1 - $0[0], $0[2]] })
        return once.rotated(quarters: (quarters % 4 + 4) % 4 - 1)
    }

    /// Moved along an axis by whole elements; what was not there is the mirror image of what is next to the border, the border
    /// element itself repeated.
    public func shifted(by distance: Int, axis: Int) -> Placement {
        let extent = to.extents[axis]
        return then(
            Placement(from: to, to: to) { index in
                var index = index, place = (index[axis] - distance) % (2 * extent)
                if place < 0 { place += 2 * extent }
                index[axis] = min(place, 2 * extent - 1 - place)
                return index
            })
    }
}

extension Batched {
    /// Each sample's elements in other places.
    public func placed(_ placement: Placement) -> Batched { views(self, [placement]).reshaped(placement.to) }
}

/// Rearrangements of a sample side by side: a leading axis of views, which layers treat as further samples.
public func views(_ x: Batched, _ placements: [Placement]) -> Batched {
    guard let first = placements.first, placements.allSatisfy({ $0.to == first.to && $0.from == x.shape }) else {
        x.trace.refuse(FormError("views: the placements do not all take \(x.shape) to one shape"))
        return x
    }
    let to = Shape([placements.count] + first.to.extents)
    let places = Gather.Places(from: x.shape, to: to, placements.flatMap { $0.sources.map { [$0] } })
    return Batched(x.trace.node(Gather(places: places), [x.node]))
}

extension Trace {
    /// Numbers known when the procedure is traced, outermost axis first.
    public func literal(_ shape: Shape, _ numbers: [Double]) -> Replicated {
        precondition(numbers.count == shape.count, "\(numbers.count) numbers for \(shape)")
        return Replicated(shape.rank == 0 ? constant(numbers[0]) : node(Literal(shape: shape, numbers: numbers), []))
    }
}
