import Foundation
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

        /// TensorBoard's own reader has the log's numbers and histograms of the variables; a job that goes on adds a file. Needs the package
        /// tensorboard, on the PATH or in ~/.cache/vigil/tensorboard.
        @Test func tensorBoard() throws {
            let run = Run(path: place.fresh("events"))
            for until in [["--set", "run.until=0.001"], []] {
                let job = try vigil(training(run.path, "epochs=2") + ["--tensorboard"] + until, ranks: 2)
                try #require([0, 75].contains(job.code), "\(job.errors)")
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: run.path + "/tensorboard")
            #expect(files.count == 2 && files.allSatisfy { $0.hasPrefix("events.out.tfevents.") })
            func status(_ python: String, _ arguments: String...) throws -> (code: Int32, output: String) {
                let process = Process(), pipe = Pipe()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                (process.arguments, process.standardOutput, process.standardError) = ([python] + arguments, pipe, FileHandle.nullDevice)
                try process.run()
                let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                return (process.terminationStatus, output)
            }
            let known = ["python3", NSHomeDirectory() + "/.cache/vigil/tensorboard/bin/python3"]
            guard let python = try known.first(where: { try status($0, "-c", "import tensorboard").code == 0 }) else {
                print("not run: no python3 imports tensorboard, whose reader is to read the events")
                return
            }
            let result = try status(python, "-c", reader, run.path + "/tensorboard")
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
        }
    }
}

private let reader = """
    import json, sys
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    json.dump({
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {
            tag: [[e.step, e.histogram_value.num, e.histogram_value.min, e.histogram_value.max, sum(e.histogram_value.bucket)]
                  for e in events.Histograms(tag)] for tag in tags["histograms"]},
    }, sys.stdout)
    """
