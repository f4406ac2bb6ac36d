import Foundation

/// A foreign array of numbers with a place on the ground: rows × columns × bands, read a row at a time.
protocol Cube: Sendable {
    /// As messages call it.
    var name: String { get }
    var rows: Int { get }
    var columns: Int { get }
    var bands: Int { get }
    /// The type that holds its numbers in a set.
    var type: SampleType { get }
    /// What the source says of its bands and of where it lies.
    var notes: CubeNotes { get }
    /// The numbers of a row, pixel after pixel.
    func numbers(ofRow row: Int) throws(DatasetError) -> [Double]
}

/// What a source says of its bands and of where it lies, as far as it does.
struct CubeNotes: Equatable, Sendable {
    /// Of each band, and their unit.
    var wavelengths: [Double]?
    var wavelengthUnit: String?
    /// Of each band whether it is of use.
    var isGoodBand: [Bool]?
    /// ENVI's `map info` and `coordinate system string`, as they stand there.
    var mapInfo: String?
    var coordinateSystem: String?
}

/// Where cubes and masks are found.
public struct CubeFile: Sendable {
    /// The axes of an array in a file, outermost first, where it does not say itself.
    public enum Axis: String, Sendable, CaseIterable { case rows, columns, bands }

    public var file: URL
    /// Of the variable or data set; the only one that can be meant where nil.
    public var variable: String?
    /// Of an HDF5 data set.
    public var axes: [Axis]?

    public init(_ file: URL, variable: String? = nil, axes: [Axis]? = nil) { (self.file, self.variable, self.axes) = (file, variable, axes) }

    /// Opens what the first bytes say it is: HDF5 (also MATLAB 7.3), ENVI by its header or beside it, MATLAB up to 7 otherwise.
    /// - Parameter mask: of which cube a mask is sought, which has one band; nil where it is the cube itself.
    func open(maskOf cube: (any Cube)? = nil) throws(DatasetError) -> any Cube {
        var start = try GzipFile(file)
        let bytes = try start.read(128), text = String(decoding: bytes, as: UTF8.self)
        let isMATLAB73 = text.hasPrefix("MATLAB 7.3 MAT-file")
        if isMATLAB73 || bytes.starts(with: [0x89] + Array("HDF\r\n".utf8)) {
            // MATLAB's axes are counted from the innermost
            return try HDF5Cube(self, axes: axes ?? (isMATLAB73 ? [.bands, .columns, .rows] : [.rows, .columns, .bands]), maskOf: cube)
        }
        if text.hasPrefix("ENVI") { return try ENVICube(header: file) }
        if let header = ENVICube.header(of: file) { return try ENVICube(header: header, data: file) }
        return try MATCube(self, maskOf: cube)
    }

    /// The name of the array to take, among those that fit.
    func chosen(among all: [(name: String, extents: [Int])], maskOf cube: (any Cube)?, _ fits: ([Int]) -> Bool) throws(DatasetError) -> String? {
        let list = all.map { "\($0.name) (\(extentsText($0.extents)))" }.joined(separator: ", ")
        if let variable {
            guard all.contains(where: { $0.name == variable }) else {
                throw DatasetError(.usage, "\(file.lastPathComponent) has no array \"\(variable)\"; it has \(list)")
            }
            return variable
        }
        let candidates = all.filter { fits($0.extents) }
        if candidates.isEmpty, cube != nil { return nil }
        guard candidates.count == 1 else {
            let (what, option) = cube == nil ? ("cube of rows × columns × bands", "--cube") : ("mask of \(cube!.rows)×\(cube!.columns)", "--mask")
            let count = candidates.isEmpty ? "no" : "more than one"
            throw DatasetError(.usage, "\(file.lastPathComponent) has \(count) \(what) among \(list); name one with \(option)")
        }
        return candidates[0].name
    }
}

/// A cube in a MATLAB file of versions 5 to 7.
struct MATCube: Cube {
    let name: String, rows: Int, columns: Int, bands: Int, type: SampleType
    let notes = CubeNotes()
    private let array: NumericArray

    init(_ request: CubeFile, maskOf cube: (any Cube)?) throws(DatasetError) {
        let file = try MATFile(request.file)
        let wanted = try request.chosen(among: file.variables(), maskOf: cube) { extents in
            if let cube { extents == [cube.rows, cube.columns] } else { extents.count == 3 && extents.allSatisfy { $0 > 1 } }
        }
        guard let wanted, let array = try file.array(named: wanted) else { throw Self.noMask(in: request.file) }
        let extents = array.extents
        guard (2 ... 3).contains(extents.count) else {
            throw DatasetError(.badData, "\(array.name) is \(extentsText(extents)), expected rows × columns × bands; name another variable")
        }
        (name, self.array, type, rows, columns) = (array.name, array, array.type, extents[0], extents[1])
        bands = extents.count == 3 ? extents[2] : 1
    }

    static func noMask(in file: URL) -> DatasetError {
        DatasetError(.missingInput, "\(file.lastPathComponent) has no mask of the cube's rows and columns; name one, or give --no-mask")
    }

    func numbers(ofRow row: Int) -> [Double] { array.numbers(of: row) }
}
