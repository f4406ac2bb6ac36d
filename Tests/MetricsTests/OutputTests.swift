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

    private func json(groups: [Int]?, heldOut: [Double]?) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let local = LocalScores(numbers: [0, 1, 2], classes: [0, 1, 3], columns: [ScoreColumn("a b", [0, 1, 0.5])], groups: groups)
        let normals = heldOut.map { LocalScores(numbers: Array($0.indices), classes: $0.map { _ in 0 }, columns: [ScoreColumn("a b", $0)]) }
        let evaluation = try Evaluation(of: local, heldOut: normals, classes: classes, defaultScore: "a b", over: .alone())
        return String(decoding: try encoder.encode(evaluation), as: UTF8.self)
    }

    @Test func json() throws {
        #expect(
            try json(groups: nil, heldOut: nil) == """
                {
                  "absent_classes" : [
                    "vial",
                    "wire"
                  ],
                  "default" : "a b",
                  "held_out_normals" : 0,
                  "interval_method" : "delong",
                  "paired" : [

                  ],
                  "scores" : {
                    "a b" : {
                      "anomalies" : 1,
                      "auc_pd_tau" : 1,
                      "auc_pf_tau" : 0.25,
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
                      "groups" : null,
                      "normals" : 2,
                      "thresholds" : {
                        "held_out_95_percent" : null,
                        "min_max_20_percent" : {
                          "detected" : 1,
                          "f1" : 0.6666666666666666,
                          "false_alarm_rate" : 0.5,
                          "false_alarms" : 1,
                          "precision" : 0.5,
                          "recall" : 1,
                          "threshold" : 0.2
                        }
                      },
                      "tpr_at_fpr_1_percent" : 1,
                      "tpr_at_fpr_1_permille" : 1
                    }
                  }
                }
                """)
    }

    /// With groups, of which -4 has an anomaly, and thresholds from held-out normals.
    @Test func jsonWithGroups() throws {
        #expect(
            try json(groups: [-4, -4, 9], heldOut: [0.125, 0.25, -1]) == """
                {
                  "absent_classes" : [
                    "vial",
                    "wire"
                  ],
                  "default" : "a b",
                  "held_out_normals" : 3,
                  "interval_method" : "group_bootstrap",
                  "paired" : [

                  ],
                  "scores" : {
                    "a b" : {
                      "anomalies" : 1,
                      "auc_pd_tau" : 1,
                      "auc_pf_tau" : 0.25,
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
                      "groups" : {
                        "-4" : {
                          "anomalies" : 1,
                          "auroc" : 1,
                          "auroc_within" : 1,
                          "detected" : 1,
                          "false_alarms" : 0,
                          "normals" : 1
                        },
                        "9" : {
                          "anomalies" : 0,
                          "auroc" : null,
                          "auroc_within" : null,
                          "detected" : 0,
                          "false_alarms" : 1,
                          "normals" : 1
                        }
                      },
                      "normals" : 2,
                      "thresholds" : {
                        "held_out_95_percent" : {
                          "detected" : 1,
                          "f1" : 0.6666666666666666,
                          "false_alarm_rate" : 0.5,
                          "false_alarms" : 1,
                          "precision" : 0.5,
                          "recall" : 1,
                          "threshold" : 0.25000000000000006
                        },
                        "min_max_20_percent" : {
                          "detected" : 1,
                          "f1" : 0.6666666666666666,
                          "false_alarm_rate" : 0.5,
                          "false_alarms" : 1,
                          "precision" : 0.5,
                          "recall" : 1,
                          "threshold" : 0.2
                        }
                      },
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

    @Test func thresholds() throws {
        let local = LocalScores(
            numbers: [0, 1, 2, 3], classes: [0, 1, 3, 2], columns: [ScoreColumn("residual", [0, 1, 0.5, 3]), ScoreColumn("b", [0, 10, 0, 0])])
        let normals = LocalScores(numbers: [0], classes: [0], columns: [ScoreColumn("residual", [0.75]), ScoreColumn("b", [20])])
        let with = try Evaluation(of: local, heldOut: normals, classes: classes, defaultScore: "residual", over: .alone()).scores
        #expect(
            ThresholdTable(columns: with).description == """
                threshold                                  value  precision  recall      F1  false alarms
                residual, held-out normals' 0.95 quantile   0.75     1.0000  1.0000  1.0000        0.0000
                residual, min-max normalized 0.2             0.6     1.0000  1.0000  1.0000        0.0000
                b, held-out normals' 0.95 quantile          20.0     0.0000  0.0000  0.0000        0.0000
                b, min-max normalized 0.2                    2.0     1.0000  0.5000  0.6667        0.0000
                """)
        let without = try Evaluation(of: local, classes: classes, defaultScore: "residual", over: .alone()).scores
        #expect(
            ThresholdTable(columns: [without[1]]).description == """
                threshold                  value  precision  recall      F1  false alarms
                b, min-max normalized 0.2    2.0     1.0000  0.5000  0.6667        0.0000
                """)
        // of four samples three raise an alarm; in b, where three are equal, one
        let top = try Evaluation(of: local, top: 0.75, classes: classes, defaultScore: "residual", over: .alone()).scores
        #expect(
            ThresholdTable(columns: top).description == """
                threshold                          value  precision  recall      F1  false alarms
                residual, min-max normalized 0.2     0.6     1.0000  1.0000  1.0000        0.0000
                residual, top share of this split    0.0     0.6667  1.0000  0.8000        0.5000
                b, min-max normalized 0.2            2.0     1.0000  0.5000  0.6667        0.0000
                b, top share of this split           0.0     1.0000  0.5000  0.6667        0.0000
                """)
    }

    @Test func groups() throws {
        let local = LocalScores(
            numbers: Array(0 ..< 7), classes: [0, 0, 1, 1, 0, 0, 1], columns: [ScoreColumn("residual", [1, 5, 4, 9, 4, 4.5, 2])],
            groups: [7, 7, 7, 3, 3, 11, 250])
        let normals = LocalScores(numbers: [0], classes: [0], columns: [ScoreColumn("residual", [4])])
        let rows = try #require(
            try Evaluation(of: local, heldOut: normals, classes: classes, defaultScore: "residual", over: .alone())["residual"]?.groups)
        #expect(
            GroupTable(rows).description == """
                group  normals  anomalies  AUROC within  against all  detected  false alarms
                250          0          1             -       0.2500         0             0
                7            2          1        0.5000       0.3750         0             1
                3            1          1        1.0000       1.0000         1             0
                11           1          0             -            -         0             1
                """)
        #expect(
            GroupTable(rows, limit: 1).description == """
                group  normals  anomalies  AUROC within  against all  detected  false alarms
                250          0          1             -       0.2500         0             0
                ... and 3 more of 4 groups
                """)
    }
}
