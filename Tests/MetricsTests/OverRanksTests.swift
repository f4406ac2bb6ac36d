import Foundation
import Metrics
import Ranks
import Testing

/// The same bits on one to four ranks: `rank-probe metrics` compares several placings of the samples and all ranks with each other;
/// its text is compared here with what this process finds alone.
@Suite(.serialized, .timeLimit(.minutes(3))) struct OverRanks {
    @Test(arguments: 1 ... 4) func values(ranks: Int) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func line(_ name: String, _ result: some Encodable) throws -> String {
            "\(name): " + String(decoding: try encoder.encode(result), as: UTF8.self)
        }
        let evaluations = try Goldens.all.cases.flatMap { golden in
            let rules = [
                try Threshold.minMax(of: golden.scores, over: .alone()), try Threshold.above(quantile: 0.7, of: golden.scores, over: .alone()),
            ]
            let points = try rules.map {
                try ThresholdMetrics(of: golden.local, score: "score", threshold: $0!, classes: goldenClasses, over: .alone())
            }
            let evaluation = try Evaluation(of: golden.local, classes: goldenClasses, defaultScore: "score", over: .alone())
            let curve = try CurvePoints(
                of: golden.local, score: "score", classes: goldenClasses, count: 7, perMille: [0, 1, 10, 250, 1000], over: .alone())
            let counts = curve.byMisses.flatMap { [$0.detected, $0.falseAlarms] } + curve.byFalseAlarms.map(\.detected)
            return [try line(golden.name, evaluation), try line(golden.name, points), try line(golden.name, counts)]
        }
        let tests = try Goldens.all.paired.map { golden in
            try line(golden.name, PairedTest(of: golden.local, first: "first", second: "second", classes: goldenClasses, over: .alone()))
        }
        let grouped = try Goldens.all.grouped.map { golden in
            let half = golden.first.count / 2
            let columns = [ScoreColumn("first", Array(golden.first[..<half])), ScoreColumn("second", Array(golden.second[..<half]))]
            let normals = LocalScores(numbers: Array(0 ..< half), classes: Array(repeating: 0, count: half), columns: columns)
            return try line(
                golden.name, Evaluation(of: golden.local, heldOut: normals, classes: goldenClasses, defaultScore: "first", over: .alone()))
        }
        let expected = evaluations + tests + grouped
        let found = try probe(["values", Goldens.file.path()], ranks: ranks)
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(found == expected) }
    }

    /// One sample, or two on different ranks, are wrong; every rank throws the same error, and the ranks go on together.
    @Test(arguments: 1 ... 4) func errors(ranks: Int) throws {
        let expected: [MetricsError] = [
            .countedTwice(sample: 0, times: 2), .notFinite(sample: 12, score: "score", value: -.infinity),
            .unknownClass(sample: 21, found: 9, classes: 4), .noAnomalies(samples: 40), .noNormals(samples: 40),
        ]
        let placings = 5
        #expect(try probe(["errors"], ranks: ranks) == expected.flatMap { Array(repeating: $0.description, count: placings) })
    }

    /// Two million scores, many of them equal, agree with a sort on one rank; no rank of four holds more than its part of them. Fifty million:
    /// `cluster/scores`.
    @Test func manyScores() throws {
        let alone = try probe(["scale", "2000000", "100000"], ranks: 1), four = try probe(["scale", "2000000", "100000"], ranks: 4)
        #expect(alone.count == 2 && four.count == 5 && alone[1].contains("\"auroc\":0.8") && four[4] == alone[1])
        // all samples on every rank would be 24 bytes each more, and their runs 16 each, with what is on the way several times
        for line in four.dropLast() {
            let numbers = try #require(line.firstMatch(of: /(\d+) MiB before, (\d+) MiB after/))
            let (before, after) = (try #require(Int(numbers.1)), try #require(Int(numbers.2)))
            #expect(after - before < 120, "\(line)")
        }
    }

    /// The lines that rank 0 prints.
    private func probe(_ arguments: [String], ranks: Int) throws -> [String] {
        let program = try #require(Bundle.main.executableURL).deletingLastPathComponent().appending(path: "rank-probe")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let launcher = FileManager.default.fileExists(atPath: "/usr/bin/mpirun.openmpi") ? "mpirun.openmpi" : "mpirun"
        process.arguments = [launcher, "-n", String(ranks), program.path(), "metrics"] + arguments
        // More ranks than cores, in a container too; settings that another MPI ignores.
        let settings = [
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_mpi_yield_when_idle": "1",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return text.split(separator: "\n").map(String.init)
    }
}
