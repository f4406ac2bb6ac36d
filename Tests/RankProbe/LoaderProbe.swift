import Datasets
import Foundation
import Ranks

/// `loader SET MINIBATCH EPOCHS`: reads epochs of the training split as training does, and nothing else; prints the samples a second
/// of each over all ranks, and what the first rank got from the device rather than from the page cache.
func probeLoader(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    guard arguments.count == 3, let minibatch = Int(arguments[1]), let epochs = Int(arguments[2]), minibatch > 0, epochs > 0 else {
        print("rank-probe loader SET MINIBATCH EPOCHS")
        return 64
    }
    let microbatch = min(minibatch, 16)
    let split = try SampleSet(at: URL(fileURLWithPath: arguments[0])).split("train")
    let order = try Order(chunks: split.training(), minibatch: minibatch, microbatch: microbatch, seed: 0)
    let lanes = try Lanes(count: order.lanes, ranks: group.count).range(of: group.rank)
    let loader = Loader(split, order: order, lanes: lanes, endingAt: epochs * order.minibatchesPerEpoch)
    let places = UnsafeMutableBufferPointer<Float>.allocate(
        capacity: loader.samplesPerMinibatch * split.set.manifest.shape.reduce(1, *))
    defer { places.deallocate() }
    for epoch in 0 ..< epochs {
        let fromDevice = bytesFromDevice, start = ContinuousClock.now
        _ = try loader.next(into: places)
        let first = seconds(since: start)
        for _ in 1 ..< order.minibatchesPerEpoch { _ = try loader.next(into: places) }
        let rate = Double(order.minibatchesPerEpoch * minibatch) / (try group.maximum([seconds(since: start)])[0])
        if group.rank == 0 {
            let mebibytes = (bytesFromDevice - fromDevice) >> 20
            print("epoch \(epoch): \(Int(rate)) samples/s, the first minibatch after \(Int(first * 1e3)) ms, \(mebibytes) MiB from the device")
        }
    }
    if group.rank == 0 { print("order by \(order.permutesSamples ? "samples" : "chunks")") }
    return 0
}

private func seconds(since start: ContinuousClock.Instant) -> Double {
    let time = (ContinuousClock.now - start).components
    return Double(time.seconds) + Double(time.attoseconds) * 1e-18
}

/// What the kernel has fetched for this process from a device so far; 0 where it does not say.
private var bytesFromDevice: Int {
    let lines = (try? String(contentsOfFile: "/proc/self/io", encoding: .utf8))?.split(separator: "\n") ?? []
    return lines.first { $0.hasPrefix("read_bytes: ") }.flatMap { Int($0.dropFirst("read_bytes: ".count)) } ?? 0
}
