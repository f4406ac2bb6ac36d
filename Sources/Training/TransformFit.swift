import Datasets
import Ranks

/// The statistics that `standardize` uses: one pass over the training normals, of which every rank reads a share. Blocks are summed in
/// Double and added in a way that no rank count changes.
struct TransformFit {
    /// Samples of a block.
    private static let block = 1024
    let statistics: ChannelStatistics
    /// By this rank.
    let bytesRead: Int

    /// - Parameters:
    ///   - before: what comes before `standardize`; nothing in it is random here.
    ///   - samples: the training normals, by number.
    init(_ before: Preprocessing, on samples: [Int], of split: Split, _ group: RankGroup) throws {
        guard let first = samples.first else {
            throw DatasetError(.usage, "split \(split.name) has no normals to fit standardize on; leave it out of transforms")
        }
        let reader = SplitReader(split), channels = before.shape[before.shape.count - 1], blocks = samples.count.quotientRoundedUp(Self.block)
        var values = [Float](repeating: 0, count: before.count)
        func read(_ sample: Int) throws {
            try values.withUnsafeMutableBufferPointer { try reader.read(CollectionOfOne(sample), through: before, into: $0) }
        }
        try read(first)
        let origin = values.prefix(channels).map(Double.init)
        let sums = try (group.rank * blocks / group.count ..< (group.rank + 1) * blocks / group.count).map { block in
            let members = samples[block * Self.block ..< min((block + 1) * Self.block, samples.count)]
            return try members.reduce(into: [Double](repeating: 0, count: 2 * channels)) { sums, sample in
                try read(sample)
                for (place, sum) in ChannelStatistics.sums(of: values, about: origin).enumerated() { sums[place] += sum }
            }
        }
        let totals = try WholeSum.totals(sums, count: 2 * channels, in: group) { "channel \($0 % channels)" }
        statistics = ChannelStatistics(sums: totals, count: samples.count * before.count / channels, about: origin)
        bytesRead = reader.bytesRead
    }
}
