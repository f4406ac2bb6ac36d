import Foundation
import Metrics
import Ranks

/// Probes of `Metrics` on several ranks:
///
/// - `metrics values FILE` evaluates each case of Tests/Goldens/metrics.json, grouped ones too, and compares each pair of scores, under several placings
///   of the samples, all of which must give the same bits on all ranks; and prints a line of JSON per case.
/// - `metrics errors` prints the error that all ranks agree on for several faults.
/// - `metrics scale SAMPLES [LEVELS]` evaluates made scores (rounded to so many levels) and prints time and memory per rank, then the evaluation.
func probeMetrics(over group: RankGroup, _ arguments: [String]) throws -> Int32 {
    switch (arguments.first, arguments.dropFirst().first) {
    case ("values", let file?): try probeValues(of: file, over: group)
    case ("errors", nil): try probeErrors(over: group)
    case ("scale", let samples?): try probeScale(samples: Int(samples)!, levels: arguments.dropFirst(2).first.flatMap(Double.init), over: group)
    default:
        print("rank-probe metrics values FILE | errors | scale SAMPLES [LEVELS]")
        return 64
    }
    return 0
}

/// Which rank holds a sample.
private enum Placing: CaseIterable {
    case blocks, turns, scattered, lastHasAll, firstHasNone

    func rank(of sample: Int, samples: Int, ranks: Int) -> Int {
        switch self {
        case .blocks: sample * ranks / samples
        case .turns: sample % ranks
        case .scattered: Int(UInt32(truncatingIfNeeded: sample) &* 2_654_435_761 >> 16) % ranks
        case .lastHasAll: ranks - 1
        case .firstHasNone: ranks == 1 ? 0 : 1 + sample % (ranks - 1)
        }
    }
}

private let classes = [SampleClass("0", isNormal: true)] + (1 ... 3).map { SampleClass(String($0), isNormal: false) }

/// This rank's part of a split.
private func part(
    _ columns: [ScoreColumn], _ labels: [Int], numbers: [Int]? = nil, groups: [Int]? = nil, _ placing: Placing, of group: RankGroup
) -> LocalScores {
    let mine = labels.indices.filter { placing.rank(of: $0, samples: labels.count, ranks: group.count) == group.rank }
    let columns = columns.map { column in ScoreColumn(column.name, mine.map { column.values[$0] }) }
    return LocalScores(
        numbers: mine.map { numbers?[$0] ?? $0 }, classes: mine.map { labels[$0] }, columns: columns,
        groups: groups.map { groups in mine.map { groups[$0] } })
}

/// The evaluation of one score, of samples whose numbers are their places unless given.
private func evaluate(_ scores: [Double], _ labels: [Int], numbers: [Int]? = nil, _ placing: Placing, over group: RankGroup) throws -> Evaluation {
    let local = part([ScoreColumn("score", scores)], labels, numbers: numbers, placing, of: group)
    return try Evaluation(of: local, classes: classes, defaultScore: "score", over: group)
}

/// Prints a text that all ranks must have.
private func printAgreed(_ text: String, over group: RankGroup) throws {
    let texts = try group.allGather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    precondition(texts.allSatisfy { $0 == texts[0] }, "ranks differ: \(texts)")
    if group.rank == 0 { print(text) }
}

private func probeValues(of file: String, over group: RankGroup) throws {
    struct Goldens: Decodable {
        struct Case: Decodable {
            let name: String
            let scores: [Double]
            let classes: [Int]
        }
        struct Paired: Decodable {
            let name: String
            let first: [Double], second: [Double]
            let classes: [Int]
        }
        struct Grouped: Decodable {
            let name: String
            let first: [Double], second: [Double]
            let classes: [Int], groups: [Int]
        }
        let cases: [Case]
        let paired: [Paired]
        let grouped: [Grouped]
    }
    let goldens = try JSONDecoder().decode(Goldens.self, from: Data(contentsOf: URL(filePath: file)))
    for golden in goldens.cases {
        try printForAllPlacings(golden.name, over: group) { try evaluate(golden.scores, golden.classes, $0, over: group) }
        try printForAllPlacings(golden.name, over: group) { placing in
            let local = part([ScoreColumn("score", golden.scores)], golden.classes, placing, of: group)
            let rules = [
                try Threshold.minMax(of: local.columns[0].values, over: group),
                try Threshold.above(quantile: 0.7, of: local.columns[0].values, over: group),
            ]
            return try rules.map { try ThresholdMetrics(of: local, score: "score", threshold: $0!, classes: classes, over: group) }
        }
        try printForAllPlacings(golden.name, over: group) { placing in
            let local = part([ScoreColumn("score", golden.scores)], golden.classes, placing, of: group)
            let points = try CurvePoints(of: local, score: "score", classes: classes, count: 7, perMille: [0, 1, 10, 250, 1000], over: group)
            return points.byMisses.flatMap { [$0.detected, $0.falseAlarms] } + points.byFalseAlarms.map(\.detected)
        }
    }
    for golden in goldens.paired {
        let columns = [ScoreColumn("first", golden.first), ScoreColumn("second", golden.second)]
        try printForAllPlacings(golden.name, over: group) { placing in
            let local = part(columns, golden.classes, placing, of: group)
            return try PairedTest(of: local, first: "first", second: "second", classes: classes, over: group)
        }
    }
    for golden in goldens.grouped {
        let columns = [ScoreColumn("first", golden.first), ScoreColumn("second", golden.second)]
        try printForAllPlacings(golden.name, over: group) { placing in
            let local = part(columns, golden.classes, groups: golden.groups, placing, of: group)
            // the first half stands for held-out normals
            let half = golden.first.count / 2, zeros = Array(repeating: 0, count: half)
            let normals = part(columns.map { ScoreColumn($0.name, Array($0.values[..<half])) }, zeros, placing, of: group)
            return try Evaluation(of: local, heldOut: normals, classes: classes, defaultScore: "first", over: group)
        }
    }
}

/// Prints a result that all placings and all ranks must have.
private func printForAllPlacings<Result: Encodable & Equatable>(_ name: String, over group: RankGroup, _ result: (Placing) throws -> Result) throws {
    let results = try Placing.allCases.map(result)
    for (placing, result) in zip(Placing.allCases, results) {
        precondition(result == results[0], "\(name): \(placing) gives \(result), blocks \(results[0])")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try printAgreed("\(name): " + String(decoding: encoder.encode(results[0]), as: UTF8.self), over: group)
}

private func probeErrors(over group: RankGroup) throws {
    var scores = (0 ..< 40).map { Double($0 % 7) }
    var labels = (0 ..< 40).map { $0 % 3 }
    func fault(numbers: [Int]? = nil) throws {
        for placing in Placing.allCases {
            do {
                _ = try evaluate(scores, labels, numbers: numbers, placing, over: group)
                preconditionFailure("\(placing): no error")
            } catch let error as MetricsError { try printAgreed("\(error)", over: group) }
        }
    }
    try fault(numbers: (0 ..< 40).map { $0 % 38 })
    scores[39] = .nan
    scores[12] = -.infinity
    try fault()
    labels[21] = 9
    try fault()
    scores = Array(repeating: 1, count: 40)
    labels = Array(repeating: 0, count: 40)
    try fault()
    labels = Array(repeating: 2, count: 40)
    try fault()
}

/// Samples are dealt to the ranks in turn, so that all but one of R of them have to move.
private func probeScale(samples: Int, levels: Double?, over group: RankGroup) throws {
    func uniform(_ counter: Int) -> Double {
        var word = UInt64(counter) &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return Double((word ^ word >> 31) >> 11) * 0x1p-53
    }
    let mine = stride(from: group.rank, to: samples, by: group.count)
    let labels = mine.map { uniform(2 * $0) < 0.9 ? 0 : 1 + $0 % 3 }
    let scores = zip(mine, labels).map { number, label in
        let score = uniform(2 * number + 1) + 0.2 * Double(label)
        return levels.map { (score * $0).rounded() } ?? score
    }
    let local = LocalScores(numbers: Array(mine), classes: labels, columns: [ScoreColumn("score", scores)])
    let before = peakMebibytes()
    let clock = ContinuousClock()
    let start = clock.now
    let evaluation = try Evaluation(of: local, classes: classes, defaultScore: "score", over: group)
    let seconds = (clock.now - start) / .seconds(1)
    let line = String(
        format: "rank %d: %d samples, %.1f s, peak memory %d MiB before, %d MiB after", group.rank, labels.count, seconds, before, peakMebibytes())
    for line in try group.allGather(Array(line.utf8)) where group.rank == 0 { print(String(decoding: line, as: UTF8.self)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try printAgreed(String(decoding: encoder.encode(evaluation), as: UTF8.self), over: group)
}

/// The largest resident size of this process so far.
private func peakMebibytes() -> Int {
    var usage = rusage()
    precondition(getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0, "getrusage failed")
    return usage.ru_maxrss / 1024
}
