import ArgumentParser
import Foundation
import Ranks
import Training

struct ManualCommand: RankCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Writes man pages and shell completions into a folder.",
        discussion: """
            FOLDER/man1 has a page for every command (put FOLDER on the MANPATH as its parent is), FOLDER/completions vigil.bash, _vigil (zsh) and \
            vigil.fish.
            """)
    @Option(help: "Folder to write into; it is made where there is none.", completion: .directory) var out: String

    func run(on group: RankGroup) throws -> Int32 {
        guard group.rank == 0 else { return 0 }
        let folder = URL(fileURLWithPath: out)
        var files = try ManualPage.all().map { (place: "man1/\($0.name).1", text: $0.text) }
        for (shell, name) in [(CompletionShell.bash, "vigil.bash"), (.zsh, "_vigil"), (.fish, "vigil.fish")] {
            files.append(("completions/\(name)", VigilCommand.completionScript(for: shell)))
        }
        for (place, text) in files {
            let file = folder.appendingPathComponent(place)
            do {
                try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file, options: .atomic)
            } catch { throw Failure(.cannotCreate, "\(file.path) cannot be written; choose another folder with --out, or make room") }
        }
        print("\(files.count) files in \(out)/man1 and \(out)/completions")
        return 0
    }
}

/// A man page of a command, from what the argument parser knows of it.
struct ManualPage {
    /// As `man` is asked for it: "vigil-import-idx".
    let name: String
    /// In the macros of man(7).
    let text: String

    /// Of every command that is shown, the program first.
    static func all() throws -> [ManualPage] {
        let help = try JSONDecoder().decode(Help.self, from: Data(VigilCommand._dumpHelp().utf8))
        return pages(of: help.command, under: [])
    }

    private static func pages(of command: Command, under parents: [String]) -> [ManualPage] {
        let path = parents + [command.commandName], name = path.joined(separator: "-")
        return [ManualPage(name: name, text: page(of: command, path).joined(separator: "\n") + "\n")]
            + command.shownCommands.flatMap { pages(of: $0, under: path) }
    }

    private static func page(of command: Command, _ path: [String]) -> [String] {
        let name = path.joined(separator: "-"), arguments = command.shownArguments
        var lines = [
            ".TH \(roff(name.uppercased())) 1 \"\" \"Vigil \(Vigil.version)\" \"Vigil\"", ".SH NAME",
            "\(roff(name)) \\- \(roff(command.abstract ?? ""))", ".SH SYNOPSIS", ".B \(roff(path.joined(separator: " ")))",
        ]
        lines += command.shownCommands.isEmpty ? arguments.map(\.synopsis) : ["\\fIcommand\\fR ..."]
        if let discussion = command.discussion { lines += [".SH DESCRIPTION"] + paragraphs(discussion) }
        if !arguments.isEmpty { lines += [".SH OPTIONS"] + arguments.flatMap { [".TP", $0.heading, $0.text] } }
        if !command.shownCommands.isEmpty {
            lines.append(".SH COMMANDS")
            for inner in command.shownCommands {
                lines += [".TP", ".BR \(roff("\(name)-\(inner.commandName)")) (1)", roff(inner.abstract ?? "")]
            }
        }
        lines.append(".SH EXIT STATUS")
        for (code, meaning) in statuses { lines += [".TP", "\\fB\(code)\\fR", roff(meaning)] }
        if path.count > 1 { lines += [".SH SEE ALSO", ".BR \(roff(path.dropLast().joined(separator: "-"))) (1)"] }
        return lines
    }

    private static let statuses = [
        (0, "done"), (64, "a mistake in the arguments or the recipe"), (65, "data that are damaged or not what they should be"),
        (66, "an input that is not there"), (70, "a mistake in the program"), (73, "a file that cannot be created"),
        (74, "a failure while reading or writing, as a full disk"), (75, "stopped with a checkpoint: the same command goes on"),
    ]

    /// Lines that begin with spaces are a table and stay lines.
    private static func paragraphs(_ text: String) -> [String] {
        var lines: [String] = [], isTable = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(" ") != isTable {
                isTable.toggle()
                lines.append(isTable ? ".nf" : ".fi")
            }
            lines.append(line.isEmpty ? ".PP" : roff(String(line)))
        }
        // a paragraph before a heading or the end is an empty one
        return (isTable ? lines + [".fi"] : lines)
    }
}

/// Text as roff takes it: ASCII, with nothing that it would read as a request or an escape.
private func roff(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        switch scalar {
        case "\\": "\\e"
        case "-": "\\-"
        case "\"": "\\(dq"
        case "'": "\\(aq"
        case "`": "\\(ga"
        default: scalar.isASCII ? String(scalar) : "\\[u\(hexadecimal(scalar))]"
        }
    }.joined()
    return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
}

private func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}

// MARK: What the argument parser tells

private struct Help: Decodable { let command: Command }

private struct Command: Decodable {
    let commandName: String
    let abstract: String?, discussion: String?
    private let shouldDisplay: Bool?
    private let subcommands: [Command]?, arguments: [Argument]?

    var shownCommands: [Command] { (subcommands ?? []).filter { $0.shouldDisplay ?? true && $0.commandName != "help" } }
    var shownArguments: [Argument] { (arguments ?? []).filter(\.shouldDisplay) }
}

private struct Argument: Decodable {
    struct Name: Decodable {
        let kind: String, name: String
        var text: String { (kind == "long" ? "--" : "-") + name }
    }
    let shouldDisplay: Bool
    private let kind: String, isOptional: Bool, isRepeating: Bool
    private let names: [Name]?, preferredName: Name?, valueName: String?, defaultValue: String?, abstract: String?

    private var value: String { "\\fI\(roff(valueName ?? "value"))\\fR" }

    /// As it stands in a command: "[\-\-json]".
    var synopsis: String {
        let name = preferredName.map { "\\fB\(roff($0.text))\\fR" } ?? ""
        let whole = kind == "positional" ? value : kind == "flag" ? name : "\(name) \(value)"
        return (isOptional ? "[\(whole)]" : whole) + (isRepeating ? " ..." : "")
    }

    var heading: String {
        if kind == "positional" { return value }
        let names = (names ?? []).map { "\\fB\(roff($0.text))\\fR" }.joined(separator: ", ")
        return kind == "flag" ? names : "\(names) \(value)"
    }

    var text: String { roff((abstract ?? "") + (defaultValue.map { " (default: \($0))" } ?? "")) }
}
