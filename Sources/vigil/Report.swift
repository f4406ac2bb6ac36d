import ArgumentParser
import Foundation
import Ranks
import Training

struct ReportCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes all that is known of runs into one page: figures, curves, samples, how to do it again.",
        discussion: """
            The page is one HTML file that needs nothing else: no network, no script. It has the results with intervals and the spread over seeds, curves, \
            thresholds, classes, contact sheets, codes, a drawing of the detector, what ran on what data, and the commands that repeat it.

            Several runs stand side by side; those that differ in nothing but the seed are averaged, and each is tested against the first. Baselines \
            (pca, mean-pixel, rx) that lie in the same folder and were trained on the same data are compared, too, unless --alone.

            Some data may be used but not shown: --no-pictures leaves all samples out.
            """)
    @Argument(help: "Folders of runs.", completion: .directory) var runs: [String]
    @Option(help: "File to write; of a single run its report.html unless given.", completion: .file()) var out: String?
    @Option(help: "Another set than the one trained on.", completion: .directory) var data: String?
    @Option(help: "Split to score.") var split = "test"
    @Flag(name: .customLong("no-pictures"), help: "Show no samples.") var hidesPictures = false
    @Flag(help: "Compare with no baselines but those named.") var alone = false
    @Option(help: "Threads a rank; those of the recipe unless given.") var threads: Int?

    func validate() throws {
        if out == nil, runs.count > 1 {
            throw ValidationError("\(runs.count) runs have no folder in common; name the file with --out, as --out report.html")
        }
    }

    func run(on group: RankGroup) throws -> Int32 {
        var request = ReportRequest(runs: runs)
        (request.data, request.split, request.threads) = (data, split, threads)
        (request.showsPictures, request.findsBaselines) = (!hidesPictures, !alone)
        let place = out ?? URL(fileURLWithPath: runs[0]).appendingPathComponent("report.html").path
        // of a run that is not there is told by what reads it
        if group.rank == 0, FileManager.default.fileExists(atPath: runs[0]) { try Report.check(place: place) }
        let report: Report
        do { report = try Report(request, group: group) } catch let stopped as Stopped {
            if group.rank == 0 { tell("\(stopped)") }
            return 75
        }
        guard group.rank == 0 else { return 0 }
        try report.write(to: place)
        print("\(place): \(report.summary)")
        return 0
    }
}
