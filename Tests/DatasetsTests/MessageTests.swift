import Datasets
import Foundation
import HDF5
import Testing

/// What is said of shards and manifests that are not what they must be, as whole text; beside `DamageTests`, those that no flipped byte makes.
@Suite struct MessageTests {
    private static let remedy = "; restore the file from a copy or make the set again"

    /// A column of a shard to write: how many of its rows there are, and whether they are written.
    private struct Column {
        var rows = 70, chunk = [70, 2], isWritten = true
    }

    /// The message of opening a split whose one shard of 70 samples of 2 numbers has these columns, and the file by itself.
    private func outcome(samples: Column = Column(), labels: Column? = Column(chunk: [70]), label: Int32 = 0) throws -> (set: String, file: String) {
        try withFolder { folder in
            try Counting(shape: [2], counts: [("train", 70)]).write(at: folder)
            let url = folder.appendingPathComponent("train-00000.h5"), record = try Manifest(of: folder).splits[0].shards[0]
            try FileManager.default.removeItem(at: url)
            let file = try File.create(url.path)
            let column = try Dataset.create("samples", of: UInt8.self, shape: [samples.rows, 2], chunk: samples.chunk, in: file)
            if samples.isWritten { try column.write([UInt8](repeating: 1, count: samples.rows * 2), rows: 0 ..< samples.rows) }
            if let labels {
                let column = try Dataset.create("labels", of: Int32.self, shape: [labels.rows], chunk: labels.chunk, in: file)
                if labels.isWritten { try column.write((0 ..< labels.rows).map { $0 == 3 ? label : 0 }, rows: 0 ..< labels.rows) }
            }
            try file.close()
            let size = try Data(contentsOf: url).count, manifest = folder.appendingPathComponent(Manifest.fileName)
            let text = try String(contentsOf: manifest, encoding: .utf8).replacingOccurrences(
                of: "\"bytes\" : \(record.bytes)", with: "\"bytes\" : \(size)")
            try Data(text.utf8).write(to: manifest)
            let alone = folder.appendingPathComponent("alone.h5")
            try FileManager.default.copyItem(at: url, to: alone)
            return (message { _ = try SampleSet(at: folder).split("train") }, message { _ = try FileReport(of: alone) })
        }
    }

    @Test func shards() throws {
        #expect(try outcome() == ("no error", "no error"))
        #expect(try outcome(labels: nil).set == "train-00000.h5 has no labels" + Self.remedy)
        #expect(try outcome(label: 9).set == "train-00000.h5: sample 3 has label 9, expected 0 to 2" + Self.remedy)
        #expect(try outcome(label: -1).set == "train-00000.h5: sample 3 has label -1, expected 0 to 2" + Self.remedy)
        #expect(try outcome(labels: Column(rows: 69, chunk: [69])).set == "train-00000.h5: labels are [69], expected [70]" + Self.remedy)
        #expect(
            try outcome(samples: Column(chunk: [70, 1])).set
                == "train-00000.h5: chunks of [70, 1] are not whole samples of [2], 1073741824 bytes at most" + Self.remedy)
        let empty = try outcome(samples: Column(isWritten: false))
        #expect(empty.set == "train-00000.h5: some of the samples were never written" + Self.remedy)
        #expect(empty.file == "alone.h5: /samples: some of it was never written" + Self.remedy)
        let unlabeled = try outcome(labels: Column(chunk: [70], isWritten: false))
        #expect(unlabeled.set == "train-00000.h5: some of the labels were never written" + Self.remedy)
        #expect(unlabeled.file == "alone.h5: /labels: some of it was never written" + Self.remedy)
    }

    /// Columns that no set has, written by h5py.
    @Test func foreignColumns() throws {
        let script = """
            import h5py, numpy, sys
            folder = sys.argv[1] + "/"
            for kind in ["i1", "u4", "u8", "f2"]:
                with h5py.File(folder + kind + ".h5", "w") as f: f["x"] = numpy.zeros(3, dtype=kind)
            with h5py.File(folder + "chunk.h5", "w") as f:
                x = f.create_dataset("x", shape=(1,), dtype="u1", chunks=((1 << 30) + 1,), maxshape=(None,), compression="gzip")
                x.id.write_direct_chunk((0,), b"nothing")
            with h5py.File(folder + "none.h5", "w") as f: f.create_dataset("x", shape=(0, 1 << 61), dtype="u1")
            """
        try withFolder { folder in
            guard try python(script, folder.path, needing: "h5py") else { return }
            func outcome(_ name: String) -> String { message { _ = try FileReport(of: folder.appendingPathComponent(name + ".h5")) } }
            for (kind, type) in [("i1", "int8"), ("u4", "uint32"), ("u8", "uint64"), ("f2", "float16")] {
                #expect(outcome(kind) == "\(kind).h5: /x is \(type), which no set of Vigil has" + Self.remedy)
            }
            #expect(outcome("chunk") == "chunk.h5: /x: chunks of [1073741825] are larger than 1073741824 bytes" + Self.remedy)
            #expect(outcome("none") == "no error")
        }
    }

    /// Where nothing can be read: of this process's memory nothing lies where files have their first bytes.
    @Test func readErrors() {
        #expect(
            message { _ = try SHA256.ofFile(URL(fileURLWithPath: "/proc/self/mem")) }
                == "mem cannot be read after byte 0: Input/output error; restore it from a copy")
    }

    /// Folders that take a file's name while it is written.
    @Test func filesThatCannotGetTheirNames() throws {
        try withFolder { folder in
            let set = Counting(), again = "then run the same command again"
            func writer() throws -> SetWriter { try SetWriter(at: folder, description: set.description, ranks: 1, rank: 0) }
            func take(_ name: String) throws {
                let place = folder.appendingPathComponent(name)
                try? FileManager.default.removeItem(at: place)
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            }
            let shard = message {
                _ = try writer().write(split: "train", count: 500) { range in
                    try take("train-00000.h5")
                    return set.samples(range)
                }
            }
            #expect(shard == "train-00000.h5 cannot be renamed: Is a directory; see to the folder, \(again)")
            try FileManager.default.removeItem(at: folder.appendingPathComponent("train-00000.h5"))
            let whole = try writer(), records = try whole.write(split: "train", count: 500, set.samples)
            try take(Manifest.fileName)
            #expect(
                message { _ = try whole.finish(records: records) } == "manifest.json cannot be renamed: Is a directory; see to the folder, \(again)")
            try take(".manifest.json.partial/x")
            #expect(message { _ = try whole.finish(records: records) } == "manifest.json cannot be written: Is a directory; free space, \(again)")
        }
    }

    @Test func groupsOfSomeShards() throws {
        try withFolder { folder in
            let (set, grouped) = (folder.appendingPathComponent("set"), folder.appendingPathComponent("grouped"))
            let records = try Counting().write(at: set).splits[0].shards
            let size = try Counting(groups: true).write(at: grouped).splits[0].shards[1].bytes
            let shard = set.appendingPathComponent("train-00001.h5"), manifest = set.appendingPathComponent(Manifest.fileName)
            try FileManager.default.removeItem(at: shard)
            try FileManager.default.copyItem(at: grouped.appendingPathComponent("train-00001.h5"), to: shard)
            let text = try String(contentsOf: manifest, encoding: .utf8), entry = "\"count\" : 128,\n          \"file\" : \"train-00001.h5\""
            let old = "\"bytes\" : \(records[1].bytes),\n          \(entry)"
            #expect(text.contains(old))
            try Data(text.replacingOccurrences(of: old, with: "\"bytes\" : \(size),\n          \(entry)").utf8).write(to: manifest)
            #expect(message { _ = try SampleSet(at: set).split("train") } == "only some shards of split train have groups" + Self.remedy)
        }
    }

    @Test func manifests() throws {
        func edited(_ old: String, _ new: String) throws -> String {
            try withFolder { folder in
                try Counting().write(at: folder)
                let url = folder.appendingPathComponent(Manifest.fileName), text = try String(contentsOf: url, encoding: .utf8)
                let place = try #require(text.range(of: old))
                try Data(text.replacingCharacters(in: place, with: new).utf8).write(to: url)
                return message { _ = try Manifest(of: folder) }
            }
        }
        #expect(try edited("\"name\" : \"a\"", "\"name\" : null") == "manifest.json: \"classes[0].name\" has no value" + Self.remedy)
        #expect(try edited("\"name\" : \"b\"", "\"name\" : \"a\"") == "manifest.json: there are no classes, or two have one name" + Self.remedy)
        #expect(try edited("\"name\" : \"test\"", "\"name\" : \"train\"") == "manifest.json: two splits have one name" + Self.remedy)
        #expect(try edited("\"count\" : 128", "\"count\" : 0") == "manifest.json: a shard of split train has no samples" + Self.remedy)
        #expect(try edited("\"train\" : 167", "\"train\" : -1") == "manifest.json: a class has a count below 0 of split train" + Self.remedy)
    }
}
