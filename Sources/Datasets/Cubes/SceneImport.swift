import Foundation

/// What a scene is brought in from, and as what.
public struct SceneRequest: Sendable {
    public var cube: CubeFile
    /// In the cube's file unless another is named; nil where there is none.
    public var mask: CubeFile?
    /// Whether the file of the mask may have none; of ENVI the cube's own file never has one.
    public var needsMask = true
    /// Bands to take, counted from 0; all where nil. Those that the source marks as bad are left out unless `keepsBadBands`.
    public var bands: [Int]?
    public var droppedBands: [Int] = []
    public var keepsBadBands = false
    public var meaning = "numbers of the source, not scaled"

    public init(cube: CubeFile, mask: CubeFile?) { (self.cube, self.mask) = (cube, mask) }
}

/// A cube and its mask, open, to be brought into a set of one scene: what is written, and by which rank, does not depend on the ranks.
///
/// First all ranks survey shares of the rows, then all know the merged survey, then each writes its shards.
public struct SceneImport: Sendable {
    /// The bands of the source that are taken, in order.
    public let bands: [Int]
    public let rows: Int, columns: Int
    private let cube: any Cube, mask: (any Cube)?
    private let request: SceneRequest

    public init(_ request: SceneRequest) throws(DatasetError) {
        let cube = try request.cube.open()
        let mask = try Self.mask(request, of: cube)
        if let mask, (mask.rows, mask.columns, mask.bands) != (cube.rows, cube.columns, 1) {
            let found = "\(mask.name) is \(mask.rows)×\(mask.columns)×\(mask.bands)"
            throw DatasetError(.badData, "\(found), expected \(cube.rows)×\(cube.columns), one number a pixel of \(cube.name)")
        }
        if let odd = ((request.bands ?? []) + request.droppedBands).first(where: { !(0 ..< cube.bands).contains($0) }) {
            throw DatasetError(.usage, "\(cube.name) has bands 0 to \(cube.bands - 1), and no band \(odd)")
        }
        let bad = request.keepsBadBands ? [] : (cube.notes.isGoodBand ?? []).enumerated().filter { !$0.element }.map(\.offset)
        let left = Set(bad + request.droppedBands)
        bands = (request.bands ?? Array(0 ..< cube.bands)).filter { !left.contains($0) }
        guard !bands.isEmpty, Set(bands).count == bands.count else {
            throw DatasetError(.usage, "\(cube.name): no band is left, or one is named twice; choose others of its \(cube.bands)")
        }
        (self.request, self.cube, self.mask, rows, columns) = (request, cube, mask, cube.rows, cube.columns)
    }

    private static func mask(_ request: SceneRequest, of cube: any Cube) throws(DatasetError) -> (any Cube)? {
        guard let file = request.mask, request.needsMask || !(cube is ENVICube) else { return nil }
        do { return try file.open(maskOf: cube) } catch {
            guard error.kind == .missingInput, !request.needsMask else { throw error }
            return nil
        }
    }

    /// The taken bands' numbers of a row, pixel after pixel.
    func numbers(ofRow row: Int) throws(DatasetError) -> [Double] {
        let all = try cube.numbers(ofRow: row)
        guard bands.count < cube.bands || request.bands != nil else { return all }
        return (0 ..< columns).flatMap { column in bands.map { all[column * cube.bands + $0] } }
    }

    /// 1 for an anomaly.
    private func labels(ofRow row: Int) throws(DatasetError) -> [Int32] {
        try mask?.numbers(ofRow: row).map { $0 == 0 ? 0 : 1 } ?? Array(repeating: 0, count: columns)
    }

    /// Looks at some rows.
    public func survey(_ rows: Range<Int>) throws(DatasetError) -> CubeSurvey {
        var survey = CubeSurvey(bands: bands.count)
        for row in rows {
            let numbers = try numbers(ofRow: row).map { cube.type == .f32 ? Double(Float($0)) : $0 }
            if let place = numbers.firstIndex(where: { !$0.isFinite }) {
                let (column, band) = place.quotientAndRemainder(dividingBy: bands.count)
                throw DatasetError(
                    .badData,
                    "\(cube.name): row \(row), column \(column), band \(bands[band]) holds no finite number; correct the source, or leave the band out"
                )
            }
            survey.add(numbers)
            survey.anomalies += try labels(ofRow: row).reduce(0) { $0 + Int($1) }
        }
        return survey
    }

    /// What the set is to be.
    /// - Parameter survey: of all rows.
    public func description(named name: String, _ survey: CubeSurvey) throws(DatasetError) -> SetDescription {
        let notes = cube.notes
        let isBad = (notes.isGoodBand ?? []).enumerated().filter { !$0.element }.map(\.offset)
        let scene = Manifest.Scene(
            rows: rows, columns: columns, sourceBands: bands.count == cube.bands ? nil : bands, badBands: isBad.isEmpty ? nil : isBad,
            wavelengths: notes.wavelengths.map { all in bands.map { all[$0] } }, wavelengthUnit: notes.wavelengthUnit, mapInfo: notes.mapInfo,
            coordinateSystem: notes.coordinateSystem)
        var provenance = ["importer": "cube", "cube": cube.name, "cube file": try ArraySource.provenance(of: request.cube.file)]
        if let mask, let file = request.mask?.file {
            (provenance["mask"], provenance["mask file"]) = (mask.name, try ArraySource.provenance(of: file))
        }
        return SetDescription(
            name: name, shape: [bands.count], type: cube.type, range: survey.range, meaning: request.meaning,
            classes: mask == nil ? ["pixel"] : ["background", "anomaly"], normalClasses: mask == nil ? ["pixel"] : ["background"],
            unlabeledClasses: mask == nil ? ["pixel"] : nil, provenance: provenance, scene: scene)
    }

    /// Writes this rank's shards; the writer is one of the description.
    public func write(to writer: SetWriter) throws -> [ShardRecord] {
        let columns = columns
        return try writer.write(split: Manifest.Scene.split, count: rows * columns) { range in
            var numbers: [Double] = [], labels: [Int32] = []
            for row in range.lowerBound / columns ... (range.upperBound - 1) / columns {
                let own = range.clamped(to: row * columns ..< (row + 1) * columns), first = own.lowerBound - row * columns
                numbers += try self.numbers(ofRow: row)[first * bands.count ..< (first + own.count) * bands.count]
                labels += try self.labels(ofRow: row)[first ..< first + own.count]
            }
            return Samples(values: StoredValues(numbers, as: cube.type), labels: labels)
        }
    }
}

extension StoredValues {
    /// Numbers that the type holds; floats are rounded.
    init(_ numbers: [Double], as type: SampleType) {
        self =
            switch type {
            case .u8: .u8(numbers.map { UInt8($0) })
            case .u16: .u16(numbers.map { UInt16($0) })
            case .i16: .i16(numbers.map { Int16($0) })
            case .f32: .f32(numbers.map { Float($0) })
            }
    }
}
