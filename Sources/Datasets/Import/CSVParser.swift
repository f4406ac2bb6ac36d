import Foundation

/// What is formed while the rows of one table after the other are read: numbers, and the categories and labels in the order they appear in.
struct CSVParser {
    /// What each column is, by place.
    struct Columns {
        let names: [String]?
        let count: Int
        let label: Int
        let numeric: [Int]
        let categorical: [Int]
        let group: Int?

        /// As messages call it.
        func name(_ column: Int) -> String { names.map { $0[column] } ?? "column \(column)" }
    }

    private let request: CSVSource.Request
    private(set) var columns: Columns?
    /// Of each categorical column.
    private(set) var categories: [[String: Int]] = []
    private var classes: [String: Int] = [:]
    private(set) var labels: [Int32] = []
    /// Names, where there is a column of them.
    private(set) var groups: [String] = []
    private var fields: [Float] = []
    /// The smallest and largest number.
    private(set) var extremes = (Float.infinity, -Float.infinity)
    private(set) var missingCount = 0

    init(_ request: CSVSource.Request) throws(DatasetError) {
        self.request = request
        if let twice = Dictionary(grouping: request.categorical + request.dropped, by: \.self).first(where: { $1.count > 1 })?.key {
            throw DatasetError(.usage, "column \"\(twice)\" is named twice among those that are categorical or left out; name it once")
        }
    }

    mutating func read(_ file: URL) throws(DatasetError) {
        var reader = try CSVReader(file, separator: request.separator)
        guard try reader.next() else { throw DatasetError(.badData, "\(reader.name) has no rows") }
        var first: [String] = []
        for place in 0 ..< reader.fieldCount { first.append(reader.field(place)) }
        try settle(first.count, names: request.hasHeader ? first : nil, in: reader.name)
        guard let columns else { return }
        if request.hasHeader { guard try reader.next() else { return } }
        repeat {
            guard reader.fieldCount == columns.count else {
                throw DatasetError(.badData, "\(reader.name): row \(reader.row) has \(reader.fieldCount) fields, expected \(columns.count)")
            }
            for column in columns.numeric { try append(number: reader.field(column), column, reader.name, reader.row) }
            for (place, column) in columns.categorical.enumerated() {
                fields.append(Float(try Self.place(of: reader.field(column), in: &categories[place], columns.name(column), reader.name)))
            }
            labels.append(Int32(try Self.place(of: reader.field(columns.label), in: &classes, columns.name(columns.label), reader.name)))
            if let group = columns.group { groups.append(reader.field(group)) }
        } while try reader.next()
    }

    /// The first file settles what the columns are; later ones must have as many, and the same header.
    private mutating func settle(_ count: Int, names: [String]?, in file: String) throws(DatasetError) {
        if let columns {
            guard columns.count == count, columns.names == names else {
                throw DatasetError(.badData, "\(file) has other columns than the first file: \(count) in place of \(columns.count), or other names")
            }
            return
        }
        func place(_ text: String) throws(DatasetError) -> Int {
            if let place = names?.firstIndex(of: text) ?? Int(text), (0 ..< count).contains(place) { return place }
            let expected = names.map { $0.prefix(60).joined(separator: ", ") } ?? "0 to \(count - 1)"
            throw DatasetError(.usage, "\(file) has no column \"\(text)\"; the columns are \(expected)")
        }
        let label = try request.label.map(place) ?? count - 1
        let group = try request.group.map(place)
        var categorical: [Int] = [], dropped: Set<Int> = []
        for text in request.categorical { categorical.append(try place(text)) }
        for text in request.dropped { dropped.insert(try place(text)) }
        guard !categorical.contains(label), !dropped.contains(label) else {
            throw DatasetError(.usage, "the column of labels is also named as categorical or left out; name another")
        }
        if let group, group == label || categorical.contains(group) {
            throw DatasetError(.usage, "the column of groups is also named as that of labels or as categorical; name another")
        }
        let numeric = (0 ..< count).filter { $0 != label && $0 != group && !categorical.contains($0) && !dropped.contains($0) }
        columns = Columns(names: names, count: count, label: label, numeric: numeric, categorical: categorical, group: group)
        categories = categorical.map { _ in [:] }
    }

    private mutating func append(number text: String, _ column: Int, _ file: String, _ row: Int) throws(DatasetError) {
        var value = Float(text) ?? .nan
        if let missing = request.missing, text.isEmpty || text == "?" { (value, missingCount) = (missing, missingCount + 1) }
        guard value.isFinite else {
            let advice = "call the column categorical, leave it out, or say what stands for missing numbers"
            throw DatasetError(.badData, "\(file): row \(row), \(columns!.name(column)): \"\(text.prefix(40))\" is not a finite number; \(advice)")
        }
        extremes = (min(extremes.0, value), max(extremes.1, value))
        fields.append(value)
    }

    /// More than Float or anyone can tell apart are no categories.
    private static func place(of text: String, in known: inout [String: Int], _ column: String, _ file: String) throws(DatasetError) -> Int {
        if let place = known[text] { return place }
        guard known.count < 1 << 16 else {
            throw DatasetError(.badData, "\(file): \(column) has more than 65,536 different values, so it holds no classes; name another column")
        }
        known[text] = known.count
        return known.count - 1
    }

    /// Classes, labels and fields with classes and categories sorted: as numbers where all are numbers, else as texts.
    consuming func ordered() -> (classes: [String], labels: [Int32], fields: [Float]) {
        let sortedClasses = Self.sorted(classes), stride = columns!.numeric.count + categories.count
        let labels = labels.map { Int32(sortedClasses.places[Int($0)]) }
        var fields = fields
        for (number, known) in categories.enumerated() {
            let places = Self.sorted(known).places
            var place = columns!.numeric.count + number
            while place < fields.count {
                fields[place] = Float(places[Int(fields[place])])
                place += stride
            }
        }
        return (sortedClasses.names, labels, fields)
    }

    /// The names in order, and for each by its first place the place it has there.
    private static func sorted(_ known: [String: Int]) -> (names: [String], places: [Int]) {
        let areNumbers = known.keys.allSatisfy { Double($0) != nil }
        let names = known.keys.sorted { areNumbers ? (Double($0)!, $0) < (Double($1)!, $1) : $0 < $1 }
        var places = [Int](repeating: 0, count: known.count)
        for (place, name) in names.enumerated() { places[known[name]!] = place }
        return (names, places)
    }
}
