import Detectors
import Foundation
import Testing
import Training

extension EndToEnd {
    /// What the program says of itself.
    @Suite struct Help {
        @Test func commands() throws {
            let help = try vigil(["--help"])
            #expect(help.code == 0 && help.errors == "")
            for command in [
                "detectors", "synthesize", "import", "train", "sweep", "evaluate", "score", "report", "plan", "inspect", "export", "doctor", "bench",
                "manual",
            ] {
                #expect(help.output.contains("\n  \(command) "), "\(command)")
                let own = try vigil([command, "--help"])
                #expect(own.code == 0 && own.output.hasPrefix("OVERVIEW: ") && own.output.contains("\nUSAGE: vigil \(command) "))
            }
            #expect(try vigil(["--version"]).output == Vigil.version + "\n")
            // under mpirun too it is said once
            #expect(try vigil(["--version"], ranks: 2).output == Vigil.version + "\n")
        }

        @Test func training() throws {
            let help = try vigil(["train", "--help"]).output
            for part in ["[<recipe>]", "--detector <detector>", "--data <data>", "--out <out>", "--set <key=value>", "SIGUSR1", "code 75"] {
                #expect(help.contains(part), "\(part)")
            }
        }

        @Test func evaluation() throws {
            let help = try vigil(["evaluate", "--help"]).output
            for part in ["<runs> ...", "--data <data>", "--split <split>", "(default: test)", "--json"] { #expect(help.contains(part), "\(part)") }
        }

        /// Every detector is listed, and each of its settings with default, meaning, range and source.
        @Test func everySettingOfEveryDetector() throws {
            let list = try vigil(["detectors"])
            #expect(try vigil(["detectors"], ranks: 2).output == list.output)
            #expect(list.code == 0 && list.output.split(separator: "\n").count == detectors.count)
            for detector in detectors {
                #expect(list.output.split(separator: "\n").contains { $0.hasPrefix(detector.name + " ") && $0.hasSuffix(detector.summary) })
                try check(detector)
            }
        }

        private func check<D: Detector>(_ detector: D.Type) throws {
            let text = try vigil(["detectors", D.name]).output, lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            #expect(text.hasPrefix(D.summary + "\n") && text.contains("\nSamples: \(D.shapes)\n"))
            for (name, setting) in D.Settings().all {
                #expect(!setting.meaning.isEmpty && !setting.source.isEmpty && !setting.expected.isEmpty, "\(D.name) \(name)")
                let place = try #require(lines.firstIndex { $0.split(separator: " ").map(String.init) == [name, setting.text] }, "\(D.name) \(name)")
                #expect(lines[place + 1] == "\(setting.meaning); \(setting.expected) (\(setting.source))")
            }
            for variant in D.variants { #expect(lines.contains("\(variant.name): \(variant.meaning)")) }
        }
    }
}
