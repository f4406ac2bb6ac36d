import Datasets
import Foundation
import Testing

@Suite struct OrderTests {
    /// Chunks of `size` samples, the last of which is short; samples divisible by `without` take no part.
    private func chunks(_ count: Int, of size: Int, without: Int? = nil) -> [[Int]] {
        stride(from: 0, to: count, by: size).map { first in
            (first ..< min(first + size, count)).filter { sample in without.map { sample % $0 != 0 } ?? true }
        }
    }

    private func samples(_ epoch: Order.Epoch) -> [[Int]] {
        (0 ..< epoch.order.minibatchesPerEpoch).map { minibatch in
            (0 ..< epoch.order.lanes).flatMap { epoch.samples(ofMinibatch: minibatch, lane: $0) }
        }
    }

    /// Every small set, minibatch, microbatch and chunk: whole minibatches, each sample at most once, none that takes no part,
    /// as many minibatches as fit.
    @Test func everySampleAtMostOnce() throws {
        for count in 1 ... 24 {
            for (minibatch, microbatch, size) in [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 2, 3), (5, 5, 2), (7, 3, 4), (4, 16, 1)] {
                for perStep in 1 ... 2 where count >= minibatch * perStep {
                    let order = try Order(
                        chunks: chunks(count, of: size), minibatch: minibatch, microbatch: microbatch, minibatchesPerStep: perStep, seed: 5)
                    #expect(order.minibatchesPerEpoch == count / (minibatch * perStep) * perStep)
                    let all = samples(order.epoch(3))
                    #expect(all.allSatisfy { $0.count == minibatch } && Set(all.joined()).count == all.count * minibatch)
                    #expect(all.joined().allSatisfy((0 ..< count).contains))
                }
            }
        }
    }

    @Test(arguments: [(6000, 10, 64, 16), (3000, 7, 50, 20), (3001, 50, 4, 2), (900, 9, 3, 1)])
    func epochs(_ count: Int, _ size: Int, _ minibatch: Int, _ microbatch: Int) throws {
        let order = try Order(chunks: chunks(count, of: size, without: 11), minibatch: minibatch, microbatch: microbatch, seed: 1)
        let part = Set((0 ..< count).filter { $0 % 11 != 0 })
        #expect(!order.permutesSamples || size == 50)
        var seen: [[[Int]]] = [], leftOver: [Set<Int>] = []
        for number in 0 ..< 4 {
            let all = samples(order.epoch(number)), flat = all.flatMap { $0 }
            #expect(Set(flat).count == flat.count && Set(flat).isSubset(of: part) && part.count - flat.count < minibatch)
            #expect(!seen.contains(all))
            seen.append(all)
            leftOver.append(part.subtracting(flat))
        }
        if !leftOver[0].isEmpty { #expect(Set(leftOver).count > 1) }
        let other = try Order(chunks: chunks(count, of: size, without: 11), minibatch: minibatch, microbatch: microbatch, seed: 2)
        #expect(samples(other.epoch(0)) != seen[0])
        let second = try Order(chunks: chunks(count, of: size, without: 11), minibatch: minibatch, microbatch: microbatch, seed: 1, purpose: "second")
        #expect(samples(second.epoch(0)) != seen[0])
    }

    /// A set of one chunk: what is left out and which samples meet in a batch is new in every epoch, and every sample has its turn.
    @Test func oneChunk() throws {
        func batches(_ count: Int, epochs: Int) throws -> [[Set<Int>]] {
            let order = try Order(chunks: [Array(0 ..< count)], minibatch: 16, microbatch: 4, seed: 6)
            return (0 ..< epochs).map { samples(order.epoch($0)).map(Set.init) }
        }
        let uneven = try batches(100, epochs: 100), leftOver = uneven.map { Set(0 ..< 100).subtracting($0.joined()) }
        for (now, next) in zip(uneven, uneven.dropFirst()) { #expect(Set(now).isDisjoint(with: next)) }
        #expect(uneven.allSatisfy { $0.count == 6 && $0.allSatisfy { $0.count == 16 } } && leftOver.allSatisfy { $0.count == 4 })
        for (now, next) in zip(leftOver, leftOver.dropFirst()) { #expect(now != next) }
        // each is left out of an epoch with probability 1/25: of one epoch in a hundred or fewer none, by chance, two
        #expect(Set(leftOver.joined()).count > 90)
        let even = try batches(96, epochs: 20)
        #expect(even.allSatisfy { $0.count == 6 && Set($0.joined()).count == 96 })
        for (now, next) in zip(even, even.dropFirst()) { #expect(Set(now).isDisjoint(with: next)) }
    }

    /// Asked in sequence, backwards or for one minibatch alone, the answer is the same.
    @Test func itIsAFunctionOfThePlace() throws {
        let order = try Order(chunks: chunks(2000, of: 10), minibatch: 12, microbatch: 5, seed: 9)
        #expect(!order.permutesSamples && (0 ..< 3).map { order.places(ofLane: $0) } == [0 ..< 5, 5 ..< 10, 10 ..< 12])
        let epoch = order.epoch(2)
        for lane in 0 ..< 3 {
            var forward = epoch.run(ofLane: lane), backward = epoch.run(ofLane: lane)
            let sequence = (0 ..< order.minibatchesPerEpoch).map { forward.samples(ofMinibatch: $0) }
            let reverse = (0 ..< order.minibatchesPerEpoch).reversed().map { backward.samples(ofMinibatch: $0) }
            #expect(sequence == reverse.reversed())
            for minibatch in [0, 1, 77, order.minibatchesPerEpoch - 1] {
                #expect(order.epoch(2).samples(ofMinibatch: minibatch, lane: lane) == sequence[minibatch])
            }
        }
    }

    /// From 20 chunks a lane on, the lanes together read at most 1.1 times the chunks, and none returns to one it has left.
    @Test(arguments: [1, 2, 3, 8, 64]) func chunksAreReadOnce(_ lanes: Int) throws {
        let size = 16, order = try Order(chunks: chunks(20 * lanes * size, of: size), minibatch: 4 * lanes, microbatch: 4, seed: 3)
        #expect(!order.permutesSamples)
        for number in 0 ..< 3 {
            let epoch = order.epoch(number)
            var reads = 0
            for lane in 0 ..< lanes {
                var run = epoch.run(ofLane: lane), last: [Int: Int] = [:], first: [Int: Int] = [:]
                let sequence = (0 ..< order.minibatchesPerEpoch).flatMap { run.samples(ofMinibatch: $0) }
                for (place, sample) in sequence.enumerated() {
                    first[sample / size] = first[sample / size] ?? place
                    last[sample / size] = place
                }
                reads += last.count
                for (chunk, end) in last { #expect(end - first[chunk, default: 0] < 4 * size) }
            }
            #expect(Double(reads) <= 1.1 * Double(20 * lanes))
        }
    }

    /// In both ways of mixing every sample comes to every lane about as often, and neighbors are torn apart.
    @Test(arguments: [4, 8]) func mixing(_ size: Int) throws {
        let order = try Order(chunks: chunks(160, of: size), minibatch: 2, microbatch: 1, seed: 4)
        #expect(order.permutesSamples == (size == 8))
        var inFirstLane = [Int](repeating: 0, count: 160), neighbors = 0
        let epochs = 400
        for number in 0 ..< epochs {
            let lane = samples(order.epoch(number)).map { $0[0] }
            for sample in lane { inFirstLane[sample] += 1 }
            neighbors += zip(lane, lane.dropFirst()).count { $1 == $0 + 1 }
        }
        // binomial (400, 1/2): standard deviation 10; five of them for the largest of 160
        #expect(inFirstLane.allSatisfy { abs($0 - epochs / 2) < 50 })
        #expect(Double(neighbors) / Double(epochs * 79) < 0.1)
    }

    @Test func tooFewSamples() {
        #expect(
            message { _ = try Order(chunks: [[1, 2, 3]], minibatch: 2, microbatch: 1, minibatchesPerStep: 2, seed: 0) }
                == "3 samples do not fill one step of 4; take a smaller minibatch or more samples")
    }

    @Test func heldOut() throws {
        for groups in [false, true] {
            try withFolder { folder in
                try Counting(counts: [("train", 3000)], groups: groups).write(at: folder)
                let split = try SampleSet(at: folder).split("train")
                #expect(split.heldOut(fraction: 0, seed: 1).isEmpty)
                #expect(split.training().flatMap { $0 } == (0 ..< 3000).filter { $0 % 3 != 2 })
                let held = split.heldOut(fraction: 0.1, seed: 1), training = split.training(without: held).flatMap { $0 }
                // 2000 normals, or 300 groups: within five standard deviations
                #expect(abs(held.count - 200) < (groups ? 180 : 68))
                #expect(held == split.heldOut(fraction: 0.1, seed: 1) && held != split.heldOut(fraction: 0.1, seed: 2))
                #expect(Set(held).isDisjoint(with: training) && (held + training).sorted() == (0 ..< 3000).filter { $0 % 3 != 2 })
                if groups { #expect(Set(held.map { $0 / 10 }).isDisjoint(with: training.map { $0 / 10 })) }
                // what learns from anomalies gets them all, but for those of a group that is held out
                let all = split.training(without: held, includingAbnormal: true).flatMap { $0 }
                #expect(all.filter { $0 % 3 != 2 } == training)
                let isHeld = { (sample: Int) in groups && held.contains { $0 / 10 == sample / 10 } }
                #expect(all.filter { $0 % 3 == 2 } == (0 ..< 3000).filter { $0 % 3 == 2 && !isHeld($0) })
                #expect(groups == (all.count < 3000 - held.count))
            }
        }
    }

    /// Samples that nobody has looked at are trained on, and no threshold is taken from them.
    @Test func unlabeledSamplesAreNotHeldOut() throws {
        try withFolder { folder in
            try Counting(counts: [("train", 3000)], unlabeled: ["b"]).write(at: folder)
            let split = try SampleSet(at: folder).split("train"), held = split.heldOut(fraction: 0.5, seed: 1)
            #expect(held.count > 400 && held.allSatisfy { $0 % 3 == 0 })
            #expect(split.training(without: held).joined().count { $0 % 3 == 1 } == 1000)
            #expect(
                message { try split.expectLabels() }
                    == "split train has 1000 samples of class b, which is not labeled; evaluate a split that is")
        }
    }
}
