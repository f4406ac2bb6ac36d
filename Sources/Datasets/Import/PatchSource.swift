import Foundation

/// Overlapping patches of whole X-ray scans, each scan a group, and real threats projected into some of them (see `Threats`).
///
/// Scans lie in a folder, or in train/ and test/ of it where a division is given. Patches stand every `stride` pixels, the last of each row and
/// column at the scan's edge. Projections come after all patches and are copies of some, of those tested on where a division is given.
public struct PatchSource: SampleSource {
    /// What is cut, and what is projected.
    public struct Request: Sendable {
        public var scans: URL
        /// [height, width] of what is cut from a scan, and from one to the next, pixels.
        public var window: [Int]
        public var stride: [Int]
        /// [height, width] that patches are brought to (see `FilteredResize`).
        public var size: [Int]
        public var channels = 1
        /// Patches are passed over where less than this share of their pixels is darker than air, 0 ... 1.
        public var content = 0.0
        /// THREATS/CLASS/...: pictures of single threats on a plain ground; nil for none.
        public var threats: URL?
        /// Those of its classes that are taken; nil for all.
        public var threatClasses: [String]?
        /// Patches with a threat, of each class.
        public var projections = 0
        /// Pixels of a scan that a pixel of a threat's picture comes to, at least and at most.
        public var threatScale = 1.0 ... 1.0
        public var seed: UInt64 = 0

        /// Patches that overlap by half and stay as they are cut.
        public init(scans: URL, window: [Int]) {
            (self.scans, self.window, stride, size) = (scans, window, window.map { max(1, $0 / 2) }, window)
        }
    }

    private struct Patch: Sendable {
        let scan: Int, top: Int, left: Int
    }

    /// The class of patches without a threat.
    public static let benign = "benign"
    /// Shares of the brightest level from which on nothing but air is in the way.
    private static let air = 0.95

    public let shape: [Int]
    public let type: SampleType
    public var range: ClosedRange<Double> { 0 ... (type == .u16 ? 65535 : 255) }
    public var meaning: String { shape[2] == 1 ? "displayed transmission" : "displayed transmission, red, green, blue" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let groups: [Int64]?
    public let provenance: [String: String]
    private let window: [Int]
    private let resize: FilteredResize?
    private let listing: FileListing
    /// Places in the listing, the training side first.
    private let scans: [Int]
    private let patches: [Patch]
    private let threats: Threats?
    /// The patch that each projection is made into.
    private let hosts: [Int]

    /// Reads the scans' headers, their pixels where air is passed over, all contents for a digest, and the threats.
    public init(_ request: Request) throws(DatasetError) {
        let name = request.scans.lastPathComponent
        try Self.check(request)
        let listing = try FileListing(request.scans, extensions: Picture.extensions)
        guard !listing.paths.isEmpty else { throw DatasetError(.missingInput, "\(name) holds no PNG or JPEG files") }
        let isDivided = listing.paths.allSatisfy { $0.hasPrefix("train/") || $0.hasPrefix("test/") }
        let training = listing.paths.indices.filter { isDivided && listing.paths[$0].hasPrefix("train/") }
        let scans = training + listing.paths.indices.filter { !(isDivided && listing.paths[$0].hasPrefix("train/")) }
        var patches: [Patch] = [], trained = 0, type = SampleType.u8
        for (number, place) in scans.enumerated() {
            let path = listing.paths[place], header = try Picture.header(of: listing.url(path))
            guard header.height >= request.window[0], header.width >= request.window[1] else {
                let (found, wanted) = ("\(header.height) × \(header.width)", extentsText(request.window))
                throw DatasetError(.badData, "\(name): \(path) is \(found), smaller than a patch of \(wanted); take it out of the folder")
            }
            if header.type == .u16 { type = .u16 }
            patches += try Self.patches(of: listing.url(path), number, header, request)
            if number < training.count { trained = patches.count }
        }
        let tested = (isDivided ? trained : 0) ..< patches.count
        var provenance = ["importer": "patches", "scans": try listing.provenance()]
        provenance["patches"] =
            "\(extentsText(request.window)) every \(extentsText(request.stride)) pixels, as \(extentsText(request.size + [request.channels])), "
            + "at least \(request.content) of them darker than air"
        var threats: Threats?
        if let folder = request.threats {
            guard !tested.isEmpty else {
                throw DatasetError(.badData, "\(name) gives no patch to project threats into; ask for less content, or add scans")
            }
            let wanted = Threats.Request(
                folder: folder, classes: request.threatClasses, projections: request.projections, scale: request.threatScale, seed: request.seed)
            threats = try Threats(wanted, window: request.window)
        }
        provenance["threats"] = threats?.provenance
        let hosts = threats?.hosts(among: tested) ?? []
        labels = [Int32](repeating: 0, count: patches.count) + (threats?.labels ?? [])
        groups = patches.map { Int64($0.scan) } + hosts.map { Int64(patches[$0].scan) }
        (classes, testStart) = ([Self.benign] + (threats?.classes ?? []), isDivided ? trained : nil)
        (self.listing, self.scans, self.patches, self.threats, self.hosts) = (listing, scans, patches, threats, hosts)
        (self.type, self.provenance) = (type, provenance)
        (window, shape) = (request.window, request.size + [request.channels])
        let (from, to) = ((request.window[0], request.window[1]), (request.size[0], request.size[1]))
        resize = from == to ? nil : FilteredResize(from: from, to: to, channels: request.channels)
    }

    private static func check(_ request: Request) throws(DatasetError) {
        let sides = request.window + request.stride + request.size
        guard sides.count == 6, sides.allSatisfy({ (1 ... 1 << 14).contains($0) }), [1, 3].contains(request.channels) else {
            let text = "\(extentsText(request.window)) every \(extentsText(request.stride)) as \(extentsText(request.size + [request.channels]))"
            throw DatasetError(.usage, "patches of \(text) cannot be cut; expected sides to 16384, 1 or 3 channels")
        }
        guard (0 ... 1).contains(request.content) else {
            throw DatasetError(.usage, "the least content of a patch is \(request.content); expected a share from 0 to 1")
        }
        guard request.threats != nil || request.projections == 0 else {
            throw DatasetError(.usage, "there are no threats to project; name the folder of their pictures, or ask for none")
        }
    }

    /// Where patches begin along a side.
    static func places(_ length: Int, window: Int, stride: Int) -> [Int] {
        let places = Array(Swift.stride(from: 0, through: length - window, by: stride))
        return places.last == length - window ? places : places + [length - window]
    }

    /// Row after row, without those that show too little.
    private static func patches(of url: URL, _ scan: Int, _ header: Picture.Header, _ request: Request) throws(DatasetError) -> [Patch] {
        let (height, width) = (request.window[0], request.window[1])
        let tops = places(header.height, window: height, stride: request.stride[0])
        let lefts = places(header.width, window: width, stride: request.stride[1])
        let all = tops.flatMap { top in lefts.map { Patch(scan: scan, top: top, left: $0) } }
        guard request.content > 0 else { return all }
        let levels = try Picture(url).converted(channels: 1, type: header.type), limit = air * (header.type == .u16 ? 65535 : 255)
        // of the rectangle above and to the left of a corner between pixels
        let size = header.width + 1
        var counts = [Int](repeating: 0, count: (header.height + 1) * size)
        for row in 0 ..< header.height {
            var count = 0
            for column in 0 ..< header.width {
                count += levels[row * header.width + column] < limit ? 1 : 0
                counts[(row + 1) * size + column + 1] = counts[row * size + column + 1] + count
            }
        }
        return all.filter { patch in
            let (above, below) = (patch.top * size + patch.left, (patch.top + height) * size + patch.left)
            let count = counts[below + width] - counts[below] - counts[above + width] + counts[above]
            return Double(count) >= request.content * Double(height * width)
        }
    }

    public func values(of samples: ArraySlice<Int>) throws(DatasetError) -> StoredValues {
        var numbers: [Double] = [], opened: (scan: Int, width: Int, pixels: [Double])?
        for sample in samples {
            let projection = sample - patches.count, patch = patches[projection < 0 ? sample : hosts[projection]]
            if opened?.scan != patch.scan {
                let picture = try Picture(listing.url(listing.paths[scans[patch.scan]]))
                opened = (patch.scan, picture.header.width, picture.converted(channels: shape[2], type: type))
            }
            let (width, scan) = (opened!.width, opened!.pixels)
            var pixels: [Double] = []
            for row in patch.top ..< patch.top + window[0] {
                let first = (row * width + patch.left) * shape[2]
                pixels += scan[first ..< first + window[1] * shape[2]]
            }
            if projection >= 0 { threats!.project(projection, into: &pixels, window: window, channels: shape[2]) }
            numbers += resize?(pixels) ?? pixels
        }
        return Picture.stored(numbers, as: type)
    }
}
