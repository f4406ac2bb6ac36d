import Foundation
import Testing

@testable import Training

extension EndToEnd {
    /// Training that comes to a value that is not finite ends on all ranks alike, says where it came from, and saves nothing of it.
    @Suite struct ValuesThatAreNotFinite {
        private let place = Workspace.shared

        /// A run of 5 steps whose checkpoint then gets the largest finite number as the first of a variable.
        private func poisoned(_ variable: String) throws -> Run {
            let run = Run(path: place.fresh("poisoned"))
            try #require(try vigil(training(run.path, "epochs=1", "run.checkpoint.keep=1")).code == 0)
            try run.poison(variable)
            return run
        }

        /// Goes on with copies of a run on one rank and on three, and returns what was said, which is the same but for the rank; the
        /// checkpoint before stays the last.
        private func words(of run: Run, _ overrides: String...) throws -> String {
            var said: Set<String> = []
            for ranks in [nil, 3] {
                let copy = Run(path: place.fresh("copy"))
                try FileManager.default.copyItem(atPath: run.path, toPath: copy.path)
                let job = try vigil(training(copy.path, "epochs=3") + overrides.flatMap { ["--set", $0] }, ranks: ranks)
                #expect(job.code == 65, "\(job.errors)")
                let rank = job.complaints.firstMatch(of: #/ on rank \d/#)
                #expect((rank == nil) == (ranks == nil))
                said.insert(job.complaints.replacing(#/ on rank \d/#, with: ""))
                #expect(try copy.checkpoints == ["step-00000005"] && copy.leftovers.isEmpty && copy.digest() == run.digest())
            }
            #expect(said.count == 1, "\(said)")
            return said.first!
        }
        private let end = "; the last checkpoint stays, and another run with a lower learning rate may go further"

        /// Sums of what the weight makes overflow: the losses of the next step show it.
        @Test func inAForwardPass() throws {
            let said = try words(of: poisoned("encoder.0.weight"))
            let pattern =
                #/vigil: \w+ is nan in step 6 of training; the first value that was not finite was a value of [\d×]+ \([a-zA-Z ]+\), computed from encoder\.\d\.\w+ \((inf|nan)\) for sample \d+ of split train in step 6/#
            #expect(try pattern.prefixMatch(in: said) != nil && said.hasSuffix(end), "\(said)")
        }

        /// A moment that makes its weight very large: batch norm keeps the losses finite, but not its running variance, which the comparison
        /// after the step finds.
        @Test func whileLossesStayFinite() throws {
            let moment = try #require(
                Safetensors(Data(contentsOf: poisoned("encoder.0.weight").state), name: "state").tensors.keys
                    .first { $0.hasPrefix("optimizer/") && $0.contains("/first/") && $0.hasSuffix("encoder.0.weight") })
            let said = try words(of: poisoned(moment), "run.agree=1")
            let pattern =
                #/vigil: [\w.]+\.variance is not finite in step ([67]) of training; the first value that was not finite was a value of [\d×]+ \([a-zA-Z ]+\), computed from \w*encoder\.\d\.\w+ \((inf|nan)\) for sample \d+ of split train in step \1/#
            #expect(try pattern.prefixMatch(in: said) != nil && said.hasSuffix(end), "\(said)")
        }
    }
}

extension Run {
    /// Gives the newest checkpoint the largest finite number as the first of a variable.
    func poison(_ variable: String) throws {
        let old = try digest(), whole = try Safetensors(Data(contentsOf: state), name: "state")
        var tensors = whole.tensors
        let tensor = try #require(tensors[variable])
        let bytes = withUnsafeBytes(of: Float.greatestFiniteMagnitude) { Data($0) } + tensor.bytes.dropFirst(4)
        tensors[variable] = Safetensors.Tensor(type: tensor.type, shape: tensor.shape, bytes: bytes)
        try Safetensors(metadata: whole.metadata, tensors: tensors).encoded().write(to: state)
        let record = URL(fileURLWithPath: path + "/checkpoints/latest/run.json"), text = try String(contentsOf: record, encoding: .utf8)
        try Data(text.replacingOccurrences(of: old, with: digest()).utf8).write(to: record)
    }
}
