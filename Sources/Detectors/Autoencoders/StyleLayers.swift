import Graphs
import Networks

// What `StyleNetworks` are made of.

/// E. The code is the sum of what dense layers make of the means and deviations of channels at every resolution, twice.
struct StyleEncoder: Layer {
    struct Block: Network { let first: Convolution, firstStyle: Dense, second: Convolution, secondStyle: Dense }
    let input: Convolution, blocks: [Block]

    func callAsFunction(_ x: Batched) -> Batched {
        let norm = InstanceNorm()
        var image = leakyReLU(input(x), slope: 0.2), code: Batched?
        func read(_ style: Dense) {
            guard let channels = ChannelMoments(image) else { return }
            let part = style(concatenated([channels.mean, sqrt(channels.variance + 1e-12)], axis: 2))
            code = code.map { $0 + part } ?? part
        }
        for block in blocks {
            image = leakyReLU(block.first(image), slope: 0.2)
            read(block.firstStyle)
            // a bias is the same before the pooling and after
            image = leakyReLU(averagePooled(block.second(blurred(norm(image))), by: 2), slope: 0.2)
            read(block.secondStyle)
            image = norm(image)
        }
        return code ?? image
    }
}

/// G. Each block doubles the image, the first begins with a constant one; after every convolution the code says anew of what mean and
/// deviation the channels are.
struct StyleGenerator: Layer {
    /// Noise on an image, and a style.
    struct Injection: Network {
        @Parameter var noise: Variable
        @Parameter var bias: Variable
        let style: Dense

        init(_ channels: Int, style: Dense) {
            _noise = Parameter([channels], .constant(0))
            _bias = Parameter([channels], .constant(0))
            self.style = style
        }

        func callAsFunction(_ x: Batched, _ w: Batched) -> Batched {
            let trace = x.trace, channels = x.shape.image.extents[2], plane = Shape(x.shape.extents.dropLast() + [1])
            // one number a position, for all channels; none when scoring
            let noisy = trace.training ? x + trace.noise(.normal, plane).broadcast(to: x.shape) * trace.read(noise) : x
            let normal = InstanceNorm(epsilon: 1e-8)(leakyReLU(noisy + trace.read(bias), slope: 0.2)), y = style(w)
            let scale = y.sliced(0 ..< channels, axis: 0), shift = y.sliced(channels ..< 2 * channels, axis: 0)
            return normal * (scale + 1).broadcast(to: x.shape) + shift.broadcast(to: x.shape)
        }
    }
    struct Block: Network {
        /// Of the doubled image; the first block has none.
        let up: Convolution?
        let first: Injection
        let second: Convolution
        let last: Injection
    }
    @Parameter var constant: Variable
    let blocks: [Block]
    let output: Convolution

    init(constant: Parameter, blocks: [Block], output: Convolution) { (_constant, self.blocks, self.output) = (constant, blocks, output) }

    /// Codes that it can be given.
    var styles: Int { 2 * blocks.count }

    func callAsFunction(_ w: Batched) -> Batched { callAsFunction { _ in w } }

    /// - Parameter code: that of each layer, from 0 on.
    func callAsFunction(_ code: (_ layer: Int) -> Batched) -> Batched {
        let trace = code(0).trace
        var image = Batched(trace.read(constant).node.broadcast(to: .batched(constant.shape)))
        for (place, block) in blocks.enumerated() {
            if let up = block.up { image = blurred(up(nearestUpsampled(image, by: 2))) }
            image = block.first(image, code(2 * place))
            image = block.last(block.second(image), code(2 * place + 1))
        }
        return output(image)
    }
}
