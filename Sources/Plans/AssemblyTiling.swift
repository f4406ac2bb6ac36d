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

    func tiledConvolution(_ index: Int, then: [ElementwiseKernel]) -> TiledConvolutionKernel {
        let tiling = tiling(of: index), tasks = TiledConvolutionKernel.blocks(of: partition.samples, threads: threads, tiling)
        return tiledConvolution(index, TileTransforms(tiling, table: table), tasks, kept: nil, then)
    }

    private func tiledConvolution(
        _ index: Int, _ transforms: TileTransforms, _ tasks: [Range<Int>], kept: TileBlocks?, _ then: [ElementwiseKernel]
    ) -> TiledConvolutionKernel {
        guard case .tiled(_, let side) = draft[index].kind else { preconditionFailure("no convolution in tiles") }
        let tiling = transforms.tiling, operand = operand(draft[index].inputs[0], side == .small ? .big : .small, tiling)
        return TiledConvolutionKernel(
            transforms, to: side, tasksSamples: tasks, kept: kept, operand: operand, weights: floats(of: draft[index].inputs[1]),
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

    /// How the gradient by weights goes through a rank's lanes: some at once, in blocks that its threads share.
    private struct Walk {
        let lanesAtOnce: Int, lanesPerBlock: Int
        /// Floats of a block, of all at once, and of sums that wait for others to be added to.
        let block: Int, blocks: Int, sums: Int
    }

    private func walk(_ index: Int, _ transforms: TileTransforms) -> Walk {
        let lanes = partition.lanes.count
        let perLane = TileBlocks.floats(transforms, samples: partition.microbatch)
        let atOnce = min(max(Self.transformedFloats / perLane, threads), lanes).powerOfTwo
        let tiles = partition.microbatch * transforms.tiling.tilesOfSample
        let perBlock = min(TiledConvolutionKernel.tilesPerBlock / tiles, atOnce.divided(up: threads)).powerOfTwo
        let block = TileBlocks.floats(transforms, samples: min(perBlock * partition.microbatch, partition.samples))
        let waiting = partition.subtrees.map { $0.count.divided(up: atOnce).foldingDepth }.max()!
        return Walk(
            lanesAtOnce: atOnce, lanesPerBlock: perBlock, block: block, blocks: block * atOnce.divided(up: perBlock), sums: waiting * count(of: index)
        )
    }

    func tiledWeightsWorkspace(_ index: Int) -> Int {
        let walk = walk(index, TileTransforms(tiling(of: index), table: table))
        return walk.blocks + walk.sums
    }

    /// - Parameter image: the convolution that takes the gradient on to the other image side; it shares what it transforms.
    func tiledWeights(_ index: Int, with image: Int?, then: [ElementwiseKernel]) -> [any Kernel] {
        let transforms = TileTransforms(tiling(of: index), table: table), walk = walk(index, transforms)
        let memory = places[workspace(for: index)]!, sums = memory + walk.blocks
        let operands: [(ConvolutionSide, TiledSide)] = [
            (.big, operand(draft[index].inputs[0], .big, transforms.tiling)), (.small, operand(draft[index].inputs[1], .small, transforms.tiling)),
        ]
        var kernels: [any Kernel] = []
        for (number, subtree) in partition.subtrees.enumerated() {
            let result = floats(of: index) + number * count(of: index)
            func place(_ level: Int) -> Floats { level == 0 ? result : sums + (level - 1) * count(of: index) }
            fold(subtree, by: walk.lanesAtOnce, into: 0) { lanes, level in
                let blocks = TileBlocks(
                    transforms: transforms, partition: partition, lanes: lanes, lanesPerBlock: walk.lanesPerBlock, memory: memory)
                for (side, operand) in operands {
                    if let image, case .tiled(_, let made) = draft[image].kind, made != side {
                        let tasks = (0 ..< blocks.count).map(blocks.samples)
                        kernels.append(tiledConvolution(image, transforms, tasks, kept: blocks, then))
                    } else {
                        kernels.append(TileKernel(blocks, side, of: operand))
                    }
                }
                kernels.append(TiledWeightKernel(blocks, to: place(level), threads: threads))
            } add: { to, from in
                kernels.append(AddKernel(to: place(to), from: place(from), count: count(of: index), table: table))
            }
        }
        return kernels
    }
}

extension Int {
    /// The largest power of two that is not larger; 1 at least.
    fileprivate var powerOfTwo: Int { 1 << (Int.bitWidth - 1 - Swift.max(1, self).leadingZeroBitCount) }
}
