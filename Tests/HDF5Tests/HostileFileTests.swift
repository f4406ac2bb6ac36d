import Foundation
import HDF5
import Testing

/// Files that open other files, run code, or hold what is not read; written by h5py.
@Suite struct HostileFileTests {
    private static let script = """
        import h5py, numpy, sys
        folder = sys.argv[1] + "/"
        open(folder + "secret.txt", "w").write("secret text")
        with h5py.File(folder + "other.h5", "w") as f: f["x"] = numpy.arange(4.)
        with h5py.File(folder + "foreign.h5", "w") as f:
            f["external-link"] = h5py.ExternalLink("other.h5", "x")
            f["soft-through-external"] = h5py.SoftLink("/group/external")
            group = f.create_group("group")
            group["external"] = h5py.ExternalLink("other.h5", "x")
            f["group/numbers"] = numpy.arange(3, dtype="i2")
            f["soft"] = h5py.SoftLink("/group/numbers")
            f.create_dataset("external-storage", shape=(11,), dtype="u1", external=[(folder + "secret.txt", 0, 11)])
            layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
            layout[:] = h5py.VirtualSource(folder + "other.h5", "x", shape=(4,))
            f.create_virtual_dataset("virtual", layout)
            f["compound"] = numpy.zeros(2, dtype=[("a", "i4"), ("b", "f4")])
            f.create_dataset("reference", data=[f["group"].ref], dtype=h5py.ref_dtype)
            f.create_dataset("variable-length", shape=(2,), dtype=h5py.vlen_dtype("i4"))
            f.create_dataset("string", data="text")
            f.create_dataset("scaleoffset", data=numpy.arange(4), scaleoffset=3)
            f.create_dataset("bomb", shape=(1 << 62, 2), dtype="f8", chunks=(1024, 2))
            f.create_dataset("big-endian", data=numpy.array([1.5, -2], dtype=">f4"))
            f.attrs["text"] = "of variable length"
            f.attrs["grid"] = numpy.zeros((2, 3))
            f.attrs["pair"] = numpy.zeros(1, dtype=[("a", "i4"), ("b", "f4")])
        with h5py.File(folder + "large.h5", "w", libver=("v110", "v110")) as f:
            f.attrs["long"] = numpy.bytes_(b"x" * 70000)
            f.attrs["strings"] = numpy.full(300, b"x" * 60000)
            f.attrs["numbers"] = numpy.zeros((1 << 20) + 1, dtype="u1")
        """

    @Test func areRefusedByName() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hostile-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        guard try python(Self.script, folder.path) else { return }

        let file = try File.open(folder.appendingPathComponent("foreign.h5").path)
        func refusal(_ path: String) -> String {
            do { return "\(try Dataset.open(path, in: file).shape)" } catch { return error.description }
        }
        #expect(refusal("external-link") == "foreign.h5: /external-link is an external link, which is not followed; copy its data into this file")
        #expect(refusal("group/external") == "foreign.h5: /group/external is an external link, which is not followed; copy its data into this file")
        #expect(refusal("soft-through-external").hasSuffix("unable to find link class"))
        #expect(refusal("external-storage") == "foreign.h5: /external-storage has external storage, which is not read; copy its data into this file")
        #expect(refusal("virtual") == "foreign.h5: /virtual is a virtual data set, which is not read; copy its data into this file")
        for (name, kind) in [
            ("compound", "compound values"), ("reference", "references"), ("variable-length", "variable-length values"), ("string", "strings"),
        ] {
            #expect(refusal(name) == "foreign.h5: /\(name) holds \(kind), which are not read; expected whole numbers or floats of 1 to 8 bytes")
        }
        #expect(
            refusal("scaleoffset")
                == "foreign.h5: /scaleoffset is stored through filter 6, which is not read; expected deflate, shuffle or Fletcher-32")
        #expect(refusal("bomb") == "foreign.h5: /bomb declares [4611686018427387904, 2] elements, more than memory can address")
        let large = try File.open(folder.appendingPathComponent("large.h5").path)
        for (file, name, reason) in [
            (file, "text", "is a string of variable length, which is not read; expected one of fixed length"),
            (file, "grid", "has 2 axes and 6 elements; expected a value or a short list"),
            (file, "pair", "holds compound values, which are not read; expected whole numbers or floats of 1 to 8 bytes"),
            (large, "numbers", "has 1 axes and 1048577 elements; expected a value or a short list"),
            (large, "long", "declares 1 strings of 70000 bytes, too many to be true"),
            (large, "strings", "declares 300 strings of 60000 bytes, too many to be true"),
        ] {
            #expect { _ = try file.attribute(name) } throws: { "\($0)" == "\(file.name): attribute \(name) \(reason)" }
        }
        #expect(refusal("nothing/x") == "foreign.h5 has no /nothing")
        #expect(
            refusal("group/numbers/x")
                == "foreign.h5: /group/numbers/x cannot be looked up: unable to get link info: path doesn't exist: internal path traversal failed: "
                + "can't look up component: can't locate object: can't read message: unable to read object header message: message type not found")
        #expect(try Dataset.open("soft", in: file).read(Int16.self, rows: 0 ..< 3) == [0, 1, 2])
        #expect(try Dataset.open("big-endian", in: file).read(Float.self, rows: 0 ..< 2) == [1.5, -2])
    }

    /// Runs a script; false where Python or h5py is missing, which is a failure where VIGIL_REQUIRE_PYTHON is 1.
    private func python(_ script: String, _ arguments: String...) throws -> Bool {
        func status(_ arguments: [String]) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", "-c"] + arguments
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        guard try status(["import h5py"]) == 0 else {
            #expect(ProcessInfo.processInfo.environment["VIGIL_REQUIRE_PYTHON"] != "1", "python3 with h5py is missing")
            return false
        }
        #expect(try status([script] + arguments) == 0)
        return true
    }
}
