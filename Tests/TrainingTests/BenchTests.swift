import Detectors
import Foundation
import Graphs
import Plans
import Ranks
import Testing

@testable import Training

/// What `vigil bench` finds, apart from how long anything takes.
@Suite struct BenchFigures {
    private static let keys: Set = [
        "arena_bytes", "date", "detector", "exposed_communication", "fma_peak_gflops", "gflops", "io_wait", "isa", "longest_step_seconds", "losses",
        "microbatch", "minibatch", "multiply_adds_per_sample", "nodes", "parameters", "peak_memory_bytes", "per_rank", "processor", "ranks",
        "reduced_bytes", "sample", "samples_per_second", "sgemm_gflops", "share_of_fma_peak", "share_of_sgemm", "shortest_step_seconds", "stage",
        "step_seconds", "steps", "threads", "version",
    ]

    fileprivate static func object(_ json: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }

    private func run(_ detector: String, sample: String? = nil, steps: Int = 1, kernels: Bool = false, _ overrides: String...) throws -> [String: Any]
    {
        let keys = overrides.map { $0.split(separator: "=").map(String.init) }.map { (key: $0[0], value: $0[1]) }
        let bench = try Bench(detector, sample: sample, minibatch: 4, overrides: keys, group: .alone())
        defer { bench.end() }
        return try Self.object(try bench.run(steps: steps, kernels: kernels).json)
    }

    private func near(_ a: Any?, _ b: Double) -> Bool { (a as? Double).map { abs($0 - b) <= 1e-9 * abs(b) } ?? false }

    @Test func ofADetector() throws {
        let found = try run("ganomaly", sample: "16x16x1", steps: 3, kernels: true, "settings.width=2", "settings.latent=3", "microbatch=2")
        #expect(Set(found.keys) == Self.keys.union(["kernels"]))
        #expect(found["steps"] as? Int == 3 && found["minibatch"] as? Int == 4 && found["microbatch"] as? Int == 2 && found["ranks"] as? Int == 1)
        #expect(found["sample"] as? [Int] == [16, 16, 1] && found["io_wait"] as? Double == 0 && found["exposed_communication"] as? Double ?? 1 < 1)
        #expect(found["peak_memory_bytes"] as? Int ?? 0 > found["arena_bytes"] as? Int ?? .max)
        let seconds = try #require(found["step_seconds"] as? Double), multiplyAdds = try #require(found["multiply_adds_per_sample"] as? Int)
        #expect(near(found["samples_per_second"], 4 / seconds) && near(found["gflops"], 8e-9 * Double(multiplyAdds) / seconds))
        let gflops = try #require(found["gflops"] as? Double)
        for (share, of) in [("share_of_fma_peak", "fma_peak_gflops"), ("share_of_sgemm", "sgemm_gflops")] {
            #expect(near(found[share], gflops / (found[of] as! Double)), "\(share)")
        }
        #expect(Set((found["losses"] as! [String: Double]).keys) == ["adversarial", "contextual", "encoding", "generator", "discriminator"])
        let kernels = try #require(found["kernels"] as? [[String: Any]])
        #expect(abs(kernels.reduce(0) { $0 + ($1["share"] as! Double) } - 1) < 1e-9)
        #expect(kernels.contains { $0["gflops"] != nil } && kernels.contains { $0["gflops"] == nil })
        for kernel in kernels { #expect(Set(kernel.keys).subtracting(["gflops"]) == ["kernel", "operation", "forms", "calls", "seconds", "share"]) }
    }

    /// Both kernels of every layer that both can do, and a table of them for people.
    @Test func ofConvolutions() throws {
        let report = try ConvolutionReport(minibatch: 1, rounds: 1, threads: 1, isa: "best", group: .alone())
        let layers = try #require(try Self.object(report.json)["layers"] as? [[String: Any]])
        #expect(layers.count == 3 * ConvolutionRates.layers.count)
        #expect(layers.allSatisfy { ($0["product_gflops"] as! Double) > 0 && ($0["tiled_gflops"] as! Double) > 0 && ($0["saving"] as! Double) > 0 })
        #expect(Set(layers.map { $0["is_tiled"] as! Bool }) == [false, true])
        let lines = report.text.split(separator: "\n")
        #expect(
            lines.count == 2 + layers.count + 1
                && lines.dropLast().allSatisfy { $0.split(separator: "|", omittingEmptySubsequences: false).count == 12 })
    }

    /// What is timed beside detectors has the networks it says: counts by hand, and of f-AnoGAN's specification at 32×32×1.
    @Test func ofProcedures() throws {
        let dense = try run("dense", sample: "10", "settings.width=8")
        #expect(dense["parameters"] as? Int == 2 * (10 * 8 + 8 * 4 + 4 * 2) + 8 + 4 + 2 + 4 + 8 + 10)
        // forward and by the weights, and back to all layers but the first
        #expect(dense["multiply_adds_per_sample"] as? Int == 3 * 2 * (10 * 8 + 8 * 4 + 4 * 2) - 10 * 8)
        let critic = try run("critic", sample: "8x8x1", "settings.width=2", "settings.latent=3")
        #expect(Set((critic["losses"] as! [String: Double]).keys) == ["wasserstein", "penalty"])
        let whole = try ResidualCritic(.init(), sample: [32, 32, 1]).parameters
        func count(_ network: String) -> Int { whole.filter { $0.name.hasPrefix(network) }.reduce(0) { $0 + $1.variable.shape.count } }
        #expect(count("features") + count("head") == 2_506_881 && count("generator") == 3_555_521)
    }
}

extension EndToEnd {
    @Suite struct BenchCommands {
        private let place = Workspace.shared
        private let small = ["--set", "settings.width=2", "--set", "settings.latent=3", "--minibatch", "32", "--steps", "2"]

        /// A set's samples are read as training reads them: more steps than it has minibatches are no error.
        @Test func ofASet() throws {
            let job = try vigil(["bench", "--data", place.set, "--json"] + small.dropLast() + ["25"])
            #expect(job.code == 0 && job.errors == "")
            let found = try BenchFigures.object(job.output)
            #expect(found["data"] as? String == place.set && found["sample"] as? [Int] == [16, 16, 1] && found["steps"] as? Int == 25)
            #expect((0 ..< 1).contains(found["io_wait"] as! Double))
            let failed = try vigil(["bench", "--data", place.set, "--minibatch", "1000"])
            #expect(failed.code == 64 && failed.errors.hasPrefix("vigil: \(place.set): ") && failed.errors.split(separator: "\n").count == 1)
        }

        @Test func onRanks() throws {
            let job = try vigil(["bench", "--sample", "16x16x1", "--kernels"] + small, ranks: 2), lines = job.output.split(separator: "\n")
            #expect(
                job.code == 0 && lines[0].hasPrefix("ganomaly, stage training, samples 16×16×1, minibatch 32, microbatch 16; 2 ranks of 1 thread, "))
            #expect(lines[1].hasPrefix("step ") && lines[5] == "       ms      %  calls  GFLOP/s  kernel")
            #expect(lines.dropFirst(6).contains { $0.contains("Reduction: sum over the ranks: ") })
        }

        @Test func network() throws {
            let job = try vigil(["bench", "--network", "--json"], ranks: 3), found = try BenchFigures.object(job.output)
            #expect(job.code == 0 && Set(found.keys) == ["version", "date", "processor", "ranks", "nodes", "pairs", "sums"])
            let pairs = found["pairs"] as! [[String: Double]], sums = found["sums"] as! [[String: Double]]
            #expect(pairs.map { [$0["first"], $0["second"]] } == [[0, 1], [0, 2], [1, 2]])
            for pair in pairs { #expect(pair["latency_seconds"]! > 0 && pair["bytes_per_second"]! > 0) }
            #expect(sums.map { $0["bytes"] } == [8, 1024, 16384, 262_144, 4_194_304, 33_554_432])
            for sum in sums { #expect(sum["tree_seconds"]! > 0 && sum["library_seconds"]! > 0) }
            let text = try vigil(["bench", "--network"], ranks: 2).output.split(separator: "\n")
            #expect(text[0].hasPrefix("2 ranks on 1 node (") && text[2].hasPrefix("    0 – 1 "))
        }
    }
}
