import ArgumentParser
import Datasets
import Ranks

extension ImportCommand {
    struct CSV: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "csv", abstract: "Tables in text with a column of labels, gzipped or not; categorical columns become one number a value.",
            discussion: "Columns are counted from 0, or named by a header. Let the recipe scale them: transforms: [scale features].")
        @Argument(help: "The tables, of equal columns.", completion: .file()) var files: [String]
        @Option(help: "Published test tables.", transform: list) var testFiles: [String] = []
        @Flag(help: "The first row of each table names the columns.") var header = false
        @Option(help: "What stands between two fields: one character, or tab.") var separator = ","
        @Option(help: "Column of labels; the last unless given.") var label: String?
        @Option(help: "Categorical columns.", transform: list) var categorical: [String] = []
        @Option(help: "Column of what belongs together (patient, machine); it is no feature.") var group: String?
        @Option(help: "Columns to leave out.", transform: list) var drop: [String] = []
        @Option(help: "Number in place of an empty field or of \"?\", which are errors unless it is given.") var missing: Float?
        @OptionGroup var options: Options

        func validate() throws {
            guard separator == "tab" || separator.utf8.count == 1 else { throw ValidationError("--separator must be one character, or tab") }
        }

        func run(on group: RankGroup) throws -> Int32 {
            var request = CSVSource.Request(files: files.map(url))
            (request.testFiles, request.hasHeader, request.label) = (testFiles.map(url), header, label)
            request.separator = separator == "tab" ? UInt8(ascii: "\t") : separator.utf8.first!
            (request.categorical, request.group, request.dropped, request.missing) = (categorical, self.group, drop, missing)
            return try options.write(CSVSource(request), group)
        }
    }
}
