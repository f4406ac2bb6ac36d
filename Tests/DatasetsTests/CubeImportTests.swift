@testable import Datasets
import Foundation
import HDF5
import Testing

/// A cube of 5 rows, 4 columns and 3 bands, with a mask of two anomalies, brought in from every form.
@Suite struct CubeImportTests {
    private let rows = 5, columns = 4, bands = 3

    private func number(_ row: Int, _ column: Int, _ band: Int) -> Int { 100 * row + 10 * column + band }
    private func isAnomaly(_ row: Int, _ column: Int) -> Bool { row == 2 && column > 1 }

    private enum Axis { case row, column, band }
    /// The cube's numbers with these axes, outermost first.
    private func numbers(_ order: [Axis]) -> [Int] {
        func extent(_ axis: Axis) -> Int { axis == .row ? rows : axis == .column ? columns : bands }
        return (0 ..< extent(order[0])).flatMap { i in
            (0 ..< extent(order[1])).flatMap { j in
                (0 ..< extent(order[2])).map { k in
                    let place = Dictionary(uniqueKeysWithValues: zip(order, [i, j, k]))
                    return number(place[.row]!, place[.column]!, place[.band]!)
                }
            }
        }
    }
    private var mask: [UInt8] { (0 ..< rows).flatMap { row in (0 ..< columns).map { isAnomaly(row, $0) ? 7 : 0 } } }
    private var maskByColumns: [UInt8] { (0 ..< columns).flatMap { column in (0 ..< rows).map { isAnomaly($0, column) ? 1 : 0 } } }

    /// Brings a cube into a set as so many ranks would and returns the set.
    private func imported(_ request: SceneRequest, in folder: URL, ranks: Int = 1) throws -> (set: SampleSet, survey: CubeSurvey) {
        let out = folder.appendingPathComponent("set-\(UUID().uuidString)"), job = try SceneImport(request)
        let shares = try (0 ..< ranks).map { try job.survey($0 * job.rows / ranks ..< ($0 + 1) * job.rows / ranks) }
        let survey = shares.dropFirst().reduce(shares[0]) { $0.merged(with: $1) }
        let writers = try (0 ..< ranks).map {
            try SetWriter(
                at: out, description: job.description(named: "made", survey), ranks: ranks, rank: $0, samplesPerChunk: 4, samplesPerShard: 4)
        }
        let records = try writers.flatMap { try job.write(to: $0) }
        _ = try writers[0].finish(records: records)
        let set = try SampleSet(at: out)
        try set.verify()
        return (set, survey)
    }

    /// Whether a set has the made cube's numbers of some bands, and its mask.
    private func isCube(_ set: SampleSet, bands: [Int] = [0, 1, 2]) throws -> Bool {
        let split = try set.split("test"), values = try SplitReader(split).values(0 ..< split.count)
        let expected = (0 ..< rows).flatMap { row in (0 ..< columns).flatMap { column in bands.map { Double(number(row, column, $0)) } } }
        let labels = (0 ..< rows).flatMap { row in (0 ..< columns).map { isAnomaly(row, $0) ? Int32(1) : 0 } }
        return values == StoredValues(expected, as: values.type) && split.labels == labels && split.name == "scene"
            && set.manifest.scene?.rows == rows && set.manifest.scene?.columns == columns
    }

    private func write(_ header: String, _ data: [UInt8], in folder: URL, name: String = "cube") throws -> URL {
        try Data(data).write(to: folder.appendingPathComponent("\(name).img"))
        let file = folder.appendingPathComponent("\(name).hdr")
        try Data(header.utf8).write(to: file)
        return file
    }

    private func header(_ type: Int, interleave: String = "bip", order: Int = 0, bands: Int = 3, more: String = "") -> String {
        "ENVI\nsamples = 4\nlines   = 5\nbands = \(bands)\nheader offset = 0\ndata type = \(type)\ninterleave = \(interleave)\nbyte order = \(order)\n"
            + more
    }

    private func maskFile(in folder: URL) throws -> CubeFile { CubeFile(try write(header(1, bands: 1), mask, in: folder, name: "mask")) }

    @Test(arguments: ["bsq", "bil", "bip"], [0, 1]) func envi(_ interleave: String, _ order: Int) throws {
        let orders: [String: [Axis]] = ["bsq": [.band, .row, .column], "bil": [.row, .band, .column], "bip": [.row, .column, .band]]
        let numbers = numbers(orders[interleave]!)
        func stored<Number: FixedWidthInteger>(_: Number.Type) -> [UInt8] {
            bytes(numbers.map { order == 1 ? Number($0).bigEndian : Number($0).littleEndian })
        }
        let forms: [(code: Int, data: [UInt8], type: SampleType)] = [
            (2, stored(Int16.self), .i16), (3, stored(Int32.self), .f32), (12, stored(UInt16.self), .u16), (13, stored(UInt32.self), .f32),
            (14, stored(Int64.self), .f32), (15, stored(UInt64.self), .f32),
            (4, bytes(numbers.map { order == 1 ? Float($0).bitPattern.bigEndian : Float($0).bitPattern }), .f32),
            (5, bytes(numbers.map { order == 1 ? Double($0).bitPattern.bigEndian : Double($0).bitPattern }), .f32),
        ]
        for form in forms {
            try withFolder { folder in
                let file = try write(header(form.code, interleave: interleave, order: order), form.data, in: folder)
                let set = try imported(SceneRequest(cube: CubeFile(file), mask: maskFile(in: folder)), in: folder).set
                #expect(try isCube(set) && set.manifest.type == form.type && set.manifest.valueRange == 0 ... 432, "data type \(form.code)")
            }
        }
    }

    @Test func whatAnENVIHeaderSaysIsKept() throws {
        try withFolder { folder in
            let more = """
                ; a comment
                wavelength units = Nanometers
                wavelength = { 400.5,
                  500,  600.25 }
                bbl = {1, 0, 1}
                map info = {UTM, 1, 1, 484200, 3622800, 3.5, 3.5, 11, North, WGS-84}
                coordinate system string = {PROJCS["UTM"]}
                """
            _ = try write(header(2, more: more), bytes(numbers([.row, .column, .band]).map(Int16.init)), in: folder)
            // the numbers name their header
            var request = SceneRequest(cube: CubeFile(folder.appendingPathComponent("cube.img")), mask: try maskFile(in: folder))
            let set = try imported(request, in: folder).set
            #expect(try isCube(set, bands: [0, 2]))
            #expect(
                set.manifest.scene
                    == Manifest.Scene(
                        rows: 5, columns: 4, sourceBands: [0, 2], badBands: [1], wavelengths: [400.5, 600.25], wavelengthUnit: "Nanometers",
                        mapInfo: "UTM, 1, 1, 484200, 3622800, 3.5, 3.5, 11, North, WGS-84", coordinateSystem: "PROJCS[\"UTM\"]"))
            request.keepsBadBands = true
            let whole = try imported(request, in: folder).set
            #expect(try isCube(whole) && whole.manifest.scene?.sourceBands == nil && whole.manifest.scene?.badBands == [1])
            (request.bands, request.droppedBands) = ([2, 0, 1], [0])
            #expect(try isCube(imported(request, in: folder).set, bands: [2, 1]))
        }
    }

    @Test func matlabUnderAnyNames() throws {
        try withFolder { folder in
            let file = folder.appendingPathComponent("t.mat"), numbers = bytes(numbers([.band, .column, .row]).map(UInt16.init))
            let cube = mat("hsi", type: 4, class: 11, [5, 4, 3], numbers), mask = mat("gt", type: 2, class: 9, [5, 4], maskByColumns)
            try matFile(mat("note", type: 2, class: 9, [1, 1], [3]) + cube + mask).write(to: file)
            let one = try imported(SceneRequest(cube: CubeFile(file), mask: CubeFile(file)), in: folder)
            #expect(try isCube(one.set) && one.set.manifest.type == .u16 && one.survey.anomalies == 2)
            for ranks in 2 ... 4 {
                let many = try imported(SceneRequest(cube: CubeFile(file), mask: CubeFile(file)), in: folder, ranks: ranks)
                #expect(many.set.manifest == one.set.manifest && many.survey == one.survey, "\(ranks) ranks")
            }
            // a mask in a file of its own, of a form of its own
            try matFile(cube).write(to: file)
            #expect(try isCube(imported(SceneRequest(cube: CubeFile(file), mask: maskFile(in: folder)), in: folder).set))
            // none: trained on, not evaluated
            let bare = try imported(SceneRequest(cube: CubeFile(file), mask: nil), in: folder).set
            #expect(throws: DatasetError.self) { try bare.split("test").expectLabels() }
            #expect(try bare.split("train").training().joined().count == 20)
        }
    }

    @Test(arguments: [CubeFile.Axis.allCases, [.bands, .rows, .columns], [.bands, .columns, .rows]]) func hdf5(_ axes: [CubeFile.Axis]) throws {
        try withFolder { folder in
            let url = folder.appendingPathComponent("t.h5"), file = try File.create(url.path)
            let own: [CubeFile.Axis: (Axis, Int)] = [.rows: (.row, rows), .columns: (.column, columns), .bands: (.band, bands)]
            let shape = axes.map { own[$0]!.1 }, transposed = axes.last == .rows
            let cube = try Dataset.create("reflectance", of: Float.self, shape: shape, chunk: shape, in: file)
            try cube.write(numbers(axes.map { own[$0]!.0 }).map { Float($0) / 8 }, rows: 0 ..< shape[0])
            let extents = transposed ? [columns, rows] : [rows, columns]
            let truth = try Dataset.create("truth", of: UInt8.self, shape: extents, chunk: extents, in: file)
            try truth.write(transposed ? maskByColumns : mask, rows: 0 ..< extents[0])
            try file.close()
            let set = try imported(SceneRequest(cube: CubeFile(url, axes: axes), mask: CubeFile(url, axes: axes)), in: folder).set
            let split = try set.split("scene"), values = try SplitReader(split).values(0 ..< 20)
            #expect(values == .f32(numbers([.row, .column, .band]).map { Float($0) / 8 }) && split.labels == mask.map { $0 == 0 ? 0 : 1 })
        }
    }

    @Test func remarks() throws {
        try withFolder { folder in
            func remarks(_ numbers: [Float]) throws -> [String] {
                let file = try write(header(4), bytes(numbers), in: folder)
                return try imported(SceneRequest(cube: CubeFile(file), mask: nil), in: folder).survey.remarks
            }
            let normalized = try remarks((0 ..< 60).map { Float($0) / 64 }), raw = try remarks((0 ..< 60).map { $0 % 3 == 1 ? 5 : Float($0) - 3 })
            #expect(
                normalized
                    == ["numbers from 0 to 0.921875", "they lie within 0 to 1, so the cube was normalized before; they are kept"])
            #expect(
                raw == [
                    "numbers from -3 to 56", "2 of 60 (3.33 %) are negative; they are kept",
                    "1 bands hold one number everywhere (of those taken, counted from 0: 1)",
                ])
            #expect(
                message { _ = try remarks((0 ..< 60).map { $0 == 31 ? .infinity : Float($0) }) }
                    == "cube.hdr: row 2, column 2, band 1 holds no finite number; correct the source, or leave the band out")
        }
    }

    @Test func messages() throws {
        try withFolder { folder in
            let data = bytes(numbers([.row, .column, .band]).map(Int16.init))
            func text(_ header: String, _ data: [UInt8], _ change: (inout SceneRequest) throws -> Void = { _ in }) throws -> String {
                var request = SceneRequest(cube: CubeFile(try write(header, data, in: folder)), mask: nil)
                try change(&request)
                return message { _ = try SceneImport(request) }
            }
            #expect(
                try text(header(2), data.dropLast())
                    == "cube.img has 119 bytes, expected 120 by cube.hdr (5 lines × 4 samples × 3 bands); restore it from a copy")
            #expect(
                try text(header(6), data)
                    == "cube.hdr: data type is 6, expected 1, 2, 3, 4, 5, 12, 13, 14, 15 (real numbers); correct the header")
            #expect(try text(header(2, order: 2), data) == "cube.hdr: byte order is 2, expected 0 (little-endian) or 1; correct the header")
            #expect(try text(header(2, interleave: "xyz"), data) == "cube.hdr: interleave is xyz, expected bsq, bil or bip; correct the header")
            #expect(try text(header(2, bands: 0), data) == "cube.hdr: bands is 0, expected at least 1; correct the header")
            #expect(try text(header(2, more: "bbl = {1, 0"), data) == "cube.hdr: the braces of bbl do not close; correct the header")
            #expect(
                try text(header(2, more: "wavelength = {1, two, 3}"), data)
                    == "cube.hdr: wavelength lists 2 numbers among 3 items, expected one for each of 3 bands; correct the header")
            #expect(try text("ENVI\nsamples = 4\nlines = \(Int.max)\nbands = 3\ndata type = 2\n", data).contains("more than memory can address"))
            #expect(try text("ENVI\nsamples = 4\n", data) == "cube.hdr: there is no lines; correct the header")
            #expect(try text(header(2), data) { $0.bands = [3] } == "cube.hdr has bands 0 to 2, and no band 3")
            #expect(
                try text(header(2), data) { $0.droppedBands = [0, 1, 2] }
                    == "cube.hdr: no band is left, or one is named twice; choose others of its 3")
            let two = CubeFile(try write(header(1, bands: 2), mask + mask, in: folder, name: "two"))
            #expect(
                try text(header(2), data) { $0.mask = two }
                    == "two.hdr is 5×4×2, expected 5×4, one number a pixel of cube.hdr")
            let file = folder.appendingPathComponent("t.mat")
            try matFile(mat("a", type: 2, class: 9, [2, 2, 2], Array(0 ..< 8)) + mat("b", type: 2, class: 9, [2, 2, 2], Array(0 ..< 8))).write(
                to: file)
            func matlab(_ cube: String?, mask: Bool = false) -> String {
                message { _ = try SceneImport(SceneRequest(cube: CubeFile(file, variable: cube), mask: mask ? CubeFile(file) : nil)) }
            }
            #expect(
                matlab(nil) == "t.mat has more than one cube of rows × columns × bands among a (2×2×2), b (2×2×2); name one with --cube")
            #expect(matlab("c") == "t.mat has no array \"c\"; it has a (2×2×2), b (2×2×2)")
            #expect(matlab("a", mask: true) == "t.mat has no mask of the cube's rows and columns; name one, or give --no-mask")
        }
    }

    private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

    /// Extents, extreme values, negative numbers, anomalies and constant bands as the inventory of the data has them.
    @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder")) func realCubes() throws {
        func survey(_ name: String) throws -> (SceneImport, CubeSurvey) {
            let file = CubeFile(URL(fileURLWithPath: Self.data ?? "").appendingPathComponent("hsi/\(name)"))
            let job = try SceneImport(.init(cube: file, mask: file))
            return (job, try job.survey(0 ..< job.rows))
        }
        let (plain, hydice) = try survey("HYDICE_162.mat.gz"), (_, odd) = try survey("San_Diego_224.mat")
        let (_, normalized) = try survey("abu-beach-4.mat")
        #expect((plain.rows, plain.columns, plain.bands.count) == (80, 100, 162) && hydice.range == 0 ... 592 && hydice.anomalies == 19)
        #expect(odd.range == -2605 ... 7136 && odd.negative == 7843 && odd.anomalies == 57)
        #expect(odd.constantBands == Array(106 ... 112) + Array(152 ... 165) + [223])
        #expect(normalized.range == 0 ... 1 && normalized.anomalies == 68 && normalized.remarks.count == 2)
    }
}
