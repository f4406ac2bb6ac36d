import Plans
import Testing

extension EndToEnd {
    /// How sums travel between ranks changes no bit: beside other work or not, in shared memory or not.
    @Suite struct Overlap {
        private let place = Workspace.shared

        /// 4 lanes; gradients of 128 KiB, which travel on their own, and small ones.
        private let model = ["steps=3", "minibatch=16", "microbatch=4", "settings.width=32", "settings.latent=8"]

        private let ways = [("true", "true"), ("true", "false"), ("false", "true"), ("false", "false")]

        private func digest(_ model: [String], ranks: Int?, _ overrides: String...) throws -> String {
            let run = Run(path: place.fresh("overlap"))
            let job = try vigil(training(run.path) + (model + overrides).flatMap { ["--set", $0] }, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            return try run.digest()
        }

        @Test func onAnyRanksThreadsAndInstructionSets() throws {
            let alone = try digest(model, ranks: nil)
            for (ranks, threads) in [(1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2)] {
                for (overlap, windows) in ranks == 1 ? [("true", "true")] : ways {
                    for isa in InstructionSet.available.map(\.name) where isa != "portable" {
                        let other = try digest(
                            model, ranks: ranks, "run.threads=\(threads)", "run.isa=\(isa)", "run.overlap=\(overlap)", "run.windows=\(windows)")
                        #expect(other == alone, "\(ranks) ranks of \(threads) threads, \(isa), overlap \(overlap), windows \(windows)")
                    }
                }
            }
        }

        @Test func onThePortableKernels() throws {
            let tiny = ["steps=2", "minibatch=4", "microbatch=1", "settings.width=24", "settings.latent=3"]
            let alone = try digest(tiny, ranks: nil)
            for (ranks, threads) in [(2, 2), (4, 1)] {
                for (overlap, windows) in ways {
                    let keys = ["run.threads=\(threads)", "run.isa=portable", "run.overlap=\(overlap)", "run.windows=\(windows)"]
                    #expect(try digest(tiny + keys, ranks: ranks) == alone, "\(ranks) ranks, \(keys)")
                }
            }
        }

        /// So it is compared with what does overlap.
        @Test func largeGradientsLeaveAsSoonAsTheyStand() throws {
            func plan(_ overlap: String) throws -> [Substring] {
                let keys = ["detector: ganomaly", "data: \(place.set)", "minibatch: 16", "microbatch: 4", "settings: {width: 32, latent: 8}"]
                let recipe = try place.recipe((keys + ["run: {overlap: \(overlap)}", ""]).joined(separator: "\n"))
                let job = try vigil(["inspect", recipe, "--plan"], ranks: 2)
                try #require(job.code == 0, "\(job.errors)")
                return job.output.split(separator: "\n")
            }
            let lines = try plan("true"), made = lines.indices.filter { lines[$0].contains("for the weights") && lines[$0].hasSuffix("-> 4×4×32×64") }
            #expect(lines.count { $0.contains("begin the sum") } == lines.count { $0.contains("wait for the sum") })
            #expect(!made.isEmpty && made.allSatisfy { lines[$0 + 1].contains("begin the sum over the ranks: 4×4×32×64") })
            #expect(try !plan("false").contains { $0.contains("begin the sum") })
        }
    }
}
