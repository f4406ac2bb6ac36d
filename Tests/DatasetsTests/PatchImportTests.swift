@testable import Datasets
import Foundation
import Testing

@Suite struct PatchImportTests {
    /// Each number tells its scan, row and column.
    private func scan(_ number: Int, _ height: Int, _ width: Int) -> Data {
        png(height, width, (0 ..< height * width).map { 100 * number + 10 * ($0 / width) + $0 % width })
    }

    private func flat(_ level: Int, _ height: Int = 12, _ width: Int = 16) -> Data {
        png(height, width, [Int](repeating: level, count: height * width))
    }

    /// A plain ground with grain and, in the middle, two pixels that let through a half and a quarter.
    private let blade = png(4, 5, [200, 201, 200, 204, 200, 202, 100, 50, 220, 200, 200, 200, 210, 200, 201, 200, 200, 200, 200, 200])

    private func source(_ files: [String: Data], window: [Int], _ change: (inout PatchSource.Request, URL) -> Void = { _, _ in }) throws
        -> PatchSource
    {
        try withSource(files, window: window, change) { source, _ in source }
    }

    /// The body runs while the files are there.
    private func withSource<Result>(
        _ files: [String: Data], window: [Int], _ change: (inout PatchSource.Request, URL) -> Void, _ body: (PatchSource, URL) throws -> Result
    ) throws -> Result {
        try withFolder { folder in
            try write(files, to: folder)
            var request = PatchSource.Request(scans: folder.appendingPathComponent("scans"), window: window)
            change(&request, folder)
            return try body(PatchSource(request), folder)
        }
    }

    @Test(arguments: [
        (4, 4, 2, [0]), (10, 4, 3, [0, 3, 6]), (11, 4, 3, [0, 3, 6, 7]), (9, 4, 4, [0, 4, 5]), (9, 3, 9, [0, 6]), (3, 1, 1, [0, 1, 2]),
    ])
    func places(length: Int, window: Int, stride: Int, expected: [Int]) {
        #expect(PatchSource.places(length, window: window, stride: stride) == expected)
    }

    /// Row after row, scan after scan, the training side first whatever its name; half over each other unless said.
    @Test func cuttingOverlappingPatches() throws {
        let files = ["scans/test/a.png": scan(0, 3, 4), "scans/train/b.png": scan(1, 5, 6)]
        try withSource(files, window: [3, 4], { request, _ in request.stride = [2, 3] }) { (source, _) throws in
            #expect(source.shape == [3, 4, 1] && source.type == .u8 && source.classes == ["benign"] && source.labels == [0, 0, 0, 0, 0])
            #expect(source.testStart == 4 && source.groups == [0, 0, 0, 0, 1])
            let corners = [(1, 0, 0), (1, 0, 2), (1, 2, 0), (1, 2, 2), (0, 0, 0)]
            for (number, (scan, top, left)) in corners.enumerated() {
                let expected = (0 ..< 12).map { UInt8(100 * scan + 10 * (top + $0 / 4) + left + $0 % 4) }
                #expect(try source.values(of: [number]) == .u8(expected), "patch \(number)")
            }
            let (last, second) = (try source.values(of: [4]).bytes, try source.values(of: [1]).bytes)
            #expect(try source.values(of: [4, 1]).bytes == last + second)
        }
        #expect(try source(["scans/a.png": scan(0, 6, 4)], window: [4, 2]).labels.count == 2 * 3)
        #expect(PatchSource.Request(scans: URL(fileURLWithPath: "/"), window: [5, 1]).stride == [2, 1])
    }

    /// Resized with the filter; 16 bits and colors where asked for.
    @Test func forms() throws {
        let row = png(1, 6, [1, 2, 4, 8, 16, 32]), deep = png(1, 6, bits: 16, [257, 514, 0, 0, 0, 65535])
        try withSource(["scans/a.png": row], window: [1, 6], { request, _ in request.size = [1, 3] }) { (source, _) throws in
            // as `filteredResizing` has them: 13 / 7, 6.75 and 152 / 7
            #expect(try source.shape == [1, 3, 1] && source.values(of: [0]) == .u8([2, 7, 22]))
        }
        try withSource(["scans/a.png": row, "scans/b.png": deep], window: [1, 6], { request, _ in request.channels = 3 }) { (source, _) throws in
            #expect(source.shape == [1, 6, 3] && source.type == .u16)
            let levels: [UInt16] = [257, 514, 1028, 2056, 4112, 8224, 257, 514, 0, 0, 0, 65535]
            #expect(try source.values(of: [0, 1]) == .u16(levels.flatMap { [$0, $0, $0] }))
        }
    }

    /// Where less of a patch than asked for is darker than air.
    @Test func airIsPassedOver() throws {
        let half = png(4, 8, (0 ..< 32).map { $0 % 8 < 4 ? 242 : 243 })
        func count(_ content: Double) throws -> Int {
            try source(["scans/a.png": half], window: [2, 2]) { request, _ in (request.stride, request.content) = ([2, 1], content) }.labels.count
        }
        #expect(try [0, 0.001, 0.5, 0.51, 1].map(count) == [14, 8, 8, 6, 6])
    }

    /// The ground is what only 5 % of the border lie below; a threat is cut to its outline and lets nothing through more than once.
    @Test func transmissionOfThreats() throws {
        func threat(_ picture: Data) throws -> Threat? {
            try withFolder { folder in
                try write(["a.png": picture], to: folder)
                return Threat(try Picture(folder.appendingPathComponent("a.png")))
            }
        }
        let found = try #require(try threat(blade))
        #expect((found.height, found.width) == (1, 2) && found.transmission == [0.5, 0.25])
        let hollow = try #require(try threat(png(5, 5, (0 ..< 25).map { [7: 50, 11: 100, 13: 120, 12: 255, 17: 25][$0] ?? 250 })))
        #expect((hollow.height, hollow.width) == (3, 3) && hollow.transmission == [1, 0.2, 1, 0.4, 1, 0.48, 1, 0.1, 1])
        #expect(try threat(flat(200)) == nil && threat(flat(0)) == nil)
        // one dark pixel of 22 on the border, where the threat is cut off, does not count as ground
        let cut = try threat(png(6, 7, (0 ..< 42).map { $0 == 3 ? 10 : $0 == 17 ? 50 : 100 }))
        #expect(cut?.transmission == [0.1, 1, 0.5])
    }

    @Test func turningAndScaling() throws {
        let threat = try withFolder { folder in
            // 2 × 3 with transmissions 0.1 ... 0.6 on a ground of 250
            let levels = (0 ..< 20).map { [6: 25, 7: 50, 8: 75, 11: 100, 12: 125, 13: 150][$0] ?? 250 }
            try write(["a.png": png(4, 5, levels)], to: folder)
            return Threat(try Picture(folder.appendingPathComponent("a.png")))
        }
        let found = try #require(threat)
        let turned = (0 ..< 8).map { symmetry in found.turned(symmetry).transmission.map { Int(($0 * 10).rounded()) } }
        #expect(
            turned == [
                [1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], [4, 5, 6, 1, 2, 3], [6, 5, 4, 3, 2, 1],
                [1, 4, 2, 5, 3, 6], [3, 6, 2, 5, 1, 4], [4, 1, 5, 2, 6, 3], [6, 3, 5, 2, 4, 1],
            ])
        #expect((found.turned(4).height, found.turned(4).width) == (3, 2) && (found.turned(3).height, found.turned(3).width) == (2, 3))
        let large = found.scaled(2), small = found.scaled(0.2)
        #expect((large.height, large.width) == (4, 6) && (small.height, small.width) == (1, 1))
        #expect(abs(small.transmission[0] - 0.35) < 1e-6)
        var patch = (0 ..< 24).map(Double.init)
        found.project(into: &patch, width: 4, channels: 2, at: (1, 1))
        let shares = [Double](repeating: 1, count: 10) + [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 1, 1, 0.4, 0.4, 0.5, 0.5, 0.6, 0.6]
        #expect(zip(patch, zip(0 ..< 24, shares)).allSatisfy { abs($0 - Double($1.0) * $1.1) < 1e-5 })
    }

    private static func threatFolder(_ request: inout PatchSource.Request, _ folder: URL) {
        request.threats = folder.appendingPathComponent("threats")
        (request.projections, request.stride) = (20, [1, 1])
    }

    /// A patch's numbers times the threat's transmission, two neighbors; one threat a projection, at drawn places and turns, among the patches
    /// tested on.
    @Test func projection() throws {
        var files = ["scans/test/a.png": flat(80), "scans/test/b.png": flat(120), "scans/train/c.png": flat(40)]
        files["threats/knife/1.png"] = blade
        files["threats/gun/1.png"] = png(3, 3, [255, 255, 255, 255, 0, 255, 255, 255, 255])
        files["threats/other/1.png"] = flat(9)
        try withSource(
            files, window: [6, 8],
            {
                Self.threatFolder(&$0, $1)
                $0.threatClasses = ["knife", "gun"]
            }
        ) { (source, _) throws in
            let benign = 3 * 7 * 9
            #expect(source.classes == ["benign", "gun", "knife"] && source.labels[..<benign].allSatisfy { $0 == 0 })
            #expect(Array(source.labels[benign...]) == [Int32](repeating: 1, count: 20) + [Int32](repeating: 2, count: 20))
            #expect(source.testStart == 63)
            var looks: Set<[Int]> = [], hosts: [Int64] = []
            for sample in benign ..< benign + 40 {
                let values = try source.values(of: [sample]).bytes, ground = source.groups![sample] == 1 ? 80 : 120
                hosts.append(source.groups![sample])
                let changed = values.indices.filter { values[$0] != UInt8(ground) }
                if source.labels[sample] == 1 {
                    #expect(changed.count == 1 && values[changed[0]] == 0)
                } else {
                    #expect(changed.count == 2 && [1, 8].contains(changed[1] - changed[0]))
                    #expect(changed.map { Int(values[$0]) }.sorted() == [ground / 4, ground / 2])
                    looks.insert([changed[0], changed[1], Int(values[changed[0]])])
                }
            }
            #expect(looks.count > 10, "knives lie alike")
            #expect(hosts == (0 ..< 40).map { $0 % 20 < 10 ? 1 : 2 })
        }
    }

    /// A seed decides all that is drawn; any number of ranks writes the same; no scan is on both sides of a drawn division.
    @Test func seedsAndRanks() throws {
        var files = Dictionary(uniqueKeysWithValues: (0 ..< 5).map { ("scans/\($0).png", scan(0, 10, 12)) })
        files["threats/gun/1.png"] = png(9, 7, (0 ..< 63).map { [24: 30, 31: 60, 30: 90, 38: 10][$0] ?? 240 })
        try withFolder { folder in
            func set(_ name: String, seed: UInt64 = 1, ranks: Int = 1) throws -> SampleSet {
                try withSource(
                    files, window: [6, 6],
                    {
                        Self.threatFolder(&$0, $1)
                        ($0.seed, $0.size, $0.threatScale) = (seed, [3, 3], 0.5 ... 2)
                    }
                ) { (source, _) throws in
                    let job = try SetImport(source, named: "s", by: SplitProtocol(.normal(["benign"]), trainShare: 0.6, seed: seed))
                    return try imported(job, to: folder.appendingPathComponent(name), ranks: ranks)
                }
            }
            let one = try set("one")
            try one.verify()
            #expect(try set("three", ranks: 3).manifest.fingerprint == one.manifest.fingerprint)
            #expect(try set("other", seed: 2).manifest.fingerprint != one.manifest.fingerprint)
            let train = try one.split("train"), test = try one.split("test")
            #expect(Set(train.groups!).count == 3 && Set(test.groups!).count == 2 && Set(train.groups!).isDisjoint(with: test.groups!))
            #expect(train.labels.allSatisfy { $0 == 0 } && test.labels.contains(1))
        }
    }

    @Test func flaws() throws {
        let whole = ["scans/a.png": flat(9), "threats/gun/1.png": blade]
        func text(_ files: [String: Data], window: [Int] = [6, 6], _ change: @escaping (inout PatchSource.Request) -> Void = { _ in }) -> String {
            message {
                _ = try source(files, window: window) { request, folder in
                    Self.threatFolder(&request, folder)
                    change(&request)
                }
            }
        }
        #expect(text(whole) == "no error")
        #expect(text(["scans/a.txt": Data()]) == "scans holds no PNG or JPEG files" && text([:]) == "scans is no folder that can be read")
        #expect(
            text(whole, window: [13, 4]) == "scans: a.png is 12 × 16, smaller than a patch of 13×4; take it out of the folder")
        #expect(
            text(whole) { $0.size = [0, 1] } == "patches of 6×6 every 1×1 as 0×1×1 cannot be cut; expected sides to 16384, 1 or 3 channels")
        #expect(text(whole) { $0.content = 1.5 } == "the least content of a patch is 1.5; expected a share from 0 to 1")
        #expect(text(whole) { $0.threats = nil } == "there are no threats to project; name the folder of their pictures, or ask for none")
        let odd = "threats of each class cannot be projected at scale"
        #expect(text(whole) { $0.projections = 0 } == "0 \(odd) 1.0 to 1.0; give 1 or more, at up to 16")
        #expect(text(whole) { $0.threatScale = 0 ... 1 } == "20 \(odd) 0.0 to 1.0; give 1 or more, at up to 16")
        #expect(
            text(whole) { $0.threatScale = 1 ... 3.4 }
                == "threats: gun/1.png comes to 7 pixels, more than a patch of 6×6; give a smaller scale of threats")
        #expect(
            text(["scans/train/a.png": flat(9), "threats/gun/1.png": blade])
                == "scans gives no patch to project threats into; ask for less content, or add scans")
        #expect(text(whole) { $0.threatClasses = ["gun", "gu"] } == "threats has no pictures in a folder gu; name other classes of threats")
        #expect(text(["scans/a.png": flat(9), "threats/a.txt": Data()]) == "threats holds no PNG or JPEG files")
        for path in ["1.png", "benign/1.png"] {
            #expect(
                text(["scans/a.png": flat(9), "threats/\(path)": blade])
                    == "threats: \(path) lies in no threat's folder; put it into one that names its class")
        }
        #expect(
            text(["scans/a.png": flat(9), "threats/gun/1.png": flat(9)])
                == "threats: gun/1.png shows nothing that is darker than its ground; take it out of the folder")
    }
}

extension StoredValues {
    fileprivate var bytes: [UInt8] {
        guard case .u8(let values) = self else { return [] }
        return values
    }
}
