import Foundation
import Plans

/// What a run's log says of where it ran.
enum Environment {
    /// - Parameter ranks: where each of them runs.
    static func description(of trainer: Trainer, on ranks: [Cores]) -> [String: Any] {
        let recipe = trainer.recipe, split = trainer.split, training = split.training(without: trainer.heldOut).reduce(0) { $0 + $1.count }
        let nodes = ranks.map(\.node).reduce(into: [String]()) { if $0.last != $1, !$0.contains($1) { $0.append($1) } }
        var values: [String: Any] = [
            "version": Vigil.version, "date": ISO8601DateFormatter().string(from: Date()), "nodes": nodes,
            "pid": Int(ProcessInfo.processInfo.processIdentifier),
            "ranks": trainer.group.count, "threads": trainer.resources.team.count, "isa": trainer.resources.isa.name, "processor": processor,
            "detector": recipe.fields.detector, "model": trainer.definition, "data": recipe.fields.data, "sets": recipe.sets,
            "fingerprint": split.set.manifest.fingerprint, "training_samples": training, "held_out": trainer.heldOut.count,
        ]
        values["threads_share_cores"] = Cores.warning(ranks)
        return values
    }

    /// The processor's name, as Linux gives it.
    static var processor: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line.map { $0.split(separator: ":").dropFirst().joined().trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
