import Foundation
import HDF5

/// A cube in a data set of an HDF5 file, MATLAB's version 7.3 among them.
struct HDF5Cube: Cube {
    let name: String, rows: Int, columns: Int, bands: Int, type: SampleType
    let notes = CubeNotes()
    private let dataset: Dataset
    /// The place of each axis in the data set; that of bands is nil where there is but one.
    private let rowAxis: Int, columnAxis: Int, bandAxis: Int?

    init(_ request: CubeFile, axes: [CubeFile.Axis], maskOf cube: (any Cube)?) throws(DatasetError) {
        do {
            let file = try File.open(request.file.path)
            var all: [(name: String, extents: [Int])] = []
            if let variable = request.variable {
                all = [(variable, [])]
            } else {
                // groups and texts of the root are no cubes
                for name in try file.names() { if let found = try? Dataset.open(name, in: file) { all.append((name, found.shape)) } }
            }
            func sides(_ extents: [Int]) -> (rows: Int, columns: Int, bands: Int)? {
                let axes = extents.count == 2 ? axes.filter { $0 != .bands } : axes
                guard extents.count == axes.count else { return nil }
                func extent(_ axis: CubeFile.Axis) -> Int { axes.firstIndex(of: axis).map { extents[$0] } ?? 1 }
                return (extent(.rows), extent(.columns), extent(.bands))
            }
            let chosen = try request.chosen(among: all, maskOf: cube) { extents in
                guard let sides = sides(extents) else { return false }
                return cube.map { sides == ($0.rows, $0.columns, 1) } ?? (extents.count == 3 && extents.allSatisfy { $0 > 1 })
            }
            guard let chosen else { throw MATCube.noMask(in: request.file) }
            dataset = try Dataset.open(chosen, in: file)
            guard let sides = sides(dataset.shape), sides.rows > 0, sides.columns > 0, sides.bands > 0 else {
                throw DatasetError(.badData, "\(dataset.name) is \(dataset.shape), expected \(axes.map(\.rawValue).joined(separator: " × "))")
            }
            guard try dataset.isComplete() else { throw DatasetError(.badData, "\(dataset.name): some of it was never written; restore it") }
            (rows, columns, bands) = sides
        } catch { throw (error as? DatasetError) ?? DatasetError(.badData, "\(error)") }
        let own = dataset.shape.count == 2 ? axes.filter { $0 != .bands } : axes
        (rowAxis, columnAxis, bandAxis) = (own.firstIndex(of: .rows)!, own.firstIndex(of: .columns)!, own.firstIndex(of: .bands))
        name = dataset.name
        switch dataset.elementType {
        case .uint8: type = .u8
        case .uint16: type = .u16
        case .int16: type = .i16
        case .int32, .int64, .float32, .float64: type = .f32
        case .int8, .uint32, .uint64, .float16:
            throw DatasetError(.badData, "\(dataset.name) is \(dataset.elementType), which is not read; convert it to float32")
        }
    }

    func numbers(ofRow row: Int) throws(DatasetError) -> [Double] {
        var start = dataset.shape.map { _ in 0 }, count = dataset.shape
        (start[rowAxis], count[rowAxis]) = (row, 1)
        func numbers<Element: HDF5Element>(_ number: (Element) -> Double) throws(HDF5Error) -> [Double] {
            var values = [Element](repeating: .zero, count: columns * bands)
            var outcome = Result<Void, HDF5Error>.success(())
            values.withUnsafeMutableBufferPointer { buffer in
                outcome = Result { () throws(HDF5Error) in try dataset.read(into: buffer, from: start, count: count) }
            }
            try outcome.get()
            return values.map(number)
        }
        let found: [Double]
        do {
            switch dataset.elementType {
            case .uint8: found = try numbers { (value: UInt8) in Double(value) }
            case .uint16: found = try numbers { (value: UInt16) in Double(value) }
            case .int16: found = try numbers { (value: Int16) in Double(value) }
            case .int32: found = try numbers { (value: Int32) in Double(value) }
            case .int64: found = try numbers { (value: Int64) in Double(value) }
            case .float32: found = try numbers { (value: Float) in Double(value) }
            default: found = try numbers { (value: Double) in value }
            }
        } catch { throw DatasetError(.badData, "row \(row): \(error); restore the file from a copy") }
        guard let bandAxis, bandAxis < columnAxis else { return found }
        return (0 ..< columns).flatMap { column in (0 ..< bands).map { found[$0 * columns + column] } }
    }
}
