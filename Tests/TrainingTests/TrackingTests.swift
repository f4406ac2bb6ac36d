import Datasets
import Foundation
import HDF5
import Testing

@testable import Training

/// Values from RFC 3720, B.4.
@Suite struct EventEncoding {
    @Test func checksums() {
        #expect(crc32c(of: Data(count: 32)) == 0x8A91_36AA)
        #expect(crc32c(of: Data(repeating: 255, count: 32)) == 0x62A8_AB43)
        #expect(crc32c(of: Data(0 ..< 32)) == 0x46DD_794E)
        #expect(crc32c(of: Data((0 ..< 32).reversed())) == 0x113F_DB5C)
        #expect(crc32c(of: Data("123456789".utf8)) == 0xE306_9283)
        #expect(crc32c(of: Data()) == 0)
    }

    @Test func records() {
        let record = framed(Data([7, 8, 9]))
        #expect(record.count == 8 + 4 + 3 + 4 && record.prefix(8) == Data([3, 0, 0, 0, 0, 0, 0, 0]) && record[12 ..< 15] == Data([7, 8, 9]))
        // the mask is undone by a reader
        func unmasked(_ bytes: Data) -> UInt32 {
            let masked = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } &- 0xA282_EAD8
            return masked >> 17 | masked << 15
        }
        #expect(unmasked(record[8 ..< 12]) == crc32c(of: record.prefix(8)) && unmasked(record[15 ..< 19]) == crc32c(of: Data([7, 8, 9])))
    }
}

extension EndToEnd {
    /// What a run leaves for other programs to follow it with.
    @Suite struct Tracking {
        private let place = Workspace.shared

        /// As the log's text has them: JSONSerialization reads some one bit beside.
        private func numbers(in run: Run) throws -> [String] {
            let lines = try String(contentsOfFile: run.path + "/log.jsonl", encoding: .utf8).split(separator: "\n")
            return lines.filter { $0.contains(#""event":"step""#) }.flatMap { line in
                let pairs = line.matches(of: #/"(\w+)":(-?[\d.][\d.e+-]*)/#).map { (String($0.1), Double($0.2)!) }
                let values = Dictionary(uniqueKeysWithValues: pairs), stage = line.firstMatch(of: #/"stage":"(\w+)"/#)!.1
                return pairs.filter { !["step", "epoch"].contains($0.0) }.sorted { $0.0 < $1.0 }.map { name, value in
                    "\(stage),\(values["epoch"]!),\(Int(values["step"]!)),\(name),\(value)"
                }
            }
        }

        /// Every number of the log is in the table; steps that were made again stand there once.
        @Test func metrics() throws {
            let run = Run(path: place.fresh("metrics"))
            for until in [["run.until=0.001"], []] {
                let job = try vigil(training(run.path, "epochs=2") + until.flatMap { ["--set", $0] }, ranks: 2)
                try #require([0, 75].contains(job.code), "\(job.errors)")
                let lines = try String(contentsOfFile: run.path + "/metrics.csv", encoding: .utf8).split(separator: "\n").map(String.init)
                let logged = try numbers(in: run)
                #expect(lines[0] == "stage,epoch,step,name,value" && Array(lines.dropFirst()) == logged && !logged.isEmpty)
            }
            let log = [
                #"{"epoch":0.5,"event":"step","loss":2,"stage":"gan","step":1}"#, #"{"epoch":1,"event":"step","loss":3,"stage":"gan","step":2}"#,
                #"{"event":"resume","step":1}"#, #"{"epoch":1,"event":"step","loss":2.5,"stage":"gan","step":2}"#,
                #"{"epoch":1,"event":"step","loss":0.25,"stage":"encoder","step":1}"#, #"{"epoch":2,"event":"st"#,
            ]
            let text = MetricsFile.text(ofLog: log.joined(separator: "\n"))
            #expect(text == "stage,epoch,step,name,value\ngan,0.5,1,loss,2.0\ngan,1.0,2,loss,2.5\nencoder,1.0,1,loss,0.25\n")
        }

        /// TensorBoard's own reader has the log's numbers and histograms of the variables; a job that goes on adds a file.
        @Test func tensorBoard() throws {
            let run = Run(path: place.fresh("events"))
            for until in [["--set", "run.until=0.001"], []] {
                let job = try vigil(training(run.path, "epochs=2") + ["--tensorboard"] + until, ranks: 2)
                try #require([0, 75].contains(job.code), "\(job.errors)")
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: run.path + "/tensorboard")
            #expect(files.count == 2 && files.allSatisfy { $0.hasPrefix("events.out.tfevents.") })
            guard try pythonImports("tensorboard, PIL") else { return }
            let result = try output(of: "python3", ["-c", reader, run.path + "/tensorboard"], errors: false)
            try #require(result.code == 0)
            let found = try JSONDecoder().decode([String: [String: [[Double]]]].self, from: Data(result.output.utf8))
            let scalars = try #require(found["scalars"]), histograms = try #require(found["histograms"])
            let steps = run.log("step")
            #expect(steps.count == 10 && !scalars.isEmpty)
            for name in ["contextual", "encoder", "samples_per_second"] where steps[0][name] != nil {
                let logged = steps.map { [Double($0["step"] as! Int), Double(Float($0[name] as! Double))] }
                #expect(scalars["training/\(name)"] == logged, "\(name)")
            }
            #expect(scalars.keys.allSatisfy { $0.hasPrefix("training/") } && scalars.count >= 5)
            // [step, count, smallest, largest, the buckets' sum] at each checkpoint after the start
            let weights = try #require(histograms["encoder.0.weight"]), state = try Safetensors(Data(contentsOf: run.state), name: "state")
            let tensor = try #require(state.tensors["encoder.0.weight"])
            let values = tensor.bytes.withUnsafeBytes { raw in (0 ..< raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            let last = try #require(weights.last)
            #expect(last == [10, Double(values.count), Double(values.min()!), Double(values.max()!), Double(values.count)])

            func events(of run: Run, _ part: String = "") throws -> Events {
                let result = try output(of: "python3", ["-c", reader, run.path + "/tensorboard" + part], errors: false)
                try #require(result.code == 0)
                return try JSONDecoder().decode(Events.self, from: Data(result.output.utf8))
            }
            let trained = try picturesOfHeldOutNormals(events)
            try evaluation(of: trained, events)
            try withoutPictures(events)
        }

        /// By kind of event and name.
        private typealias Events = [String: [String: [[Double]]]]

        /// At both checkpoints, input, reconstruction and map of the first four held-out normals; the trained bytes are those without events.
        private func picturesOfHeldOutNormals(_ events: (Run, String) throws -> Events) throws -> Run {
            let run = Run(path: place.fresh("pictured")), plain = Run(path: place.fresh("plain"))
            for (run, more) in [(run, ["--tensorboard"]), (plain, [])] {
                let job = try vigil(training(run.path, "epochs=2", "heldOut=0.05") + more, ranks: 2)
                try #require(job.code == 0, "\(job.errors)")
            }
            #expect(try run.digest() == plain.digest())
            let split = try SampleSet(at: URL(fileURLWithPath: place.set)).split("train"), images = try #require(try events(run, "")["images"])
            let samples = split.heldOut(fraction: 0.05, seed: 0).prefix(4)
            #expect(images.keys.sorted() == samples.map { "held-out/\($0)" }.sorted() && samples.count == 4)
            for sample in samples {
                guard case .u8(let stored) = try SplitReader(split).values(sample ..< sample + 1) else { return run }
                let found = try #require(images["held-out/\(sample)"])
                #expect(found.map { Array($0.prefix(3)) } == [[4, 16, 50], [8, 16, 50]], "step, height, three widths and the gaps")
                for pixels in found.map({ Array($0.dropFirst(3)) }) {
                    let input = (0 ..< 16).flatMap { row in pixels[50 * row ..< 50 * row + 16] }
                    #expect(input == stored.map(Double.init), "the sample itself stands at the left")
                }
                #expect(found[0] != found[1], "what is made of it changes in training")
            }
            return run
        }

        /// The curves have the numbers of the evaluation, counted here from its scores one threshold after the other.
        private func evaluation(of run: Run, _ events: (Run, String) throws -> Events) throws {
            let job = try vigil(["evaluate", run.path, "--json"], ranks: 2)
            try #require(job.code == 0, "\(job.errors)")
            let figures = try #require(try JSONSerialization.jsonObject(with: Data(job.output.utf8)) as? [String: Any])
            let name = try #require(figures["default"] as? String), all = try #require((figures["scores"] as? [String: [String: Any]])?[name])
            let found = try events(run, "/evaluation"), scalars = try #require(found["scalars"])
            for figure in ["auroc", "average_precision"] {
                #expect(scalars["test/\(figure)"] == [[8, Double(Float(try #require(all[figure] as? Double)))]])
            }
            let roc = Dictionary(uniqueKeysWithValues: try #require(scalars["test/roc"]).map { ($0[0], $0[1]) })
            #expect(roc.count == 110 && roc[1000] == 1)
            for (rate, figure) in [(1.0, "tpr_at_fpr_1_permille"), (10, "tpr_at_fpr_1_percent")] {
                #expect(roc[rate] == Double(Float(try #require(all[figure] as? Double))))
            }

            let file = try File.open(run.path + "/scores/test.h5"), labels = try Dataset.open("labels", in: file).read(Int32.self, rows: 0 ..< 124)
            let scores = try Dataset.open(name, in: file).read(Double.self, rows: 0 ..< 124)
            let alarms = Set(scores).sorted(by: >).map { threshold in
                let raised = zip(scores, labels).filter { $0.0 >= threshold }
                return (detected: Double(raised.count { $0.1 != 0 }), false: Double(raised.count { $0.1 == 0 }))
            }
            for (rate, value) in roc {
                let detected = alarms.last { $0.false * 1000 <= 64 * rate }?.detected ?? 0
                #expect(value == Double(Float(detected / 60)), "\(rate) in a thousand")
            }
            let curve = try #require(found["curves"]?["test/precision-recall"])
            #expect(curve[0] == [8, 200] && curve.count == 7 && curve.allSatisfy { $0.count == 200 || $0.count == 2 })
            for place in 0 ..< 200 {
                let at = try #require(alarms.first { (60 - $0.detected) * 200 < 60 * Double(place + 1) })
                let rates = [at.detected / (at.detected + at.false), at.detected / 60].map { Double(Float($0)) }
                #expect(curve.dropFirst().map { $0[place] } == [at.detected, at.false, 64 - at.false, 60 - at.detected] + rates, "place \(place)")
            }
            let classes = try SampleSet(at: URL(fileURLWithPath: place.set)).manifest.classes.filter { $0.counts["test", default: 0] > 0 }
            let images = try #require(found["images"])
            #expect(images.keys.sorted() == classes.map { "test/\($0.name)" }.sorted() && images.values.allSatisfy { $0.map { $0[2] } == [50] })
        }

        /// Rows of a table and pixels of a scene have none; their curves are there.
        private func withoutPictures(_ events: (Run, String) throws -> Events) throws {
            let table = place.fresh("table"), scene = place.fresh("scene")
            let rows = (0 ..< 200).map { row in "\(row % 7),\(row % 11),\(row % 13),\(row % 5 == 0 ? "bad" : "ok")\n" }
            try Data(rows.joined().utf8).write(to: URL(fileURLWithPath: table + ".csv"))
            let makers = [
                ["import", "csv", table + ".csv", "--label", "3", "--normal", "ok", "--train-share", "0.5", "--out", table],
                ["synthesize", "scene", "--out", scene, "--rows", "24", "--columns", "20", "--bands", "12", "--targets", "5"],
            ]
            for (arguments, (detector, set)) in zip(makers, [("pca", table), ("rx", scene)]) {
                let made = try vigil(arguments), run = Run(path: place.fresh(detector))
                try #require(made.code == 0, "\(made.errors)")
                let trained = try vigil(["train", "--detector", detector, "--data", set, "--out", run.path, "--tensorboard"])
                try #require(trained.code == 0, "\(trained.errors)")
                let name = try #require(try SampleSet(at: URL(fileURLWithPath: set)).manifest.splits.last?.name)
                let job = try vigil(["evaluate", run.path, "--split", name])
                try #require(job.code == 0, "\(job.errors)")
                #expect(try events(run, "")["images"] == [:])
                let found = try events(run, "/evaluation")
                #expect(found["images"] == [:] && found["curves"]?.count == 1 && found["scalars"]?["\(name)/roc"]?.count == 110)
            }
        }
    }
}

private let reader = """
    import io, json, sys
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.pr_curve import metadata
    from tensorboard.util.tensor_util import make_ndarray
    events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()

    def picture(event):  # step, height, width, then red from the top left
        image = Image.open(io.BytesIO(event.encoded_image_string))
        assert (image.mode, image.width, image.height) == ("RGB", event.width, event.height)
        return [event.step, image.height, image.width, *image.getdata(band=0)]

    def curve(tag):  # step and the plug-in's count of places, then the rows
        [event], found = events.Tensors(tag), events.SummaryMetadata(tag)
        assert found.plugin_data.plugin_name == metadata.PLUGIN_NAME
        places = metadata.parse_plugin_metadata(found.plugin_data.content).num_thresholds
        return [[event.step, places]] + make_ndarray(event.tensor_proto).tolist()

    json.dump({
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {
            tag: [[e.step, e.histogram_value.num, e.histogram_value.min, e.histogram_value.max, sum(e.histogram_value.bucket)]
                  for e in events.Histograms(tag)] for tag in tags["histograms"]},
        "images": {tag: [picture(e) for e in events.Images(tag)] for tag in tags["images"]},
        "curves": {tag: curve(tag) for tag in tags["tensors"]},
    }, sys.stdout)
    """
