import ArgumentParser
import Datasets
import Foundation
import Metrics
import Ranks
import Training

struct ScoreCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Scores new samples by a trained run: pictures, tables, arrays, a cube or a set.",
        discussion: """
            DIR gets scores.csv (name, every score, the probability that a normal scores as high, the verdict), scores.h5 (scores and maps, in \
            the same order), summary.json, and in overlays, of images, the highest scores: input, reconstruction and map side by side. No sample's score depends on \
            the others, and no byte on the ranks.

            Thresholds: quantile and tail (a generalized Pareto fit, for rare alarms) come from the normals that the run held out, best-f1 and cost from the \
            labels of the scored set; a number is taken as it is. Without --threshold it is the quantile for a rate of 0.05.

            A run on scenes takes a scene: a set, or a cube (mat, hdr, h5) of the bands trained on. DIR gets each score's map in scores.h5 and, for \
            GIS programs, in scores.img with scores.hdr; map.png, side by side false colors, map, mask and alarms; where there is a mask roc.csv \
            and roc.svg; summary.json. The quantile is there one of the scene's own pixels, for a share of alarms of 0.01 unless another is asked for.
            """)
    @Argument(help: "Folder of a run.", completion: .directory) var run: String
    @Option(
        help: "A PNG or JPEG file, a folder of such, a table (csv), arrays (npz, mat, a folder of npy), a cube (mat, hdr, h5), or a set.",
        completion: .file())
    var input: String
    @Option(help: "Folder to write into, not there yet.", completion: .directory) var out: String
    @Option(help: "Split to score, of a set.") var split = "test"
    @Flag(help: "Bring pictures of another size, or of other colors, to what the run takes.") var convert = false
    @Flag(help: "The first row of a table names the columns.") var header = false
    @Option(help: "What stands between two fields of a table: one character, or tab.") var separator = ","
    @Option(help: "Columns of a table to leave out.", transform: { $0.split(separator: ",").map(String.init) }) var drop: [String] = []
    @Option(help: "Array that holds the samples.") var samples = "X"
    @Option(help: "Score to judge by; the detector's default unless given.") var score: String?
    @Option(help: "quantile, tail, best-f1, cost, or a number.") var threshold: String?
    @Option(help: "False-alarm rate that quantile and tail aim at (default: 0.05 and 0.001).") var falseAlarms: Double?
    @Option(help: "What a missed anomaly costs, in false alarms, for --threshold cost.") var missCost: Double?
    @Flag(help: "Keep reconstructions in scores.h5, too.") var reconstructions = false
    @Option(help: "How many of the highest scores to paint; of a scene 0 for no picture.") var overlays = 100
    @Option(help: "Threads a rank; those of the recipe unless given.") var threads: Int?

    func validate() throws {
        guard separator == "tab" || separator.utf8.count == 1 else { throw ValidationError("--separator must be one character, or tab") }
        guard overlays >= 0 else { throw ValidationError("--overlays is \(overlays); it must be 0 or more") }
        _ = try rule
    }

    func run(on group: RankGroup) throws -> Int32 {
        var request = ScoreRequest(input: input)
        (request.split, request.score, request.rule, request.threads) = (split, score, try rule, threads)
        (request.keepsReconstructions, request.overlays) = (reconstructions, overlays)
        (request.samples.converts, request.samples.hasHeader, request.samples.dropped, request.samples.array) = (convert, header, drop, samples)
        request.samples.separator = separator == "tab" ? UInt8(ascii: "\t") : separator.utf8.first!
        say(try writeScores(RunFolder(run, group), request, to: out, group: group), group)
        return 0
    }

    /// nil where nothing is asked for.
    private var rule: ThresholdRule? {
        get throws {
            let kind = threshold ?? (falseAlarms == nil ? nil : "quantile")
            if let falseAlarms {
                guard kind == "quantile" || kind == "tail" else { throw ValidationError("--false-alarms goes with --threshold quantile or tail") }
                guard falseAlarms > 0, falseAlarms < 1 else {
                    throw ValidationError("--false-alarms is \(falseAlarms); it must be above 0 and below 1, as 0.05")
                }
            }
            guard (missCost == nil) == (kind != "cost"), missCost.map({ $0 > 0 && $0.isFinite }) ?? true else {
                throw ValidationError("--miss-cost, a number above 0, goes with --threshold cost, and only with it")
            }
            switch kind {
            case nil: return nil
            case "quantile": return .quantile(rate: falseAlarms ?? 0.05)
            case "tail": return .tail(rate: falseAlarms ?? 0.001)
            case "best-f1": return .bestF1
            case "cost": return .cost(miss: missCost!)
            case let text?:
                guard let value = Double(text), value.isFinite else {
                    throw ValidationError("--threshold is \"\(text)\"; it must be quantile, tail, best-f1, cost, or a number")
                }
                return .given(value)
            }
        }
    }
}
