@testable import Datasets
import Foundation
import Testing

@Suite struct TransformTests {
    private func preprocessing(_ transforms: String..., shape: [Int], range: ClosedRange<Double> = -1 ... 1) throws -> Preprocessing {
        try Preprocessing(transforms.map { try #require(Transform($0), "\($0)") }, shape: shape, range: range)
    }

    /// What a sample of these scaled numbers becomes when it is scored.
    private func scored(_ values: [Float], shape: [Int], _ transforms: String...) throws -> [Float] {
        try Preprocessing(transforms.map { try #require(Transform($0), "\($0)") }, shape: shape, range: -1 ... 1)(values, sample: 0, draws: nil)
    }

    /// Those of 400 minibatches.
    private let draws = try! (0 ..< 400).map {
        try Order(chunks: [[0]], minibatch: 1, microbatch: 1, seed: 1).draws(for: "transforms", minibatch: $0)
    }

    @Test func theirTexts() {
        for text in ["scale 0.0 1.0", "scale none", "scale features", "resize 32x24", "crop 8x6", "flip horizontal", "flip vertical", "standardize"] {
            #expect(Transform(text)?.description == text)
        }
        #expect(Transform("scale -1 1e3") == .scale(low: -1, high: 1000))
        for bad in [
            "", "scale", "scale 1 1", "scale 2 1", "scale nan 1", "scale 0 inf", "scale 0 1 2", "scale all", "resize", "resize 32", "resize 32x",
            "resize 0x8", "resize -8x8", "resize 8x8x3", "resize 99999x8", "resize 8 x 8", "crop 8", "flip", "flip diagonal", "standardize all",
            "rotate 90",
        ] { #expect(Transform(bad) == nil, "\(bad)") }
    }

    @Test func flawsOfLists() {
        #expect(Transform.flaw(in: []) == nil && Transform.flaw(in: [.unscaled, .standardize, .flip(.vertical), .flip(.horizontal)]) == nil)
        #expect(Transform.flaw(in: [.standardize, .scale(low: 0, high: 1)]) == "scale 0.0 1.0 does not stand first; put it there, and only once")
        #expect(Transform.flaw(in: [.unscaled, .scale(low: 0, high: 1)]) == "scale 0.0 1.0 does not stand first; put it there, and only once")
        #expect(Transform.flaw(in: [.standardize, .flip(.vertical), .standardize]) == "standardize stands twice; keep one")
        #expect(Transform.flaw(in: [.scaleFeatures, .standardize]) == "standardize undoes scale features; keep one")
        #expect(Transform.flaw(in: [.flip(.vertical), .scaleFeatures]) == "scale features does not stand first; put it there, and only once")
    }

    @Test func shapes() throws {
        #expect(try preprocessing("resize 8x6", "crop 4x5", "flip vertical", "standardize", shape: [32, 16, 3]).shape == [4, 5, 3])
        #expect(try preprocessing("standardize", shape: [7]).shape == [7])
        #expect(
            message { _ = try preprocessing("resize 8x6", "crop 9x5", shape: [32, 16, 3]) }
                == "transforms: crop 9x5 is larger than the samples it is given, which are 8×6×3; crop at most 8x6")
        for transform in ["resize 8x6", "crop 8x6", "flip vertical"] {
            #expect(
                message { _ = try preprocessing("scale none", transform, shape: [20]) }
                    == "transforms: \(transform) takes images, but the samples are 20 features; leave it out")
        }
    }

    @Test func scaling() throws {
        #expect(try preprocessing(shape: [2], range: 0 ... 255).scaling == .symmetric(0 ... 255))
        #expect(try preprocessing("scale none", shape: [2], range: 0 ... 255).scaling == .identity)
        let scaling = try preprocessing("scale 10 20", "standardize", shape: [2], range: -100 ... 300).scaling
        #expect(scaling.multiplier == 0.025 && scaling.offset == 12.5)
        // the same bits as ever
        #expect(Scaling.symmetric(3 ... 10) == Scaling(multiplier: 2 / 7.0, offset: -1 - 3 * (2 / 7.0)))
    }

    @Test func resizing() throws {
        // rows and columns of 4 look at -1/4 (held at 0), 1/4, 3/4 and 5/4 (held at 1)
        let places: [Float] = [0, 0.25, 0.75, 1]
        #expect(try scored([0, 1, 2, 3], shape: [2, 2, 1], "resize 4x4") == places.flatMap { row in places.map { 2 * row + $0 } })
        // each of two rows looks between two of four; channels stay apart
        let image: [Float] = [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8]
        #expect(try scored(image, shape: [4, 2, 2], "resize 2x2") == [2, -2, 3, -3, 6, -6, 7, -7])
        #expect(try scored(image, shape: [4, 2, 2], "resize 4x2") == image)
    }

    @Test func croppingAndFlipping() throws {
        let image = (0 ..< 20).map(Float.init), pairs = (0 ..< 12).map(Float.init)  // 4 × 5, and 2 × 3 of two channels
        #expect(try scored(image, shape: [4, 5, 1], "crop 2x3") == [6, 7, 8, 11, 12, 13])
        #expect(try scored(image, shape: [4, 5, 1], "crop 1x2") == [6, 7])
        #expect(try scored(image, shape: [4, 5, 1], "flip horizontal", "flip vertical") == image)
        // in training one sample in two is turned, whatever the others
        for (text, turned) in [("horizontal", [4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7]), ("vertical", [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5])]
            as [(String, [Float])]
        {
            let flip = try preprocessing("flip \(text)", shape: [2, 3, 2])
            let results = draws.map { flip(pairs, sample: 5, draws: $0) }
            #expect(results.allSatisfy { $0 == pairs || $0 == turned })
            #expect(abs(results.count { $0 == turned } - 200) < 50)
            #expect(abs((0 ..< 400).count { flip(pairs, sample: $0, draws: draws[0]) == turned } - 200) < 50)
        }
        let crop = try preprocessing("crop 2x3", shape: [4, 5, 1])
        let corners = draws.map { crop(image, sample: 9, draws: $0) }.map { values in
            #expect(values == [0, 1, 2, 5, 6, 7].map { $0 + values[0] })
            return values[0]
        }
        for corner in [0, 1, 2, 5, 6, 7, 10, 11, 12] as [Float] { #expect(abs(corners.count { $0 == corner } - 44) < 30) }
        #expect(corners.allSatisfy { [0, 1, 2, 5, 6, 7, 10, 11, 12].contains($0) })
        // two transforms draw for themselves
        let both = try preprocessing("flip horizontal", "flip horizontal", shape: [2, 3, 2])
        #expect(abs(draws.count { both(pairs, sample: 5, draws: $0) == pairs } - 200) < 50)
    }

    @Test func standardizing() throws {
        let values: [Float] = [1, 7, 3, 7], origin = [1.0, 7]
        let statistics = ChannelStatistics(sums: ChannelStatistics.sums(of: values, about: origin), count: 2, about: origin)
        #expect(statistics == ChannelStatistics(means: [2, 7], deviations: [1, 1]))
        var images = try preprocessing("standardize", shape: [1, 2, 2])
        images.statistics = ChannelStatistics(means: [2, 7], deviations: [0.5, 1])
        #expect(images([1, 7, 3, 9], sample: 0, draws: nil) == [-2, 0, 2, 2])
        // far from zero and close together: sums about zero would have lost the variance
        let far = (0 ..< 1000).map { 1e6 + Float($0 % 7) / 8 }, mean = far.map(Double.init).reduce(0, +) / 1000
        let deviation = (far.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 1000).squareRoot()
        let fitted = ChannelStatistics(sums: ChannelStatistics.sums(of: far, about: [1e6]), count: 1000, about: [1e6])
        #expect(abs(fitted.means[0] - mean) < 1e-6 && abs(fitted.deviations[0] / deviation - 1) < 1e-9)
    }

    /// From the numbers as they are stored: huge and small features do not meet before they are scaled. A constant feature comes to 0.
    @Test func scalingFeatures() throws {
        var table = try preprocessing("scale features", shape: [3], range: 0 ... 1e9)
        let before = try #require(table.beforeFitted)
        #expect(table.fitted == .scaleFeatures && table.scaling == .identity && before.scaling == .identity && before.shape == [3])
        var extremes = [Double](repeating: -.infinity, count: 6)
        for row in [[2, 1e9, -3], [1, 0, -3], [5, 5e8, -3]] as [[Float]] { ChannelStatistics.extend(&extremes, by: row) }
        table.statistics = ChannelStatistics(extremes: extremes)
        #expect(table.statistics == ChannelStatistics(means: [1, 0, -3], deviations: [4, 1e9, 1]))
        #expect(table([3, 2.5e8, -3], sample: 0, draws: nil) == [0.5, 0.25, 0] && table([9, -1e9, -1], sample: 1, draws: nil) == [2, -1, 2])
    }

    @Test func whatComesBeforeStandardizing() throws {
        let whole = try preprocessing("scale none", "resize 8x8", "standardize", "crop 4x4", shape: [16, 16, 2])
        let before = try #require(whole.beforeFitted)
        #expect(before.shape == [8, 8, 2] && before.scaling == .identity && before.beforeFitted == nil)
        #expect(try preprocessing("resize 8x8", shape: [16, 16, 2]).beforeFitted == nil)
    }

    @Test func anotherSet() throws {
        try withFolder { folder in
            let manifest = try Counting(shape: [6, 4, 2]).write(at: folder)
            var own = try preprocessing("resize 8x8", "standardize", shape: [16, 16, 2])
            own.statistics = ChannelStatistics(means: [1, 2], deviations: [3, 4])
            let other = try own.applied(to: manifest)
            #expect(other.shape == [8, 8, 2] && other.statistics == own.statistics && other.scaling == .symmetric(manifest.valueRange))
            #expect(
                message { _ = try preprocessing("crop 3x3", shape: [16, 16, 1]).applied(to: manifest) }
                    == "counting has samples of 3×3×2, expected 3×3×1 as trained on; import it so, or name a transform that fits both")
        }
    }

    /// What is random in training is so by seed, minibatch and sample: the same for any lanes and any start, and other in another epoch.
    @Test func anyPartitionDrawsTheSame() throws {
        try withFolder { folder in
            try Counting(counts: [("train", 96)]).write(at: folder)
            let split = try SampleSet(at: folder).split("train")
            let order = try Order(chunks: split.training(), minibatch: 16, microbatch: 4, seed: 3)
            let through = try Preprocessing([.resize(height: 5, width: 6), .crop(height: 3, width: 4), .flip(.horizontal)], of: split.set.manifest)
            func read(_ lanes: Range<Int>, _ minibatches: Range<Int>) throws -> [[Float]] {
                let loader = Loader(split, order: order, lanes: lanes, through: through, startingAt: minibatches.lowerBound)
                let places = UnsafeMutableBufferPointer<Float>.allocate(capacity: loader.samplesPerMinibatch * 24)
                defer { places.deallocate() }
                return try minibatches.map { _ in
                    _ = try loader.next(into: places)
                    return Array(places)
                }
            }
            let alone = try read(0 ..< 4, 0 ..< 8)
            for ranks in [2, 3, 4] {
                let parts = try (0 ..< ranks).map { try read($0 * 4 / ranks ..< ($0 + 1) * 4 / ranks, 0 ..< 8) }
                #expect((0 ..< 8).map { minibatch in parts.flatMap { $0[minibatch] } } == alone)
            }
            #expect(try read(0 ..< 4, 5 ..< 8) == Array(alone[5...]))
            // what a sample looks like over 30 epochs: many of 18 ways; when it is scored, always one
            var looks: Set<[Float]> = []
            for epoch in 0 ..< 30 {
                for minibatch in 0 ..< order.minibatchesPerEpoch {
                    let samples = (0 ..< 4).flatMap { order.epoch(epoch).samples(ofMinibatch: minibatch, lane: $0) }
                    guard let place = samples.firstIndex(of: 7) else { continue }
                    let number = epoch * order.minibatchesPerEpoch + minibatch
                    looks.insert(Array(try read(0 ..< 4, number ..< number + 1)[0][24 * place ..< 24 * (place + 1)]))
                }
            }
            #expect((9 ... 18).contains(looks.count), "\(looks.count)")
            var scored = [Float](repeating: 0, count: 48)
            let reader = SplitReader(split)
            try scored.withUnsafeMutableBufferPointer { try reader.read([7, 7], through: through, into: $0) }
            #expect(scored[..<24] == scored[24...])
        }
    }
}
