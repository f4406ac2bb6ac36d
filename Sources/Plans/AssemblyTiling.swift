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
            case .small: Tiling(geometry, big: a, small: form, weight: b)
            case .big: Tiling(geometry, big: form, small: a, weight: b)
            case .weights: Tiling(geometry, big: a, small: b, weight: form)
            }
        return tiling!
    }

    func tiledConvolution(_ index: Int, then: [ElementwiseKernel]) -> [any Kernel] {
        let tiling = tiling(of: index), transforms = TileTransforms(tiling, table: table)
        guard sharesChannels(tiling, samples: partition.samples) else {
            let tasks = TiledConvolutionKernel.blocks(of: partition.samples, threads: threads, tiling)
            return [blockwise(index, transforms, tasks, kept: nil, then)]
        }
        let walk = walk(transforms), memory = places[workspace(for: index)]!, lanes = partition.lanes
        return stride(from: lanes.lowerBound, to: lanes.upperBound, by: walk.lanesAtOnce).flatMap { first in
            let some = first ..< min(first + walk.lanesAtOnce, lanes.upperBound)
            let blocks = TileBlocks(transforms: transforms, partition: partition, lanes: some, lanesPerBlock: walk.lanesPerBlock, memory: memory)
            return inPhases(index, blocks, then)
        }
    }

    /// Whether threads do better to share a convolution's channels: where each would transform the weights for few tiles of its own, and
    /// there are channels enough for all.
    private func sharesChannels(_ tiling: Tiling, samples: Int) -> Bool {
        threads > 1 && samples * tiling.tilesOfSample < threads * TiledConvolutionKernel.tilesPerBlock
            && min(tiling.inner, tiling.columns) >= threads * TileProductKernel.fewestChannels
    }

    private func blockwise(
        _ index: Int, _ transforms: TileTransforms, _ tasks: [Range<Int>], kept: TileBlocks?, _ then: [ElementwiseKernel]
    ) -> TiledConvolutionKernel {
        let (from, to) = sides(ofConvolution: index)
        return TiledConvolutionKernel(
            transforms, to: to, tasksSamples: tasks, kept: kept, operand: operand(draft[index].inputs[0], from, transforms.tiling),
            weights: floats(of: draft[index].inputs[1]), result: result(index, to, transforms.tiling), then: then)
    }

    private func inPhases(_ index: Int, _ blocks: TileBlocks, _ then: [ElementwiseKernel]) -> [any Kernel] {
        let (from, to) = sides(ofConvolution: index), tiling = blocks.transforms.tiling
        return [
            TileKernel(blocks, from, of: operand(draft[index].inputs[0], from, tiling)),
            TileProductKernel(blocks, to: to, weights: floats(of: draft[index].inputs[1]), threads: threads),
            TileResultKernel(blocks, to, to: result(index, to, tiling), then: then),
        ]
    }

    private func sides(ofConvolution index: Int) -> (from: ConvolutionSide, to: ConvolutionSide) {
        guard case .tiled(_, let side) = draft[index].kind else { preconditionFailure("no convolution in tiles") }
        return (side == .small ? .big : .small, side)
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

    // MARK: In blocks of lanes

    /// How a convolution goes through a rank's lanes: some at once, in blocks whose planes lie in memory.
    private struct Walk {
        let lanesAtOnce: Int, lanesPerBlock: Int
        /// Whether threads share channels, not blocks, in products by the weights.
        let isShared: Bool
        /// Floats of the blocks of all lanes at once.
        let floats: Int
    }

    private func walk(_ transforms: TileTransforms) -> Walk {
        let lanes = partition.lanes.count, tiling = transforms.tiling
        let perLane = TileBlocks.floats(transforms, samples: partition.microbatch)
        let atOnce = min(max(Self.transformedFloats / perLane, threads), lanes).powerOfTwo
        let isShared = sharesChannels(tiling, samples: min(atOnce * partition.microbatch, partition.samples))
        let inBlock = TiledConvolutionKernel.tilesPerBlock / (partition.microbatch * tiling.tilesOfSample)
        let perBlock = min(inBlock, isShared ? atOnce : atOnce.divided(up: threads)).powerOfTwo
        let block = TileBlocks.floats(transforms, samples: min(perBlock * partition.microbatch, partition.samples))
        return Walk(lanesAtOnce: atOnce, lanesPerBlock: perBlock, isShared: isShared, floats: block * atOnce.divided(up: perBlock))
    }

    /// Floats of memory of its own that a convolution in tiles needs.
    func tiledWorkspace(_ index: Int) -> Int {
        let tiling = tiling(of: index), walk = walk(TileTransforms(tiling, table: table))
        guard case .tiled(_, of: .weights) = draft[index].kind else {
            return sharesChannels(tiling, samples: partition.samples) ? walk.floats : 0
        }
        // and sums that wait for others to be added to
        return walk.floats + partition.subtrees.map { $0.count.divided(up: walk.lanesAtOnce).foldingDepth }.max()! * count(of: index)
    }

    /// - Parameter image: the convolution that takes the gradient on to the other image side; it shares what it transforms.
    func tiledWeights(_ index: Int, with image: Int?, then: [ElementwiseKernel]) -> [any Kernel] {
        let transforms = TileTransforms(tiling(of: index), table: table), walk = walk(transforms)
        let memory = places[workspace(for: index)]!, sums = memory + walk.floats
        var kernels: [any Kernel] = []
        for (number, subtree) in partition.subtrees.enumerated() {
            let result = floats(of: index) + number * count(of: index)
            func place(_ level: Int) -> Floats { level == 0 ? result : sums + (level - 1) * count(of: index) }
            fold(subtree, by: walk.lanesAtOnce, into: 0) { lanes, level in
                let blocks = TileBlocks(
                    transforms: transforms, partition: partition, lanes: lanes, lanesPerBlock: walk.lanesPerBlock, memory: memory)
                kernels += transformed(forWeights: index, with: image, blocks, isShared: walk.isShared, then)
                kernels.append(TiledWeightKernel(blocks, to: place(level), threads: threads))
            } add: { to, from in
                kernels.append(AddKernel(to: place(to), from: place(from), count: count(of: index), table: table))
            }
        }
        return kernels
    }

    /// Brings both operands of a gradient by weights into planes. The other convolution comes first: its result passes through the planes
    /// where the second operand's come to lie.
    private func transformed(
        forWeights index: Int, with image: Int?, _ blocks: TileBlocks, isShared: Bool, _ then: [ElementwiseKernel]
    ) -> [any Kernel] {
        func transform(_ side: ConvolutionSide) -> TileKernel {
            TileKernel(blocks, side, of: operand(draft[index].inputs[side == .big ? 0 : 1], side, blocks.transforms.tiling))
        }
        guard let image else { return [transform(.big), transform(.small)] }
        let last = transform(sides(ofConvolution: image).to)
        if isShared { return inPhases(image, blocks, then) + [last] }
        return [blockwise(image, blocks.transforms, (0 ..< blocks.count).map(blocks.samples), kept: blocks, then), last]
    }
}

extension Int {
    /// The largest power of two that is not larger; 1 at least.
    fileprivate var powerOfTwo: Int { 1 << (Int.bitWidth - 1 - Swift.max(1, self).leadingZeroBitCount) }
}
