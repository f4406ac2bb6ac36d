import Foundation
import Testing

extension EndToEnd {
    /// What users do wrong: one message, once, with its code, on one rank and on two; and nothing is left behind.
    @Suite struct Mistakes {
        private let place = Workspace.shared

        /// The command ends with this code and message, and makes no `out`.
        private func expect(_ code: Int32, _ message: String, from arguments: [String], out: String? = nil, ranks: [Int?] = [nil, 2]) throws {
            for ranks in ranks {
                let job = try vigil(arguments, ranks: ranks)
                #expect(job.errors == "vigil: \(message)\n", "\(arguments), \(ranks ?? 1) ranks")
                #expect(job.code == code && job.output == "", "\(arguments), \(ranks ?? 1) ranks")
                if let out { #expect(!FileManager.default.fileExists(atPath: out)) }
            }
        }

        /// Training with some keys ends with 64 and this message.
        private func refused(_ message: String, _ overrides: String..., set: String? = nil, detector: String = "ganomaly", ranks: [Int?] = [nil, 2])
            throws
        {
            let out = place.fresh("refused")
            let arguments = ["train", "--detector", detector, "--data", set ?? place.set, "--out", out] + overrides.flatMap { ["--set", $0] }
            try expect(64, message, from: arguments, out: out, ranks: ranks)
        }

        /// Training by a recipe of this text ends with 64 and a message that begins with the recipe's path.
        private func refusedRecipe(_ text: String, _ message: String, ranks: [Int?] = [nil]) throws {
            let recipe = try place.recipe(text), out = place.fresh("refused")
            try expect(64, recipe + message, from: ["train", recipe, "--out", out], out: out, ranks: ranks)
        }

        @Test func whatIsNotThere() throws {
            let nothing = place.path("nothing"), out = place.fresh("run")
            try expect(
                66, "\(nothing): there is no such recipe that can be read; give a YAML file, or --detector and --data",
                from: ["train", nothing, "--out", out], out: out)
            try expect(
                66, "\(nothing): nothing has no manifest.json, so it is no set, or one whose writing was not finished",
                from: ["train", "--detector", "ganomaly", "--data", nothing, "--out", out], out: out)
            for command in ["evaluate", "inspect"] {
                let message =
                    command == "evaluate"
                    ? "\(nothing) is no run: it has no recipe.yaml; give the folder that `vigil train --out` made"
                    : "\(nothing): there is nothing of this name; give a set, a shard, a run, a checkpoint or a recipe"
                try expect(66, message, from: [command, nothing], out: nothing)
            }
            try expect(
                66, "\(place.set) is no run: it has no recipe.yaml; give the folder that `vigil train --out` made", from: ["evaluate", place.set])
            let run = place.fresh("no-checkpoint")
            try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
            try Data("detector: mean-pixel\ndata: \(place.set)\n".utf8).write(to: URL(fileURLWithPath: run + "/recipe.yaml"))
            try expect(66, "\(run) has no checkpoint; let `vigil train` reach the end of an epoch first", from: ["evaluate", run])
        }

        @Test func keysAndValues() throws {
            try refused("--set settings.latnt: there is no key \"settings.latnt\"; did you mean settings.latent?", "settings.latnt=5")
            try refused(
                "--set settings.latent: settings.latent is \"fifty\"; it must be a whole number from 1 to 65536", "settings.latent=fifty",
                ranks: [nil])
            try refused(
                "--set settings.latent: settings.latent is \"0\"; it must be a whole number from 1 to 65536", "settings.latent=0", ranks: [nil])
            try refused("--set settings.beta1: settings.beta1 is \"nan\"; it must be a number from 0.0 to 0.999", "settings.beta1=nan", ranks: [nil])
            try refused("--set run.isa: run.isa is \"mmx\"; it must be one of best, avx512, avx2, neon, portable", "run.isa=mmx", ranks: [nil])
            for text in ["settings.latent", "=5", "settings.latent="] {
                try refused("--set \(text): it must be key=value, as --set settings.latent=50", text, ranks: [nil])
            }
            try refused(
                "--set variant: ganomaly has no variant \"released-2018\"; did you mean released-2018-07?", "variant=released-2018", ranks: [nil])
            try refused("--set variant: mean-pixel has no variant \"x\"; it has none", "variant=x", detector: "mean-pixel", ranks: [nil])
            try refused("--detector: there is no detector \"gamonaly\"; did you mean ganomaly?", detector: "gamonaly")
        }

        @Test func whatDoesNotFit() throws {
            try refused("--set microbatch: microbatch 65 is larger than minibatch 64; make it at most as large", "microbatch=65", ranks: [nil])
            try refused(
                "\(place.set): 320 samples do not fill one step of 321; take a smaller minibatch or more samples", "minibatch=321", "heldOut=0")
            try refused(
                "3 ranks cannot share minibatch 32, which has 2 microbatches of 16: start at most 2 ranks, or choose minibatch 48, or microbatch 10 "
                    + "(which makes another model)", "minibatch=32", "microbatch=16", ranks: [3])
            try refused(
                "2 ranks cannot share minibatch 1, which has 1 microbatches of 1: start at most 1 rank, or choose minibatch 2 (which makes another model)",
                "minibatch=1", "microbatch=1", ranks: [2])
            let odd = place.fresh("odd")
            #expect(try vigil(["synthesize", "baggage", "--out", odd, "--side", "24", "--normals", "8", "--threats", "2"]).code == 0)
            try refused(
                "ganomaly: samples of 24×24×1 do not fit: it takes [height, width, channels] with the smaller side a power of two from 16 on "
                    + "and the larger a multiple of a quarter of it, as 32×32×3 or 64×96×1", set: odd)
        }

        @Test func transformsThatDoNotFit() throws {
            try refused(
                "--set transforms: transforms: \"flip left\" is not understood; it must be flip horizontal or flip vertical",
                "transforms=[crop 8x8, flip left]")
            try refused(
                "transforms: crop 20x16 is larger than the samples it is given, which are 16×16×1; crop at most 16x16", "transforms=crop 20x16",
                ranks: [nil])
            try refused(
                "ganomaly: samples of 24×24×1 do not fit: it takes [height, width, channels] with the smaller side a power of two from 16 on "
                    + "and the larger a multiple of a quarter of it, as 32×32×3 or 64×96×1", "transforms=resize 24x24", ranks: [nil])
        }

        @Test func recipes() throws {
            let start = "detector: ganomaly\ndata: \(place.set)\n"
            try refusedRecipe(
                start + "settings:\n  latnet: 5\n", " line 4: there is no key \"settings.latnet\"; did you mean settings.latent?", ranks: [nil, 2])
            try refusedRecipe(start + "epoch: 5\n", " line 3: there is no key \"epoch\"; did you mean epochs?")
            try refusedRecipe(start + "seed: -1\n", " line 3: seed is \"-1\"; it must be a whole number from 0 to 9223372036854775807")
            try refusedRecipe(start + "seed: [1, 2]\n", " line 3: seed is a list; it must be one value")
            try refusedRecipe(
                start + "transforms:\n  - crop 16x16\n  - rezise 32x32\n",
                " line 5: transforms: there is no transform \"rezise 32x32\"; did you mean resize?")
            try refusedRecipe(
                start + "transforms: [resize 32, standardize]\n",
                " line 3: transforms: \"resize 32\" is not understood; it must be resize HEIGHTxWIDTH in pixels, as resize 32x32")
            try refusedRecipe(
                start + "transforms: blur\n",
                " line 3: transforms: there is no transform \"blur\"; there are scale, resize, crop, flip, standardize")
            try refusedRecipe(
                start + "transforms: [standardize, scale 0 1]\n",
                " line 3: transforms: scale 0.0 1.0 does not stand first; put it there, and only once")
            try refusedRecipe(
                start + "transforms:\n  - resize: 32x32\n", " line 4: an item of transforms must be a text, as resize 32x32", ranks: [nil, 2])
            try refusedRecipe(start + "transform: [standardize]\n", " line 3: transform is a list; it must be one value")
            try refusedRecipe(start + "? [a]\n: b\n", " line 3: a key must be a word")
            try refusedRecipe(start + "seed: 1\nseed: 2\n", " line 3: the key seed stands twice; keep one")
            try refusedRecipe("detector: &name ganomaly\n", " line 1: anchors are not taken; write the value out")
            try refusedRecipe("detector: ganomaly\nvariant: *name\n", " line 2: this is no YAML: found undefined alias")
            try refusedRecipe("detector: ganomaly\n  data: x\n", " line 2: this is no YAML: mapping values are not allowed in this context")
            try refusedRecipe("detector: {ganomaly\n", " line 2: this is no YAML: did not find expected ',' or '}'", ranks: [nil, 2])
            try refusedRecipe("\u{1}\u{2}", ": this is no YAML: control characters are not allowed")
            try refusedRecipe("just words\n", ": it must be a list of `key: value` lines")
            try refusedRecipe("detector: none-such\n", " line 1: there is no detector \"none-such\"; there are \(try names())")
            let out = place.fresh("refused")
            try expect(
                64, "no data is named; add `data: FOLDER` to the recipe or give --data", from: ["train", "--detector", "pca", "--out", out], out: out)
            let empty = try place.recipe("")
            let message = "no detector is named; add `detector: NAME` to the recipe or give --detector (\(try names()))"
            try expect(64, message, from: ["train", empty, "--out", out], out: out, ranks: [nil])
        }

        /// Of all detectors, as messages list them.
        private func names() throws -> String {
            try vigil(["detectors"]).output.split(separator: "\n").map { $0.prefix { $0 != " " } }.joined(separator: ", ")
        }

        @Test func placesThatCannotBeWritten() throws {
            let file = place.fresh("file")
            try Data().write(to: URL(fileURLWithPath: file))
            for out in [file, file + "/run"] {
                let arguments = ["train", "--detector", "mean-pixel", "--data", place.set, "--out", out]
                try expect(73, "\(out)/log.jsonl cannot be created: Not a directory; choose another folder with --out", from: arguments)
            }
            let run = place.fresh("run")
            try FileManager.default.createDirectory(atPath: run + "/recipe.yaml/x", withIntermediateDirectories: true)
            try expect(
                73, "\(run)/recipe.yaml cannot be written: Is a directory; free space or choose another folder with --out",
                from: ["train", "--detector", "mean-pixel", "--data", place.set, "--out", run])
            // folders that stop root as well
            for (out, reason) in [("/proc/vigil", "No such file or directory"), (file + "/run", "Not a directory")] {
                try expect(
                    73, "\(out)/log.jsonl cannot be created: \(reason); choose another folder with --out",
                    from: ["train", "--detector", "mean-pixel", "--data", place.set, "--out", out], out: out)
                try expect(
                    73, "\(out): \(URL(fileURLWithPath: out).lastPathComponent) cannot be created: \(reason); choose another folder",
                    from: ["synthesize", "baggage", "--out", out, "--side", "16", "--normals", "9"], out: out)
            }
            try expect(
                73, "\(place.set): set already holds a finished set; remove it or choose another folder",
                from: ["synthesize", "baggage", "--out", place.set, "--side", "16", "--normals", "9"])
            let small = place.fresh("small")
            try expect(
                64, "synthesize baggage: patches of side 8 cannot be made; choose a side from 16 to 256",
                from: ["synthesize", "baggage", "--out", small, "--side", "8"], out: small)
        }

        /// What the parser of the command line finds is said once too.
        @Test func argumentsThatAreNone() throws {
            for arguments in [
                ["trian"], ["train", "--ot", "x"], ["evaluate"], ["detectors", "gamonaly"],
                ["synthesize", "baggage", "--out", "x", "--normals", "0"],
            ] {
                let alone = try vigil(arguments), ranks = try vigil(arguments, ranks: 2)
                #expect(alone.code == 64 && alone.errors.hasPrefix("Error: ") && alone.output == "")
                #expect(ranks.code == 64 && ranks.errors == alone.errors)
            }
            #expect(try vigil(["detectors", "gamonaly"]).errors.hasPrefix("Error: there is no detector \"gamonaly\"; did you mean ganomaly?\n"))
        }
    }

    /// A disk that is full, by a limit on the size of files or by the device that always is: code 74, the reason, and nothing half written.
    @Suite struct FullDisks {
        private let place = Workspace.shared

        /// Runs with files of at most so many KiB. What the job says goes through a pipe, which has no limit.
        private func limited(_ kibibytes: Int, _ arguments: [String], ranks: Int? = nil) throws -> Job {
            let shell = #"(ulimit -f \#(kibibytes); exec "$0" "$@" 2>&1 >/dev/null) | cat >&2; exit ${PIPESTATUS[0]}"#
            return try Running(arguments, ranks: ranks, shell: shell).wait()
        }

        private func contents(of folder: String) -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

        /// Whole shards stay for the next job; half of one does not.
        @Test func whileASetIsWritten() throws {
            let out = place.fresh("set"), arguments = ["synthesize", "baggage", "--out", out, "--side", "16", "--normals", "32", "--threats", "60"]
            for (limit, shard, whole) in [(0, "train-00000.h5", []), (2, "train-00000.h5", []), (11, "test-00000.h5", ["train-00000.h5"])] {
                let job = try limited(limit, arguments)
                #expect(job.code == 74)
                #expect(
                    try
                        #/vigil: (.*): (.*): .\2.partial cannot be written after (\d+) of \d+ bytes: File too large; free space, then run the same command again\n/#
                        .wholeMatch(in: job.errors).map { "\($0.1) \($0.2) \($0.3)" } == "\(out) \(shard) \(limit * 1024)", "\(job.errors)")
                #expect(contents(of: out) == whole)
            }
            #expect(try vigil(arguments, ranks: 2).code == 0)
            #expect(try vigil(["inspect", out]).code == 0)
        }

        /// A run that comes to no checkpoint leaves nothing.
        @Test func whileARunBegins() throws {
            let out = place.fresh("run"), again = "free space, then run the same command again\n"
            for ranks in [nil, 2] {
                var job = try limited(0, training(out), ranks: ranks)
                #expect(job.code == 74 && job.errors == "vigil: \(out)/log.jsonl cannot be written: File too large; \(again)")
                #expect(!FileManager.default.fileExists(atPath: out))
                job = try limited(4, training(out), ranks: ranks)
                #expect(
                    job.code == 74
                        && job.errors == "vigil: no checkpoint could be written to \(out)/checkpoints: File too large; "
                            + "free space or choose another folder, then run the same command again\n"
                )
                #expect(!FileManager.default.fileExists(atPath: out))
            }
        }

        /// `/dev/full` takes the log's name: no line is lost without a word.
        @Test func whileTheLogIsWritten() throws {
            let out = place.fresh("log")
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: out + "/log.jsonl", withDestinationPath: "/dev/full")
            let job = try vigil(training(out), ranks: 2)
            #expect(job.code == 74)
            #expect(
                job.errors == "vigil: \(out)/log.jsonl cannot be written: No space left on device; free space, then run the same command again\n")
        }

        /// The figures are worth having where the scores cannot be kept; but where they themselves cannot be written, that is an error.
        @Test func whileScoresAreWritten() throws {
            let run = place.fresh("run"), scores = run + "/scores"
            try #require(try vigil(training(run, "steps=1")).code == 0)
            let job = try limited(0, ["evaluate", run])
            #expect(
                job.code == 0
                    && job.errors
                        == "vigil: the scores are not kept: \(scores)/test.h5 cannot be written: .test.h5.writing cannot be written after 0 of 5536 bytes: "
                        + "File too large; free space, then evaluate again\n",
                "\(job.errors)")
            #expect(contents(of: scores) == [])
            let full = try Running(["evaluate", run], shell: #"exec "$0" "$@" >/dev/full"#).wait()
            #expect(full.code == 74 && full.errors == "vigil: the output cannot be written: No space left on device\n")
        }
    }

    /// Data that are not what they should be end with 65.
    @Suite struct DamagedData {
        private let place = Workspace.shared

        /// A copy of the set.
        private func copy() throws -> URL {
            let folder = URL(fileURLWithPath: place.fresh("copy"))
            try FileManager.default.copyItem(atPath: place.set, toPath: folder.path)
            return folder
        }

        private func expect(_ message: String, of set: URL) throws {
            let out = place.fresh("run")
            for (arguments, ranks) in [(training(out, set: set.path), nil), (training(out, set: set.path), 2), (["inspect", set.path], 2)] {
                let job = try vigil(arguments, ranks: ranks)
                #expect(job.errors == "vigil: \(set.path): \(message)\n", "\(arguments)")
                #expect(job.code == 65 && job.output == "", "\(arguments)")
                #expect(!FileManager.default.fileExists(atPath: out))
            }
        }

        @Test func truncatedShard() throws {
            let set = try copy(), shard = set.appendingPathComponent("train-00000.h5"), bytes = try Data(contentsOf: shard)
            try bytes.dropLast(100).write(to: shard)
            try expect(
                "train-00000.h5 has \(bytes.count - 100) bytes, expected \(bytes.count) by the manifest; restore the file from a copy or make the set again",
                of: set)
        }

        @Test func manifestThatDisagrees() throws {
            let set = try copy(), file = set.appendingPathComponent("manifest.json"), text = try String(contentsOf: file, encoding: .utf8)
            func change(_ old: String, _ new: String) throws {
                #expect(text.contains(old))
                try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: file)
            }
            // all counts of training samples
            try change("320", "319")
            try expect(
                "train-00000.h5: samples are uint8 [320, 16, 16, 1], expected uint8 [319, 16, 16, 1] by the manifest; "
                    + "restore the file from a copy or make the set again", of: set)
            try Data(text.dropLast(20).utf8).write(to: file)
            try expect(
                "manifest.json: this is not JSON, so it was damaged or is another file; restore the file from a copy or make the set again", of: set)
        }

        /// A flipped bit in a chunk is found by its checksum; training ends, and what it has saved stays.
        @Test func flippedBitInAChunk() throws {
            let set = try copy(), shard = set.appendingPathComponent("train-00000.h5")
            var bytes = try Data(contentsOf: shard)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: shard)
            let inspected = try vigil(["inspect", set.path], ranks: 2)
            #expect(inspected.code == 65 && inspected.output == "")
            #expect(inspected.errors.hasPrefix("vigil: \(set.path): train-00000.h5 has SHA-256 "))
            #expect(inspected.errors.split(separator: "\n").count == 1, "\(inspected.errors)")
            for ranks in [nil, 2] {
                let run = Run(path: place.fresh("run")), job = try vigil(training(run.path, set: set.path), ranks: ranks)
                #expect(job.code == 65, "\(job.errors)")
                #expect(job.complaints.hasPrefix("vigil: \(set.path): chunk 0 of train-00000.h5 (samples 0 to 319) cannot be read: "))
                #expect(job.complaints.split(separator: "\n").count == 1 && run.leftovers.isEmpty)
            }
        }

        @Test func idxFiles() throws {
            func idx(_ extents: [Int], _ magic: UInt8, extra: Int = 0) -> Data {
                let header = Data([0, 0, 8, magic] + extents.flatMap { n in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: n >> $0) } })
                return header + Data((0 ..< extents.reduce(1, *) + extra).map { UInt8($0 % 3) })
            }
            let folder = URL(fileURLWithPath: place.fresh("idx"))
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            func write(_ name: String, _ data: Data) throws -> String {
                try data.write(to: folder.appendingPathComponent(name))
                return folder.appendingPathComponent(name).path
            }
            let images = try write("images", idx([9, 4, 4], 3)), labels = try write("labels", idx([9], 1)), out = place.fresh("imported")
            func arguments(_ images: String) -> [String] {
                [
                    "import", "idx", "--images", images, "--labels", labels, "--test-images", folder.path + "/images", "--test-labels", labels,
                    "--abnormal", "2", "--out", out,
                ]
            }
            for (bad, code, message) in [
                (labels, 65, "labels begins with 0x00000801, expected 0x00000803 (IDX images of unsigned bytes)"),
                (try write("short", idx([9, 4, 4], 3, extra: -1)), 65, "short holds 143 bytes after its header, expected 144 bytes for 9 × 4 × 4"),
                (try write("long", idx([9, 4, 4], 3, extra: 1)), 65, "long holds more after its header, expected 144 bytes for 9 × 4 × 4"),
                (folder.path + "/none", 66, "none cannot be read: No such file or directory"),
            ] as [(String, Int32, String)] {
                for ranks in [nil, 2] {
                    let job = try vigil(arguments(bad), ranks: ranks)
                    #expect(job.errors == "vigil: \(message)\n")
                    #expect(job.code == code && !FileManager.default.fileExists(atPath: out))
                }
            }
            let good = try vigil(arguments(images) + ["--size", "16x16"], ranks: 2)
            #expect(
                good.code == 0 && good.output.contains("train: 6 samples in 1 shards: 0 3 (normal), 1 3 (normal)"), "\(good.output)\(good.errors)")
        }
    }
}
