import Datasets
import Foundation
import HDF5
import Testing
import Training

extension EndToEnd {
    /// What `vigil evaluate` says beyond rank statistics: thresholds, groups, tests between scores.
    @Suite struct OperatingPoints {
        private let place = Workspace.shared

        private func trained(_ detector: String, on set: String? = nil, _ overrides: String...) throws -> Run {
            let run = Run(path: place.fresh(detector))
            let job = try vigil(
                ["train", "--detector", detector, "--data", set ?? place.set, "--out", run.path] + overrides.flatMap { ["--set", $0] })
            try #require(job.code == 0, "\(job.errors)")
            return run
        }

        private func evaluated(_ arguments: String..., ranks: Int? = nil) throws -> [String: Any] {
            let job = try vigil(["evaluate", "--json"] + arguments, ranks: ranks)
            try #require(job.code == 0 && job.errors == "", "\(job.errors)")
            return try #require(try JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any])
        }

        /// What a score's object holds for a threshold.
        private func threshold(_ rule: String, of score: String, in object: [String: Any]) throws -> [String: Double]? {
            let scores = try #require(object["scores"] as? [String: [String: Any]]), own = try #require(scores[score])
            return (own["thresholds"] as? [String: Any])?[rule] as? [String: Double]
        }

        private func values<Element: HDF5Element>(_ name: String, of run: Run, _ split: String, as type: Element.Type) throws -> [Element] {
            let dataset = try Dataset.open(name, in: try File.open(run.path + "/scores/\(split).h5"))
            return try dataset.read(type, rows: 0 ..< dataset.shape[0])
        }

        /// The threshold is just above the asked quantile of the scores of those normals that training left out, and no others.
        @Test func heldOutNormals() throws {
            let run = try trained("mean-pixel", "heldOut=0.2")
            let object = try evaluated(run.path)
            let split = try SampleSet(at: URL(fileURLWithPath: place.set)).split("train"), heldOut = split.heldOut(fraction: 0.2, seed: 0)
            #expect(heldOut.count == object["held_out_normals"] as? Int && run.log("start").first?["held_out"] as? Int == heldOut.count)
            #expect(object["held_out_absence"] is NSNull && heldOut.count > 30)

            // without an anomaly a split has no metrics, but its scores are kept
            #expect(try vigil(["evaluate", run.path, "--split", "train"], ranks: 2).code == 65)
            let normals = try values("distance", of: run, "train", as: Double.self)
            #expect(normals.count == 320)
            let sorted = heldOut.map { normals[$0] }.sorted(), quantile = sorted[(95 * sorted.count + 99) / 100 - 1].nextUp
            let point = try #require(try threshold("held_out_95_percent", of: "distance", in: object))
            // as text, since JSONSerialization reads the last digit wrongly
            #expect(try vigil(["evaluate", "--json", run.path]).output.contains("\"threshold\" : \(quantile)\n"))

            let scores = try values("distance", of: run, "test", as: Double.self), labels = try values("labels", of: run, "test", as: Int32.self)
            #expect(try values("numbers", of: run, "test", as: Int64.self) == Array(0 ..< 124))
            let alarms = zip(scores, labels).filter { $0.0 >= quantile }, detected = alarms.count { $0.1 != 0 }
            #expect(point["detected"] == Double(detected) && point["false_alarms"] == Double(alarms.count - detected))
            #expect(point["recall"] == Double(detected) / 60 && point["false_alarm_rate"] == Double(alarms.count - detected) / 64)
            let minMax = try #require(try threshold("min_max_20_percent", of: "distance", in: object)?["threshold"])
            #expect(abs(minMax - (scores.min()! + 0.2 * (scores.max()! - scores.min()!))) < 1e-12)
            let text = try vigil(["evaluate", run.path]).output
            #expect(text.contains("mean-pixel distance, held-out normals' 0.95 quantile  "))
            #expect(text.contains("mean-pixel distance, min-max normalized 0.2  ") && !text.contains("no threshold"))
        }

        /// Benchmarks of tables call as many of the highest scores anomalous as there are anomalies.
        @Test func topShare() throws {
            let run = try trained("mean-pixel", "heldOut=0"), share = 60.0 / 124
            for ranks in [nil, 3] {
                let point = try #require(try threshold("top_share", of: "distance", in: evaluated(run.path, "--top", "\(share)", ranks: ranks)))
                let sorted = zip(
                    try values("distance", of: run, "test", as: Double.self), try values("labels", of: run, "test", as: Int32.self)
                ).sorted { $0.0 > $1.0 }
                try #require(sorted[59].0 > sorted[60].0)
                let detected = Double(sorted[..<60].count { $0.1 != 0 })
                #expect(point["detected"] == detected && point["false_alarms"] == 60 - detected)
                #expect(point["f1"] == point["recall"])
            }
            #expect(try threshold("top_share", of: "distance", in: evaluated(run.path)) == nil)
            for share in ["0", "1", "20"] {
                let job = try vigil(["evaluate", "--top", share, run.path])
                #expect(job.code == 64 && job.errors.contains("it must be a share above 0 and below 1, as 0.2"))
            }
        }

        @Test func noneHeldOut() throws {
            let run = try trained("mean-pixel", "heldOut=0"), reason = "the run kept no normals out of training (heldOut: 0)"
            for ranks in [nil, 2] {
                let object = try evaluated(run.path, ranks: ranks)
                #expect(object["held_out_normals"] as? Int == 0 && object["held_out_absence"] as? String == reason)
                #expect(try threshold("held_out_95_percent", of: "distance", in: object) == nil)
                #expect(try threshold("min_max_20_percent", of: "distance", in: object) != nil)
            }
            #expect(try vigil(["evaluate", run.path]).output.contains("\n\(run.path): no threshold from held-out normals: \(reason)\n"))
        }

        /// On another set the thresholds are those of the set that the run was trained on, as long as it is there.
        @Test func onAnotherSet() throws {
            let own = place.fresh("own"), run = Run(path: place.fresh("run")), other = place.fresh("other")
            try FileManager.default.copyItem(atPath: place.set, toPath: own)
            try #require(try vigil(["train", "--detector", "mean-pixel", "--data", own, "--out", run.path]).code == 0)
            try #require(
                try vigil(["synthesize", "baggage", "--out", other, "--side", "16", "--normals", "40", "--threats", "9", "--seed", "3"]).code == 0)
            func heldOutThreshold(_ object: [String: Any]) throws -> Double? {
                try threshold("held_out_95_percent", of: "distance", in: object)?["threshold"]
            }
            let wanted = try #require(try heldOutThreshold(evaluated(run.path)))
            for ranks in [nil, 3] { #expect(try heldOutThreshold(evaluated(run.path, "--data", other, ranks: ranks)) == wanted) }

            try FileManager.default.removeItem(atPath: own)
            for ranks in [nil, 3] {
                let object = try evaluated(run.path, "--data", other, ranks: ranks)
                #expect(try heldOutThreshold(object) == nil)
                #expect(object["held_out_absence"] as? String == "the set that the run was trained on is not at \(own)")
            }
            // moved, not gone
            #expect(try heldOutThreshold(evaluated(run.path, "--data", place.set)) == wanted)
        }

        /// A set whose samples have another shape: one sentence, before anything is scored.
        @Test func ofAnotherShape() throws {
            let run = try trained("pca"), other = place.fresh("other")
            try #require(try vigil(["synthesize", "baggage", "--out", other, "--side", "32", "--normals", "40", "--threats", "9"]).code == 0)
            for (command, ranks) in [("evaluate", nil), ("evaluate", 2), ("report", nil)] as [(String, Int?)] {
                let job = try vigil([command, run.path, "--data", other], ranks: ranks)
                let sentence = "baggage-32 has samples of 32×32×1, expected 16×16×1 as trained on; import it so, or name a transform that fits both"
                #expect(job.code == 64 && job.errors == "vigil: \(sentence)\n", "\(command): \(job.errors)")
            }
        }

        /// A set of scans: intervals by a bootstrap over them, a row for each, the same on any ranks; and none is held out in part.
        @Test func groups() throws {
            let set = place.fresh("scans")
            try Self.makeScans(at: set)
            let run = try trained("mean-pixel", on: set, "heldOut=0.3"), object = try evaluated(run.path)
            for ranks in [1, 2, 3] { #expect(NSDictionary(dictionary: try evaluated(run.path, ranks: ranks)).isEqual(to: object)) }
            #expect(object["interval_method"] as? String == "group_bootstrap")
            let heldOut = try #require(object["held_out_normals"] as? Int)
            #expect(heldOut > 0 && heldOut % 8 == 0, "whole scans of 8 samples")

            let score = try #require((object["scores"] as? [String: [String: Any]])?["distance"])
            let rows = try #require(score["groups"] as? [String: [String: Any]])
            #expect(Set(rows.keys) == Set((100 ..< 110).map(String.init)))
            #expect(rows.values.allSatisfy { $0["normals"] as? Int == 4 && $0["anomalies"] as? Int == 2 && $0["auroc_within"] is Double })
            let point = try #require(try threshold("held_out_95_percent", of: "distance", in: object))
            for key in ["detected", "false_alarms"] {
                #expect(rows.values.reduce(0) { $0 + ($1[key] as? Double ?? .nan) } == point[key])
            }
            #expect(try values("groups", of: run, "test", as: Int64.self) == (0 ..< 60).map { 100 + Int64($0 / 6) })
            let text = try vigil(["evaluate", run.path], ranks: 2).output
            let other = try trained("mean-pixel"), both = try vigil(["evaluate", run.path, other.path])
            #expect(both.output.contains("\n\(other.path) is not tested against \(run.path), which was evaluated on other samples\n"))
            #expect(
                text.contains("by bootstrap over 10 groups)\n") && text.contains("\nmean-pixel distance:\ngroup  normals  anomalies  AUROC within  "))
        }

        /// 40 training scans of 8 normals, and 10 of 4 normals and a brighter and a slightly brighter anomaly to test on; 8×8 samples.
        static func makeScans(at path: String) throws {
            let description = SetDescription(
                name: "scans", shape: [8, 8, 1], type: .u8, range: 0 ... 255, meaning: "made", classes: ["empty", "full", "half"],
                normalClasses: ["empty"], provenance: [:])
            let writer = try SetWriter(at: URL(fileURLWithPath: path), description: description)
            func samples(_ range: Range<Int>, scan: Int, anomalies: Int, firstScan: Int) -> Samples {
                let labels = range.map { $0 % scan < anomalies ? Int32($0 % scan + 1) : 0 }
                let values = zip(range, labels).flatMap { number, label -> [UInt8] in
                    (0 ..< 64).map { place in UInt8((number * 37 + place * (number % 11 + 3)) % 90 + number / scan * 3 + [0, 40, 20][Int(label)]) }
                }
                return Samples(values: .u8(values), labels: labels, groups: range.map { Int64(firstScan + $0 / scan) })
            }
            var records = try writer.write(split: "train", count: 320) { samples($0, scan: 8, anomalies: 0, firstScan: 0) }
            records += try writer.write(split: "test", count: 60) { samples($0, scan: 6, anomalies: 2, firstScan: 100) }
            _ = try writer.finish(records: records)
        }

        /// The default score against the other one, and of several runs the first against each.
        @Test func pairedTests() throws {
            let runs = [try trained("mean-pixel"), try trained("pca")], paths = runs.map(\.path)
            let object = try evaluated(paths[0], paths[1], ranks: 2)
            let test = try #require((object[paths[1]] as? [String: Any])?["against_first"] as? [String: Any])
            #expect((object[paths[0]] as? [String: Any])?["against_first"] == nil)
            #expect(test["first"] as? String == paths[0] && test["second"] as? String == paths[1])
            let difference = try #require(test["difference"] as? Double), interval = try #require(test["interval"] as? [Double])
            let aurocs = try zip(paths, ["distance", "reconstruction"]).map { path, score in
                let scores = try #require((object[path] as? [String: Any])?["scores"] as? [String: [String: Any]])
                return try #require(scores[score]?["auroc"] as? Double)
            }
            #expect(abs(difference - (aurocs[0] - aurocs[1])) < 1e-12 && interval[0] <= difference && difference <= interval[1])
            #expect((0 ... 1).contains(try #require(test["p_value"] as? Double)))
            let line = String(
                format: "\nAUROC of %@ minus that of %@: %.4f (95 %% interval %.4f to %.4f), p = ", paths[0], paths[1], difference, interval[0],
                interval[1])
            #expect(try vigil(["evaluate"] + paths).output.contains(line))
        }
    }
}
