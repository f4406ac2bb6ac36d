import Detectors
import Foundation

/// What defines a training run: the detector with its settings, the data, and how long. Every key has a default but the
/// detector and the data.
public final class Recipe {
    /// The keys at the top level.
    public struct Fields: DetectorSettings {
        @Setting("the detector, as `vigil detectors` lists it", source: "")
        public var detector = ""
        @Setting("a named set of the detector's settings", source: "")
        public var variant: String? = nil
        @Setting("folder of the set to train on", source: "")
        public var data = ""
        @Setting("seed of initial values, order and noise", in: 0 ... Int.max, source: "")
        public var seed = 0
        @Setting("samples of a training step, over all ranks", in: 1 ... 1 << 24, source: "")
        public var minibatch = 64
        @Setting("consecutive samples whose sums are formed together; ranks share the microbatches", in: 1 ... 1 << 24, source: "")
        public var microbatch: Int? = nil
        @Setting("passes over the training split in each stage", in: 1 ... 1_000_000, source: "")
        public var epochs: Int? = nil
        @Setting("steps after which each stage ends, if its epochs are not over", in: 1 ... Int.max, source: "")
        public var steps: Int? = nil
        @Setting("share of the training split kept out of training, for thresholds", in: 0 ... 0.5, source: "")
        public var heldOut = 0.05
        public init() {}
    }
    /// The keys under `run`, which do not change the model.
    public struct RunFields: DetectorSettings {
        @Setting("threads a rank", in: 1 ... 1024, source: "")
        public var threads = 1
        @Setting("steps between checkpoints, beside the one at the end of every epoch", in: 1 ... Int.max, source: "")
        public var checkpointEvery: Int? = nil
        @Setting("checkpoints kept", in: 1 ... 1_000_000, source: "")
        public var checkpointKeep = 2
        @Setting(
            "when the job is to have saved and ended, with code 75: minutes from its start, a time of day, or a date; a Slurm job's limit counts too",
            source: "")
        public var until: Until? = nil
        @Setting("steps between comparisons of all ranks' variables", in: 1 ... Int.max, source: "")
        public var agree = 100
        @Setting("seconds that a rank waits in communication before it says so", in: 1 ... 1e9, source: "")
        public var stall = 120.0
        @Setting("instruction set of the kernels", source: "")
        public var isa = InstructionSetName.best
        @Setting("how sums are added over ranks; library is for comparison", source: "")
        public var reduce = ReduceWay.tree
        public init() {}

        /// As recipes name them; those of checkpoints stand under `checkpoint`.
        public var keys: [(name: String, setting: any AnySetting)] {
            all.map { name, setting in
                (["checkpointEvery": "run.checkpoint.every", "checkpointKeep": "run.checkpoint.keep"][name] ?? "run.\(name)", setting)
            }
        }
    }
    /// The instruction sets that a recipe can name.
    public enum InstructionSetName: String, SettingChoice { case best, avx512, avx2, portable }
    /// As `TreeSum.Way`.
    public enum ReduceWay: String, SettingChoice { case tree, library }

    public let fields = Fields(), run = RunFields()
    /// The detector's type and its settings.
    public let detector: any Detector.Type
    public let settings: any DetectorSettings

    /// - Parameters:
    ///   - text: YAML; nil for a recipe that consists of overrides.
    ///   - file: its name, for messages.
    ///   - overrides: key and value, as `settings.latent` and `50`.
    public convenience init(_ text: String?, file: String, overrides: [(key: String, value: String)] = []) throws {
        let own = try text.map { try RecipeEntry.parse($0, file: file) } ?? []
        try self.init(
            own
                + overrides.map { key, value in
                    RecipeEntry(key: key, value: value, place: ["detector", "data"].contains(key) ? "--\(key)" : "--set \(key)")
                })
    }

    private init(_ entries: [RecipeEntry]) throws {
        var last: [String: RecipeEntry] = [:]
        for entry in entries { last[entry.key] = entry }
        guard let name = last["detector"] else {
            throw Failure(.usage, "no detector is named; add `detector: NAME` to the recipe or give --detector (\(Self.names))")
        }
        guard let type = detectors.first(where: { $0.name == name.value }) else {
            let hint = name.value.nearest(among: detectors.map { $0.name }).map { "; did you mean \($0)?" } ?? "; there are \(Self.names)"
            throw Failure(.usage, "\(name.place): there is no detector \"\(name.value)\"\(hint)")
        }
        detector = type
        settings = try Self.settings(of: type, variant: last["variant"])
        let known = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0.setting) })
        for entry in entries {
            guard let setting = known[entry.key] else {
                let hint = entry.key.nearest(among: Array(known.keys)).map { "; did you mean \($0)?" } ?? ""
                throw Failure(.usage, "\(entry.place): there is no key \"\(entry.key)\"\(hint)")
            }
            guard setting.set(entry.value) else {
                throw Failure(.usage, "\(entry.place): \(entry.key) is \"\(entry.value)\"; it must be \(setting.expected)")
            }
        }
        guard !fields.data.isEmpty else { throw Failure(.usage, "no data is named; add `data: FOLDER` to the recipe or give --data") }
        if microbatch > fields.minibatch {
            throw Failure(.usage, "microbatch \(microbatch) is larger than minibatch \(fields.minibatch); make it at most as large")
        }
    }

    private static var names: String { detectors.map { $0.name }.joined(separator: ", ") }

    private static func settings<D: Detector>(of type: D.Type, variant: RecipeEntry?) throws -> any DetectorSettings {
        let settings = D.Settings()
        guard let variant, variant.value != "none" else { return settings }
        guard let found = D.variants.first(where: { $0.name == variant.value }) else {
            let names = D.variants.isEmpty ? "it has none" : "it has " + D.variants.map(\.name).joined(separator: ", ")
            let hint = variant.value.nearest(among: D.variants.map(\.name)).map { "did you mean \($0)?" } ?? names
            throw Failure(.usage, "\(variant.place): \(D.name) has no variant \"\(variant.value)\"; \(hint)")
        }
        found.apply(settings)
        return settings
    }

    /// Samples whose sums are formed together.
    public var microbatch: Int { fields.microbatch ?? min(fields.minibatch, detector.microbatch(of: fields.minibatch)) }

    /// All keys as recipes name them.
    public var keys: [(name: String, setting: any AnySetting)] {
        fields.all + settings.all.map { ("settings.\($0.name)", $0.setting) } + run.keys
    }

    /// The recipe with all its keys, as YAML.
    public var resolved: String {
        var text = "", group = ""
        for (name, setting) in keys {
            let parts = name.split(separator: ".", maxSplits: 1)
            if parts.count == 2, parts[0] != group {
                group = String(parts[0])
                text += "\(group):\n"
            }
            text += parts.count == 2 ? "  \(parts[1]): \(quoted(setting.text))\n" : "\(name): \(quoted(setting.text))\n"
        }
        return text
    }

    private func quoted(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isLetter || $0.isNumber || "-._/+".contains($0) } && !text.isEmpty
        return isPlain ? text : "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }

    /// The keys that define the model, for comparison: not the data's place, not how it is run.
    public var model: [(name: String, value: String)] {
        keys.filter { $0.name != "data" && !$0.name.hasPrefix("run.") }.map { name, setting in
            (name, name == "microbatch" ? String(microbatch) : setting.text)
        }
    }
}
