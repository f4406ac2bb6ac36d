import Testing
@testable import Graphs

/// What is said of operands that do not fit, as whole text: the operation, the forms, and what it takes.
@Suite struct Messages {
    private static let geometry = Geometry(stride: 2, padding: 1)

    /// An operation, forms that it refuses, and the message.
    private static let refusals: [(operation: any Operation, forms: [Form], message: String)] = [
        (Reshape(shape: [5]), [.batched([2, 3])], "reshape: batched 2×3 has 6 elements, 5 has 5"),
        (Transpose(), [.batched([6])], "transpose: batched 6 is no matrix"),
        (Slice(start: [1, 0], extents: [2, 3]), [.batched([2, 3])], "slice: 2×3 from [1, 0] on does not lie in batched 2×3"),
        (Pad(before: [1], extents: [3]), [.batched([4])], "pad: batched 4 at [1] does not lie in 3"),
        (Binary(kind: .add), [.batched([2]), .batched([3])], "add: batched 2 and batched 3 do not broadcast to one shape"),
        (
            Binary(kind: .multiply), [.batched([2, 3]), .batched([3])],
            "multiply: batched 2×3 and batched 3 differ; write `broadcast` where one is meant to be repeated"
        ),
        (
            ConvolutionOutput(geometry: geometry), [.batched([4, 4, 3]), .replicated([4, 4, 2, 8])],
            "convolution: weights 4×4×2×8 do not fit batched 4×4×3 with padding 1"
        ),
        (
            ConvolutionOutput(geometry: Geometry(stride: 1, padding: 0)), [.batched([4, 4, 3]), .replicated([5, 5, 3, 8])],
            "convolution: weights 5×5×3×8 do not fit batched 4×4×3 with padding 0"
        ),
        (
            ConvolutionInput(geometry: geometry, shape: nil), [.batched([4, 4]), .replicated([4, 4, 2, 8])],
            "transposed convolution: batched 4×4 and weights 4×4×2×8 are not [height, width, features] and [height, width, channels, features]"
        ),
        (
            ConvolutionInput(geometry: geometry, shape: [6, 6, 2]), [.batched([2, 2, 8]), .replicated([4, 4, 2, 8])],
            "transposed convolution: batched 2×2×8 with weights 4×4×2×8 does not come from 6×6×2"
        ),
        (
            ConvolutionWeight(geometry: geometry, shape: [4, 4, 2, 8]), [.batched([4, 4, 2]), .batched([3, 3, 8])],
            "convolution weights: batched 4×4×2 and batched 3×3×8 do not meet in 4×4×2×8"
        ),
        (
            Product(), [.batched([2, 3]), .replicated([4, 5])], "product: batched 2×3 by 4×5; it takes [rows, inner] by a replicated [inner, columns]"
        ),
        (
            WeightProduct(), [.batched([2, 3]), .batched([4, 5])],
            "weight product: batched 2×3 with batched 4×5; it takes two batched matrices of as many rows"
        ),
        (Sum(shape: [3]), [.batched([4])], "sum: batched 4 cannot be summed to 3"),
        (Broadcast(shape: [3]), [.batched([4])], "broadcast: batched 4 does not fill 3"),
        (Total(), [.replicated([4])], "total: 4 has no samples to add"),
        (Spread(), [.batched([4])], "spread: batched 4 has one value for each sample already"),
        (LocalMean(microbatch: 2), [.replicated([4])], "local mean: 4 has no samples to average"),
        (Gather(places: Gather.Places(from: [2], to: [1], [[0, 1]])), [.batched([3])], "gather: batched 3 is not 2"),
    ]

    @Test(arguments: refusals.indices) func ofOperations(_ number: Int) {
        let (operation, forms, message) = Self.refusals[number]
        #expect(throws: FormError(message)) { _ = try operation.form(of: forms) }
    }

    /// The trace keeps the first error, with the variable's name where one is an operand.
    private func refused(names: [ObjectIdentifier: String] = [:], _ body: (Trace) -> Void) -> String? {
        let trace = Trace(minibatch: 2, training: true, names: names)
        body(trace)
        return trace.error?.description
    }

    @Test func ofFunctions() {
        #expect(
            refused { _ = averagePooled(Batched($0.input("x", .batched([5, 4, 1]))), by: 2) }
                == "average pooling: batched 5×4×1 does not fall into 2×2 squares")
        #expect(
            refused { _ = nearestUpsampled(Batched($0.input("x", .batched([4, 4]))), by: 2) }
                == "nearest upsampling: batched 4×4 is not [height, width, channels]")
        #expect(
            refused { _ = crossEntropy(Batched($0.input("x", .batched([3]))), ofViews: [0, 1]) }
                == "cross-entropy of views: batched 3 for 2 classes; it takes [views, count]")
        #expect(
            refused { _ = views(Batched($0.input("x", .batched([4, 4, 1]))), [.identity([4, 4, 1]), .identity([2, 4, 1])]) }
                == "views: the placements do not all take 4×4×1 to one shape")
        let weight = Variable([2, 3], .constant(0))
        #expect(
            refused(names: [ObjectIdentifier(weight): "encoder.0.weight"]) { trace in
                _ = trace.node(Product(), [trace.input("x", .batched([1, 4])), trace.read(weight).node])
                _ = trace.node(Transpose(), [trace.input("y", .batched([1]))])
            } == "product: batched 1×4 by 2×3; it takes [rows, inner] by a replicated [inner, columns] (encoder.0.weight)")
    }

    @Test func ofLoops() {
        #expect(
            refused { trace in
                let x = trace.input("x", .batched([2, 3])), y = trace.input("y", .replicated([]))
                _ = trace.loop(2, carrying: [x, y]) { given in ([given[0].reshaped([6]), given[1]], []) }
            } == "what goes round a loop changes its form: [batched 2×3, scalar] becomes [batched 6, scalar]; give back the form that was given")
        let weight = Variable([2], .constant(0))
        for (names, name) in [([ObjectIdentifier(weight): "a.weight"], "a.weight"), ([:], "a variable")] {
            #expect(
                refused(names: names) { $0.write(weight, Replicated($0.input("x", .replicated([3])))) }
                    == "\(name) of 2 is given a value of 3; give it one of its own shape")
        }
    }

    @Test func ofDerivatives() {
        #expect(
            refused { trace in
                let x = trace.input("x", .batched([3]))
                _ = gradients(of: x * x, by: [x])
            } == "a derivative is taken of a scalar, not of batched 3")
        #expect(
            refused { trace in
                let x = trace.input("x", .batched([]))
                let mean = trace.node(Spread(), [trace.node(Total(), [x])])
                _ = gradients(of: x * mean, by: [x])
            } == "a sample's own derivative: samples meet on the way (Total()), as in batch norm; use layer norm")
        let weight = Variable([], .constant(1))
        func loss(_ trace: Trace) -> Node { trace.node(Total(), [trace.input("x", .batched([])) * trace.node(Spread(), [trace.read(weight).node])]) }
        #expect(
            refused { trace in
                let early = loss(trace)
                trace.write(weight, trace.read(weight) + trace.read(weight))
                trace.expect(early, toDependOn: [("w", weight)])
            } == "the loss was traced before w was updated; trace it again")
        #expect(
            refused { trace in
                let other = trace.node(Total(), [trace.input("x", .batched([]))])
                trace.expect(other, toDependOn: [("w", weight)])
            } == "the loss does not depend on w, or only through `detached`")
    }
}
