import CKernels
import Graphs

/// The kernel that computes an item, and what it wants of its operands.
extension Assembly {
    /// The matrices that a kernel wants in panels, if any.
    func packings(of index: Int, from weights: Floats?) -> [Packing] {
        let item = draft[index], weights = weights ?? scratchless
        switch item.kind {
        case .product(let transposed):
            let b = draft[item.inputs[1]].form.shape.extents
            return [
                transposed
                    ? Packing(from: weights, inner: b[1], columns: b[0], rowStride: 1, columnStride: b[1])
                    : Packing(from: weights, inner: b[0], columns: b[1], rowStride: b[1], columnStride: 1)
            ]
        case .convolution: return shape(ofConvolution: index).packings(weights)
        case .convolutionInput: return shape(ofTransposed: index).packings(weights)
        default: return []
        }
    }

    /// Floats of memory of its own that an item's kernels need.
    func workspace(of index: Int) -> Int {
        if case .tiled = draft[index].kind { return tiledWorkspace(index) }
        return packings(of: index, from: nil).reduce(0) { $0 + $1.floats(panel: Int(table.pointee.panel)) }
    }

    /// What computes an item, in order.
    func kernels(for index: Int, _ weights: Int?, then: [ElementwiseKernel]) -> [any Kernel] {
        if let weights { return tiledWeights(weights, with: index, then: then) }
        if case .tiled(_, let side) = draft[index].kind {
            return side == .weights ? tiledWeights(index, with: nil, then: []) : tiledConvolution(index, then: then)
        }
        guard let packed = places[workspace(for: index)] else { return [kernel(for: index)] }
        return [PackKernel(packings(of: index, from: floats(of: draft[index].inputs[1])), table: table, to: packed), kernel(for: index)]
    }

    func elementwise(_ program: Program) -> ElementwiseKernel {
        ElementwiseKernel(program, samples: program.space.isBatched ? partition.samples : 1, table: table) { [self] item in
            draft[item].isScalar ? UnsafeMutableRawPointer(scalars + item) : UnsafeMutableRawPointer(floats(of: item))
        }
    }

    /// Stands for weights where only sizes are asked.
    private var scratchless: Floats { Floats(bitPattern: 64)! }

    private func kernel(for index: Int) -> any Kernel {
        let item = draft[index], panel = Int(table.pointee.panel)
        let a = item.inputs[0], operand = draft[a].form
        switch item.kind {
        case .gather(let places):
            return GatherKernel(
                places, samples: operand.extent == .batched ? partition.samples : 1, from: floats(of: a), to: floats(of: index))
        case .pad(let pad):
            return PadKernel(
                pad, of: operand.shape, samples: operand.extent == .batched ? partition.samples : 1, from: floats(of: a), to: floats(of: index))
        case .total where item.isScalar:
            return ScalarTotalKernel(partition, from: floats(of: a), to: partials(of: index))
        case .total:
            return TotalKernel(partition, count: operand.shape.count, table: table, from: floats(of: a), to: floats(of: index))
        case .localMean:
            return LocalMeanKernel(partition, count: operand.shape.count, table: table, from: floats(of: a), to: floats(of: index))
        case .product:
            let rows = operand.shape.extents[0] * (operand.extent == .batched ? partition.samples : 1)
            return ProductKernel(
                rows: rows, inner: operand.shape.extents[1], columns: item.form.shape.extents[1], threads: threads, table: table,
                a: floats(of: a), packed: places[workspace(for: index)]!, c: floats(of: index))
        case .weightProduct:
            let (inner, columns) = (item.form.shape.extents[0], item.form.shape.extents[1]), rows = operand.shape.extents[0]
            let walk = WeightKernel.Walk(aImage: rows * inner, bImage: rows * columns, length: rows, aStep: inner, bStep: columns)
            return WeightKernel(
                partition, walk: walk, aRow: Array(0 ..< inner), columns: columns, table: table,
                a: floats(of: a), b: floats(of: item.inputs[1]), to: floats(of: index))
        case .convolution:
            let shape = shape(ofConvolution: index)
            return WindowKernel(
                shape.windows(panel: panel), images: partition.samples * item.form.shape.views.count, aImage: shape.input.reduce(1, *),
                cImage: shape.output.reduce(1, *), columns: shape.output[2], table: table,
                a: floats(of: a), packed: places[workspace(for: index)]!, c: floats(of: index))
        case .convolutionInput:
            let shape = shape(ofTransposed: index)
            return WindowKernel(
                shape.windows(panel: panel), images: partition.samples * item.form.shape.views.count, aImage: shape.padded.reduce(1, *),
                cImage: shape.big.reduce(1, *), columns: shape.big[2], table: table,
                a: floats(of: a), packed: places[workspace(for: index)]!, c: floats(of: index))
        case .convolutionWeight:
            let shape = shape(ofWeight: index)
            return WeightKernel(
                partition, walk: shape.weightWalk(views: operand.shape.views.count), aRow: shape.weightRows, columns: shape.output[2],
                table: table, a: floats(of: a), b: floats(of: item.inputs[1]), to: floats(of: index))
        default: preconditionFailure("\(item.kind) has no kernel of its own")
        }
    }

    private func shape(ofConvolution index: Int) -> ConvolutionShape {
        guard case .convolution(let stride) = draft[index].kind else { preconditionFailure("no convolution") }
        let item = draft[index], x = draft[item.inputs[0]].form.shape, w = draft[item.inputs[1]].form.shape
        return ConvolutionShape(stride: stride, input: x.image.extents, output: item.form.shape.image.extents, kernel: Array(w.extents.prefix(2)))
    }

    private func shape(ofWeight index: Int) -> ConvolutionShape {
        guard case .convolutionWeight(let stride) = draft[index].kind else { preconditionFailure("no convolution") }
        let item = draft[index], x = draft[item.inputs[0]].form.shape, y = draft[item.inputs[1]].form.shape
        return ConvolutionShape(stride: stride, input: x.image.extents, output: y.image.extents, kernel: Array(item.form.shape.extents.prefix(2)))
    }

    func shape(ofTransposed index: Int) -> TransposedConvolutionShape {
        guard case .convolutionInput(let geometry) = draft[index].kind else { preconditionFailure("no transposed convolution") }
        let item = draft[index], padded = draft[item.inputs[0]].form.shape.image.extents, w = draft[item.inputs[1]].form.shape.extents
        let big = item.form.shape.image.extents
        let small = [geometry.outputSide(big[0], kernel: w[0]), geometry.outputSide(big[1], kernel: w[1]), w[3]]
        return TransposedConvolutionShape(geometry: geometry, big: big, small: small, padded: padded, kernel: Array(w.prefix(2)))
    }
}
