import ArgumentParser
import Datasets
import Ranks

extension ImportCommand {
    struct Patches: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "patches", abstract: "Overlapping patches of whole X-ray scans, and real threats projected into some of them.",
            discussion: """
                Scans: FOLDER/..., or FOLDER/train/... and FOLDER/test/...; threats: FOLDER/CLASS/..., each on a plain ground. Their transmission is \
                multiplied into patches. Patches without a threat are of class benign, so give --normal benign.
                """)
        @Argument(help: "Folder of benign scans (PNG, JPEG).", completion: .directory) var scans: String
        @Option(help: "Height and width that are cut from a scan, in pixels.") var window = "64x64"
        @Option(help: "From one patch to the next; half a patch unless given.") var stride: String?
        @Option(help: "Height and width to resize patches to; as they are cut unless given.") var size: String?
        @Option(help: "1 for gray, 3 for colors.") var channels = 1
        @Option(help: "Pass over patches of which a smaller share is darker than air.") var content = 0.0
        @Option(help: "Folder of pictures of single threats.", completion: .directory) var threats: String?
        @Option(help: "Those of its classes to project; all unless given.", transform: list) var threatClasses: [String]?
        @Option(help: "Patches with a threat, of each class; all patches or, in a divided folder, those to test on get them.") var projections = 0
        @Option(help: "Pixels of a scan that a pixel of a threat's picture comes to, at least and at most.", transform: list)
        var threatScale = ["1", "1"]
        @OptionGroup var options: Options

        func validate() throws {
            let bounds = threatScale.compactMap(Double.init)
            guard bounds.count == 2, threatScale.count == 2, bounds[0] <= bounds[1] else {
                throw ValidationError("--threat-scale must be two numbers, the smaller first, as 0.2,0.25")
            }
        }

        func run(on group: RankGroup) throws -> Int32 {
            var request = PatchSource.Request(scans: url(scans), window: try extents(window, of: "--window")!)
            request.stride = try extents(stride, of: "--stride") ?? request.stride
            request.size = try extents(size, of: "--size") ?? request.window
            (request.channels, request.content, request.threats) = (channels, content, threats.map(url))
            (request.threatClasses, request.projections, request.seed) = (threatClasses, projections, options.seed)
            request.threatScale = Double(threatScale[0])! ... Double(threatScale[1])!
            return try options.write(PatchSource(request), group)
        }
    }
}
