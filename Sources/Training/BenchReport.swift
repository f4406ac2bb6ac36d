import Foundation
import Graphs
import Plans
import Ranks

/// What a benchmark found, for programs (in snake_case) and for people. Shares are of 1, times seconds, rates a second.
public struct BenchReport: Encodable {
    /// What one rank found.
    struct Share: Codable {
        let node: String
        /// Of its time: in sums over ranks, which is also waiting for slower ones; waiting for data.
        let communication: Double, waiting: Double
        let peakMemoryBytes: Int
        /// Of its samples in a step.
        let multiplyAdds: Int
        /// 10⁹ operations a second (a multiply-add is two) that its threads could do: out of registers, and as OpenBLAS's product.
        let fmaPeakGflops: Double, sgemmGflops: Double
    }
    /// Equal actions of rank 0's plan.
    struct Kernel: Encodable {
        let kernel: String, operation: String, forms: String
        let calls: Int, seconds: Double
        /// Of the time of all actions.
        let share: Double
        /// Of what counts multiply-adds: 10⁹ operations a second.
        let gflops: Double?
    }

    let version = Vigil.version, date = ISO8601DateFormatter().string(from: Date())
    let processor = Environment.processor, nodes: [String]
    let detector: String, stage: String, sample: [Int], minibatch: Int, microbatch: Int
    let ranks: Int, threads: Int, isa: String, data: String?
    /// Numbers that optimizers of the stage's detector can move.
    let parameters: Int
    let steps: Int
    /// The median, the shortest and the longest; of a step the slowest rank counts.
    public let stepSeconds: Double
    let shortestStepSeconds: Double, longestStepSeconds: Double
    let samplesPerSecond: Double
    /// Counted as direct products and convolutions.
    let multiplyAddsPerSample: Int
    /// 10⁹ operations a second, of all ranks: what the step did, and the yardsticks.
    let gflops: Double, fmaPeakGflops: Double, sgemmGflops: Double
    let shareOfFmaPeak: Double, shareOfSgemm: Double
    /// Of the time of steps, the mean over ranks.
    let exposedCommunication: Double, ioWait: Double
    /// Of rank 0's plan, and of the rank that held most.
    let arenaBytes: Int, peakMemoryBytes: Int
    /// Bytes that a step adds up over ranks.
    let reducedBytes: Int
    /// After the last step.
    let losses: [String: Double]
    let perRank: [Share]
    let kernels: [Kernel]?

    init(
        _ recipe: Recipe, stage: String, _ model: Model, group: RankGroup, _ resources: Plan.Resources, samplesPerStep: Int, times: [Double],
        shares: [Share], losses: [String: Double], _ plan: Plan, profile: [ProfileLine]?
    ) {
        nodes = shares.map(\.node).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        (detector, self.stage, sample) = (recipe.fields.detector, stage, model.sample.extents)
        (minibatch, microbatch) = (recipe.fields.minibatch, recipe.microbatch)
        (ranks, threads, isa) = (group.count, resources.team.count, resources.isa.name)
        data = recipe.fields.data == "none" ? nil : recipe.fields.data
        parameters = model.detector.parameters.reduce(0) { $0 + $1.variable.shape.count }
        let sorted = times.sorted(), median = sorted[sorted.count / 2]
        (steps, stepSeconds, shortestStepSeconds, longestStepSeconds) = (times.count, median, sorted[0], sorted[sorted.count - 1])
        samplesPerSecond = Double(samplesPerStep) / median
        let multiplyAdds = shares.reduce(0) { $0 + $1.multiplyAdds }
        multiplyAddsPerSample = multiplyAdds / samplesPerStep
        gflops = 2e-9 * Double(multiplyAdds) / median
        (fmaPeakGflops, sgemmGflops) = (shares.reduce(0) { $0 + $1.fmaPeakGflops }, shares.reduce(0) { $0 + $1.sgemmGflops })
        (shareOfFmaPeak, shareOfSgemm) = (gflops / fmaPeakGflops, gflops / sgemmGflops)
        exposedCommunication = shares.reduce(0) { $0 + $1.communication } / Double(shares.count)
        ioWait = shares.reduce(0) { $0 + $1.waiting } / Double(shares.count)
        (arenaBytes, peakMemoryBytes) = (plan.arenaBytes, shares.reduce(0) { max($0, $1.peakMemoryBytes) })
        (reducedBytes, self.losses, perRank) = (plan.schedule.reducedBytes, losses, shares)
        let whole = profile.map { $0.reduce(0) { $0 + $1.seconds } } ?? 1
        kernels = profile?.map { line in
            Kernel(
                kernel: line.kernel, operation: line.operation, forms: line.forms, calls: line.calls, seconds: line.seconds,
                share: line.seconds / whole, gflops: line.multiplyAdds > 0 ? 2e-9 * Double(line.multiplyAdds) / line.seconds : nil)
        }
    }
}

extension BenchReport {
    /// As JSON.
    public var json: String { get throws { try snakeCase(self) } }

    /// For people.
    public var text: String {
        func share(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
        func size(_ bytes: Int) -> String { String(format: "%.1f MiB", Double(bytes) / 0x1p20) }
        func counted(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
        var lines = [
            "\(detector), stage \(stage), samples \(sample.map(String.init).joined(separator: "×")), minibatch \(minibatch), "
                + "microbatch \(microbatch); \(counted(ranks, "rank")) of \(counted(threads, "thread")), \(isa), \(processor)",
            String(
                format: "step %.1f ms, %.1f samples/s (median of %d steps, %.1f to %.1f ms)", 1e3 * stepSeconds, samplesPerSecond, steps,
                1e3 * shortestStepSeconds, 1e3 * longestStepSeconds),
            String(format: "arithmetic %.1f GFLOP/s, counted as direct convolution and product: ", gflops)
                + "\(share(shareOfFmaPeak)) of the FMA peak and \(share(shareOfSgemm)) of sgemm"
                + String(format: " (%.1f and %.1f GFLOP/s)", fmaPeakGflops, sgemmGflops),
            "exposed communication \(share(exposedCommunication)), waiting for data \(share(ioWait))",
            "arena \(size(arenaBytes)), peak memory of a rank \(size(peakMemoryBytes))",
        ]
        if let kernels { lines += table(of: kernels) }
        return lines.joined(separator: "\n")
    }

    /// Those that take a thousandth of the time or more, one a line, and the rest in one.
    private func table(of kernels: [Kernel]) -> [String] {
        let (large, small) = (kernels.filter { $0.share >= 1e-3 }, kernels.filter { $0.share < 1e-3 })
        func line(_ seconds: Double, _ share: Double, _ calls: Int, _ gflops: Double?, _ name: String) -> String {
            let rate = gflops.map { String(format: "%7.1f", $0) } ?? "       "
            return String(format: "%9.2f  %5.1f  %5d  ", 1e3 * seconds, 100 * share, calls) + rate + "  " + name
        }
        let rest =
            small.isEmpty
            ? []
            : [
                line(
                    small.reduce(0) { $0 + $1.seconds }, small.reduce(0) { $0 + $1.share }, small.reduce(0) { $0 + $1.calls }, nil,
                    "\(small.count) others")
            ]
        return ["       ms      %  calls  GFLOP/s  kernel"]
            + large.map { line($0.seconds, $0.share, $0.calls, $0.gflops, "\($0.kernel): \($0.operation): \($0.forms)") } + rest
    }
}

/// JSON for programs, the same text for equal values.
func snakeCase(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
