import Foundation
import Testing
import Training

extension EndToEnd {
    /// What `vigil inspect` says of everything that Vigil makes, and of what is damaged.
    @Suite struct Inspecting {
        private let place = Workspace.shared

        /// Inspects in this process.
        private func inspected(_ path: String) throws -> [String] { try Inspection(of: path).text.split(separator: "\n").map(String.init) }

        private func json(_ arguments: [String]) throws -> [String: Any] {
            let job = try vigil(["inspect", "--json"] + arguments)
            #expect(job.code == 0 && job.errors == "")
            return try #require(JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any])
        }

        private func digest(_ path: String) throws -> String { sha256(try Data(contentsOf: URL(fileURLWithPath: path))) }

        @Test func sets() throws {
            let job = try vigil(["inspect", place.set], ranks: 2)
            #expect(job.code == 0 && job.errors == "")
            let lines = job.output.split(separator: "\n")
            #expect(lines.count == 4 && lines[0].hasPrefix("\(place.set): baggage-16, samples of 16×16×1 u8, fingerprint "))
            #expect(lines[1] == "  train: 320 samples in 1 shards: benign 320 (normal)")
            #expect(lines[3] == "every shard agrees with the manifest")
            #expect(try inspected(place.set + "/manifest.json") == lines.map { $0.replacingOccurrences(of: place.set, with: place.set) })
            let found = try json([place.set])
            #expect(found["kind"] as? String == "set" && found["sound"] as? Bool == true && found["shape"] as? [Int] == [16, 16, 1])
            let splits = try #require(found["splits"] as? [[String: Any]])
            #expect(
                splits.map { $0["samples"] as? Int } == [320, 124]
                    && splits[0]["classes"] as? [String: Int] == ["benign": 320, "knife": 0, "gun": 0, "gun parts": 0])
        }

        @Test func shards() throws {
            let path = place.set + "/test-00000.h5", size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            let lines = try inspected(path)
            #expect(lines[0] == "\(path): a shard of split test of baggage-16, \(size) bytes, SHA-256 \(try digest(path))")
            #expect(lines.contains { $0.hasPrefix("  samples: uint8 [124, 16, 16, 1] in chunks of [124, 16, 16, 1], fletcher32, ") })
            #expect(lines.contains { $0.hasPrefix("  label 0: 64 samples, label 1: 3") })
            #expect(lines.last == "every checksum holds; the file agrees with the manifest")
            // away from its set it is looked at by itself
            let alone = place.fresh("alone") + ".h5"
            try FileManager.default.copyItem(atPath: path, toPath: alone)
            #expect(try inspected(alone).first == "\(alone): a shard, \(size) bytes, SHA-256 \(try digest(path))")
            #expect(try inspected(alone).last == "every checksum holds")
            let found = try json([path])
            #expect(found["kind"] as? String == "shard" && found["split"] as? String == "test")
            #expect((found["labels"] as? [String: Int])?.values.reduce(0, +) == 124)
        }

        /// A flipped bit is found in a set, in a shard beside its manifest, and by the chunk's checksum alone.
        @Test func damagedData() throws {
            let set = place.fresh("copy"), shard = set + "/test-00000.h5", alone = place.fresh("alone") + ".h5"
            try FileManager.default.copyItem(atPath: place.set, toPath: set)
            let expected = try digest(shard)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: shard))
            bytes[bytes.count / 2] ^= 1
            for path in [shard, alone] { try bytes.write(to: URL(fileURLWithPath: path)) }
            let message =
                "test-00000.h5 has SHA-256 \(try digest(shard)), expected \(expected) by the manifest; restore the file from a copy or make the set again"
            for path in [set, shard] {
                let job = try vigil(["inspect", path])
                #expect(job.code == 65 && job.output == "" && job.errors == "vigil: \(path): \(message)\n")
            }
            let job = try vigil(["inspect", alone])
            #expect(
                job.code == 65 && job.output == ""
                    && job.errors.hasPrefix("vigil: \(alone): \(alone.split(separator: "/").last!): /samples cannot be read from [0, 0, 0, 0], "))
            try Data(bytes.prefix(1000)).write(to: URL(fileURLWithPath: alone))
            let short = try vigil(["inspect", alone])
            #expect(
                short.code == 65 && short.errors.hasPrefix("vigil: \(alone): \(alone.split(separator: "/").last!) cannot be opened: "),
                "\(short.errors)")
        }

        @Test func runsAndCheckpoints() throws {
            let run = Run(path: place.fresh("run"))
            #expect(try vigil(training(run.path, "epochs=1")).code == 0)
            #expect(try vigil(["evaluate", run.path]).code == 0)
            #expect(
                try inspected(run.path) == [
                    "\(run.path): a run of ganomaly on \(place.set), seed 0, minibatch 64 in microbatches of 16",
                    "  finished; stands at step 5 of stage 1, 5 steps in all",
                    "  checkpoints/step-00000000: step 0 of stage 1, sound",
                    "  checkpoints/step-00000005: step 5 of stage 1, sound",
                    "  scores/test.h5: 124 samples, latentL1, latentL2",
                ])
            #expect(
                try inspected(run.path + "/recipe.yaml") == [
                    "\(run.path)/recipe.yaml: a recipe of ganomaly on \(place.set), seed 0, minibatch 64 in microbatches of 16"
                ])
            let found = try json([run.path])
            #expect(found["kind"] as? String == "run" && found["finished"] as? Bool == true && found["total_steps"] as? Int == 5)

            let newest = run.path + "/checkpoints/step-00000005", digest = try run.digest()
            for path in [newest, newest + "/run.json", newest + "/state.safetensors", run.path + "/checkpoints/latest"] {
                let lines = try inspected(path)
                #expect(
                    lines[0] == "\(path): a checkpoint of ganomaly at step 5 of stage 1, 5 steps in all; "
                        + "state.safetensors has SHA-256 \(digest), as run.json says")
                #expect(lines.contains { $0.split(separator: " ") == ["encoder.0.weight", "F32", "4×4×1×8"] })
                #expect(lines.contains { $0.hasPrefix("  optimizer/") && $0.hasSuffix("  F64  scalar") })
                #expect(lines[1].hasPrefix("\(lines.count - 2) variables, "))
            }
            let alone = place.fresh("alone") + ".safetensors"
            try FileManager.default.copyItem(atPath: newest + "/state.safetensors", toPath: alone)
            #expect(try inspected(alone).first == "\(alone): variables, without a run.json beside them that has their digest")

            // one checkpoint of two is damaged: the rest is told, then what is wrong
            var bytes = try Data(contentsOf: run.state)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(fileURLWithPath: newest + "/state.safetensors"))
            let message =
                "vigil: \(newest)/state.safetensors has SHA-256 \(try run.digest()), expected \(digest); it is damaged, use the checkpoint before\n"
            let job = try vigil(["inspect", run.path])
            #expect(job.code == 65 && job.errors == message && job.output.contains("\n  checkpoints/step-00000005: damaged\n"))
            #expect(job.output.contains("stands at step 0 of stage 1"))
            for path in [newest, newest + "/state.safetensors"] {
                let job = try vigil(["inspect", path])
                #expect(job.code == 65 && job.output == "" && job.errors == message)
            }
        }

        /// The plans of a recipe's stages: their totals as the shapes say, the same for the run made by it.
        @Test func plans() throws {
            let recipe = try place.recipe(
                "detector: ganomaly\ndata: \(place.set)\nminibatch: 8\nmicrobatch: 4\nsettings:\n  width: 2\n  latent: 3\n")
            let job = try vigil(["inspect", recipe, "--plan"])
            #expect(job.code == 0 && job.errors == "")
            let parts = job.output.components(separatedBy: "\n\n")
            #expect(parts.count == 2 && parts[0].hasPrefix("stage training\n") && parts[1].hasPrefix("scoring\n"))
            let heading = parts[0].split(separator: "\n")[1].split(separator: " ")
            #expect(heading == ["kernel", "bytes", "multiply-adds", "computes"])
            #expect(parts[0].contains("  convolution, stride 2: batched 18×18×1, 4×4×1×2 -> batched 8×8×2\n"))
            #expect(parts[0].contains(" actions on 8 samples; ") && parts[1].contains(" actions on 4 samples; "))
            let two = try vigil(["inspect", recipe, "--plan"], ranks: 2)
            #expect(two.code == 0 && two.output.contains(" actions on 4 samples; "))

            let json = try vigil(["inspect", recipe, "--plan", "--json"])
            let found = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
            #expect(found.map { $0["name"] as? String } == ["stage training", "scoring"])
            let schedule = try #require(found[1]["schedule"] as? [String: Any])
            // E twice and G once, each a layer to 8×8×2, one to 4×4×4 and one to 3
            #expect(schedule["multiply_adds_per_sample"] as? Int == 3 * (8 * 8 * 2 * 16 + 4 * 4 * 4 * 32 + 3 * 64))
            #expect(schedule["reduced_bytes"] as? Int == 0)
        }

        @Test func whatIsNothing() throws {
            let folder = place.fresh("folder"), text = place.fresh("text")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data("words".utf8).write(to: URL(fileURLWithPath: text))
            for (path, code, message) in [
                (place.path("nothing"), 66, ": there is nothing of this name; give a set, a shard, a run, a checkpoint or a recipe"),
                (folder, 66, " is a folder without manifest.json, recipe.yaml or run.json, so it is no set, run or checkpoint; give one of those"),
                (text, 65, " is no file that Vigil makes; give a set, a shard, a run, a checkpoint or a recipe (.yaml)"),
            ] as [(String, Int32, String)] {
                let error = #expect(throws: Failure.self) { try Inspection(of: path) }
                #expect(error?.description == path + message && error?.exitCode == code)
            }
        }
    }
}
