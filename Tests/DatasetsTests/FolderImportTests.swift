@testable import Datasets
import Foundation
import Testing

/// A PNG of one channel or three, made of stored blocks: bits 8 or 16.
func png(_ height: Int, _ width: Int, channels: Int = 1, bits: Int = 8, _ numbers: [Int]) -> Data {
    func word(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + content
        let checksum = body.reduce(UInt32.max) { sum, byte in
            (0 ..< 8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return word(UInt32(content.count)) + body + word(~checksum)
    }
    let size = width * channels
    var rows: [UInt8] = []
    for row in 0 ..< height {
        rows.append(0)
        for number in numbers[row * size ..< (row + 1) * size] { rows += bits == 16 ? [UInt8(number >> 8), UInt8(number & 255)] : [UInt8(number)] }
    }
    var (low, high) = (UInt32(1), UInt32(0))
    for byte in rows {
        low = (low + UInt32(byte)) % 65521
        high = (high + low) % 65521
    }
    let length = UInt16(rows.count)
    var stream: [UInt8] = [0x78, 0x01, 1, UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)]
    stream += rows
    stream += word(high << 16 | low)
    var header = word(UInt32(width))
    header += word(UInt32(height))
    header += [UInt8(bits), channels == 3 ? 2 : 0, 0, 0, 0]
    var data = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    for part in [chunk("IHDR", header), chunk("IDAT", stream), chunk("IEND", [])] { data.append(contentsOf: part) }
    return data
}

/// Writes files, and the folders that they lie in.
func write(_ files: [String: Data], to folder: URL) throws {
    for (path, data) in files {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }
}

@Suite struct FolderImportTests {
    private let gray = png(2, 3, [0, 50, 100, 150, 200, 255])
    private let colors = png(2, 3, channels: 3, Array(stride(from: 0, to: 180, by: 10)))

    @Test func classesAndDivisions() throws {
        try withFolder { folder in
            try write(
                [
                    "a/train/good/1.png": gray, "a/train/bad/2.PNG": gray, "a/test/bad/x/3.png": gray, "a/test/good/.hidden.png": gray,
                    "a/notes.txt": Data(),
                ],
                to: folder)
            let source = try FolderSource(folder.appendingPathComponent("a"))
            #expect(source.shape == [2, 3, 1] && source.type == .u8 && source.classes == ["bad", "good"])
            #expect(source.labels == [0, 1, 0] && source.testStart == 2)
            try write(["b/good/1.png": gray, "b/bad/1.png": gray], to: folder)
            let pooled = try FolderSource(folder.appendingPathComponent("b"))
            #expect(pooled.labels == [0, 1] && pooled.testStart == nil)
            let job = try SetImport(source, named: "f", by: SplitProtocol(.abnormal(["bad"])))
            let sets = try [1, 3].map { try imported(job, to: folder.appendingPathComponent("set\($0)"), ranks: $0) }
            #expect(sets[0].manifest.fingerprint == sets[1].manifest.fingerprint)
            #expect(try SplitReader(sets[0].split("train")).values(0 ..< 1) == .u8([0, 50, 100, 150, 200, 255]))
        }
    }

    /// Groups are read off the paths in the classes' folders, and a division keeps them whole.
    @Test func groups() throws {
        try withFolder { folder in
            let names = ["train/good/p1_1", "train/good/p2_1", "test/good/p3_1", "test/bad/p1_9"]
            try write(Dictionary(uniqueKeysWithValues: names.map { ("\($0).png", gray) }), to: folder)
            let source = try FolderSource(folder, group: "^([^_]+)_")
            #expect(source.groups == [0, 1, 0, 2] && source.labels == [1, 1, 0, 1])
            #expect(try FolderSource(folder, group: "p([0-9])").groups == [1, 2, 1, 3])
            let name = folder.lastPathComponent
            #expect(message { _ = try FolderSource(folder, group: "(") } == "\"(\" is no regular expression; give one with a group, as \"^([^_]+)_\"")
            for pattern in ["p", "(x)"] {
                #expect(
                    message { _ = try FolderSource(folder, group: pattern) }
                        == "\(name): the group of \"\(pattern)\" is not in p1_1.png; give an expression that all paths have, as \"^([^_]+)_\"")
            }
        }
    }

    @Test func formsOfPictures() throws {
        func values(_ files: [String: Data], size: [Int]? = nil, channels: Int? = nil) throws -> StoredValues {
            try withFolder { folder in
                try write(files, to: folder)
                let source = try FolderSource(folder, size: size, channels: channels)
                return try source.values(of: Array(source.labels.indices)[...])
            }
        }
        #expect(try values(["a/1.png": colors]) == .u8((0 ..< 18).map { UInt8(10 * $0) }))
        // the luma of (30 k, 30 k + 10, 30 k + 20) is 30 k + 5.87 + 2.28
        #expect(try values(["a/1.png": colors], channels: 1) == .u8([8, 38, 68, 98, 128, 158]))
        #expect(try values(["a/1.png": gray], channels: 3) == .u8([0, 0, 0, 50, 50, 50, 100, 100, 100, 150, 150, 150, 200, 200, 200, 255, 255, 255]))
        let deep = png(2, 3, bits: 16, [0, 1, 256, 4095, 65534, 65535])
        #expect(try values(["a/1.png": deep]) == .u16([0, 1, 256, 4095, 65534, 65535]))
        #expect(try values(["a/1.png": deep, "a/2.png": gray]) == .u16([0, 1, 256, 4095, 65534, 65535, 0, 12850, 25700, 38550, 51400, 65535]))
        #expect(try values(["a/1.png": gray], size: [1, 1]) == .u8([126]))
    }

    /// Constants stay, and shrinking by a whole number weighs each pixel by a triangle about the output's center.
    @Test func filteredResizing() {
        let flat = FilteredResize(from: (7, 5), to: (3, 8), channels: 2)((0 ..< 70).map { $0 % 2 == 0 ? 3 : -1 })
        #expect(flat.count == 48 && flat.enumerated().allSatisfy { abs($1 - ($0 % 2 == 0 ? 3 : -1)) < 1e-12 })
        // centers 1, 3, 5 of 6 pixels, reach 2: weights 3/4, 3/4, 1/4 at the edge, 1/4, 3/4, 3/4, 1/4 within
        let row = FilteredResize(from: (1, 6), to: (1, 3), channels: 1)([1, 2, 4, 8, 16, 32])
        let expected: [Double] = [13 / 7, 6.75, 152 / 7]
        #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        // where it grows it is the plain one
        let image: [Float] = [0, 1, 2, 3], plain = Resize(from: (2, 2), to: (5, 3), channels: 1)(image)
        let grown = FilteredResize(from: (2, 2), to: (5, 3), channels: 1)(image.map(Double.init))
        #expect(zip(grown, plain).allSatisfy { abs($0 - Double($1)) < 1e-6 })
    }

    @Test func flaws() throws {
        func text(_ files: [String: Data], size: [Int]? = nil, channels: Int? = nil) throws -> String {
            try withFolder { folder in
                let place = folder.appendingPathComponent("F")
                try write(files.isEmpty ? [:] : Dictionary(uniqueKeysWithValues: files.map { ("F/\($0)", $1) }), to: folder)
                return message { _ = try FolderSource(place, size: size, channels: channels) }
            }
        }
        #expect(try text([:]) == "F is no folder that can be read")
        #expect(try text(["a/x.txt": Data()]) == "F holds no PNG or JPEG files")
        #expect(try text(["x.png": gray]) == "F: x.png lies in no class's folder; put it into one that names its class")
        #expect(try text(["a/x.png": Data("text".utf8)]) == "x.png does not begin as PNG or JPEG; convert it or take it out of the folder")
        #expect(
            try text(["a/1.png": gray, "a/2.png": png(1, 3, [1, 2, 3])])
                == "F: a/2.png is 1 × 3, others are 2 × 3; give the size that all are brought to")
        #expect(
            try text(["a/1.png": gray, "a/2.png": colors])
                == "F: a/2.png has 3 channels, others have 1; give the number that all are brought to")
        #expect(try text(["a/1.png": gray], size: [0, 1]) == "pictures cannot be brought to 0×1×1; expected sides to 16384, 1 or 3 channels")
        // a changed header
        var huge = gray
        huge.replaceSubrange(16 ..< 24, with: [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF])
        #expect(try text(["a/1.png": huge]).hasPrefix("1.png cannot be decoded (IHDR"))
    }

    /// Cut off anywhere or changed in any byte, a picture is refused or read, never a trap; decoding never gives less without a word.
    @Test func damage() throws {
        try withFolder { folder in
            let file = folder.appendingPathComponent("a/1.png"), row: [UInt8] = [0, 50, 100, 150, 200, 255]
            try write(["a/1.png": gray], to: folder)
            func values() throws -> StoredValues { try FolderSource(folder).values(of: [0]) }
            #expect(try values() == .u8(row))
            for count in 1 ..< gray.count {
                try gray.prefix(count).write(to: file)
                #expect(throws: DatasetError.self, "\(count) bytes") { try values() }
            }
            for place in gray.indices {
                var damaged = gray
                damaged[place] ^= 0x41
                try damaged.write(to: file)
                let read = try? values()
                #expect(read == nil || read == .u8(row), "byte \(place)")
            }
        }
    }

    private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

    /// JPEGs of many sizes, unpacked by tar: what the inventory counts, and damage that libjpeg would fill with gray.
    @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func realPictures() throws {
        try withFolder { folder in
            let tar = Process()
            tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            tar.arguments = ["tar", "-C", folder.path, "-xzf", "\(Self.data!)/xray/gdxray_baggage_patches.tar.gz"]
            try tar.run()
            tar.waitUntilExit()
            let pictures = folder.appendingPathComponent("gdxray_baggage_patches")
            let source = try FolderSource(pictures, size: [16, 16], channels: 1)
            #expect(source.classes == ["handgun", "other", "razor_blade", "shuriken"] && source.testStart == 220 && source.labels.count == 644)
            #expect((0 ..< 4).map { label in source.labels[220...].count { $0 == label } } == [20, 300, 80, 24])
            #expect(try source.values(of: [0, 643]).count == 512)
            let listing = try FileListing(pictures, extensions: ["jpg"]), file = listing.url(listing.paths[0]), whole = try Data(contentsOf: file)
            for count in [200, whole.count / 2, whole.count - 2] {
                try whole.prefix(count).write(to: file)
                #expect(throws: DatasetError.self) { _ = try Picture(file) }
            }
        }
    }
}
