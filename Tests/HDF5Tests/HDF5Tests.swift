import Foundation
import HDF5
import Testing

/// A folder for one test, gone afterwards.
private func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hdf5-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
}

@Suite struct HDF5Tests {
    private func roundTrip<Element: HDF5Element & Equatable>(_ values: [Element]) throws {
        try withFolder { folder in
            let path = folder.appendingPathComponent("a.h5").path
            for deflate in [0, 4] {
                try? FileManager.default.removeItem(atPath: path)
                let file = try File.create(path)
                let dataset = try Dataset.create("x", of: Element.self, shape: [values.count], chunk: [3], deflate: deflate, in: file)
                try dataset.write(values, rows: 0 ..< values.count)
                try file.close()
                let opened = try Dataset.open("x", in: File.open(path))
                #expect(opened.elementType == Element.elementType && opened.shape == [values.count] && opened.chunk == [3])
                #expect(try opened.isComplete())
                #expect(try opened.read(Element.self, rows: 0 ..< values.count) == values)
            }
        }
    }

    @Test func everyElementTypeReadsBack() throws {
        try roundTrip([UInt8.min, 1, 2, .max])
        try roundTrip([UInt16.min, 1, .max, 515])
        try roundTrip([Int16.min, -1, 0, .max])
        try roundTrip([Int32.min, -1, 0, .max])
        try roundTrip([Int64.min, -1, 0, .max])
        try roundTrip([-Float.greatestFiniteMagnitude, 0.1, .leastNonzeroMagnitude, .infinity])
        try roundTrip([-Double.greatestFiniteMagnitude, 0.1, .leastNonzeroMagnitude, .infinity])
    }

    /// Every block of every small shape.
    @Test func hyperslabs() throws {
        try withFolder { folder in
            for (rows, columns) in (1 ... 3).flatMap({ rows in (1 ... 3).map { (rows, $0) } }) {
                let path = folder.appendingPathComponent("\(rows)x\(columns).h5").path
                let file = try File.create(path)
                let dataset = try Dataset.create("x", of: Int32.self, shape: [rows, columns], chunk: [min(2, rows), min(2, columns)], in: file)
                try dataset.write((0 ..< Int32(rows * columns)).map { $0 }, rows: 0 ..< rows)
                for top in 0 ... rows {
                    for left in 0 ... columns {
                        for (height, width) in (0 ... rows - top).flatMap({ height in (0 ... columns - left).map { (height, $0) } }) {
                            let buffer = UnsafeMutableBufferPointer<Int32>.allocate(capacity: height * width)
                            defer { buffer.deallocate() }
                            try dataset.read(into: buffer, from: [top, left], count: [height, width])
                            let expected = (0 ..< height).flatMap { y in (0 ..< width).map { x in Int32((top + y) * columns + left + x) } }
                            #expect(Array(buffer) == expected)
                        }
                    }
                }
            }
        }
    }

    @Test func attributesReadBack() throws {
        try withFolder { folder in
            let path = folder.appendingPathComponent("a.h5").path
            let file = try File.create(path)
            let dataset = try Dataset.create("x", of: UInt8.self, shape: [1], chunk: [1], in: file)
            let values: [(String, Attribute)] = [
                ("a", .string("naïve")), ("b", .string("")), ("c", .strings(["one", "", "thirteen"])), ("d", .integer(.min)),
                ("e", .integers([1, -2])), ("f", .numbers([0, 0.1])),
            ]
            for (name, value) in values { try file.setAttribute(name, to: value) }
            for (name, value) in values { try dataset.setAttribute(name, to: value) }
            try file.close()
            let opened = try File.open(path)
            for (name, value) in values { #expect(try opened.attribute(name) == value) }
            for (name, value) in values { #expect(try Dataset.open("x", in: opened).attribute(name) == value) }
            #expect(try opened.attribute("g") == nil)
            #expect(try opened.names() == ["x"])
        }
    }

    @Test func equalContentsGiveEqualBytes() throws {
        try withFolder { folder in
            let paths = ["a.h5", "b.h5"].map { folder.appendingPathComponent($0) }
            for path in paths {
                let file = try File.create(path.path)
                try Dataset.create("x", of: Float.self, shape: [2], chunk: [1], in: file).write([1, 2] as [Float], rows: 0 ..< 2)
                try file.close()
                if path == paths[0] { Thread.sleep(forTimeInterval: 1.1) }  // a stored time has whole seconds
            }
            #expect(try Data(contentsOf: paths[0]) == Data(contentsOf: paths[1]))
        }
    }

    @Test func refusals() throws {
        try withFolder { folder in
            let path = folder.appendingPathComponent("a.h5").path
            let file = try File.create(path)
            let dataset = try Dataset.create("x", of: UInt8.self, shape: [3, 2], chunk: [1, 2], in: file)
            #expect(message { try dataset.write([1, 2] as [UInt8], rows: 2 ..< 3) } == "no error")
            #expect(try !dataset.isComplete())
            #expect(message { _ = try dataset.read(Float.self, rows: 0 ..< 3) } == "a.h5: /x is uint8, expected float32")
            #expect(message { _ = try dataset.read(UInt8.self, rows: 2 ..< 4) } == "a.h5: /x is [3, 2], which has no block of [2, 2] at [2, 0]")
            #expect(message { _ = try Dataset.open("y", in: file) } == "a.h5 has no /y")
            try file.close()
            #expect(message { _ = try File.create(path) } == "a.h5 cannot be created: File exists")
            #expect(message { _ = try File.create(path + "/b") } == "b cannot be created: Not a directory")
            #expect(message { _ = try File.open(path + "x") } == "a.h5x cannot be opened: No such file or directory")
            #expect(message { _ = try File.open("/dev/null") } == "null cannot be opened: it is not a regular file")
        }
    }

    /// /dev/full takes nothing, and /dev/null takes all but has no disk to bring it to: the file is built, and the error comes from writing
    /// it, not from the library.
    @Test(arguments: [
        ("/dev/full", "a.h5 cannot be written after 0 of SIZE bytes: No space left on device"),
        ("/dev/null", "a.h5 cannot be brought to disk: Invalid argument"),
    ]) func fullDisk(_ name: String, _ expected: String) throws {
        try withFolder { folder in
            let path = folder.appendingPathComponent("a.h5").path
            for _ in 0 ..< 3 {
                try? FileManager.default.removeItem(atPath: path)
                let file = try File.create(path)
                let dataset = try Dataset.create("x", of: UInt8.self, shape: [1 << 20], chunk: [1 << 16], in: file)
                try dataset.write([UInt8](repeating: 1, count: 1 << 20), rows: 0 ..< 1 << 20)
                // put the device in the place of the file's descriptor
                let own = try #require(
                    (0 ..< 1024).first { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path })
                let device = open(name, O_WRONLY)
                dup2(device, Int32(own))
                close(device)
                let text = message { try file.close() }
                #expect(text.replacing(#/\b10\d{5}\b/#, with: "SIZE") == expected)
            }
        }
    }

    /// A disk that fails while a file is read: what cannot be read, and the system's reason.
    @Test func readErrors() throws {
        try withFolder { folder in
            let path = folder.appendingPathComponent("a.h5").path
            let new = try File.create(path)
            try Dataset.create("x", of: UInt8.self, shape: [4096], chunk: [1024], in: new).write([UInt8](repeating: 1, count: 4096), rows: 0 ..< 4096)
            try new.close()
            let file = try File.open(path), dataset = try Dataset.open("x", in: file)
            #expect(try dataset.read(UInt8.self, rows: 0 ..< 1024) == Array(repeating: 1, count: 1024))
            // of this process's memory nothing can be read where files have their first bytes
            let device = open("/proc/self/mem", O_RDONLY)
            for own in 0 ..< 1024 where (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(own)")) == path {
                dup2(device, Int32(own))
            }
            close(device)
            #expect(
                message { _ = try dataset.read(UInt8.self, rows: 1024 ..< 2048) }
                    == "a.h5: /x cannot be read from [1024], [1024] elements: can't read data: unable to read raw data chunk: "
                    + "read through page buffer failed: read through metadata accumulator failed: driver read request failed: "
                    + "file read failed: Input/output error")
        }
    }

    @Test func damageIsNoticed() throws {
        try withFolder { folder in
            let url = folder.appendingPathComponent("a.h5")
            let file = try File.create(url.path)
            let values = (0 ..< 4096).map { UInt8(truncatingIfNeeded: $0 * 7) }
            try Dataset.create("x", of: UInt8.self, shape: [4096], chunk: [4096], in: file).write(values, rows: 0 ..< 4096)
            try file.close()
            let whole = try Data(contentsOf: url)
            let place = try #require(whole.range(of: Data(values))).lowerBound
            for position in [0, 1, 4095] {
                var damaged = whole
                damaged[place + position] ^= 4
                try damaged.write(to: url)
                let text = message { _ = try Dataset.open("x", in: File.open(url.path)).read(UInt8.self, rows: 0 ..< 4096) }
                #expect(
                    text.hasPrefix("a.h5: /x cannot be read from [0], [4096] elements: ")
                        && text.hasSuffix("data error detected by Fletcher32 checksum"))
            }
            for length in [whole.count - 1, whole.count / 2, 7, 0] {
                try whole.prefix(length).write(to: url)
                #expect(message { _ = try File.open(url.path) }.hasPrefix("a.h5 cannot be opened: "))
            }
        }
    }

    @Test func manyThreads() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hdf5-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0 ..< 4 {
                group.addTask {
                    let path = folder.appendingPathComponent("\(number).h5").path
                    let file = try File.create(path)
                    let values = (0 ..< 1000).map { Int32($0 * number) }
                    try Dataset.create("x", of: Int32.self, shape: [1000], chunk: [10], in: file).write(values, rows: 0 ..< 1000)
                    try file.close()
                    for _ in 0 ..< 20 {
                        #expect(try Dataset.open("x", in: File.open(path)).read(Int32.self, rows: 0 ..< 1000) == values)
                        #expect(message { _ = try File.open(path + ".none") }.hasSuffix("No such file or directory"))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
