import Foundation
import Metrics

/// Tests/Goldens/metrics.json, made by metrics.py beside it.
struct Goldens: Decodable {
    struct Case: Decodable {
        let name: String
        let scores: [Double]
        let classes: [Int]
        let rows: [String: Row]
        let thresholds: [AtThreshold]

        /// With one score, and sample numbers in order.
        var local: LocalScores { LocalScores(numbers: Array(scores.indices), classes: classes, columns: [ScoreColumn("score", scores)]) }
    }

    struct AtThreshold: Decodable {
        let rule: String
        let threshold: Double, precision: Double, recall: Double, f1: Double
    }

    struct Row: Decodable {
        let normals: Int, anomalies: Int
        let auroc: Double, auroc_to_fpr_10_percent: Double, average_precision: Double, best_f1: Double, best_f1_threshold: Double
        let auroc_interval: [Double]?
        let tpr_at_fpr_1_percent: Double, tpr_at_fpr_1_permille: Double, fpr_at_tpr_95_percent: Double
    }

    /// Two scores of the same samples.
    struct Paired: Decodable {
        let name: String
        let first: [Double], second: [Double]
        let classes: [Int]
        let difference: Double, p_value: Double
        let interval: [Double]

        var local: LocalScores {
            let columns = [ScoreColumn("first", first), ScoreColumn("second", second)]
            return LocalScores(numbers: Array(first.indices), classes: classes, columns: columns)
        }
    }

    /// Samples in groups: two scores, intervals by the bootstrap over groups and a row for each group of the first.
    struct Grouped: Decodable {
        struct Test: Decodable {
            let interval: [Double], p_value: Double
        }
        struct Row: Decodable {
            let normals: Int, anomalies: Int
            let auroc: Double?, auroc_within: Double?
        }
        let name: String
        let first: [Double], second: [Double]
        let classes: [Int], groups: [Int]
        let intervals: [String: [Double]?]
        let paired: Test?
        let rows: [String: Row]

        var local: LocalScores {
            let columns = [ScoreColumn("first", first), ScoreColumn("second", second)]
            return LocalScores(numbers: Array(first.indices), classes: classes, columns: columns, groups: groups)
        }
    }

    let made_by: String
    let cases: [Case]
    let paired: [Paired]
    let grouped: [Grouped]

    static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Goldens/metrics.json")
    static let all = try! JSONDecoder().decode(Goldens.self, from: Data(contentsOf: file))
}

/// The classes of all goldens.
let goldenClasses = [SampleClass("0", isNormal: true)] + (1 ... 3).map { SampleClass(String($0), isNormal: false) }
