import Foundation
import Testing

extension EndToEnd {
    /// Man pages and completions, as groff and shells read them.
    @Suite struct Manuals {
        private let place = Workspace.shared

        /// Runs a program; nil where there is none of this name.
        private func run(_ arguments: String...) throws -> (code: Int32, output: String)? {
            let process = Process(), pipe = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            (process.arguments, process.standardOutput, process.standardError) = (arguments, pipe, pipe)
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return process.terminationStatus == 127 ? nil : (process.terminationStatus, output)
        }

        @Test func pagesAndCompletions() throws {
            let folder = place.fresh("manual"), job = try vigil(["manual", "--out", folder])
            #expect(job.code == 0 && job.errors == "")
            let pages = try FileManager.default.contentsOfDirectory(atPath: folder + "/man1").sorted()
            #expect(job.output == "\(pages.count + 3) files in \(folder)/man1 and \(folder)/completions\n")
            // a page for every command that help lists
            let commands = try vigil(["--help"]).output.components(separatedBy: "SUBCOMMANDS:\n")[1].split(separator: "\n")
                .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }.map { $0.split(separator: " ")[0] }
            #expect(commands.count >= 9 && Set(pages).isSuperset(of: commands.map { "vigil-\($0).1" } + ["vigil.1", "vigil-import-idx.1"]))
            for page in pages {
                let text = try String(contentsOfFile: "\(folder)/man1/\(page)", encoding: .utf8)
                #expect(
                    text.allSatisfy(\.isASCII) && text.contains("\n.SH NAME\n\(page.dropLast(2).replacingOccurrences(of: "-", with: "\\-")) \\- "))
                // no output and no warnings where it is well-formed; the pages of this program are what it writes
                if let checked = try run("groff", "-man", "-ww", "-z", "\(folder)/man1/\(page)") { #expect(checked == (0, ""), "\(page)") }
                if let checked = try run("mandoc", "-Tlint", "-Wwarning", "\(folder)/man1/\(page)") {
                    #expect(checked.code == 0, "\(checked.output)")
                }
            }
            if let shown = try run("groff", "-man", "-Tascii", "-P-cbou", "\(folder)/man1/vigil-train.1") {
                for part in ["vigil-train - Trains a detector", "--set key=value", "run.threads: threads a rank", "75     stopped with a checkpoint"]
                {
                    #expect(shown.output.contains(part), "\(part)")
                }
            }
            for (shell, file) in [("bash", "vigil.bash"), ("zsh", "_vigil"), ("fish", "vigil.fish")] {
                let text = try String(contentsOfFile: "\(folder)/completions/\(file)", encoding: .utf8)
                for command in commands { #expect(text.contains(command), "\(shell) \(command)") }
                if let checked = try run(shell, "-n", "\(folder)/completions/\(file)") { #expect(checked == (0, ""), "\(shell)") }
            }
            // bash offers subcommands and files
            let offered = try run(
                "bash", "-c",
                "source \(folder)/completions/vigil.bash; COMP_WORDS=(vigil ins); COMP_CWORD=1; COMP_TYPE=9; _vigil vigil ins vigil; echo \"${COMPREPLY[@]}\""
            )
            #expect(offered?.output == "inspect\n")
        }

        @Test func aFolderThatCannotBeMade() throws {
            let file = place.fresh("file")
            try Data().write(to: URL(fileURLWithPath: file))
            let job = try vigil(["manual", "--out", file + "/manual"], ranks: 2)
            #expect(job.code == 73 && job.output == "")
            #expect(job.errors == "vigil: \(file)/manual/man1/vigil.1 cannot be written; choose another folder with --out, or make room\n")
        }
    }
}
