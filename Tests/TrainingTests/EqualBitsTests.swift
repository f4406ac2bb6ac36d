import Datasets
import Foundation
import Plans
import Testing

extension EndToEnd {
    /// The trained bytes depend on the recipe and the data alone.
    @Suite struct EqualBits {
        private let place = Workspace.shared

        /// Trains and returns the run, which has ended well.
        private func trained(_ name: String, ranks: Int? = nil, _ overrides: String..., set: String? = nil) throws -> Run {
            let run = Run(path: place.fresh(name))
            let arguments = training(run.path, set: set ?? place.set) + overrides.flatMap { ["--set", $0] }
            let job = try vigil(arguments, ranks: ranks)
            try #require(job.code == 0, "\(job.errors)")
            #expect(job.complaints.isEmpty && run.leftovers.isEmpty)
            return run
        }

        @Test func onAnyRanksAndThreads() throws {
            let alone = try trained("alone", "epochs=4"), digest = try alone.digest()
            #expect(alone.checkpoints == ["step-00000015", "step-00000020"])
            // lanes of each rank: (r + 1) · 4 / R - r · 4 / R, of 16 samples, in 20 steps
            for (ranks, threads, shares) in [
                (1, 2, [1280]), (1, 1, [1280]), (2, 1, [640, 640]), (2, 2, [640, 640]), (3, 1, [320, 320, 640]), (4, 1, [320, 320, 320, 320]),
                (4, 2, [320, 320, 320, 320]),
            ] {
                let run = try trained("ranks", ranks: ranks, "epochs=4", "run.threads=\(threads)", "run.agree=7")
                #expect(try run.digest() == digest, "\(ranks) ranks, \(threads) threads")
                let end = try #require(run.log("end").last)
                #expect(end["state_sha256"] as? String == digest && end["total_steps"] as? Int == 20)
                #expect(end["samples_read"] as? [Int] == shares)
                #expect((end["bytes_read"] as? [Int])?.allSatisfy { $0 > 0 } == true && (end["bytes_read"] as? [Int])?.count == ranks)
                let start = try #require(run.log("start").first)
                #expect(start["ranks"] as? Int == ranks && start["threads"] as? Int == threads && start["training_samples"] as? Int == 320)
            }
            let other = try trained("seed", "epochs=4", "seed=1")
            #expect(try other.digest() != digest)
        }

        @Test func onEveryInstructionSet() throws {
            let best = try trained("best", "steps=3").digest()
            for name in InstructionSet.available.map(\.name) where name != "portable" {
                let run = try trained(name, ranks: 2, "steps=3", "run.isa=\(name)")
                #expect(try run.digest() == best, "\(name)")
                #expect(run.log("start").first?["isa"] as? String == name)
            }
            let tiny = ["steps=2", "minibatch=8", "microbatch=4", "settings.width=2", "settings.latent=3"]
            let fast = try trained("fast", tiny[0], tiny[1], tiny[2], tiny[3], tiny[4])
            let portable = try trained("portable", ranks: 2, tiny[0], tiny[1], tiny[2], tiny[3], tiny[4], "run.isa=portable")
            #expect(try portable.digest() == fast.digest())
        }

        @Test func atTheDefaultWidth() throws {
            let keys = ["steps=2", "settings.width=64", "settings.latent=100"]
            let digests = try [nil, 3].map { try trained("wide", ranks: $0, keys[0], keys[1], keys[2]).digest() }
            #expect(digests[0] == digests[1])
        }

        @Test(arguments: ["released-2018-07", "released-2018-10", "released-2019-08", "released-2019-10"])
        func everyVariant(_ variant: String) throws {
            let digests = try [nil, 2].map { try trained("variant", ranks: $0, "variant=\(variant)", "steps=5").digest() }
            #expect(digests[0] == digests[1])
        }

        /// Its networks are of sides from 17 on.
        @Test func anomalibsVariant() throws {
            let set = place.fresh("patches")
            let made = try vigil([
                "synthesize", "baggage", "--out", set, "--side", "32", "--normals", "128", "--test-normals", "8", "--threats", "8",
            ])
            try #require(made.code == 0, "\(made.errors)")
            let digests = try [nil, 2].map { try trained("anomalib", ranks: $0, "variant=anomalib", "steps=2", set: set).digest() }
            #expect(digests[0] == digests[1])
        }

        /// A rate so high that D's loss falls below its limit again and again: it is drawn anew on all ranks alike.
        @Test func discriminatorsDrawnAnew() throws {
            let keys = ["variant=released-2018-07", "settings.learningRate=0.3", "epochs=1000", "steps=60"]
            func run(_ redraw: String, ranks: Int?) throws -> (digest: String, redraws: Int) {
                let run = try trained("redrawn", ranks: ranks, keys[0], keys[1], keys[2], keys[3], "settings.reinitialize=\(redraw)")
                let record = try JSONSerialization.jsonObject(
                    with: Data(contentsOf: URL(fileURLWithPath: run.path + "/checkpoints/latest/run.json")))
                let position = try #require((record as? [String: Any])?["position"] as? [String: Any])
                return (try run.digest(), try #require(position["redraws"] as? Int))
            }
            let off = try run("off", ranks: nil)
            #expect(off.redraws == 0)
            for redraw in ["weightsOnly", "withOptimizer"] {
                let alone = try run(redraw, ranks: nil)
                #expect(alone.redraws > 0 && alone.digest != off.digest, "\(redraw)")
                for ranks in [2, 4] {
                    let shared = try run(redraw, ranks: ranks)
                    #expect(shared.redraws == alone.redraws && shared.digest == alone.digest, "\(redraw) on \(ranks) ranks")
                }
            }
        }

        /// The rest of a split that microbatches do not divide: the last lane is narrower.
        @Test func unevenLanes() throws {
            let keys = ["steps=4", "minibatch=50", "microbatch=16"]
            let alone = try trained("uneven", keys[0], keys[1], keys[2])
            let run = try trained("uneven", ranks: 3, keys[0], keys[1], keys[2])
            #expect(try run.digest() == alone.digest())
            #expect(run.log("end").last?["samples_read"] as? [Int] == [64, 64, 72])
        }

        /// `library` adds as MPI likes: it trains, and the same number of ranks gives the same bits.
        @Test func theLibrarysSumTrains() throws {
            let runs = try (0 ..< 2).map { _ in try trained("library", ranks: 3, "steps=10", "run.reduce=library") }
            #expect(try runs[0].digest() == runs[1].digest())
            #expect(runs[0].log("step").last?["step"] as? Int == 10)
        }

        /// Each rank reads the chunks of its lanes, not the set.
        @Test func manyChunksAreReadOnce() throws {
            let path = place.fresh("chunks")
            try makeChunked(at: path)
            let set = try SampleSet(at: URL(fileURLWithPath: path)), whole = set.manifest.splits[0].shards.reduce(0) { $0 + $1.bytes }
            var digests: Set<String> = []
            for ranks in [1, 2, 4] {
                let run = try trained("chunks", ranks: ranks, "epochs=1", "settings.width=1", "settings.latent=1", set: path)
                let end = try #require(run.log("end").last), bytes = try #require(end["bytes_read"] as? [Int])
                #expect(bytes.reduce(0, +) >= 6400 * 256 && Double(bytes.reduce(0, +)) < 1.1 * Double(whole), "\(bytes) of \(whole)")
                #expect(bytes.allSatisfy { Double($0) < 1.1 * Double(whole) / Double(ranks) }, "\(bytes) of \(whole)")
                #expect(end["samples_read"] as? [Int] == Array(repeating: 6400 / ranks, count: ranks))
                digests.insert(try run.digest())
            }
            #expect(digests.count == 1)
        }

        /// 6400 samples in 400 chunks of 16: 100 a lane.
        private func makeChunked(at path: String) throws {
            let description = SetDescription(
                name: "chunks", shape: [16, 16, 1], type: .u8, range: 0 ... 255, meaning: "number", classes: ["a"], normalClasses: ["a"],
                provenance: [:])
            let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description, samplesPerChunk: 16)
            let records = try writer.write(split: "train", count: 6400) { range in
                Samples(
                    values: .u8(range.flatMap { n in (0 ..< 256).map { UInt8(truncatingIfNeeded: n &* 31 &+ $0) } }), labels: range.map { _ in 0 })
            }
            _ = try writer.finish(records: records)
        }
    }
}
