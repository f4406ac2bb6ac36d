import Foundation
import Testing

extension EndToEnd {
    /// `vigil export`.
    @Suite struct Exports {
        private let place = Workspace.shared

        private func trained() throws -> Run {
            let run = Run(path: place.fresh("run"))
            try #require(try vigil(training(run.path, "epochs=2")).code == 0)
            return run
        }

        /// The same bytes from any number of ranks; no optimizer's state.
        @Test func weights() throws {
            let run = try trained(), file = place.fresh("weights") + ".safetensors", other = place.fresh("weights") + ".safetensors"
            let job = try vigil(["export", run.path, "--safetensors", file])
            #expect(job.code == 0 && job.output.contains(" tensors, ") && job.errors == "", "\(job.errors)")
            #expect(try vigil(["export", run.path, "--safetensors", other], ranks: 2).code == 0)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == bytes)
            let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try #require(try JSONSerialization.jsonObject(with: bytes.dropFirst(8).prefix(length)) as? [String: Any])
            #expect(header["encoder.0.weight"] != nil && header.keys.allSatisfy { !$0.hasPrefix("optimizer/") })
            let metadata = try #require(header["__metadata__"] as? [String: String])
            #expect(metadata["detector"] == "ganomaly" && metadata["shape"] == "[16,16,1]" && metadata["offset"] == "-1.0")
            let missing = try vigil(["export", run.path, "--safetensors", place.fresh("none") + "/file"])
            #expect(missing.code == 73 && missing.complaints.contains(" cannot be written: "), "\(missing.errors)")
        }

        /// A program of its own rebuilds GANomaly from the weights, and gets our scores. PyTorch is not small: cluster/test has it where
        /// VIGIL_TORCH says so.
        @Test func rebuiltInPyTorch() throws {
            guard try pythonImports("torch, safetensors, h5py", requirement: "VIGIL_REQUIRE_TORCH") else { return }
            let run = try trained(), file = place.fresh("weights") + ".safetensors", out = place.fresh("scores")
            try #require(try vigil(["export", run.path, "--safetensors", file]).code == 0)
            try #require(try vigil(["score", run.path, "--input", place.set, "--out", out, "--overlays", "0"]).code == 0)
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Goldens/rebuild_ganomaly.py"
            let result = try output(of: "python3", [script, file, place.set + "/test-00000.h5", out + "/scores.h5"])
            #expect(result.code == 0 && result.output.hasPrefix("124 scores, largest difference "), "\(result.output)")
            print(result.output, terminator: "")
        }
    }
}
