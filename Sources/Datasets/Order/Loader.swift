import Foundation
import Randomness

/// How labels are told to a detector.
public enum LabelForm: Sendable {
    /// The class's place in the manifest's list.
    case classNumber
    /// 1 for normal, -1 for abnormal, 0 for not labeled.
    case sign
}

/// What a rank needs of one minibatch.
public struct LoadedMinibatch: Sendable {
    public let epoch: Int
    /// Its number in the epoch.
    public let minibatch: Int
    /// The samples of the rank's lanes in order of their places, by number in the split, and the class of each.
    public let samples: [Int]
    public let labels: [Int32]
}

/// Reads the minibatches of an order ahead of the training that consumes them, on a thread of its own, for the lanes of one
/// rank. Numbers are Float32, preprocessed; samples lie one after the other in order of their places, NHWC.
public final class Loader: Sendable {
    private let queue: LoadingQueue
    private let order: Order
    private let lanes: Range<Int>
    private let split: Split
    private let sampleCount: Int
    /// Bytes of decoded chunks that a rank holds where the split is not held whole.
    public static let memoryLimit = 1 << 30
    /// Bytes of minibatches that are read ahead, from 2 to 256 minibatches. Lanes come to new chunks nearly at once, one window after
    /// another, so that reading comes in bursts; this covers one of 16 chunks where a call takes milliseconds.
    static let aheadLimit = 16 << 20

    /// How many minibatches of so many bytes are read ahead.
    public static func minibatchesAhead(bytes: Int) -> Int { min(max(2, aheadLimit / max(1, bytes)), 256) }

    /// Starts reading. Minibatches are counted from the start of training, over epochs: `minibatch` is where a resumed run goes on,
    /// `end` where training ends, so that nothing is read for steps that never come (nil for endless). `preprocessing` is scaling
    /// to [-1, 1] unless given; what is random in it is keyed by the order, the minibatch and the sample. `memoryLimit` bounds the decoded chunks a rank holds, in bytes; a split whose samples are permuted singly is held whole.
    /// `threadName` has 15 letters at most.
    public init(
        _ split: Split, order: Order, lanes: Range<Int>, through preprocessing: Preprocessing? = nil, startingAt minibatch: Int = 0,
        endingAt end: Int? = nil, memoryLimit: Int = Loader.memoryLimit, threadName: String = "loader"
    ) {
        precondition(lanes.lowerBound >= 0 && lanes.upperBound <= order.lanes, "lanes \(lanes) of \(order.lanes)")
        let manifest = split.set.manifest
        let preprocessing = preprocessing ?? Preprocessing(.symmetric(manifest.valueRange), shape: manifest.shape)
        (self.split, self.order, self.lanes, sampleCount) = (split, order, lanes, preprocessing.count)
        let bytes = lanes.reduce(0) { $0 + order.places(ofLane: $1).count } * preprocessing.count * MemoryLayout<Float>.stride
        queue = LoadingQueue(depth: Self.minibatchesAhead(bytes: bytes), count: end.map { max(0, $0 - minibatch) } ?? .max)
        let job = LoadingJob(
            split: split, order: order, lanes: lanes, preprocessing: preprocessing, minibatches: minibatch ..< max(minibatch, end ?? .max),
            memoryLimit: order.permutesSamples ? .max : memoryLimit)
        Thread { [queue] in
            // the name that tools show: Foundation passes it on only from inside the thread
            Thread.current.name = threadName
            job.run(into: queue)
        }.start()
    }

    deinit { queue.stop() }

    /// Samples of a minibatch that this rank's lanes feed; the same for every minibatch.
    public var samplesPerMinibatch: Int { lanes.reduce(0) { $0 + order.places(ofLane: $1).count } }

    /// Waits for the next minibatch and copies it into `places`, which has `samplesPerMinibatch` samples. What went wrong while
    /// reading is thrown here, and again at every later call. `labels`, one a sample in the same places, are filled where given.
    public func next(
        into places: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Float>? = nil, as form: LabelForm = .classNumber
    ) throws(DatasetError) -> LoadedMinibatch {
        precondition(places.count == samplesPerMinibatch * sampleCount, "\(places.count) places for \(samplesPerMinibatch) samples of \(sampleCount)")
        let (loaded, values) = try queue.take()
        _ = places.update(fromContentsOf: values)
        if let labels {
            precondition(labels.count == samplesPerMinibatch, "\(labels.count) places for the labels of \(samplesPerMinibatch) samples")
            let classes = split.set.manifest.classes
            for (place, label) in loaded.labels.enumerated() { labels[place] = form == .sign ? classes[Int(label)].sign : Float(label) }
        }
        return loaded
    }

    /// Bytes read from shards so far, by the thread that runs ahead.
    public var bytesRead: Int { queue.counts.bytesRead }

    /// How long `next` has waited so far because no minibatch was ready.
    public var waited: Duration { queue.counts.waited }

    /// Samples given out by `next` so far.
    public var samplesDelivered: Int { queue.counts.samplesDelivered }
}

/// What the reading thread does.
private struct LoadingJob: Sendable {
    let split: Split
    let order: Order
    let lanes: Range<Int>
    let preprocessing: Preprocessing
    let minibatches: Range<Int>
    let memoryLimit: Int

    func run(into queue: LoadingQueue) {
        let reader = SplitReader(split, memoryLimit: memoryLimit)
        var runs: [Order.Run] = []
        for number in minibatches {
            if queue.isStopped { return }
            let (epoch, minibatch) = number.quotientAndRemainder(dividingBy: order.minibatchesPerEpoch)
            if runs.isEmpty || minibatch == 0 {
                let epoch = order.epoch(epoch)
                runs = lanes.map(epoch.run)
            }
            let samples = runs.indices.flatMap { runs[$0].samples(ofMinibatch: minibatch) }
            let loaded = LoadedMinibatch(epoch: epoch, minibatch: minibatch, samples: samples, labels: samples.map { split.labels[$0] })
            do throws(DatasetError) {
                let values = try values(of: samples, by: reader, draws: order.draws(for: "transforms", minibatch: number))
                queue.put(.success((loaded, values)), bytesRead: reader.bytesRead)
            } catch {
                queue.put(.failure(error), bytesRead: reader.bytesRead)
                return
            }
        }
    }

    private func values(of samples: [Int], by reader: SplitReader, draws: Philox) throws(DatasetError) -> [Float] {
        let count = samples.count * preprocessing.count
        var outcome = Result<Void, DatasetError>.success(())
        let values = [Float](unsafeUninitializedCapacity: count) { places, initialized in
            let places = UnsafeMutableBufferPointer(rebasing: places.prefix(count))
            outcome = Result { () throws(DatasetError) in try reader.read(samples, through: preprocessing, draws: draws, into: places) }
            if case .success = outcome { initialized = count }
        }
        try outcome.get()
        return values
    }
}

/// Minibatches between the thread that reads them and the one that trains; all state is behind the condition's lock.
private final class LoadingQueue: @unchecked Sendable {
    typealias Item = Result<(LoadedMinibatch, [Float]), DatasetError>

    private let condition = NSCondition()
    private let depth: Int
    /// Minibatches that are still to be taken.
    private var remaining: Int
    private var items: [Item] = []
    private var stopped = false
    private var bytes = 0
    private var delivered = 0
    private var waited = Duration.zero

    init(depth: Int, count: Int) { (self.depth, remaining) = (depth, count) }

    var isStopped: Bool { condition.withLock { stopped } }
    var counts: (bytesRead: Int, samplesDelivered: Int, waited: Duration) { condition.withLock { (bytes, delivered, waited) } }

    func stop() {
        condition.withLock {
            stopped = true
            condition.broadcast()
        }
    }

    /// Waits for room.
    func put(_ item: Item, bytesRead: Int) {
        condition.withLock {
            while items.count >= depth && !stopped { condition.wait() }
            items.append(item)
            bytes = bytesRead
            condition.broadcast()
        }
    }

    /// Waits for an item. An error stays.
    func take() throws(DatasetError) -> (LoadedMinibatch, [Float]) {
        let item = condition.withLock {
            precondition(remaining > 0, "a minibatch is asked for beyond the last of training")
            if items.isEmpty {
                let start = ContinuousClock.now
                while items.isEmpty { condition.wait() }
                waited += .now - start
            }
            if case .success(let (loaded, _)) = items[0] { delivered += loaded.samples.count } else { return items[0] }
            remaining -= 1
            condition.broadcast()
            return items.removeFirst()
        }
        return try item.get()
    }
}
