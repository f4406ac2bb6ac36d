import HDF5

/// The data sets of a shard that is being written, with the attributes that readers without a manifest want.
final class ShardOutput {
    private let file: File
    private let description: SetDescription
    private let count: Int
    private let deflate: Int
    private let samples: Dataset
    private let labels: Dataset
    /// `groups` and `sources` are made when the first samples have them, and then all must.
    private var groups: Dataset?
    private var sources: Dataset?

    init(_ file: File, count: Int, samplesPerChunk: Int, deflate: Int, _ description: SetDescription, job: String) throws(HDF5Error) {
        (self.file, self.description, self.count, self.deflate) = (file, description, count, deflate)
        let shape = [count] + description.shape, chunk = [min(samplesPerChunk, count)] + description.shape
        samples =
            switch description.type {
            case .u8: try .create("samples", of: UInt8.self, shape: shape, chunk: chunk, deflate: deflate, in: file)
            case .u16: try .create("samples", of: UInt16.self, shape: shape, chunk: chunk, deflate: deflate, in: file)
            case .i16: try .create("samples", of: Int16.self, shape: shape, chunk: chunk, deflate: deflate, in: file)
            case .f32: try .create("samples", of: Float.self, shape: shape, chunk: chunk, deflate: deflate, in: file)
            }
        labels = try Self.column("labels", of: Int32.self, count, deflate, file)
        try file.setAttribute("vigil_format", to: .integer(Int64(Manifest.currentFormat)))
        try file.setAttribute("vigil_job", to: .string(job))
        try file.setAttribute("name", to: .string(description.name))
        try labels.setAttribute("class_names", to: .strings(description.classes))
        try labels.setAttribute("class_is_normal", to: .integers(description.classes.map { description.normalClasses.contains($0) ? 1 : 0 }))
        try samples.setAttribute("value_range", to: .numbers([description.range.lowerBound, description.range.upperBound]))
        try samples.setAttribute("value_meaning", to: .string(description.meaning))
    }

    private static func column<Element: HDF5Element>(
        _ name: String, of _: Element.Type, _ count: Int, _ deflate: Int, _ file: File
    ) throws(HDF5Error) -> Dataset {
        try .create(name, of: Element.self, shape: [count], chunk: [min(count, 1 << 16)], deflate: deflate, in: file)
    }

    /// Writes `count` samples from the shard's place `first`.
    func write(_ batch: Samples, at first: Int, count: Int) throws {
        try check(batch, count)
        if first == 0 {
            if batch.groups != nil { groups = try Self.column("groups", of: Int64.self, self.count, deflate, file) }
            if batch.sources != nil { sources = try Self.column("sources", of: Int64.self, self.count, deflate, file) }
        }
        precondition(
            (groups == nil) == (batch.groups == nil) && (sources == nil) == (batch.sources == nil), "some samples have groups or sources, others none"
        )
        let rows = first ..< first + count
        switch batch.values {
        case .u8(let values): try samples.write(values, rows: rows)
        case .u16(let values): try samples.write(values, rows: rows)
        case .i16(let values): try samples.write(values, rows: rows)
        case .f32(let values): try samples.write(values, rows: rows)
        }
        try labels.write(batch.labels, rows: rows)
        if let values = batch.groups { try groups?.write(values, rows: rows) }
        if let values = batch.sources { try sources?.write(values, rows: rows) }
    }

    private func check(_ batch: Samples, _ count: Int) throws(DatasetError) {
        let expected = count * description.shape.reduce(1, *)
        precondition(batch.values.type == description.type, "samples of \(batch.values.type) in a set of \(description.type)")
        precondition(
            batch.values.count == expected && batch.labels.count == count,
            "\(batch.values.count) numbers, \(batch.labels.count) labels for \(count) samples")
        precondition(
            (batch.groups ?? batch.sources)?.count ?? count == count && batch.sources?.count ?? count == count,
            "groups and sources of \(count) samples")
        precondition(batch.labels.allSatisfy { (0 ..< Int32(description.classes.count)).contains($0) }, "a label beyond the classes")
        if case .f32(let values) = batch.values, let value = values.first(where: { !$0.isFinite || !description.range.contains(Double($0)) }) {
            throw DatasetError(
                .badData, "a sample holds \(value), outside the declared range \(description.range); correct the source or declare its range")
        }
    }
}
