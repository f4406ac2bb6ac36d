import Foundation
import Randomness

/// Real threats of several classes, and which of them is projected where (threat image projection; Rogers et al., "Threat Image Projection
/// (TIP) into X-ray images of cargo containers for training humans and machines", ICCST 2016).
///
/// X-rays that pass two things are weakened by both, so their transmissions multiply: a benign patch times a threat's transmission is what
/// the scanner would have shown of both. The levels of pictures are taken for transmissions.
struct Threats: Sendable {
    /// Pictures of single threats on a plain ground, FOLDER/CLASS/..., and how they are put into patches.
    struct Request: Sendable {
        var folder: URL
        /// Those of its classes that are taken; nil for all.
        var classes: [String]?
        /// Patches that get a threat, of each class.
        var projections: Int
        /// Pixels of a scan that a pixel of a threat's picture comes to, at least and at most.
        var scale: ClosedRange<Double>
        var seed: UInt64
    }

    let classes: [String]
    let provenance: String
    private let request: Request
    /// By class.
    private let threats: [[Threat]]

    /// Reads all pictures.
    /// - Parameter window: [height, width] of the patches as they are cut from scans, which every threat must fit into however it is turned.
    init(_ request: Request, window: [Int]) throws(DatasetError) {
        let name = request.folder.lastPathComponent
        guard request.projections > 0, request.scale.lowerBound > 0, request.scale.upperBound <= 16 else {
            let scale = "\(request.scale.lowerBound) to \(request.scale.upperBound)"
            throw DatasetError(
                .usage, "\(request.projections) threats of each class cannot be projected at scale \(scale); give 1 or more, at up to 16")
        }
        let listing = try FileListing(request.folder, extensions: Picture.extensions)
        if let missing = request.classes?.first(where: { name in !listing.paths.contains { $0.hasPrefix(name + "/") } }) {
            throw DatasetError(.usage, "\(name) has no pictures in a folder \(missing); name other classes of threats")
        }
        var classes: [String] = [], threats: [[Threat]] = []
        for path in listing.paths {
            let parts = path.split(separator: "/")
            if let wanted = request.classes, !wanted.contains(String(parts[0])) { continue }
            guard parts.count > 1, parts[0] != PatchSource.benign else {
                throw DatasetError(.badData, "\(name): \(path) lies in no threat's folder; put it into one that names its class")
            }
            guard let threat = Threat(try Picture(listing.url(path))) else {
                throw DatasetError(.badData, "\(name): \(path) shows nothing that is darker than its ground; take it out of the folder")
            }
            let side = Threat.scaled(max(threat.height, threat.width), request.scale.upperBound)
            guard side <= window.min()! else {
                throw DatasetError(
                    .usage, "\(name): \(path) comes to \(side) pixels, more than a patch of \(extentsText(window)); give a smaller scale of threats")
            }
            if classes.last != String(parts[0]) {
                classes.append(String(parts[0]))
                threats.append([])
            }
            threats[threats.count - 1].append(threat)
        }
        guard !classes.isEmpty else { throw DatasetError(.missingInput, "\(name) holds no PNG or JPEG files") }
        (self.request, self.classes, self.threats) = (request, classes, threats)
        let scale = "\(request.scale.lowerBound) to \(request.scale.upperBound)"
        provenance = "\(try listing.provenance()), \(request.projections) of each class at scale \(scale), seed \(request.seed)"
    }

    /// Of all projections, one class after the other, from 1 on.
    var labels: [Int32] { (1 ... Int32(classes.count)).flatMap { repeatElement($0, count: request.projections) } }

    /// The patch that each projection is made into: those of a class are spread evenly over the patches, so ascend.
    func hosts(among patches: Range<Int>) -> [Int] {
        let philox = Philox(seed: request.seed, key(of: "import"), key(of: "hosts"))
        return (0 ..< classes.count * request.projections).map { projection in
            let number = projection % request.projections
            let place = (Double(number) + philox.uniform(UInt64(projection))) / Double(request.projections)
            return patches.lowerBound + min(Int(place * Double(patches.count)), patches.count - 1)
        }
    }

    /// Projects a drawn threat, turned by a drawn symmetry of the square, at a drawn scale and place: a function of the projection's number.
    func project(_ projection: Int, into patch: inout [Double], window: [Int], channels: Int) {
        let philox = Philox(seed: request.seed, key(of: "import"), key(of: "projection"), UInt64(projection))
        let own = threats[projection / request.projections]
        let scale = request.scale.lowerBound + philox.uniform(0) * (request.scale.upperBound - request.scale.lowerBound)
        let threat = own[philox.index(below: own.count, 1)].turned(philox.index(below: 8, 2)).scaled(scale)
        let top = philox.index(below: window[0] - threat.height + 1, 3), left = philox.index(below: window[1] - threat.width + 1, 4)
        threat.project(into: &patch, width: window[1], channels: channels, at: (top, left))
    }
}
