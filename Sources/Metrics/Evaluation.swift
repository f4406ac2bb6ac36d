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
    /// At thresholds chosen without labels.
    public let thresholds: OperatingPoints
    /// Over all thresholds of the scaled score.
    public let areas: ThresholdAreas
    /// A row for each group, ascending by number; nil where the set has no groups.
    public let groups: [GroupRow]?
}

/// The metrics of every score of a split, equal on all ranks.
public struct Evaluation: Sendable, Equatable {
    /// The name of the score that the detector recommends.
    public let defaultScore: String
    /// In the order of the columns.
    public let scores: [(name: String, metrics: ScoreMetrics)]
    /// Anomaly classes of the set of which the split has no sample.
    public let absentClasses: [String]
    /// How many normals, held out of training, the thresholds from held-out normals rest on; where there are none, so are those thresholds.
    public let heldOutNormals: Int
    /// The default score against each other one.
    public let paired: [PairedTest]

    public static func == (a: Evaluation, b: Evaluation) -> Bool {
        a.defaultScore == b.defaultScore && a.absentClasses == b.absentClasses && a.heldOutNormals == b.heldOutNormals && a.paired == b.paired
            && a.scores.elementsEqual(b.scores) { $0.name == $1.name && $0.metrics == $1.metrics }
    }

    /// How many groups the split has, over which intervals were drawn; nil where it has none, and intervals are DeLong's.
    public var groupCount: Int? { scores[0].metrics.groups?.count }

    public subscript(name: String) -> ScoreMetrics? { scores.first { $0.name == name }?.metrics }

    /// Evaluates scores that stay on their ranks: no rank ever holds more than about twice its share of them. Every rank calls this
    /// with its own samples and gets the same result, to the bit for any placing of the samples on any number of ranks.
    ///
    /// - Parameters:
    ///   - heldOut: of this rank, the same scores of normals that training did not see, for thresholds.
    ///   - share: of the samples, in (0, 1): a threshold is to be above which this share of them lies; none where nil.
    ///   - classes: all classes of the set, with distinct names.
    ///   - defaultScore: the name of one of the columns.
    /// - Throws: `MetricsError`, the same on all ranks, and what the group throws.
    /// - Cost: O(n/R log n) time and O(n/R) memory per rank, in each column and for the check of sample numbers; with groups 1,000 · n/R
    ///   steps more in each column.
    public init(
        of local: LocalScores, heldOut: LocalScores? = nil, top share: Double? = nil, classes: [SampleClass], defaultScore: String,
        over group: RankGroup
    ) throws {
        precondition(local.columns.contains { $0.name == defaultScore }, "no score is named \(defaultScore)")
        precondition(Set(classes.map(\.name)).count == classes.count, "classes share a name: \(classes.map(\.name))")
        try local.check(classes: classes.count, over: group)
        do { try heldOut?.check(classes: classes.count, over: group) } catch let error as MetricsError { throw MetricsError.heldOut(error) }

        let rows = Rows(classes)
        let grouping = try Grouping(local, rows: local.classes.lazy.map { rows.ofClass[$0] }, rowCount: rows.count, over: group)
        let found = try local.columns.map { column in
            let normals = heldOut?.column(column.name) ?? []
            return try Self.metrics(of: column, local, heldOut: normals, top: share, classes, rows, grouping, over: group)
        }
        self.defaultScore = defaultScore
        scores = zip(local.columns, found).map { ($0.name, $1.metrics) }
        let present = Set(found[0].metrics.classes.map(\.name))
        absentClasses = rows.anomalous.map { classes[$0].name }.filter { !present.contains($0) }
        heldOutNormals = Int(try group.sum([Int64(heldOut?.numbers.count ?? 0)])[0])
        let first = local.columns.firstIndex { $0.name == defaultScore }!
        paired = try local.columns.indices.filter { $0 != first }.map { other in
            try PairedTest(
                checked: local, first: defaultScore, second: local.columns[other].name, classes: classes, grouping,
                replicates: grouping.map { _ in [found[first].replicates, found[other].replicates] }, over: group)
        }
    }

    /// The metrics of one score, and the AUROC of all anomalies in each replicate of the bootstrap over groups, where there are groups.
    private static func metrics(
        of column: ScoreColumn, _ local: LocalScores, heldOut: [Double], top share: Double?, _ classes: [SampleClass], _ rows: Rows,
        _ grouping: Grouping?, over group: RankGroup
    ) throws -> (metrics: ScoreMetrics, replicates: [Double?]) {
        var runs = rows.runs(of: column.values, local.classes, grouping)
        try runs.sortOverRanks(of: group)
        let tallies = try tallies(of: grouping.map { $0.joined(runs) } ?? runs, rows: rows.count, over: group)
        var figures = tallies.map { $0.anomalies == 0 ? nil : RankMetrics($0) }
        let points = try OperatingPoints(of: local, heldOut: heldOut, top: share, score: column.name, classes: classes, over: group)
        var replicates: [[Double?]] = [[]]
        if let grouping {
            replicates = try grouping.bootstrap.aurocs(of: runs, rows: rows.count, over: group)
            for row in 0 ..< rows.count { figures[row]?.aurocInterval = grouping.interval(ofRow: row, rows: rows.count, replicates[row]) }
        }
        let present = zip(rows.anomalous, figures.dropFirst()).compactMap { index, figures in
            figures.map { ScoreMetrics.ClassRow(name: classes[index].name, metrics: $0) }
        }
        let groups = try grouping?.rows(of: runs, threshold: points.heldOut?.threshold, over: group)
        let areas = try ThresholdAreas(of: local, score: column.name, classes: classes, over: group)
        return (ScoreMetrics(all: figures[0]!, classes: present, thresholds: points, areas: areas, groups: groups), replicates[0])
    }

    /// One tally for all anomalies, then one for each class of them, joined over the ranks.
    private static func tallies(of runs: [Run], rows: Int, over group: RankGroup) throws -> [Tally] {
        var counts = [Int](repeating: 0, count: rows)
        for run in runs { counts[Int(run.tag)] += Int(run.count) }
        let countsByRank = try group.allGather(bytes(of: counts)).map { values(of: $0, as: Int.self) }
        let totals = (0 ..< rows).map { row in countsByRank.reduce(0) { $0 + $1[row] } }
        let above = (0 ..< rows).map { row in countsByRank[(group.rank + 1)...].reduce(0) { $0 + $1[row] } }
        let (samples, anomalies) = (totals.reduce(0, +), totals.dropFirst().reduce(0, +))
        guard totals[0] > 0 else { throw MetricsError.noNormals(samples: samples) }
        guard anomalies > 0 else { throw MetricsError.noAnomalies(samples: samples) }

        var tallies = (0 ..< rows).map { row in
            let detected = row == 0 ? above.dropFirst().reduce(0, +) : above[row]
            return Tally(normals: totals[0], anomalies: row == 0 ? anomalies : totals[row], above: .init(detected: detected, falseAlarms: above[0]))
        }
        descend(runs, falseAlarms: above[0], into: &tallies)
        let byRank = try group.allGather(bytes(of: tallies)).map { values(of: $0, as: Tally.self) }
        return (0 ..< rows).map { row in
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

/// The rows of an evaluation: 0 stands for all anomalies (as a tag of runs, for the normals), k for the k-th class of anomalies.
struct Rows {
    /// The row of each class's samples, as tags have it.
    let ofClass: [Int]
    /// The classes of anomalies.
    let anomalous: [Int]
    var count: Int { anomalous.count + 1 }

    init(_ classes: [SampleClass]) {
        anomalous = classes.indices.filter { !classes[$0].isNormal }
        var rows = [Int](repeating: 0, count: classes.count)
        for (row, index) in anomalous.enumerated() { rows[index] = row + 1 }
        ofClass = rows
    }

    /// The runs of a score, not sorted yet, tagged by row, and by group where there are groups.
    func runs(of scores: [Double], _ classes: [Int], _ grouping: Grouping?) -> [Run] {
        guard let grouping else { return zip(scores, classes).map { Run(score: $0, tag: ofClass[$1]) } }
        return scores.indices.map { Run(score: scores[$0], tag: grouping.tag(ofClass[classes[$0]], grouping.indices[$0])) }
    }
}
