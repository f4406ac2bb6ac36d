import Foundation
import Metrics
import Ranks
import Testing

@Suite struct Output {
    private let classes = [
        SampleClass("belt", isNormal: true), SampleClass("knife", isNormal: false), SampleClass("vial", isNormal: false),
        SampleClass("tray", isNormal: true), SampleClass("wire", isNormal: false),
    ]

    private func evaluation(labels: [Int] = [0, 3, 0, 1, 1, 2]) throws -> Evaluation {
        let local = LocalScores(
            numbers: Array(labels.indices), classes: labels,
            columns: [
                ScoreColumn("residual", [0, 1, 2, 3, 2, 5]), ScoreColumn("latent", [0, 0, 5, 4, 0, 6]),
                ScoreColumn("constant", Array(repeating: 1, count: 6)),
            ])
        return try Evaluation(of: local, classes: classes, defaultScore: "residual", over: .alone())
    }

    @Test func json() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let local = LocalScores(numbers: [0, 1, 2], classes: [0, 1, 3], columns: [ScoreColumn("a b", [0, 1, 0.5])])
        let evaluation = try Evaluation(of: local, classes: classes, defaultScore: "a b", over: .alone())
        #expect(
            String(decoding: try encoder.encode(evaluation), as: UTF8.self) == """
                {
                  "absent_classes" : [
                    "vial",
                    "wire"
                  ],
                  "default" : "a b",
                  "scores" : {
                    "a b" : {
                      "anomalies" : 1,
                      "auroc" : 1,
                      "auroc_interval" : null,
                      "auroc_to_fpr_10_percent" : 1,
                      "average_precision" : 1,
                      "best_f1" : 1,
                      "best_f1_threshold" : 1,
                      "classes" : {
                        "knife" : {
                          "anomalies" : 1,
                          "auroc" : 1,
                          "auroc_interval" : null,
                          "auroc_to_fpr_10_percent" : 1,
                          "average_precision" : 1,
                          "best_f1" : 1,
                          "best_f1_threshold" : 1,
                          "fpr_at_tpr_95_percent" : 0,
                          "normals" : 2,
                          "tpr_at_fpr_1_percent" : 1,
                          "tpr_at_fpr_1_permille" : 1
                        }
                      },
                      "fpr_at_tpr_95_percent" : 0,
                      "normals" : 2,
                      "tpr_at_fpr_1_percent" : 1,
                      "tpr_at_fpr_1_permille" : 1
                    }
                  }
                }
                """)
    }

    @Test func table() throws {
        let scores = try evaluation().scores
        #expect(
            MetricTable(columns: scores).description == """
                AUROC  residual   latent   constant
                knife    0.9167*  0.5000     0.5000
                vial     1.0000*  1.0000*    0.5000
                all      0.9444*  0.6667     0.5000
                """)
        #expect(
            MetricTable(.fprAt95PercentTPR, columns: scores).description == """
                FPR at 95 % TPR  residual   latent   constant
                knife              0.3333*  1.0000     1.0000
                vial               0.0000*  0.0000*    1.0000
                all                0.3333*  1.0000     1.0000
                """)
    }

    /// Two runs on different splits: a class that one of them lacks.
    @Test func tableWithAGap() throws {
        let runs = [
            ("detector", try evaluation()["residual"]!), ("PCA", try evaluation(labels: [0, 0, 1, 4, 0, 0])["latent"]!),
        ]
        #expect(
            MetricTable(.auroc, columns: runs).description == """
                AUROC  detector      PCA
                knife    0.9167*  0.7500
                vial     1.0000*       -
                wire          -   0.7500*
                all      0.9444*  0.7500
                """)
        #expect(MetricTable(columns: []).description == "AUROC\nall")
    }
}
