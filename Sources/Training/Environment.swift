import Foundation
import Plans

/// What a run's log says of where it ran.
enum Environment {
    static func description(of trainer: Trainer) -> [String: Any] {
        let recipe = trainer.recipe, split = trainer.split
        return [
            "version": Vigil.version, "date": ISO8601DateFormatter().string(from: Date()), "host": ProcessInfo.processInfo.hostName,
            "pid": Int(ProcessInfo.processInfo.processIdentifier),
            "ranks": trainer.group.count, "threads": trainer.resources.team.count, "isa": trainer.resources.isa.name, "processor": processor,
            "detector": recipe.fields.detector, "model": Dictionary(uniqueKeysWithValues: recipe.model), "data": recipe.fields.data,
            "fingerprint": split.set.manifest.fingerprint, "training_samples": split.count - trainer.heldOut.count, "held_out": trainer.heldOut.count,
        ]
    }

    /// The processor's name, as Linux gives it.
    private static var processor: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line.map { $0.split(separator: ":").dropFirst().joined().trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
