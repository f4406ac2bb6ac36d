import ArgumentParser
import Detectors
import Foundation
import Training

struct DetectorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detectors", abstract: "Lists the detectors, or one detector's settings and variants.")
    @Argument(help: "A detector's name.", completion: .list(detectors.map { $0.name })) var name: String?

    func run() throws {
        guard let name else {
            let width = detectors.map { $0.name.count }.max() ?? 0
            for detector in detectors { print(detector.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + detector.summary) }
            return
        }
        guard let detector = detectors.first(where: { $0.name == name }) else {
            let names = detectors.map { $0.name },
                hint = name.nearest(among: names).map { "did you mean \($0)?" } ?? "there are \(names.joined(separator: ", "))"
            throw ValidationError("there is no detector \"\(name)\"; \(hint)")
        }
        describe(detector)
    }

    private func describe<D: Detector>(_ detector: D.Type) {
        print(D.summary + "\n\nSamples: " + D.shapes + "\n\nSettings (settings.NAME in a recipe):")
        let settings = D.Settings().all, width = settings.map(\.name.count).max() ?? 0
        for (name, setting) in settings {
            let indent = String(repeating: " ", count: width + 4)
            print("  " + name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + setting.text)
            print(indent + setting.meaning + "; " + setting.expected + " (" + setting.source + ")")
        }
        if settings.isEmpty { print("  none") }
        if !D.variants.isEmpty { print("\nVariants (variant: NAME in a recipe):") }
        for variant in D.variants { print("  \(variant.name): \(variant.meaning)") }
    }
}
