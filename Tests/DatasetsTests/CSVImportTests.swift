@testable import Datasets
import Foundation
import Testing

@Suite struct CSVImportTests {
    /// Number, category, number, category (as KDD99 mixes them), label.
    private static let table = """
        1.5,tcp,-3,0,normal.
        2,"u,d""p",4e2,1,smurf.\r

        0, icmp ,7,0,smurf.
        9,tcp,7,10,back.
        """

    private func source(
        _ text: String = table, test: String? = nil, _ change: (inout CSVSource.Request) -> Void = { _ in }
    ) throws -> CSVSource {
        try withFolder { folder in
            let file = folder.appendingPathComponent("table"), testFile = folder.appendingPathComponent("test")
            try Data(text.utf8).write(to: file)
            try test.map { try Data($0.utf8).write(to: testFile) }
            var request = CSVSource.Request(files: [file])
            request.categorical = ["1", "3"]
            if test != nil { request.testFiles = [testFile] }
            change(&request)
            return try CSVSource(request)
        }
    }

    /// Numbers first, then the categories of each column in the order it is named in, sorted: as numbers where they are.
    @Test func categories() throws {
        let table = try source()
        #expect(table.shape == [2 + 3 + 3] && table.range == -3 ... 400 && table.testStart == nil)
        #expect(table.classes == ["back.", "normal.", "smurf."] && table.labels == [1, 2, 2, 0])
        let rows: [[Float]] = [
            [1.5, -3, 0, 1, 0, 1, 0, 0], [2, 400, 0, 0, 1, 0, 1, 0], [0, 7, 1, 0, 0, 1, 0, 0], [9, 7, 0, 1, 0, 0, 0, 1],
        ]
        #expect(table.values(of: [0, 1, 2, 3]) == .f32(rows.flatMap(\.self)))
        #expect(table.values(of: [3]) == .f32(rows[3]))
        #expect(table.provenance["columns"] == "2 numeric, column 1 as 3, column 3 as 3" && table.provenance["label"] == "column 4")
    }

    /// A column that says what belongs together is no feature; whole numbers stay, names are numbered.
    @Test func groups() throws {
        let rows = "7,1.5,a\n-2,2,b\n7,3,a"
        let numbered = try source(rows) { ($0.categorical, $0.group) = ([], "0") }
        #expect(numbered.groups == [7, -2, 7] && numbered.shape == [1] && numbered.provenance["group"] == "column 0")
        let named = try source("p2,1.5,a\np1,2,b\np2,3,a") { ($0.categorical, $0.group) = ([], "0") }
        #expect(named.groups == [1, 0, 1] && named.values(of: [0, 1, 2]) == .f32([1.5, 2, 3]))
        #expect(try source().groups == nil)
        let sentence = "the column of groups is also named as that of labels or as categorical; name another"
        for column in ["1", "4"] { #expect(message { _ = try source { $0.group = column } } == sentence) }
    }

    /// As KDD99 is imported: 41 columns, seven of them categorical (one of a single value) with 3, 66, 11, 2, 2, 1 and 2 values, no header,
    /// attacks normal, a value and a class that only one row has.
    @Test func manyColumns() throws {
        let categorical = [1, 2, 3, 6, 11, 20, 21], counts = [3, 66, 11, 2, 2, 1, 2]
        let rows = (0 ..< 400).map { row in
            let fields = (0 ..< 41).map { column in
                guard let place = categorical.firstIndex(of: column) else { return "\(column == 19 ? 0 : row * 100 + column)" }
                // the last value of each column stands in the first row alone
                return row == 0 ? "v\(counts[place] - 1)" : "v\(row % max(counts[place] - 1, 1))"
            }
            return (fields + [row == 0 ? "rare." : row % 4 == 1 ? "normal." : "smurf."]).joined(separator: ",")
        }
        let table = try source(rows.joined(separator: "\n")) { $0.categorical = categorical.map(String.init) }
        #expect(table.shape == [121] && table.labels.count == 400 && table.classes == ["normal.", "rare.", "smurf."])
        guard case .f32(let values) = table.values(of: [0, 7]) else { return }
        let numeric = (0 ..< 41).filter { !categorical.contains($0) }
        #expect(values[121 ..< 155].elementsEqual(numeric.map { $0 == 19 ? 0 : Float(700 + $0) }))
        for (sample, start) in [(0, 0), (7, 121)] {
            var first = start + 34
            for count in counts {
                let category = values[first ..< first + count]
                #expect(category.reduce(0, +) == 1 && category.allSatisfy { $0 == 0 || $0 == 1 }, "sample \(sample)")
                first += count
            }
        }
        let division = try SplitProtocol(.abnormal(["normal."]), trainShare: 0.5, seed: 0, abnormalShare: 0.2).division(of: table)
        let abnormal = division.test.count { table.labels[$0] == 0 }, normal = division.test.count - abnormal
        #expect(abnormal == normal / 4 && division.train.allSatisfy { table.labels[$0] != 0 })
        #expect(division.train.count + normal == 300)
    }

    /// Training and test tables have the categories of both; columns may be named, left out, and missing numbers filled in.
    @Test func headersAndTestTables() throws {
        let header = "class;kind;x;name\n"
        let table = try source(header + "1;b;?;joe\n0;a;2;jim\n", test: header + "1;c;;ann\n") { request in
            (request.hasHeader, request.separator, request.label, request.missing) = (true, UInt8(ascii: ";"), "class", -1)
            (request.categorical, request.dropped) = (["kind"], ["name"])
        }
        #expect(table.shape == [4] && table.classes == ["0", "1"] && table.labels == [1, 0, 1] && table.testStart == 2)
        #expect(table.values(of: [0, 1, 2]) == .f32([-1, 0, 1, 0, 2, 1, 0, 0, -1, 0, 0, 1]))
        #expect(table.provenance["missing"] == "2 fields as -1.0" && table.range == -1 ... 2)
    }

    @Test func flaws() {
        func text(_ table: String, _ change: @escaping (inout CSVSource.Request) -> Void = { $0.categorical = [] }) -> String {
            message { _ = try source(table, change) }
        }
        #expect(text("1,2,a\n3,4\n") == "table: row 2 has 2 fields, expected 3")
        let advice = "call the column categorical, leave it out, or say what stands for missing numbers"
        #expect(text("1,2,a\n\n3,x,b\n") == "table: row 2, column 1: \"x\" is not a finite number; \(advice)")
        for odd in ["", "nan", "inf", "1e99", "?"] {
            #expect(text("\(odd),2,a") == "table: row 1, column 0: \"\(odd)\" is not a finite number; \(advice)")
        }
        #expect(text("") == "table has no rows" && text("\n\n") == "table has no rows")
        #expect(text("a,b\n") { ($0.hasHeader, $0.categorical) = (true, []) } == "table has no rows of samples")
        #expect(text("1,\"2\n3,4\n") == "table: the file ends within quotes that row 1 opens; restore it from a copy")
        #expect(text("1,2\n") { $0.categorical = ["5"] } == "table has no column \"5\"; the columns are 0 to 1")
        #expect(
            text("x,y\n1,2\n") { ($0.hasHeader, $0.label, $0.categorical) = (true, "z", []) } == "table has no column \"z\"; the columns are x, y")
        #expect(text("1,2\n") { $0.categorical = ["1"] } == "the column of labels is also named as categorical or left out; name another")
        #expect(
            text("1,2\n") { ($0.categorical, $0.dropped) = (["0"], ["0"]) }
                == "column \"0\" is named twice among those that are categorical or left out; name it once")
        #expect(text("a\nb\n") == "a row would come to 0 numbers, expected 1 to 1048576; leave out columns of names or categories")
        let many = (0 ... 1 << 16).map { "1,\($0)\n" }.joined()
        #expect(text(many) == "table: column 1 has more than 65,536 different values, so it holds no classes; name another column")
        #expect(
            message { _ = try source("1,a\n", test: "1,2,a\n") { $0.categorical = [] } }
                == "test has other columns than the first file: 3 in place of 2, or other names")
        // one row without an end, larger than any row of a table
        #expect(text(String(repeating: "1", count: (1 << 24) + 1)) == "table: row 1 does not end within 16 MiB, so this is no table in text")
    }

    /// Any number of ranks writes the same set, of a table in gzip too.
    @Test func ranksAndGzip() throws {
        let rows = (0 ..< 400).map { "\($0),\(["x", "y", "z"][$0 % 3]),\($0 % 7 == 0 ? "bad" : "good")\n" }.joined()
        try withFolder { folder in
            let file = folder.appendingPathComponent("table")
            try Data(rows.utf8).write(to: file)
            func fingerprint(_ url: URL, _ name: String, ranks: Int) throws -> String {
                var request = CSVSource.Request(files: [url])
                request.categorical = ["1"]
                let job = try SetImport(CSVSource(request), named: "t", by: SplitProtocol(.abnormal(["bad"]), trainShare: 0.5, seed: 1))
                let set = try imported(job, to: folder.appendingPathComponent(name), ranks: ranks)
                try set.verify()
                return set.manifest.fingerprint
            }
            let plain = try fingerprint(file, "a", ranks: 1)
            #expect(try fingerprint(file, "b", ranks: 3) == plain)
            let gzip = Process()
            gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            gzip.arguments = ["gzip", "-n", file.path]
            try gzip.run()
            gzip.waitUntilExit()
            #expect(try fingerprint(file.appendingPathExtension("gz"), "c", ranks: 1) == plain)
        }
    }
}
