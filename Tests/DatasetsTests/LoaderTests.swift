import Datasets
import Foundation
import Testing

@Suite struct LoaderTests {
    private static let size = 6  // numbers in a sample
    private let scaling = Scaling(multiplier: 0.5, offset: 3)

    /// A split of 700 samples in 88 chunks of 8, and its order; 84 chunks and two lanes permute chunks, four lanes samples.
    private func withSplit<Result>(lanes: Int = 2, _ body: (URL, Split, Order) throws -> Result) throws -> Result {
        try withFolder { folder in
            try Counting(type: .f32, shape: [Self.size], counts: [("train", 700)], samplesPerShard: 64, samplesPerChunk: 8).write(at: folder)
            let split = try SampleSet(at: folder).split("train")
            let order = try Order(chunks: split.training(), minibatch: 3 * lanes - 1, microbatch: 3, seed: 8)
            #expect(order.permutesSamples == (lanes > 4))
            return try body(folder, split, order)
        }
    }

    private func next(_ loader: Loader) throws -> (LoadedMinibatch, [Float]) {
        let places = UnsafeMutableBufferPointer<Float>.allocate(capacity: loader.samplesPerMinibatch * Self.size)
        defer { places.deallocate() }
        let loaded = try loader.next(into: places)
        return (loaded, Array(places))
    }

    /// What the counting set holds, scaled.
    private func expected(_ samples: [Int]) -> [Float] {
        samples.flatMap { n in (0 ..< Self.size).map { Float(Double(Float(n * 7 + $0) / 8) * scaling.multiplier + scaling.offset) } }
    }

    @Test(arguments: [1, 2, 5]) func itDeliversTheOrder(_ lanes: Int) throws {
        try withSplit(lanes: lanes) { _, split, order in
            for range in Set([0 ..< lanes, 0 ..< 1, lanes - 1 ..< lanes, lanes ..< lanes]) {
                let loader = Loader(split, order: order, lanes: range, through: Preprocessing(scaling, shape: [Self.size]))
                for number in 0 ..< 2 * order.minibatchesPerEpoch + 2 {
                    let (epoch, minibatch) = number.quotientAndRemainder(dividingBy: order.minibatchesPerEpoch)
                    let samples = range.flatMap { order.epoch(epoch).samples(ofMinibatch: minibatch, lane: $0) }
                    let (loaded, values) = try next(loader)
                    #expect(loaded.epoch == epoch && loaded.minibatch == minibatch && loaded.samples == samples)
                    #expect(loaded.labels == samples.map { Int32($0 % 3) } && values == expected(samples))
                }
                #expect(loader.samplesDelivered == loader.samplesPerMinibatch * (2 * order.minibatchesPerEpoch + 2))
            }
        }
    }

    /// Started at any minibatch, also in a later epoch, it goes on as the undisturbed one.
    @Test func itStartsAnywhere() throws {
        try withSplit { _, split, order in
            let whole = Loader(split, order: order, lanes: 0 ..< 2)
            let all = try (0 ..< 2 * order.minibatchesPerEpoch).map { _ in try next(whole) }
            for start in stride(from: 0, to: all.count - 2, by: 7) {
                let loader = Loader(split, order: order, lanes: 0 ..< 2, startingAt: start)
                for number in start ..< min(start + 3, all.count) {
                    let (loaded, values) = try next(loader)
                    #expect(loaded.samples == all[number].0.samples && values == all[number].1)
                }
            }
        }
    }

    @Test func theValueRangeIsScaledToOne() throws {
        try withFolder { folder in
            try Counting(type: .u16, shape: [Self.size], counts: [("train", 64)]).write(at: folder)
            let split = try SampleSet(at: folder).split("train")
            let order = try Order(chunks: split.training(), minibatch: 1, microbatch: 1, seed: 8)
            let (loaded, values) = try next(Loader(split, order: order, lanes: 0 ..< 1))
            let stored = (0 ..< Self.size).map { Double(loaded.samples[0] * 7 + $0) }
            for (value, number) in zip(values, stored) { #expect(abs(Double(value) - ((number + 32768) / 98303 * 2 - 1)) < 1e-6) }
        }
    }

    @Test func bytesAreTheOrdersOrThoseOfACopy() throws {
        try withSplit(lanes: 4) { _, split, order in
            // a chunk holds 8 samples of 24 bytes and a checksum of 4; the last holds as many, of which 4 are samples
            let stored = split.chunks.count * (8 * Self.size * 4 + 4)
            var bytes = 0
            for lane in 0 ..< 4 {
                let loader = Loader(
                    split, order: order, lanes: lane ..< lane + 1, endingAt: order.minibatchesPerEpoch, memoryLimit: 4 * 8 * Self.size * 4)
                for _ in 0 ..< order.minibatchesPerEpoch { _ = try next(loader) }
                bytes += loader.bytesRead
            }
            #expect(Double(bytes) <= 1.1 * Double(stored) && bytes > stored / 2)
        }
        try withSplit(lanes: 5) { _, split, order in
            let loader = Loader(split, order: order, lanes: 0 ..< 1, memoryLimit: 0)
            for _ in 0 ..< 4 * order.minibatchesPerEpoch { _ = try next(loader) }
            #expect(loader.bytesRead == split.chunks.count * (8 * Self.size * 4 + 4))
        }
    }

    /// From 20 chunks a lane on, in every epoch and over all ranks: what is read of `samples` is their bytes in the files, and a tenth
    /// at most for chunks that lanes of two ranks share. Memory has room for two windows a lane, so nothing is kept from epoch to epoch.
    @Test(arguments: [1, 2, 4]) func anEpochReadsTheShardsOnce(_ ranks: Int) throws {
        try withFolder { folder in
            let lanes = 4, chunk = 8 * Self.size * 4
            try Counting(type: .f32, shape: [Self.size], counts: [("train", lanes * 20 * 8)], samplesPerShard: 64, samplesPerChunk: 8)
                .write(at: folder)
            let split = try SampleSet(at: folder).split("train")
            let order = try Order(chunks: split.training(includingAbnormal: true), minibatch: 4 * lanes, microbatch: 4, seed: 8)
            #expect(!order.permutesSamples && order.minibatchesPerEpoch == 40)
            let stored = split.chunks.count * (chunk + 4)
            for epoch in 0 ..< 3 {
                var bytes = 0
                for rank in 0 ..< ranks {
                    let own = rank * lanes / ranks ..< (rank + 1) * lanes / ranks
                    let loader = Loader(
                        split, order: order, lanes: own, startingAt: 40 * epoch, endingAt: 40 * (epoch + 1), memoryLimit: 8 * own.count * chunk)
                    for _ in 0 ..< 40 { _ = try next(loader) }
                    bytes += loader.bytesRead
                }
                #expect(bytes >= stored && Double(bytes) <= 1.1 * Double(stored), "\(bytes) of \(stored)")
            }
        }
    }

    /// Whether there is a thread of this name.
    private func isRunning(_ name: String) throws -> Bool {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").contains {
            (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)) == "\(name)\n"
        }
    }

    /// More than two minibatches are read ahead, and what is ready is not waited for.
    @Test func whatIsReadAheadIsNotWaitedFor() throws {
        try withSplit { _, split, order in
            let loader = Loader(split, order: order, lanes: 0 ..< 2, endingAt: 100, threadName: "far-ahead")
            for _ in 0 ..< 1200 where try loader.bytesRead == 0 || isRunning("far-ahead") { Thread.sleep(forTimeInterval: 0.05) }
            for _ in 0 ..< 100 { _ = try next(loader) }
            #expect(loader.waited == .zero)
            let other = Loader(split, order: order, lanes: 0 ..< 2)
            // it may be ready before it is asked once, but not a thousand times
            for _ in 0 ..< 1000 { _ = try next(other) }
            #expect(other.waited > .zero)
        }
    }

    /// Nothing is read beyond the last minibatch, and the thread ends with it.
    @Test func itEndsWithTraining() throws {
        try withSplit { _, split, order in
            let needed = Set((0 ..< 5).flatMap { minibatch in (0 ..< 2).flatMap { order.epoch(0).samples(ofMinibatch: minibatch, lane: $0) } })
            let chunks = split.chunks.count { !needed.isDisjoint(with: $0) }
            for _ in 0 ..< 3 {
                let loader = Loader(split, order: order, lanes: 0 ..< 2, endingAt: 5, threadName: "to-the-end")
                for _ in 0 ..< 5 { _ = try next(loader) }
                for _ in 0 ..< 200 where try isRunning("to-the-end") { Thread.sleep(forTimeInterval: 0.05) }
                #expect(try !isRunning("to-the-end") && loader.bytesRead == chunks * (8 * Self.size * 4 + 4))
            }
        }
    }

    @Test func labelsStandAtTheirSamples() throws {
        try withFolder { folder in
            try Counting(counts: [("train", 300)], unlabeled: ["b"]).write(at: folder)
            let split = try SampleSet(at: folder).split("train")
            let order = try Order(chunks: split.training(includingAbnormal: true), minibatch: 32, microbatch: 8, seed: 8)
            for (form, values) in [(LabelForm.classNumber, [0, 1, 2]), (.sign, [1, 0, -1])] as [(LabelForm, [Float])] {
                for lanes in [0 ..< 4, 1 ..< 3] {
                    let loader = Loader(split, order: order, lanes: lanes), size = split.set.manifest.sampleCount
                    let places = UnsafeMutableBufferPointer<Float>.allocate(capacity: loader.samplesPerMinibatch * size)
                    let labels = UnsafeMutableBufferPointer<Float>.allocate(capacity: loader.samplesPerMinibatch)
                    defer {
                        places.deallocate()
                        labels.deallocate()
                    }
                    var seen: Set<Float> = []
                    for _ in 0 ..< 12 {
                        let loaded = try loader.next(into: places, labels: labels, as: form)
                        #expect(Array(labels) == loaded.samples.map { values[$0 % 3] })
                        seen.formUnion(labels)
                    }
                    #expect(seen == Set(values))
                }
            }
        }
    }

    /// The second set of Outlier Exposure: epoch after epoch, at once from any place, under a key of its own.
    @Test func aSecondSetCycles() throws {
        try withFolder { folder in
            try Counting(counts: [("test", 70)]).write(at: folder)
            let split = try SampleSet(at: folder).split("test"), size = split.set.manifest.sampleCount
            let order = try Order(cycling: split, minibatch: 16, microbatch: 4, seed: 8)
            #expect(order.minibatchesPerEpoch == 4 && order.permutesSamples)
            func minibatches(_ start: Int, _ count: Int) throws -> [[Int]] {
                let loader = Loader(split, order: order, lanes: 0 ..< 4, startingAt: start)
                let places = UnsafeMutableBufferPointer<Float>.allocate(capacity: 16 * size)
                defer { places.deallocate() }
                return try (0 ..< count).map { _ in try loader.next(into: places).samples }
            }
            let all = try minibatches(0, 40)
            for epoch in 0 ..< 10 { #expect(Set(all[4 * epoch ..< 4 * epoch + 4].joined()).count == 64) }
            #expect(Set(all.map(Set.init)).count == 40 && Set(all.joined()).count == 70)
            #expect(try minibatches(17, 5) == Array(all[17 ..< 22]))
            // so far that counting up to it would never end
            let late = 1 << 40
            #expect(try minibatches(late + 3, 1)[0] == (0 ..< 4).flatMap { order.epoch(late / 4).samples(ofMinibatch: 3, lane: $0) })
            let first = try Order(chunks: split.training(includingAbnormal: true), minibatch: 16, microbatch: 4, seed: 8)
            #expect(first.epoch(0).samples(ofMinibatch: 0, lane: 0) != order.epoch(0).samples(ofMinibatch: 0, lane: 0))
            #expect(
                message { _ = try Order(cycling: split, minibatch: 71, microbatch: 4, seed: 8) }
                    == "counting has 70 samples in split test, fewer than the 71 of a minibatch; take a smaller minibatch or a larger set")
        }
    }

    /// A chunk that is damaged stops the rank that needs it, when it needs it and at every later call, and no other.
    @Test func errorsComeOutAtNext() throws {
        try withSplit { folder, split, order in
            let url = folder.appendingPathComponent("train-00003.h5")
            var data = try Data(contentsOf: url)
            let number = (3 * 64 + 17) * 7  // the first number of sample 17 of the shard, in its chunk 2
            let bytes = withUnsafeBytes(of: Float(number) / 8) { Data($0) } + withUnsafeBytes(of: Float(number + 1) / 8) { Data($0) }
            data[try #require(data.range(of: bytes)).lowerBound] ^= 1
            try data.write(to: url)
            let damaged = Set(208 ..< 216)
            var stopped = 0
            for lane in 0 ..< 2 {
                let loader = Loader(split, order: order, lanes: lane ..< lane + 1)
                let fatal = (0 ..< order.minibatchesPerEpoch).first {
                    !damaged.isDisjoint(with: order.epoch(0).samples(ofMinibatch: $0, lane: lane))
                }
                for _ in 0 ..< (fatal ?? order.minibatchesPerEpoch) { _ = try next(loader) }
                guard fatal != nil else { continue }
                stopped += 1
                for _ in 0 ..< 3 {
                    #expect(
                        message { _ = try next(loader) }.hasPrefix("chunk 2 of train-00003.h5 (samples 208 to 215) cannot be read: train-00003.h5: "))
                }
            }
            #expect(stopped > 0)
        }
    }

    /// A loader that is let go ends its thread, whether it waits for room or reads.
    @Test func itEndsWithItsOwner() throws {
        try withSplit { _, split, order in
            func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").filter(isLoader).count }
            func isLoader(_ task: String) -> Bool { (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) == "let-go\n" }
            /// Whether there are so many for half a second: on a busy machine some begin late, only to end.
            func settle(at count: Int) throws -> Bool {
                var looks = 0
                for _ in 0 ..< 1200 where looks < 10 {
                    looks = try threads() == count ? looks + 1 : 0
                    Thread.sleep(forTimeInterval: 0.05)
                }
                return looks == 10
            }
            let held = Loader(split, order: order, lanes: 0 ..< 2, threadName: "let-go")
            _ = try next(held)
            for _ in 0 ..< 20 { _ = Loader(split, order: order, lanes: 0 ..< 2, threadName: "let-go") }
            let settled = try settle(at: 1), left = try threads()
            #expect(settled, "\(left) threads")
            withExtendedLifetime(held) {}
        }
    }
}
