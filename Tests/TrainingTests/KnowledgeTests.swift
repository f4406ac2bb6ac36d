import Datasets
import Foundation
import Testing

extension EndToEnd {
    /// Groups and classes that nobody has labeled, as the program tells of them.
    @Suite struct Knowledge {
        private let place = Workspace.shared

        /// 40 samples in groups of 4, of the classes "sound", "unseen" (not labeled) and "flawed", in both splits.
        private func makeSet(at path: String) throws -> String {
            let description = SetDescription(
                name: "parts", shape: [2], type: .f32, range: 0 ... 40, meaning: "number", classes: ["sound", "unseen", "flawed"],
                normalClasses: ["sound", "unseen"], unlabeledClasses: ["unseen"], provenance: [:])
            let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description)
            let records = try ["train", "test"].flatMap { split in
                try writer.write(split: split, count: 40) { range in
                    Samples(
                        values: .f32(range.flatMap { [Float($0), Float(40 - $0)] }), labels: range.map { Int32($0 % 3) },
                        groups: split == "train" ? range.map { Int64($0 / 4) } : nil)
                }
            }
            return String(try writer.finish(records: records).fingerprint.prefix(16))
        }

        @Test func inspectionAndEvaluation() throws {
            let set = place.fresh("parts"), run = place.fresh("run"), fingerprint = try makeSet(at: set)
            let inspected = try vigil(["inspect", set])
            #expect(inspected.code == 0)
            #expect(
                inspected.output.hasPrefix(
                    """
                    \(set): parts, samples of 2 f32, fingerprint \(fingerprint)…
                      train: 40 samples in 1 shards, with groups: sound 14 (normal), unseen 13 (not labeled), flawed 13
                      test: 40 samples in 1 shards: sound 14 (normal), unseen 13 (not labeled), flawed 13

                    """))
            let trained = try vigil(["train", "--detector", "mean-pixel", "--data", set, "--out", run, "--set", "heldOut=0.3"])
            try #require(trained.code == 0, "\(trained.errors)")
            // what is trained on: the normals, those not labeled among them, of the groups that are not held out
            let split = try SampleSet(at: URL(fileURLWithPath: set)).split("train"), held = split.heldOut(fraction: 0.3, seed: 0)
            let groups = Set(held.map { $0 / 4 }), expected = (0 ..< 40).filter { $0 % 3 != 2 && !groups.contains($0 / 4) }
            #expect(!held.isEmpty && Run(path: run).log("start").first?["training_samples"] as? Int == expected.count)
            let evaluated = try vigil(["evaluate", run])
            #expect(evaluated.code == 64)
            #expect(
                evaluated.errors
                    == "vigil: \(set): split test has 13 samples of class unseen, which is not labeled; evaluate a split that is\n")
        }
    }
}
