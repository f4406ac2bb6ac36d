import Ranks

/// A class of a data set: its name and whether its samples count as normal.
public struct SampleClass: Sendable, Hashable {
    public var name: String
    public var isNormal: Bool

    public init(_ name: String, isNormal: Bool) {
        self.name = name
        self.isNormal = isNormal
    }
}

/// One named score of the samples of this rank; larger means more anomalous.
public struct ScoreColumn: Sendable {
    public var name: String
    /// One value per sample, in the order of `LocalScores.numbers`.
    public var values: [Double]

    public init(_ name: String, _ values: [Double]) {
        self.name = name
        self.values = values
    }
}

/// What one rank scored, in columns: sample i has number `numbers[i]` in the set, class `classes[i]` and a value in each of
/// `columns`. A rank may have no samples; the names of the columns and their order are the same on all ranks.
public struct LocalScores: Sendable {
    public let numbers: [Int]
    /// Indices into the list of classes.
    public let classes: [Int]
    public let columns: [ScoreColumn]
    /// The group of each sample (scan, patient), any numbers; on all ranks, or nil on all where the set has no groups.
    public let groups: [Int]?

    public init(numbers: [Int], classes: [Int], columns: [ScoreColumn], groups: [Int]? = nil) {
        precondition(classes.count == numbers.count, "\(numbers.count) samples with \(classes.count) classes")
        precondition(groups.map { $0.count == numbers.count } ?? true, "\(numbers.count) samples with \(groups?.count ?? 0) groups")
        for column in columns {
            precondition(column.values.count == numbers.count, "\(numbers.count) samples with \(column.values.count) values of \(column.name)")
        }
        self.numbers = numbers
        self.classes = classes
        self.columns = columns
        self.groups = groups
    }

    /// The values of a score that must be there.
    func column(_ score: String) -> [Double] {
        guard let column = columns.first(where: { $0.name == score }) else { preconditionFailure("no score is named \(score)") }
        return column.values
    }
}

/// What makes scores unfit for rank statistics. All ranks throw the same error: the first in this order, then the lowest sample.
public enum MetricsError: ExitCoded, Equatable, CustomStringConvertible {
    case unknownClass(sample: Int, found: Int, classes: Int)
    case notFinite(sample: Int, score: String, value: Double)
    case tooMany(samples: Int)
    case tooManyGroups(groups: Int, limit: Int)
    case countedTwice(sample: Int, times: Int)
    case noNormals(samples: Int)
    case noAnomalies(samples: Int)
    /// What is wrong with the held-out normals that a threshold is chosen on.
    indirect case heldOut(MetricsError)

    /// Bad data.
    public var exitCode: Int32 { 65 }

    public var description: String {
        switch self {
        case .unknownClass(let sample, let found, let classes):
            "sample \(sample) has class \(found), but the set lists \(classes) classes, numbered from 0: check its labels against its manifest"
        case .notFinite(let sample, let score, let value):
            "sample \(sample) has the value \(value) of score \"\(score)\", expected a finite number: check the sample and the model's weights"
        case .tooMany(let samples):
            "\(samples) samples are more than the \(Counting.limit) that rank statistics count: evaluate a smaller split"
        case .tooManyGroups(let groups, let limit):
            "\(groups) groups are more than the \(limit) that intervals can be drawn over: evaluate a smaller split, or one without groups"
        case .countedTwice(let sample, let times):
            "sample \(sample) was scored \(times) times, expected once: merge score files of disjoint splits only"
        case .noNormals(let samples):
            "none of the \(samples) samples is normal, and every metric compares anomalies with normals: choose a split that has both"
        case .noAnomalies(let samples):
            "none of the \(samples) samples is an anomaly, and every metric compares anomalies with normals: choose a split that has both"
        case .heldOut(let error): "held-out normals of the training split: \(error)"
        }
    }
}

/// Limits within which all counting is exact.
enum Counting {
    /// With fewer than 2³² samples, (2 · anomalies · normals)² stays below 2¹²⁶.
    static let limit = 1 << 32 - 1
    /// Tags that a run can have.
    static let tags = 1 << 32
}
