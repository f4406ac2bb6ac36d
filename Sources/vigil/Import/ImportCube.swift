import ArgumentParser
import Datasets
import Ranks
import Training

extension CubeFile.Axis: ExpressibleByArgument {}

extension ImportCommand {
    struct Cube: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "cube", abstract: "A hyperspectral scene: MATLAB (versions 5 to 7.3), ENVI (.hdr beside the numbers) or HDF5.",
            discussion: """
                Its pixels become the samples of a set of one scene, with their numbers as they are; detectors are given them scaled by the \
                smallest and largest. Bands are counted from 0. A mask says which pixels are anomalies: those that are not 0 in it.
                """)
        @Argument(help: "The file; of ENVI the header or the numbers.", completion: .file()) var file: String
        @Option(help: "Variable or data set that is the cube; the only one of three axes unless given.") var cube: String?
        @Option(help: "Variable or data set that is the mask; the only one of the cube's rows and columns unless given.") var mask: String?
        @Option(help: "File of the mask; the cube's unless given.", completion: .file()) var maskFile: String?
        @Flag(help: "There is no mask: the set can be trained on and scored, not evaluated.") var noMask = false
        @Option(help: "Axes of an HDF5 data set, outermost first; rows,columns,bands unless given.", transform: list) var axes: [String]?
        @Option(help: "Bands to take, as 0-102,115; all unless given.") var bands: String?
        @Option(help: "Bands to leave out, likewise.") var dropBands: String?
        @Flag(help: "Take also the bands that ENVI's bad-band list (bbl) marks.") var keepBadBands = false
        @Option(help: "What a number means, with its unit.") var meaning: String?
        @Option(help: "Name of the set; the folder's unless given.") var name: String?
        @Option(help: "Folder of the set.", completion: .directory) var out: String

        func validate() throws {
            guard !noMask || mask == nil && maskFile == nil else { throw ValidationError("--no-mask and a mask contradict each other; give one") }
            guard axes.map({ Set($0) == Set(CubeFile.Axis.allCases.map(\.rawValue)) && $0.count == 3 }) ?? true else {
                throw ValidationError("--axes must name rows, columns and bands, each once, as bands,rows,columns")
            }
        }

        func run(on group: RankGroup) throws -> Int32 {
            let axes = axes?.compactMap(CubeFile.Axis.init(rawValue:)), source = url(file)
            var request = SceneRequest(cube: CubeFile(source, variable: cube, axes: axes), mask: nil)
            if !noMask { request.mask = CubeFile(maskFile.map(url) ?? source, variable: mask, axes: axes) }
            request.bands = try bands.map { try Self.numbers($0, of: "--bands") }
            request.droppedBands = try dropBands.map { try Self.numbers($0, of: "--drop-bands") } ?? []
            request.keepsBadBands = keepBadBands
            if let meaning { request.meaning = meaning }
            let (manifest, survey) = try writeScene(request, named: name ?? url(out).lastPathComponent, to: out, group)
            say(([summary(of: manifest, at: out)] + survey.remarks.map { "  \($0)" }).joined(separator: "\n"), group)
            return 0
        }

        /// "0-3,7" as 0, 1, 2, 3, 7.
        private static func numbers(_ text: String, of option: String) throws -> [Int] {
            try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { part -> [Int] in
                let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
                guard (1 ... 2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], 0 <= first, first <= last, last < 1 << 20
                else { throw Failure(.usage, "\(option) is \"\(text)\"; give numbers and ranges of bands, as 0-102,115") }
                return Array(first ... last)
            }
        }
    }
}
