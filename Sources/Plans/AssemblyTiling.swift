import Graphs

/// The kernels of convolutions in tiles.
extension Assembly {
    /// Floats of transformed operands that lie in memory at once, about: less than a third-level cache.
    private static let transformedFloats = 1 << 21

    func tiling(of index: Int) -> Tiling {
        guard case .tiled(let geometry, let side) = draft[index].kind else { preconditionFailure("no convolution in tiles") }
        let form = draft[index].form.shape, a = draft[draft[index].inputs[0]].form.shape, b = draft[draft[index].inputs[1]].form.shape
        let tiling =
            switch side {
            case .small: Tiling(geometry, for: side, big: a, small: form, weight: b)
            case .big: Tiling(geometry, for: side, big: form, small: a, weight: b)
            case .weights: Tiling(geometry, for: side, big: a, small: b, weight: form)
            }
        return tiling!
    }

    func tiledConvolution(_ index: Int, to side: ConvolutionSide, then: [ElementwiseKernel]) -> TiledConvolutionKernel {
        let tiling = tiling(of: index), (operand, weights) = (draft[index].inputs[0], draft[index].inputs[1])
        return TiledConvolutionKernel(
            tiling, to: side, samples: partition.samples, threads: threads, table: table,
            operand: self.operand(operand, side == .small ? .big : .small, tiling), weights: floats(of: weights),
            result: result(index, side, tiling), then: then)
    }

    private func operand(_ item: Int, _ side: ConvolutionSide, _ tiling: Tiling) -> TiledSide {
        if side == .small, tiling.isWhole, hasMemory(item) { return .direct(floats(of: item)) }
        let (runs, stride) = side == .big ? (tiling.patchRuns, tiling.patchFloats) : (tiling.wholeRuns, tiling.wholeFloats)
        return .program(elementwise(Program(draft, stored: stored, feeding: item, runs: runs, stride: stride * tiling.views)))
    }

    private func result(_ item: Int, _ side: ConvolutionSide, _ tiling: Tiling) -> TiledSide {
        if side == .small, tiling.isWhole { return .direct(floats(of: item)) }
        let (runs, stride) = side == .big ? (tiling.patchRuns, tiling.patchFloats) : (tiling.wholeRuns, tiling.wholeFloats)
        return .program(elementwise(Program(draft, draining: item, runs: runs, stride: stride * tiling.views)))
    }

    // MARK: By the weights

    /// Lanes whose transformed operands lie in memory at once, at most: a subtree of the summation tree.
    private func lanesAtOnce(_ transforms: TileTransforms) -> Int {
        let perLane = transforms.floats(.big, samples: partition.microbatch) + transforms.floats(.small, samples: partition.microbatch)
        return 1 << (Int.bitWidth - 1 - max(1, Self.transformedFloats / perLane).leadingZeroBitCount)
    }

    /// The parts of an item's workspace: planes of the big side, of the small one, and sums that wait for others.
    private func weightsWorkspace(_ index: Int, _ transforms: TileTransforms, lanes: Int) -> (big: Int, small: Int, sums: Int) {
        let samples = min(lanes * partition.microbatch, partition.samples)
        return (transforms.floats(.big, samples: samples), transforms.floats(.small, samples: samples), sumsBeside(lanes) * count(of: index))
    }

    private func sumsBeside(_ lanes: Int) -> Int { partition.subtrees.map { $0.count.divided(up: lanes).foldingDepth }.max()! }

    func tiledWeightsWorkspace(_ index: Int) -> Int {
        let transforms = TileTransforms(tiling(of: index), table: table)
        let parts = weightsWorkspace(index, transforms, lanes: lanesAtOnce(transforms))
        return parts.big + parts.small + parts.sums
    }

    func tiledWeights(_ index: Int) -> [any Kernel] {
        let tiling = tiling(of: index), transforms = TileTransforms(tiling, table: table), lanes = lanesAtOnce(transforms)
        let parts = weightsWorkspace(index, transforms, lanes: lanes)
        let big = places[workspace(for: index)]!, small = big + parts.big, sums = small + parts.small
        let operands = (big: operand(draft[index].inputs[0], .big, tiling), small: operand(draft[index].inputs[1], .small, tiling))
        var kernels: [any Kernel] = []
        for (number, subtree) in partition.subtrees.enumerated() {
            let result = floats(of: index) + number * count(of: index)
            func place(_ level: Int) -> Floats { level == 0 ? result : sums + (level - 1) * count(of: index) }
            fold(subtree, by: lanes, into: 0) { part, level in
                let samples = partition.samples(of: part)
                kernels += [
                    TileKernel(transforms, .big, of: operands.big, samples: samples, to: big),
                    TileKernel(transforms, .small, of: operands.small, samples: samples, to: small),
                    TiledWeightKernel(transforms, partition, lanes: part, big: big, small: small, to: place(level)),
                ]
            } add: { to, from in
                kernels.append(AddKernel(to: place(to), from: place(from), count: count(of: index), table: table))
            }
        }
        return kernels
    }
}
