@testable import Datasets
import Foundation
import Testing

@Suite struct ArrayImportTests {
    /// An array as NumPy writes it.
    private func npy(_ type: String, _ extents: [Int], _ bytes: [UInt8], order: String = "False", version: UInt8 = 1) -> Data {
        let shape = extents.map { "\($0)," }.joined(separator: " ")
        let header = Array("{'descr': '\(type)', 'fortran_order': \(order), 'shape': (\(shape)), }\n".utf8)
        var length = [UInt8(header.count & 255), UInt8(header.count >> 8)]
        if version > 1 { length += [0, 0] }
        var data = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0])
        for part in [length, header, bytes] { data.append(contentsOf: part) }
        return data
    }

    /// A folder with arrays X and y, and what else is asked for.
    private func source(_ x: Data, _ y: Data, more: [String: Data] = [:], _ change: (inout ArraySource.Request) -> Void = { _ in }) throws
        -> ArraySource
    {
        try withFolder { folder in
            for (name, data) in ["X": x, "y": y].merging(more, uniquingKeysWith: { $1 }) {
                try data.write(to: folder.appendingPathComponent("\(name).npy"))
            }
            var request = ArraySource.Request(file: folder)
            change(&request)
            return try ArraySource(request)
        }
    }

    private var labels: Data { npy("|u1", [3, 1], [1, 0, 1]) }

    @Test func types() throws {
        func values(_ type: String, _ bytes: [UInt8], version: UInt8 = 1) throws -> StoredValues {
            try source(npy(type, [3, 1], bytes, version: version), labels).values(of: [0, 1, 2])
        }
        #expect(try values("|u1", [1, 2, 255]) == .u8([1, 2, 255]) && values("|b1", [1, 0, 1]) == .u8([1, 0, 1]))
        #expect(try values("|i1", [1, 254, 128]) == .i16([1, -2, -128]))
        #expect(try values("<u2", bytes([1, 2, 65535] as [UInt16])) == .u16([1, 2, 65535]))
        #expect(try values("<i2", bytes([1, -2, -32768] as [Int16])) == .i16([1, -2, -32768]))
        #expect(try values("<u4", bytes([1, 2, 1 << 31] as [UInt32])) == .f32([1, 2, 0x1p31]))
        #expect(try values("<i4", bytes([1, -2, -1 << 31] as [Int32])) == .f32([1, -2, -0x1p31]))
        #expect(try values("<u8", bytes([1, 2, 1 << 40] as [UInt64])) == .f32([1, 2, 0x1p40]))
        #expect(try values("<i8", bytes([1, -2, -1 << 40] as [Int64]), version: 2) == .f32([1, -2, -0x1p40]))
        #expect(try values("<f4", bytes([1.5, -2, 3] as [Float]), version: 3) == .f32([1.5, -2, 3]))
        #expect(try values("<f8", bytes([0.1, -2, 3] as [Double])) == .f32([0.1, -2, 3]))
        #expect(try values(">i2", [0, 1, 1, 0, 255, 254]) == .i16([1, 256, -2]))
    }

    @Test func groups() throws {
        let x = npy("|u1", [3, 1], [1, 2, 3]), groups = npy("<i4", [3], bytes([5, -1, 5] as [Int32]))
        #expect(try source(x, labels, more: ["patient": groups]) { $0.groups = "patient" }.groups == [5, -1, 5])
        let both = try source(x, labels, more: ["patient": groups]) {
            ($0.testSamples, $0.testLabels, $0.groups, $0.testGroups) = ("X", "y", "patient", "patient")
        }
        #expect(both.groups == [5, -1, 5, 5, -1, 5] && both.testStart == 3)
        func text(_ groups: Data, test: String? = nil) -> String {
            message {
                _ = try source(x, labels, more: ["patient": groups]) {
                    $0.groups = "patient"
                    if let test { ($0.testSamples, $0.testLabels) = (test, "y") }
                }
            }
        }
        #expect(
            text(npy("<f4", [3], bytes([1, 2.5, 1] as [Float])))
                == "patient.npy holds numbers that are no groups; expected whole ones")
        #expect(text(npy("|u1", [2], [1, 2])) == "patient.npy is 2, expected a group for each of the 3 of X.npy")
        #expect(text(groups, test: "X") == "groups and test groups belong together where there are test samples; name both or none")
    }

    @Test func ordersShapesAndLabels() throws {
        let rows = try source(npy("|u1", [3, 2, 2], Array(1 ... 12)), labels)
        #expect(rows.shape == [2, 2, 1] && rows.values(of: [1, 2]) == .u8(Array(5 ... 12)) && rows.range == 0 ... 255)
        // element (n, i, j) lies at n + 3 i + 6 j
        let columns = try source(npy("|u1", [3, 2, 2], Array(1 ... 12), order: "True"), labels)
        #expect(columns.values(of: [0, 2]) == .u8([1, 7, 4, 10, 3, 9, 6, 12]))
        #expect(try source(npy("|u1", [3, 1, 1, 4], Array(1 ... 12)), labels).shape == [1, 1, 4])
        let table = try source(npy("<f4", [3, 1], bytes([-2, 7, 1] as [Float])), npy("<f8", [1, 3], bytes([5, -1, 5] as [Double])))
        #expect(table.classes == ["-1", "5"] && table.labels == [1, 0, 1] && table.range == -2 ... 7 && table.testStart == nil)
    }

    @Test func publishedDivision() throws {
        let more = ["Xt": npy("|u1", [2, 2], [7, 8, 9, 10]), "yt": npy("|u1", [2], [4, 0])]
        let arrays = try source(npy("|u1", [3, 2], Array(1 ... 6)), labels, more: more) {
            ($0.testSamples, $0.testLabels, $0.classNames, $0.range) = ("Xt", "yt", ["fine", "broken", "lost"], 0 ... 15)
        }
        #expect(
            arrays.testStart == 3 && arrays.labels == [1, 0, 1, 2, 0] && arrays.classes == ["fine", "broken", "lost"] && arrays.range == 0 ... 15)
        #expect(arrays.values(of: [2, 4]) == .u8([5, 6, 9, 10]))
    }

    @Test func flaws() {
        let whole = npy("|u1", [3, 2], Array(1 ... 6))
        func text(_ x: Data, _ y: Data? = nil, _ change: @escaping (inout ArraySource.Request) -> Void = { _ in }) -> String {
            message { _ = try source(x, y ?? labels, change) }
        }
        #expect(text(whole) == "no error")
        let start = "X.npy does not begin as an array of NumPy's format, version 1 to 3; restore it from a copy"
        for count in [0, 5, 9, 40] { #expect(text(whole.prefix(count)) == start) }
        #expect(text(npy("|u1", [3, 2], [], version: 4)) == start)
        #expect(text(whole.dropLast()) == "X.npy holds 5 bytes, which are not 3 × 2 numbers of 1; restore it from a copy")
        #expect(text(whole + [0]) == "X.npy holds 7 bytes, which are not 3 × 2 numbers of 1; restore it from a copy")
        #expect(
            text(npy("<f8", [1 << 40, 1 << 40], []))
                == "X.npy holds 0 bytes, which are not 1099511627776 × 1099511627776 numbers of 8; restore it from a copy")
        #expect(text(npy("|u1", [-3, 2], [])) == "X.npy: its header gives the extents (-3, 2,); restore it from a copy")
        #expect(text(npy("|u1", [0, 2], [])) == "X.npy has extents 0 × 2, so it holds no samples")
        for type in ["|O", "<c8", "<U4", "<f2"] {
            #expect(
                text(npy(type, [3, 2], [])) == "X.npy: it holds \(type), expected whole numbers or floats of 1 to 8 bytes; save it as one of these")
        }
        #expect(
            text(npy("|u1", [3, 2], Array(1 ... 6), order: "Perhaps"))
                == "X.npy: its header does not give descr, fortran_order and shape; restore it from a copy")
        #expect(text(whole, npy("|u1", [4], [0, 1, 0, 1])) == "y.npy is 4, expected a label for each of the 3 of X.npy")
        for odd in [0.5, .nan, 0x1p40] {
            #expect(
                text(whole, npy("<f8", [3], bytes([0, odd, 1])))
                    == "y.npy holds numbers that are no labels; expected whole ones, at most 65,536 different")
        }
        #expect(
            text(npy("<f8", [3, 2], bytes([0, 1, 2, .nan, 4, 5])))
                == "X.npy: sample 1 holds nan, which is not finite in 32 bits; correct the source")
        #expect(text(whole) { $0.range = 0 ... 5 } == "X.npy: sample 2 holds 6.0, which is not within 0.0 to 5.0; correct the source")
        #expect(text(whole) { $0.classNames = ["a"] } == "there are 2 classes, labeled 0, 1, and 1 names; give one for each")
        #expect(text(whole) { $0.testSamples = "X" } == "test samples and test labels belong together; name both or none")
        #expect(text(whole) { $0.samples = "../X" } == "\"../X\" is no name of an array")
        #expect(text(whole) { $0.samples = "Z" } == "Z.npy cannot be read: No such file or directory")
        #expect(
            text(npy("|u1", [3], [1, 2, 3]))
                == "X.npy is 3 u8; expected samples × features, or height × width (× channels), alike in all arrays")
    }

    /// An archive that Python's zipfile made, stored and deflated: read whole, and any byte of it changed is noticed or harmless, never
    /// more numbers or a trap.
    @Test(arguments: ["ZIP_STORED", "ZIP_DEFLATED"]) func archives(_ method: String) throws {
        try withFolder { folder in
            try npy("<i2", [3, 2], bytes([1, 2, 3, 4, 5, 6] as [Int16])).write(to: folder.appendingPathComponent("X.npy"))
            try labels.write(to: folder.appendingPathComponent("y.npy"))
            let script = """
                import sys, zipfile
                with zipfile.ZipFile(sys.argv[1] + '/a.npz', 'w', zipfile.\(method)) as z:
                    for name in ('X.npy', 'y.npy'): z.write(sys.argv[1] + '/' + name, name)
                """
            guard try python(script, folder.path, needing: "zipfile") else { return }
            let file = folder.appendingPathComponent("a.npz"), request = ArraySource.Request(file: file), whole = try Data(contentsOf: file)
            #expect(try ArraySource(request).values(of: [0, 1, 2]) == .i16([1, 2, 3, 4, 5, 6]))
            var other = request
            other.samples = "Z"
            #expect(message { _ = try ArraySource(other) } == "a.npz has no array \"Z\"; there are X, y")
            for count in stride(from: 2, to: whole.count, by: 7) {
                try whole.prefix(count).write(to: file)
                #expect(message { _ = try ArraySource(request) } == "a.npz is no zip archive, or is cut off; restore it from a copy")
            }
            for place in 2 ..< whole.count {
                var damaged = whole
                damaged[place] ^= 0x41
                try damaged.write(to: file)
                let values = try? ArraySource(request).values(of: [0, 1, 2])
                #expect(values == nil || values == .i16([1, 2, 3, 4, 5, 6]), "byte \(place)")
            }
        }
    }

    @Test func matlab() throws {
        try withFolder { folder in
            let file = folder.appendingPathComponent("t.mat"), request = ArraySource.Request(file: file)
            let x = mat("X", type: 2, class: 6, [3, 2], [1, 2, 3, 4, 5, 6]), y = mat("y", type: 2, class: 9, [3, 1], [0, 1, 0])
            let whole = matFile(y + x)
            try whole.write(to: file)
            let table = try ArraySource(request)
            #expect(table.type == .f32 && table.values(of: [0, 1, 2]) == .f32([1, 4, 2, 5, 3, 6]) && table.labels == [0, 1, 0])
            func text(_ data: Data, _ change: (inout ArraySource.Request) -> Void = { _ in }) throws -> String {
                try data.write(to: file)
                var request = request
                change(&request)
                return message { _ = try ArraySource(request) }
            }
            #expect(try text(whole) { $0.samples = "Z" } == "t.mat has no variable \"Z\"; name another")
            #expect(try text(whole.dropLast()) == "t.mat: the element at byte \(128 + y.count) ends beyond the file; restore it from a copy")
            #expect(
                try text(whole.prefix(100)) == "t.mat does not begin as a little-endian MATLAB file of level 5; save it again with -v7")
            #expect(try text(Data("MATLAB 7.3 MAT-file, ".utf8)) == "t.mat is of MATLAB's version 7.3 (HDF5); save it again with -v7")
            #expect(
                try text(matFile(mat("X", type: 2, class: 1, [3, 2], [1, 2, 3, 4, 5, 6])))
                    == "t.mat: X is no array of real numbers; name another variable")
            #expect(
                try text(matFile(mat("X", type: 2, class: 6, [3, 3], [1, 2, 3, 4, 5, 6])))
                    == "t.mat: X holds 6 bytes, which are not 3 × 3 numbers of 1; restore it from a copy")
            #expect(
                try text(matFile(mat("X", type: 2, class: 6, [-3, -2], [1, 2, 3, 4, 5, 6])))
                    == "t.mat: X holds 6 bytes, which are not 4294967293 × 4294967294 numbers of 1; restore it from a copy")
            // any byte changed: an error or a set, never a trap
            for place in 116 ..< whole.count {
                var damaged = whole
                damaged[place] ^= 0x41
                try damaged.write(to: file)
                _ = try? ArraySource(request)
            }
        }
    }

    private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

    /// Counts and extreme values as the inventory of the data has them.
    @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func realTables() throws {
        func table(_ path: String) throws -> ArraySource {
            try ArraySource(.init(file: URL(fileURLWithPath: Self.data ?? "").appendingPathComponent("tabular/\(path)")))
        }
        let arrhythmia = try table("odds/arrhythmia.mat"), wine = try table("adbench/45_wine.npz"), breast = try table("adbench/4_breastw.npz")
        #expect(arrhythmia.shape == [274] && arrhythmia.labels.count == 452 && arrhythmia.labels.count { $0 == 1 } == 66)
        #expect(abs(arrhythmia.range.lowerBound + 242.4) < 1e-4 && arrhythmia.range.upperBound == 780)
        #expect(wine.shape == [13] && wine.labels.count { $0 == 1 } == 10 && wine.range.upperBound == 1450)
        #expect(breast.type == .u8 && breast.labels.count == 683 && breast.labels.count { $0 == 1 } == 239)
    }
}
