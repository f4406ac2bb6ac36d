import Datasets
import Foundation
import Testing

/// Whatever is wrong with a set is said in one message, and compared whole.
@Suite struct DamageTests {
    private static let remedy = "; restore the file from a copy or make the set again"

    /// Writes a small set, damages it and gives the message of opening, verifying and reading it all.
    private func outcome(_ damage: (URL) throws -> Void) throws -> String {
        try withFolder { folder in
            let root = folder.appendingPathComponent("set")
            try Counting().write(at: root)
            try damage(root)
            return message {
                let set = try SampleSet(at: root)
                for split in set.manifest.splits { _ = try SplitReader(set.split(split.name)).values(0 ..< split.count) }
                try set.verify()
            }
        }
    }

    private func editManifest(_ root: URL, _ old: String, _ new: String) throws {
        let url = root.appendingPathComponent(Manifest.fileName), text = try String(contentsOf: url, encoding: .utf8)
        let place = try #require(text.range(of: old, options: .regularExpression))
        try Data(text.replacingCharacters(in: place, with: new).utf8).write(to: url)
    }

    @Test func soundSetsAreSound() throws { #expect(try outcome { _ in } == "no error") }

    @Test func shards() throws {
        #expect(
            try outcome { try FileManager.default.removeItem(at: $0.appendingPathComponent("train-00002.h5")) }
                == "train-00002.h5 cannot be read: No such file or directory" + Self.remedy)
        var bytes = 0
        let truncated = try outcome {
            let url = $0.appendingPathComponent("train-00001.h5"), whole = try Data(contentsOf: url)
            bytes = whole.count
            try whole.dropLast().write(to: url)
        }
        #expect(truncated == "train-00001.h5 has \(bytes - 1) bytes, expected \(bytes) by the manifest" + Self.remedy)
        #expect(
            try outcome {
                let url = $0.appendingPathComponent("train-00001.h5")
                var data = try Data(contentsOf: url)
                data[try #require(data.range(of: Data((0 ..< 20).map { UInt8(truncatingIfNeeded: 128 * 7 + $0) }))).lowerBound] ^= 1
                try data.write(to: url)
            }
                == "chunk 0 of train-00001.h5 (samples 128 to 191) cannot be read: train-00001.h5: /samples cannot be read from [0, 0, 0, 0], [64, 4, 4, 2] "
                + "elements: can't read data: unable to read raw data chunk: data pipeline read failed: filter returned failure during read: "
                + "data error detected by Fletcher32 checksum" + Self.remedy)
    }

    /// Every flipped byte of a small shard is noticed by `verify`.
    @Test func everyByteCounts() throws {
        try withFolder { folder in
            try Counting(shape: [2], counts: [("train", 70)]).write(at: folder)
            let url = folder.appendingPathComponent("train-00000.h5"), whole = try Data(contentsOf: url)
            for position in stride(from: 0, to: whole.count, by: 7) {
                var damaged = whole
                damaged[position] ^= 0x10
                try damaged.write(to: url)
                #expect(message { try SampleSet(at: folder).verify() } != "no error", "byte \(position)")
            }
        }
    }

    @Test func manifests() throws {
        func edited(_ old: String, _ new: String) throws -> String { try outcome { try editManifest($0, old, new) } }
        #expect(
            try edited("\"format\" : 1", "\"format\" : 2")
                == "manifest.json: format 2 is not known, expected 1; read the set with the version of vigil that wrote it")
        #expect(try edited("\"meaning\"", "\"meening\"") == "manifest.json: \"meaning\" is missing" + Self.remedy)
        #expect(try edited("\"normal\"", "\"normel\"") == "manifest.json: \"classes[0].normal\" is missing" + Self.remedy)
        #expect(try edited("\"type\" : \"u8\"", "\"type\" : \"u9\"") == "manifest.json: \"type\" has a value that is not known" + Self.remedy)
        #expect(
            try edited("\"name\" : \"c\",", "\"name\" : \"c\", \"labeled\" : false,")
                == "manifest.json: class c is abnormal though not labeled; say one or the other" + Self.remedy)
        #expect(try edited("\"type\" : \"u8\"", "\"type\" : 8") == "manifest.json: \"type\" is not of type String" + Self.remedy)
        #expect(try edited("\\{", "[") == "manifest.json: this is not JSON, so it was damaged or is another file" + Self.remedy)
        #expect(
            try edited("\"count\" : 500", "\"count\" : 501") == "manifest.json: split train has 501 samples, but its shards have 500" + Self.remedy)
        #expect(
            try edited("\"train\" : 167", "\"train\" : 166") == "manifest.json: split train has 500 samples, but its classes have 499" + Self.remedy)
        #expect(try edited("-32768", "65535") == "manifest.json: range [65535.0, 65535.0] is not [smallest, largest]" + Self.remedy)
        #expect(
            try edited("\"shape\" : \\[\\s*4", "\"shape\" : [-4") == "manifest.json: shape [-4, 4, 2] is not [height, width, channels] or [features]"
                + Self.remedy)
        for bad in ["../train-00000.h5", "/train-00000.h5", "a/../train-00000.h5", "", "./train-00000.h5"] {
            #expect(try edited("train-00000.h5", bad) == "manifest.json: shard \"\(bad)\" is not a path inside the set's folder" + Self.remedy)
        }
        #expect(try edited("train-00000.h5", "train-00001.h5") == "manifest.json: a shard is named twice" + Self.remedy)
        #expect(
            try edited("\"type\" : \"u8\"", "\"type\" : \"u16\"")
                == "train-00000.h5: samples are uint8 [128, 4, 4, 2], expected uint16 [128, 4, 4, 2] by the manifest" + Self.remedy)
    }

    @Test func manifestsThatDisagreeWithShards() throws {
        let wrongGroups = try outcome { try editManifest($0, "\"count\" : 500,", "\"count\" : 500, \"grouped\" : true,") }
        #expect(wrongGroups == "the shards of split train have no groups, expected some by the manifest" + Self.remedy)
        var digest = ""
        let wrongDigest = try outcome {
            digest = try Manifest(of: $0).splits[0].shards[0].sha256
            try editManifest($0, digest, String(repeating: "0", count: 64))
        }
        #expect(wrongDigest == "train-00000.h5 has SHA-256 \(digest), expected \(String(repeating: "0", count: 64)) by the manifest" + Self.remedy)
        let wrongFingerprint = try outcome {
            digest = try Manifest(of: $0).fingerprint
            try editManifest($0, digest, "x")
        }
        #expect(wrongFingerprint == "the samples have fingerprint \(digest), expected x by the manifest" + Self.remedy)
        let wrongCount = try outcome {
            try editManifest($0, "\"count\" : 128", "\"count\" : 127")
            try editManifest($0, "\"count\" : 128", "\"count\" : 129")
        }
        #expect(wrongCount == "train-00000.h5: samples are uint8 [128, 4, 4, 2], expected uint8 [127, 4, 4, 2] by the manifest" + Self.remedy)
        let wrongClass = try outcome {
            try editManifest($0, "\"train\" : 167", "\"train\" : 168")
            try editManifest($0, "\"train\" : 167", "\"train\" : 166")
        }
        #expect(wrongClass == "split train has 167 samples of class a, expected 168 by the manifest" + Self.remedy)
    }

    @Test func linksOutOfTheFolder() throws {
        #expect(
            try outcome {
                let url = $0.appendingPathComponent("train-00000.h5"), outside = $0.deletingLastPathComponent().appendingPathComponent("outside.h5")
                try FileManager.default.moveItem(at: url, to: outside)
                try FileManager.default.createSymbolicLink(at: url, withDestinationURL: outside)
            } == "train-00000.h5 is a symbolic link out of the set's folder; put the file itself there")
    }
}
