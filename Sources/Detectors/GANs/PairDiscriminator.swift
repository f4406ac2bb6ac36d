import Graphs
import Networks

/// A discriminator of pairs of a sample and a code, as a BiGAN has it: each goes through layers of its own, then both through further
/// ones together.
struct PairDiscriminator: Network {
    let sample: Sequential, code: Sequential, joint: Sequential, head: Dense

    /// f: what is before the last layer.
    func features(_ x: Batched, _ z: Batched) -> Batched {
        let parts = [sample(x), code(z)].map { $0.reshaped([$0.shape.count]) }
        return joint(concatenated(parts, axis: 0))
    }

    /// The logit.
    func callAsFunction(_ x: Batched, _ z: Batched) -> Batched { head(features(x, z)) }
}
