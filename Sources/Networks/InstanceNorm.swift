import Graphs

/// Instance norm (Ulyanov et al. 2016): every channel over the positions of each sample (of each of its views), without scale and shift.
public struct InstanceNorm: Layer {
    let epsilon: Double

    public init(epsilon: Double = 1e-5) { self.epsilon = epsilon }

    public func callAsFunction(_ x: Batched) -> Batched {
        guard let channels = ChannelMoments(x) else { return x.refused("instance norm takes images [height, width, channels], not \(x.shape)") }
        return channels.centered * (1 / sqrt(channels.variance + epsilon)).broadcast(to: x.shape)
    }
}

/// Of every channel over the positions of each sample: the mean and the biased variance, [..., 1, 1, channels].
public struct ChannelMoments {
    public let mean: Batched, variance: Batched
    /// What the mean was taken of, less the mean.
    public let centered: Batched

    /// - Parameter x: [height, width, channels], with leading axes of views if there are any; nil of anything else.
    public init?(_ x: Batched) {
        guard let (views, image) = x.shape.split(rank: 3) else { return nil }
        let channels = Shape(views.extents + [1, 1, image.extents[2]]), positions = Double(image.extents[0] * image.extents[1])
        mean = sum(x, to: channels) / positions
        let nearly = x - mean.broadcast(to: x.shape)
        // the mean is rounded to a Float, which is no small part of the deviation where a channel is nearly constant, as a generator's first
        // image is while it is young; a score is not to depend on that, training does no worse for it
        centered = x.trace.training ? nearly : nearly - (sum(nearly, to: channels) / positions).broadcast(to: x.shape)
        variance = sum(square(centered), to: channels) / positions
    }
}
