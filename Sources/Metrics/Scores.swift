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

    public init(numbers: [Int], classes: [Int], columns: [ScoreColumn]) {
        precondition(classes.count == numbers.count, "\(numbers.count) samples with \(classes.count) classes")
        for column in columns {
            precondition(column.values.count == numbers.count, "\(numbers.count) samples with \(column.values.count) values of \(column.name)")
        }
        self.numbers = numbers
        self.classes = classes
        self.columns = columns
    }
}

/// What makes scores unfit for rank statistics. All ranks throw the same error: the first in this order, then the lowest sample.
public enum MetricsError: ExitCoded, Equatable, CustomStringConvertible {
    case unknownClass(sample: Int, found: Int, classes: Int)
    case notFinite(sample: Int, score: String, value: Double)
    case tooMany(samples: Int)
    case countedTwice(sample: Int, times: Int)
    case noNormals(samples: Int)
    case noAnomalies(samples: Int)

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
        case .countedTwice(let sample, let times):
            "sample \(sample) was scored \(times) times, expected once: merge score files of disjoint splits only"
        case .noNormals(let samples):
            "none of the \(samples) samples is normal, and every metric compares anomalies with normals: choose a split that has both"
        case .noAnomalies(let samples):
            "none of the \(samples) samples is an anomaly, and every metric compares anomalies with normals: choose a split that has both"
        }
    }
}

/// Limits within which all counting is exact.
enum Counting {
    /// With fewer than 2³² samples, (2 · anomalies · normals)² stays below 2¹²⁶.
    static let limit = 1 << 32 - 1
}
