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
                let loader = Loader(split, order: order, lanes: range, scaling: scaling)
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
                let loader = Loader(split, order: order, lanes: lane ..< lane + 1, memoryLimit: 4 * 8 * Self.size * 4)
                // the thread is three ahead at most, so nothing of the next epoch is counted
                for _ in 0 ..< order.minibatchesPerEpoch - 3 { _ = try next(loader) }
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
            func wait(for count: Int) throws { for _ in 0 ..< 200 where try threads() != count { Thread.sleep(forTimeInterval: 0.05) } }
            let held = Loader(split, order: order, lanes: 0 ..< 2, threadName: "let-go")
            _ = try next(held)
            for _ in 0 ..< 20 { _ = Loader(split, order: order, lanes: 0 ..< 2, threadName: "let-go") }
            try wait(for: 1)
            #expect(try threads() == 1)
            withExtendedLifetime(held) {}
        }
    }
}
