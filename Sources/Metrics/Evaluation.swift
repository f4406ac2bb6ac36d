import Ranks

/// The metrics of one score: all anomalies against the normals, then each class of anomalies against the same normals.
public struct ScoreMetrics: Sendable, Equatable {
    public struct ClassRow: Sendable, Equatable {
        public let name: String
        public let metrics: RankMetrics
    }

    public let all: RankMetrics
    /// In the order of the set's classes; a class without samples has no row.
    public let classes: [ClassRow]
}

/// The metrics of every score of a split, equal on all ranks.
public struct Evaluation: Sendable, Equatable {
    /// The name of the score that the detector recommends.
    public let defaultScore: String
    /// In the order of the columns.
    public let scores: [(name: String, metrics: ScoreMetrics)]
    /// Anomaly classes of the set of which the split has no sample.
    public let absentClasses: [String]

    public static func == (a: Evaluation, b: Evaluation) -> Bool {
        a.defaultScore == b.defaultScore && a.absentClasses == b.absentClasses
            && a.scores.elementsEqual(b.scores) { $0.name == $1.name && $0.metrics == $1.metrics }
    }

    public subscript(name: String) -> ScoreMetrics? { scores.first { $0.name == name }?.metrics }

    /// Evaluates scores that stay on their ranks: no rank ever holds more than about twice its share of them. Every rank calls this
    /// with its own samples and gets the same result, to the bit for any placing of the samples on any number of ranks.
    ///
    /// - Parameters:
    ///   - classes: all classes of the set, with distinct names.
    ///   - defaultScore: the name of one of the columns.
    /// - Throws: `MetricsError`, the same on all ranks, and what the group throws.
    /// - Cost: O(n/R log n) time and O(n/R) memory per rank, in each column and for the check of sample numbers.
    public init(of local: LocalScores, classes: [SampleClass], defaultScore: String, over group: RankGroup) throws {
        precondition(local.columns.contains { $0.name == defaultScore }, "no score is named \(defaultScore)")
        precondition(Set(classes.map(\.name)).count == classes.count, "classes share a name: \(classes.map(\.name))")
        try local.check(classes: classes.count, over: group)

        let anomalous = classes.indices.filter { !classes[$0].isNormal }
        // Row 0 is "all"; as tags of runs, 0 stands for normal and k for the k-th class of anomalies.
        var tags = [Int](repeating: 0, count: classes.count)
        for (row, index) in anomalous.enumerated() { tags[index] = row + 1 }
        let tagged = local.classes.map { tags[$0] }

        var metrics: [(name: String, metrics: ScoreMetrics)] = []
        var absent: [String] = []
        for column in local.columns {
            var runs = zip(column.values, tagged).map { Run(score: $0, tag: $1) }
            try runs.sortOverRanks(of: group)
            let tallies = try Self.tallies(of: runs, tags: anomalous.count + 1, over: group)
            let rows = zip(anomalous, tallies.dropFirst()).map { (name: classes[$0].name, tally: $1) }
            absent = rows.filter { $0.tally.anomalies == 0 }.map(\.name)
            let present = rows.filter { $0.tally.anomalies > 0 }.map { ScoreMetrics.ClassRow(name: $0.name, metrics: RankMetrics($0.tally)) }
            metrics.append((column.name, ScoreMetrics(all: RankMetrics(tallies[0]), classes: present)))
        }
        self.defaultScore = defaultScore
        scores = metrics
        absentClasses = absent
    }

    /// One tally for all anomalies, then one for each class of them, joined over the ranks.
    private static func tallies(of runs: [Run], tags: Int, over group: RankGroup) throws -> [Tally] {
        var counts = [Int](repeating: 0, count: tags)
        for run in runs { counts[Int(run.tag)] += Int(run.count) }
        let countsByRank = try group.allGather(bytes(of: counts)).map { values(of: $0, as: Int.self) }
        let totals = (0 ..< tags).map { tag in countsByRank.reduce(0) { $0 + $1[tag] } }
        let above = (0 ..< tags).map { tag in countsByRank[(group.rank + 1)...].reduce(0) { $0 + $1[tag] } }
        let (samples, anomalies) = (totals.reduce(0, +), totals.dropFirst().reduce(0, +))
        guard totals[0] > 0 else { throw MetricsError.noNormals(samples: samples) }
        guard anomalies > 0 else { throw MetricsError.noAnomalies(samples: samples) }

        var tallies = (0 ..< tags).map { row in
            let detected = row == 0 ? above.dropFirst().reduce(0, +) : above[row]
            return Tally(normals: totals[0], anomalies: row == 0 ? anomalies : totals[row], above: .init(detected: detected, falseAlarms: above[0]))
        }
        descend(runs, falseAlarms: above[0], into: &tallies)
        let byRank = try group.allGather(bytes(of: tallies)).map { values(of: $0, as: Tally.self) }
        return (0 ..< tags).map { row in
            byRank.dropLast().reversed().reduce(into: byRank.last![row]) { $0.join($1[row]) }
        }
    }

    /// Lowers the threshold through sorted runs, from the highest score.
    private static func descend(_ runs: [Run], falseAlarms: Int, into tallies: inout [Tally]) {
        var falseAlarms = falseAlarms
        var end = runs.count
        while end > 0 {
            let (key, score) = (runs[end - 1].key, runs[end - 1].score)
            var start = end - 1
            while start > 0, runs[start - 1].key == key { start -= 1 }
            let normals = runs[start].tag == 0 ? Int(runs[start].count) : 0
            var anomalies = 0
            for run in runs[start ..< end] where run.tag > 0 {
                anomalies += Int(run.count)
                tallies[Int(run.tag)].lower(to: score, anomalies: Int(run.count), normals: normals, falseAlarms: falseAlarms)
            }
            if anomalies > 0 { tallies[0].lower(to: score, anomalies: anomalies, normals: normals, falseAlarms: falseAlarms) }
            falseAlarms += normals
            end = start
        }
        for row in tallies.indices { tallies[row].pass(falseAlarms: falseAlarms) }
    }
}

extension Evaluation: Encodable {
    private enum CodingKeys: String, CodingKey {
        case defaultScore = "default"
        case scores
        case absentClasses = "absent_classes"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(defaultScore, forKey: .defaultScore)
        try container.encode(Dictionary(uniqueKeysWithValues: scores.map { ($0.name, $0.metrics) }), forKey: .scores)
        try container.encode(absentClasses, forKey: .absentClasses)
    }
}

extension ScoreMetrics: Encodable {
    private enum CodingKeys: String, CodingKey { case classes }

    /// The metrics of all anomalies, beside them `classes`.
    public func encode(to encoder: any Encoder) throws {
        try all.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Dictionary(uniqueKeysWithValues: classes.map { ($0.name, $0.metrics) }), forKey: .classes)
    }
}
