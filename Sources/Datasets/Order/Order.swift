import Randomness

/// Which sample stands at which place of which minibatch: a function of the seed, the epoch, the minibatch and the place
/// alone, so it can be asked for from any point on, by any rank, for any lanes.
///
/// Lane l feeds places [l · microbatch, (l + 1) · microbatch) of every minibatch; the last lane may be narrower. An epoch
/// permutes the chunks, deals the samples in this order to the lanes in runs as long as the epoch needs of each, and shuffles
/// every run within windows of several chunks: so a lane reads its chunks once, in order, and a chunk is read by more than one
/// lane only where runs meet. With fewer than 20 chunks a lane, single samples are permuted instead, which mixes better and
/// needs the split in memory. Each sample comes at most once an epoch; those left over are others in every epoch.
public struct Order: Sendable {
    public let minibatch: Int
    public let microbatch: Int
    /// Minibatches in an epoch; an epoch ends with a whole step.
    public let minibatchesPerEpoch: Int
    /// Whether single samples are permuted, so that every lane draws from all of the split.
    public let permutesSamples: Bool
    private let seed: UInt64
    private let purpose: UInt64
    /// The samples that take part, and the pieces of this list that stay together: the chunks, or single samples.
    private let samples: [Int]
    private let starts: [Int]

    /// Chunks a lane below which single samples are permuted.
    public static let chunksPerLane = 20
    static let chunksPerWindow = 4

    /// `chunks` has the numbers of the samples that take part (`Split.training`), by chunk. `purpose` keeps sets that are read
    /// side by side apart. A step consumes `minibatchesPerStep`. Too few samples for one step are an error.
    public init(
        chunks: [[Int]], minibatch: Int, microbatch: Int, minibatchesPerStep: Int = 1, seed: UInt64, purpose: String = "train"
    ) throws(DatasetError) {
        precondition(minibatch > 0 && microbatch > 0 && minibatchesPerStep > 0, "minibatch \(minibatch), microbatch \(microbatch)")
        let chunks = chunks.filter { !$0.isEmpty }
        samples = chunks.flatMap { $0 }
        (self.minibatch, self.microbatch, self.seed, self.purpose) = (minibatch, microbatch, seed, key(of: purpose))
        permutesSamples = chunks.count < Self.chunksPerLane * ((minibatch + microbatch - 1) / microbatch)
        starts = permutesSamples ? Array(0 ... samples.count) : chunks.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        minibatchesPerEpoch = samples.count / (minibatch * minibatchesPerStep) * minibatchesPerStep
        guard minibatchesPerEpoch > 0 else {
            let needed = minibatch * minibatchesPerStep
            throw DatasetError(.usage, "\(samples.count) samples do not fill one step of \(needed); take a smaller minibatch or more samples")
        }
    }

    /// The order of a second set, which cycles beside the first under a key of its own and never sets the length: all samples of the
    /// split take part, and its epochs follow each other.
    /// - Throws: where they do not fill one minibatch, which would have some of them twice.
    public init(cycling split: Split, minibatch: Int, microbatch: Int, seed: UInt64, purpose: String = "outliers") throws(DatasetError) {
        guard split.count >= minibatch else {
            let held = "\(split.set.manifest.name) has \(split.count) samples in split \(split.name)"
            throw DatasetError(.usage, "\(held), fewer than the \(minibatch) of a minibatch; take a smaller minibatch or a larger set")
        }
        try self.init(
            chunks: split.training(includingAbnormal: true), minibatch: minibatch, microbatch: microbatch, seed: seed, purpose: purpose)
    }

    /// Random numbers of a use beside the order, for a minibatch counted from the start of training.
    func draws(for use: String, minibatch: Int) -> Philox { Philox(seed: seed, key(of: use), purpose, UInt64(minibatch)) }

    /// Lanes of a minibatch.
    public var lanes: Int { (minibatch + microbatch - 1) / microbatch }

    /// The places of a minibatch that a lane feeds.
    public func places(ofLane lane: Int) -> Range<Int> { lane * microbatch ..< min((lane + 1) * microbatch, minibatch) }

    /// An epoch, by its number from 0. Costs a permutation of the chunks, or of the samples where these are permuted.
    public func epoch(_ number: Int) -> Epoch {
        let philox = Philox(seed: seed, key(of: "order"), purpose, UInt64(number))
        let pieces = philox.permutation(starts.count - 1)
        let ends = pieces.reduce(into: [0]) { $0.append($0[$0.count - 1] + starts[$1 + 1] - starts[$1]) }
        return Epoch(order: self, number: number, pieces: pieces, ends: ends)
    }

    /// An epoch's order.
    public struct Epoch: Sendable {
        public let order: Order
        public let number: Int
        /// The pieces in their order, and where each begins in the sequence of all samples; one entry more for the end.
        fileprivate let pieces: [Int]
        fileprivate let ends: [Int]

        /// The run of a lane.
        public func run(ofLane lane: Int) -> Run {
            let places = order.places(ofLane: lane)
            let first = places.lowerBound * order.minibatchesPerEpoch
            return Run(epoch: self, lane: lane, range: first ..< first + places.count * order.minibatchesPerEpoch)
        }

        /// The samples of one lane in a minibatch of this epoch, by the numbers of the split.
        public func samples(ofMinibatch minibatch: Int, lane: Int) -> [Int] {
            var run = run(ofLane: lane)
            return run.samples(ofMinibatch: minibatch)
        }

        /// The piece in which a place of the sequence lies, by bisection.
        fileprivate func piece(at place: Int) -> Int {
            var (low, high) = (0, pieces.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if ends[middle] <= place { low = middle } else { high = middle }
            }
            return low
        }
    }

    /// The samples of a lane in an epoch. It keeps the window it was last asked for, so asking in order is cheap.
    public struct Run: Sendable {
        private let epoch: Epoch
        private let lane: Int
        /// Its part of the sequence of all samples.
        private let range: Range<Int>
        private var window: (places: Range<Int>, samples: [Int]) = (0 ..< 0, [])

        fileprivate init(epoch: Epoch, lane: Int, range: Range<Int>) { (self.epoch, self.lane, self.range) = (epoch, lane, range) }

        /// The samples of this lane in a minibatch of the epoch.
        public mutating func samples(ofMinibatch minibatch: Int) -> [Int] {
            let width = epoch.order.places(ofLane: lane).count, first = range.lowerBound + minibatch * width
            precondition((0 ..< epoch.order.minibatchesPerEpoch).contains(minibatch), "minibatch \(minibatch) of \(epoch.order.minibatchesPerEpoch)")
            var samples: [Int] = []
            samples.reserveCapacity(width)
            for place in first ..< first + width {
                if !window.places.contains(place) { window = shuffledWindow(around: place) }
                samples.append(window.samples[place - window.places.lowerBound])
            }
            return samples
        }

        /// The window with a place of the sequence: several consecutive pieces of the run, as far as they lie in it.
        private func shuffledWindow(around place: Int) -> (places: Range<Int>, samples: [Int]) {
            let size = epoch.order.permutesSamples ? 1 : Order.chunksPerWindow
            let first = epoch.piece(at: range.lowerBound), number = (epoch.piece(at: place) - first) / size
            let pieces = first + number * size ..< min(first + (number + 1) * size, epoch.pieces.count)
            let places = max(epoch.ends[pieces.lowerBound], range.lowerBound) ..< min(epoch.ends[pieces.upperBound], range.upperBound)
            let sequence = pieces.flatMap { piece in
                let start = epoch.order.starts[epoch.pieces[piece]] - epoch.ends[piece]
                // a piece at an end of the run lies in it in part, or not at all
                return stride(from: max(epoch.ends[piece], places.lowerBound), to: min(epoch.ends[piece + 1], places.upperBound), by: 1)
                    .map { epoch.order.samples[start + $0] }
            }
            if size == 1 { return (places, sequence) }
            let philox = Philox(seed: epoch.order.seed, key(of: "window"), epoch.order.purpose, UInt64(epoch.number), UInt64(lane), UInt64(number))
            return (places, philox.permutation(sequence.count).map { sequence[$0] })
        }
    }
}
