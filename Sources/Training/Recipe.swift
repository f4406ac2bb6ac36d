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
        @Setting("passes over the training split in each stage, or by stage as {gan: 7, encoder: 3}", in: 1 ... 1_000_000, source: "")
        public var epochs: Int? = nil
        @Setting("steps after which each stage ends if its epochs are not over, or by stage", in: 1 ... Int.max, source: "")
        public var steps: Int? = nil
        @Setting("share of the training split kept out of training, for thresholds", in: 0 ... 0.5, source: "")
        public var heldOut = 0.05
        @Setting("changes of the samples, in order: scale, resize, crop, flip, standardize", source: "")
        public var transforms = TransformList()
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
        @Setting("whether gradients are added over ranks while others are computed; off is for comparison", source: "")
        public var overlap = true
        @Setting("whether the ranks of a node add in memory that they share, so that one of them meets the other nodes", source: "")
        public var windows = true
        @Setting(
            "whether losses, rates, histograms of variables, pictures of held-out normals, and evaluations also go to files of events, which TensorBoard reads",
            source: "")
        public var tensorboard = false
        @Setting("the stage after which training ends with a checkpoint; without this key the same command goes on", source: "")
        public var stage: String? = nil
        public init() {}

        /// As recipes name them; those of checkpoints stand under `checkpoint`.
        public var keys: [(name: String, setting: any AnySetting)] {
            all.map { name, setting in
                (["checkpointEvery": "run.checkpoint.every", "checkpointKeep": "run.checkpoint.keep"][name] ?? "run.\(name)", setting)
            }
        }
    }
    /// The instruction sets that a recipe can name.
    public enum InstructionSetName: String, SettingChoice { case best, avx512, avx2, neon, portable }
    /// As `TreeSum.Way`.
    public enum ReduceWay: String, SettingChoice { case tree, library }

    public let fields = Fields(), rate = RateFields(), run = RunFields()
    /// Folders of further sets that a detector trains on, by the names it has for them.
    public let sets: [String: String]
    /// The detector's type and its settings.
    public let detector: any Detector.Type
    public let settings: any DetectorSettings
    /// Lengths that are given by stage: "epochs.gan".
    private let lengths: [StageLength]
    /// Where each key stands, for what can be checked only when the detector is made.
    private let places: [String: String]

    /// - Parameters:
    ///   - text: YAML; nil for a recipe that consists of overrides.
    ///   - file: its name, for messages.
    ///   - overrides: key and value, as `settings.latent` and `50`.
    ///   - varied: as overrides, over them, from a sweep's grid.
    ///   - known: the detectors that it can name.
    public convenience init(
        _ text: String?, file: String, overrides: [(key: String, value: String)] = [], varied: [(key: String, value: String)] = [],
        among known: [any Detector.Type] = detectors
    ) throws {
        let own = try text.map { try RecipeEntry.parse($0, file: file) } ?? []
        try self.init(
            own
                + overrides.map { key, value in
                    RecipeEntry(key: key, value: value, place: ["detector", "data"].contains(key) ? "--\(key)" : "--set \(key)")
                } + varied.map { RecipeEntry(key: $0, value: $1, place: "--vary \($0)") }, among: known)
    }

    private init(_ entries: [RecipeEntry], among detectors: [any Detector.Type]) throws {
        let names = detectors.map { $0.name }.joined(separator: ", ")
        var last: [String: RecipeEntry] = [:]
        for entry in entries { last[entry.key] = entry }
        guard let name = last["detector"] else {
            throw Failure(.usage, "no detector is named; add `detector: NAME` to the recipe or give --detector (\(names))")
        }
        guard let type = detectors.first(where: { $0.name == name.value }) else {
            let hint = name.value.nearest(among: detectors.map { $0.name }).map { "; did you mean \($0)?" } ?? "; there are \(names)"
            throw Failure(.usage, "\(name.place): there is no detector \"\(name.value)\"\(hint)")
        }
        detector = type
        settings = try Self.settings(of: type, variant: last["variant"])
        places = last.mapValues(\.place)
        let (others, own) = (entries.filter { $0.key.hasPrefix("sets.") }, entries.filter { !$0.key.hasPrefix("sets.") })
        sets = Dictionary(others.map { (String($0.key.dropFirst("sets.".count)), $0.value) }, uniquingKeysWith: { $1 })
        let (lengths, entries) = try StageLength.taken(from: own)
        self.lengths = lengths
        let known = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0.setting) })
        for entry in entries {
            if entry.key == "transforms" {
                fields.transforms = try TransformList(entry)
                continue
            }
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
            throw Failure(
                .usage,
                "\(place(of: "microbatch", "minibatch"))microbatch \(microbatch) is larger than minibatch \(fields.minibatch); make it at most as large"
            )
        }
    }

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

    /// Where the first of these keys stands that is given, for the beginning of a message; nothing where none is.
    func place(of keys: String...) -> String { keys.lazy.compactMap { self.places[$0] }.first.map { "\($0): " } ?? "" }

    /// Samples whose sums are formed together.
    public var microbatch: Int { fields.microbatch ?? min(fields.minibatch, detector.microbatch(of: fields.minibatch)) }

    /// All keys as recipes name them.
    public var keys: [(name: String, setting: any AnySetting)] {
        fields.all.flatMap { field in
            let byStage = lengths.filter { $0.key == field.name }.map { (name: $0.name, setting: $0.setting as any AnySetting) }
            return byStage.isEmpty ? [field] : byStage
        } + rate.keys + settings.all.map { ("settings.\($0.name)", $0.setting) } + run.keys
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
        if !sets.isEmpty { text += "sets:\n" + sets.sorted { $0.key < $1.key }.map { "  \($0.key): \(quoted($0.value))\n" }.joined() }
        return text
    }

    private func quoted(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isLetter || $0.isNumber || "-._/+".contains($0) } && !text.isEmpty
        return isPlain ? text : "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }

    /// The keys that define the model, for comparison: not the data's place, not how it is run; nor transforms and rules of rates where
    /// there are none, so that runs from before there were any go on.
    public var model: [(name: String, value: String)] {
        keys.filter {
            $0.name != "data" && !$0.name.hasPrefix("run.") && ($0.name != "transforms" || !fields.transforms.transforms.isEmpty)
                && (!$0.name.hasPrefix("rate.") || !rate.areIdle)
        }.map { name, setting in
            (name, name == "microbatch" ? String(microbatch) : setting.text)
        }
    }

    // MARK: Stages

    /// What the recipe says of the length of a stage, if anything.
    func epochs(of stage: String) -> Int? { length("epochs", of: stage) ?? fields.epochs }
    func steps(of stage: String) -> Int? { length("steps", of: stage) ?? fields.steps }
    private func length(_ key: String, of stage: String) -> Int? { lengths.first { $0.key == key && $0.stage == stage }?.setting.wrappedValue }

    /// Whether a key says how long training is, and not what is trained.
    static func isLength(_ key: String) -> Bool { ["epochs", "steps"].contains(key.prefix { $0 != "." }) }

    /// - Throws: where a key names a stage that the detector does not have, or gives a length to one that is no series of steps.
    func check(_ stages: [Stage]) throws {
        let all = stages.map(\.name), trained = stages.filter { if case .train = $0.work { true } else { false } }.map(\.name)
        let named = lengths.map { (key: $0.name, stage: $0.stage, among: trained) } + (run.stage.map { [("run.stage", $0, all)] } ?? [])
        for (key, stage, among) in named where !among.contains(stage) {
            let list = among.isEmpty ? "has none that is trained in steps" : "has \(among.joined(separator: ", "))"
            let hint = stage.nearest(among: among).map { "did you mean \($0)?" } ?? "it \(list)"
            throw Failure(.usage, "\(places[key] ?? key): \(fields.detector) has no stage \"\(stage)\"; \(hint)")
        }
    }
}

/// The epochs or steps of one stage.
private struct StageLength {
    /// "epochs" or "steps".
    let key: String
    let stage: String
    let setting: Setting<Int>
    var name: String { "\(key).\(stage)" }

    /// Takes these keys out of a recipe's. A number for all stages that comes later replaces them; beside one that stands before
    /// they would say two things of one stage.
    static func taken(from entries: [RecipeEntry]) throws -> (lengths: [StageLength], rest: [RecipeEntry]) {
        var lengths: [StageLength] = [], rest: [RecipeEntry] = []
        for entry in entries {
            let parts = entry.key.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count == 1 { lengths.removeAll { $0.key == entry.key } }
            guard parts.count == 2, Recipe.isLength(entry.key) else {
                rest.append(entry)
                continue
            }
            if let whole = rest.last(where: { $0.key == parts[0] && $0.value != "none" }) {
                throw Failure(
                    .usage, "\(entry.place): \(parts[0]) is one number for all stages already (\(whole.place)); give it by stage in one place")
            }
            let setting = Setting(wrappedValue: 1, "", in: 1 ... (parts[0] == "epochs" ? 1_000_000 : Int.max), source: "")
            guard setting.set(entry.value) else {
                throw Failure(.usage, "\(entry.place): \(entry.key) is \"\(entry.value)\"; it must be \(setting.expected)")
            }
            lengths.removeAll { $0.name == entry.key }
            lengths.append(StageLength(key: parts[0], stage: parts[1], setting: setting))
        }
        return (lengths, rest)
    }
}
