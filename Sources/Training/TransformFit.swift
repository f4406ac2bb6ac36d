import Datasets
import Ranks

/// The statistics that `standardize` or `scale features` use: one pass over the training normals, of which every rank reads a share. Blocks
/// are summed in Double and added in a way that no rank count changes; extreme values no order can change.
struct TransformFit {
    /// Samples of a block.
    private static let block = 1024
    let statistics: ChannelStatistics
    /// By this rank.
    let bytesRead: Int

    /// - Parameters:
    ///   - before: what comes before the transform; nothing in it is random here.
    ///   - samples: the training normals, by number.
    init(of transform: Transform, after before: Preprocessing, on samples: [Int], of split: Split, _ group: RankGroup) throws {
        guard let first = samples.first else {
            throw DatasetError(.usage, "split \(split.name) has no normals to fit \(transform) on; leave it out of transforms")
        }
        let reader = SplitReader(split), channels = before.shape[before.shape.count - 1], blocks = samples.count.quotientRoundedUp(Self.block)
        var values = [Float](repeating: 0, count: before.count)
        func read(_ sample: Int) throws {
            try values.withUnsafeMutableBufferPointer { try reader.read(CollectionOfOne(sample), through: before, into: $0) }
        }
        let own = (group.rank * blocks / group.count ..< (group.rank + 1) * blocks / group.count).map { block in
            samples[block * Self.block ..< min((block + 1) * Self.block, samples.count)]
        }
        if transform == .scaleFeatures {
            var extremes = [Double](repeating: -.infinity, count: 2 * channels)
            for sample in own.joined() {
                try read(sample)
                ChannelStatistics.extend(&extremes, by: values)
            }
            statistics = ChannelStatistics(extremes: try group.maximum(extremes))
        } else {
            try read(first)
            let origin = values.prefix(channels).map(Double.init)
            let sums = try own.map { members in
                try members.reduce(into: [Double](repeating: 0, count: 2 * channels)) { sums, sample in
                    try read(sample)
                    for (place, sum) in ChannelStatistics.sums(of: values, about: origin).enumerated() { sums[place] += sum }
                }
            }
            let totals = try WholeSum.totals(sums, count: 2 * channels, in: group) { "channel \($0 % channels)" }
            statistics = ChannelStatistics(sums: totals, count: samples.count * before.count / channels, about: origin)
        }
        bytesRead = reader.bytesRead
    }
}
