import Foundation

/// Tables in text: columns of numbers, columns of categories that become one number a value (one-hot), a column of labels.
///
/// A sample has the numeric columns first, in their order, then the categories of each categorical column, in the order that the columns are
/// named in and sorted within one: 34 + 3 + 66 + 11 + 2 + 2 + 1 + 2 = 121 numbers for KDD99. Categories are those of all files, so
/// that training and test samples have one form. Nothing is scaled here: `scale features` in a recipe does that, by the training normals.
public struct CSVSource: SampleSource {
    /// The files and what their columns are. Columns are counted from 0, or named by a header.
    public struct Request: Sendable {
        public var files: [URL]
        /// Samples that were published to test on, if there are such.
        public var testFiles: [URL] = []
        public var hasHeader = false
        public var separator = UInt8(ascii: ",")
        /// The column of labels; the last where nil.
        public var label: String?
        public var categorical: [String] = []
        /// The column that says what belongs together (patient, machine), if any; it is no feature.
        public var group: String?
        /// Columns that are left out.
        public var dropped: [String] = []
        /// The number in place of a field that is empty or "?"; where nil such a field is an error.
        public var missing: Float?

        public init(files: [URL]) { self.files = files }
    }

    public let shape: [Int]
    public var type: SampleType { .f32 }
    public let range: ClosedRange<Double>
    public var meaning: String { "columns of a table, not scaled" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let groups: [Int64]?
    public let provenance: [String: String]
    /// Row after row: the numbers, then a category's place for each categorical column.
    private let fields: [Float]
    private let numericCount: Int
    private let categoryCounts: [Int]

    /// Reads and checks the files.
    public init(_ request: Request) throws(DatasetError) {
        var parser = try CSVParser(request), provenance = ["importer": "csv"]
        for (number, file) in request.files.enumerated() {
            try parser.read(file)
            provenance["file_\(number)"] = try Self.provenance(of: file)
        }
        testStart = request.testFiles.isEmpty ? nil : parser.labels.count
        for (number, file) in request.testFiles.enumerated() {
            try parser.read(file)
            provenance["test_file_\(number)"] = try Self.provenance(of: file)
        }
        guard let columns = parser.columns, !parser.labels.isEmpty else {
            throw DatasetError(.badData, "\(request.files.first?.lastPathComponent ?? "the table") has no rows of samples")
        }
        (numericCount, categoryCounts) = (columns.numeric.count, parser.categories.map(\.count))
        let width = numericCount + categoryCounts.reduce(0, +)
        guard (1 ... 1 << 20).contains(width) else {
            throw DatasetError(.badData, "a row would come to \(width) numbers, expected 1 to \(1 << 20); leave out columns of names or categories")
        }
        let texts = columns.categorical.map(columns.name)
        provenance["columns"] = (["\(numericCount) numeric"] + zip(texts, categoryCounts).map { "\($0) as \($1)" }).joined(separator: ", ")
        provenance["label"] = columns.name(columns.label)
        provenance["group"] = columns.group.map(columns.name)
        groups = columns.group.map { _ in groupNumbers(of: parser.groups) }
        provenance["missing"] = request.missing.map { "\(parser.missingCount) fields as \($0)" }
        (shape, self.provenance) = ([width], provenance)
        range = Self.range(parser.extremes, hasCategories: !categoryCounts.isEmpty)
        (classes, labels, fields) = parser.ordered()
    }

    private static func range(_ extremes: (Float, Float), hasCategories: Bool) -> ClosedRange<Double> {
        let low = hasCategories ? min(extremes.0, 0) : extremes.0, high = hasCategories ? max(extremes.1, 1) : extremes.1
        return Double(low) ... (low < high ? Double(high) : Double(low) + max(1, abs(Double(low))))
    }

    public func values(of samples: ArraySlice<Int>) -> StoredValues {
        var values: [Float] = []
        values.reserveCapacity(samples.count * shape[0])
        let stride = numericCount + categoryCounts.count
        for sample in samples {
            let row = sample * stride
            values += fields[row ..< row + numericCount]
            for (column, count) in categoryCounts.enumerated() {
                let chosen = values.count + Int(fields[row + numericCount + column])
                values += repeatElement(0, count: count)
                values[chosen] = 1
            }
        }
        return .f32(values)
    }
}
