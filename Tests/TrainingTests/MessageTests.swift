import Detectors
import Foundation
import Plans
import Ranks
import Testing
@testable import Training

/// What is said of files and requests that cannot be, as whole text, in this process.
@Suite struct FileMessages {
    private func expect(_ code: Int32, _ message: String, _ body: () throws -> Void) {
        let error = #expect(throws: Failure.self) { try body() }
        #expect(error?.description == message && error?.exitCode == code)
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("messages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func safetensors() {
        func file(_ header: String, body: Int = 0, length: Int? = nil) -> Data {
            let start = withUnsafeBytes(of: UInt64(length ?? header.utf8.count).littleEndian) { Data($0) }
            return start + Data(header.utf8) + Data(count: body)
        }
        for (data, what) in [
            (Data([1, 2, 3]), "it has 3 bytes"), (file("{}", length: 100), "its header should have 100 bytes of 10"),
            (file("[}"), "its header is no JSON"), (file(#"{"w":{"dtype":"F32","shape":[2]}}"#), "w is not described"),
            (file(#"{"w":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}"#, body: 2), "w is not described"),
            (file(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, body: 7), "w of [2] lies at 0..<8 of 7 bytes"),
            (file(#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, body: 8), "w of [3] lies at 0..<8 of 8 bytes"),
            (file(#"{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, body: 8), "w of [-2] lies at 0..<8 of 8 bytes"),
            (
                file(#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#),
                "w of [4611686018427387904, 4] lies at 0..<0 of 0 bytes"
            ),
        ] {
            expect(65, "f.safetensors: \(what); the file is damaged or no safetensors file") { _ = try Safetensors(data, name: "f.safetensors") }
        }
    }

    private func model(latent: Int = 5) throws -> Model {
        let keys = [("detector", "ganomaly"), ("data", "SET"), ("settings.width", "2"), ("settings.latent", "\(latent)")]
        let model = try Model(Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }), sample: [16, 16, 1])
        model.initialize()
        return model
    }

    @Test func variablesThatAreNotTheModels() throws {
        let model = try model(), whole = try model.tensors()
        var fewer = whole, more = whole
        fewer["encoder.0.weight"] = nil
        more["encoder.9.weight"] = whole["encoder.0.weight"]
        let hint = "it belongs to another detector, other settings or another version"
        expect(65, "RUN lacks encoder.0.weight; \(hint)") { try model.load(fewer, from: "RUN") }
        expect(65, "RUN has encoder.9.weight, which the detector lacks; \(hint)") { try model.load(more, from: "RUN") }
        let other = try self.model(latent: 7).tensors()
        expect(65, "RUN: decoder.0.weight is F32 [4, 4, 4, 7], expected F32 [4, 4, 4, 5]; it belongs to other settings") {
            try model.load(whole.merging(["decoder.0.weight": other["decoder.0.weight"]!]) { $1 }, from: "RUN")
        }
        let weight = try #require(model.variables.first { $0.name == "encoder.0.weight" }).variable
        model.state[weight] = Array(repeating: .nan, count: weight.shape.count)
        expect(
            65, "encoder.0.weight is not finite, so nothing is saved; the last checkpoint stays"
        ) { _ = try model.tensors() }
    }

    @Test func checkpoints() throws {
        try withFolder { folder in
            let record = try Checkpoint.write(
                try model().tensors(), at: Position(), model: ["detector": "ganomaly"], fingerprint: "f", in: folder, keep: 1)
            let place = folder.appendingPathComponent("checkpoints/step-00000000"), file = place.appendingPathComponent("run.json")
            #expect(try Checkpoint(place).record.stateSHA256 == record.stateSHA256)
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacingOccurrences(of: "\"format\" : \(record.format)", with: "\"format\" : 99").utf8).write(to: file)
            expect(65, "\(place.path) has format 99; this version reads format \(record.format)") { _ = try Checkpoint(place) }
            try Data("{}".utf8).write(to: file)
            expect(65, "\(place.path)/run.json is damaged; use the checkpoint before") { _ = try Checkpoint(place) }
            try FileManager.default.removeItem(at: place.appendingPathComponent("state.safetensors"))
            expect(65, "\(place.path)/state.safetensors cannot be read; the checkpoint is incomplete, use the one before") {
                _ = try Checkpoint(place)
            }
        }
    }

    /// What stands in the way of a checkpoint's files, and their names.
    @Test func checkpointsThatCannotBeWritten() throws {
        let tensors = try model().tensors()
        for (obstacle, isFolder, reason) in [("checkpoints", false, "File exists"), ("checkpoints/latest/x", true, "Is a directory")] {
            try withFolder { folder in
                let place = folder.appendingPathComponent(obstacle)
                if isFolder {
                    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
                } else {
                    try Data().write(to: place)
                }
                expect(
                    74,
                    "no checkpoint could be written to \(folder.path)/checkpoints: \(reason); "
                        + "free space or choose another folder, then run the same command again"
                ) { _ = try Checkpoint.write(tensors, at: Position(), model: [:], fingerprint: "f", in: folder, keep: 1) }
            }
        }
    }

    /// An instruction set that this processor lacks, if there is one.
    @Test func instructionSetsThatAreNotThere() throws {
        let available = InstructionSet.available.map(\.name)
        for name in ["avx512", "avx2"] where !available.contains(name) {
            let keys = [("detector", "pca"), ("data", "SET"), ("run.isa", name)]
            let recipe = try Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) })
            expect(64, "run.isa is \(name), which the processor of rank 0 lacks; it has \(available.joined(separator: ", "))") {
                _ = try makeResources(recipe, .alone())
            }
        }
    }

    @Test func benchmarks() {
        func bench(_ detector: String, _ sample: String, isa: String = "best") throws {
            _ = try Bench(detector, sample: sample, minibatch: 4, threads: 1, isa: isa, group: .alone())
        }
        for bad in ["", "32x", "32xy", "0x4", "-4x4", "32,32"] {
            expect(64, "--sample is \"\(bad)\"; give its extents, as 32x32x3") { try bench("ganomaly", bad) }
        }
        expect(64, "pca has no training steps to time") { try bench("pca", "16x16x1") }
        let timed = detectors.map { $0.name } + procedures.map { $0.name }
        expect(64, "--detector: there is no detector \"transformer\"; there are \(timed.joined(separator: ", "))") {
            try bench("transformer", "16x16x1")
        }
        expect(64, "dense: samples of 4×4 do not fit: it takes [features], as 121") { try bench("dense", "4x4") }
        expect(64, "--sample and --data both say what shape samples have; give one of them") {
            _ = try Bench("ganomaly", sample: "16x16x1", data: "SET", group: .alone())
        }
        expect(64, "--stage: f-anogan has no stage \"critic\" of steps; it has gan, encoder") {
            _ = try Bench("f-anogan", stage: "critic", sample: "16x16x1", group: .alone())
        }
        expect(66, "SET: SET has no manifest.json, so it is no set, or one whose writing was not finished") {
            _ = try Bench("ganomaly", data: "SET", group: .alone())
        }
        expect(64, "--network measures between ranks and there is one; start several, as mpirun -n 2 vigil bench --network") {
            _ = try NetworkReport(.alone())
        }
        expect(64, "--set run.isa: run.isa is \"mmx\"; it must be one of best, avx512, avx2, neon, portable") {
            try bench("ganomaly", "16x16x1", isa: "mmx")
        }
    }
}

extension EndToEnd {
    /// What the arguments of each command may not be, as whole text with the command's own usage.
    @Suite struct ArgumentMessages {
        private let place = Workspace.shared

        @Test func ofTheParser() throws {
            let names = try vigil(["detectors"]).output.split(separator: "\n").map { $0.prefix { $0 != " " } }.joined(separator: ", ")
            for (arguments, message) in [
                (["trian"], "Unexpected argument 'trian'"),
                (["detectors", "transformer"], "there is no detector \"transformer\"; there are \(names)"),
                (["train"], "Missing expected argument '--out <out>'"), (["inspect"], "Missing expected argument '<path>'"),
                (["train", "--out", "x", "--ot", "x"], "Unknown option '--ot'. Did you mean '--out'?"),
                (["evaluate"], "Missing expected argument '<runs> ...'"),
                (["bench", "--steps", "many"], "The value 'many' is invalid for '--steps <steps>'"),
                (["bench", "--steps", "0"], "--steps must be at least 1"), (["bench", "--minibatch", "0"], "--minibatch must be at least 1"),
                (["bench", "--network", "--kernels"], "--network times no training step, so it goes with --json alone"),
                (["synthesize", "baggage", "--out", "x", "--normals", "0"], "--normals, --test-normals and --threats must be at least 1"),
                (
                    [
                        "import", "idx", "--images", "a", "--labels", "b", "--test-images", "c", "--test-labels", "d", "--abnormal", "2",
                        "--out", "x", "--train-abnormal=-1",
                    ], "--train-abnormal must be at least 0"
                ),
                (["synthesize", "baggage", "--out", "x", "--seed", "-1"], "Missing value for '--seed <seed>'"),
            ] {
                let job = try vigil(arguments), lines = job.errors.split(separator: "\n")
                #expect(job.code == 64 && job.output == "" && lines.first { $0.hasPrefix("Error: ") } == "Error: \(message)", "\(job.errors)")
            }
        }

        @Test func ofTheCommands() throws {
            let out = place.fresh("out")
            let idx = [
                "import", "idx", "--images", "a", "--labels", "b", "--test-images", "c", "--test-labels", "d", "--abnormal", "2", "--out", out,
            ]
            for (arguments, code, message) in [
                (idx + ["--size", "32"], 64, "--size is \"32\"; give height and width in pixels, as 32x32"),
                (idx + ["--size", "32x32x"], 64, "--size is \"32x32x\"; give height and width in pixels, as 32x32"),
                (idx, 66, "a cannot be read: No such file or directory"),
                (
                    ["synthesize", "baggage", "--out", out, "--channels", "2"], 64,
                    "synthesize baggage: patches of 2 channels cannot be made; choose 1 (gray) or 3 (pseudo-color)"
                ),
                (
                    ["evaluate", place.set, "--until", "soon"], 64,
                    "--until is \"soon\"; it must be minutes from the start (90), a time of day (21:30) or a date with its zone (2026-11-22T21:30:00Z)"
                ),
                (
                    ["evaluate", place.set, "--split", "x"], 66,
                    "\(place.set) is no run: it has no recipe.yaml; give the folder that `vigil train --out` made"
                ),
            ] as [([String], Int32, String)] {
                let job = try vigil(arguments)
                #expect(job.code == code && job.output == "" && job.errors == "vigil: \(message)\n", "\(job.errors)")
                #expect(!FileManager.default.fileExists(atPath: out))
            }
        }
    }
}
