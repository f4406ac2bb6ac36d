import Foundation

/// What a run's `log.jsonl` tells of its training.
struct RunHistory {
    /// A number that was logged as a stage went on.
    struct Curve {
        let stage: String, name: String
        let points: [(step: Int, value: Double)]
    }

    /// The values of the last job's start: where and by what it ran.
    let environment: [String: Any]
    let losses: [Curve]
    /// Samples a second.
    let rates: [Curve]
    /// In the order in which they worked on the run.
    let jobs: [Job]

    /// What a job's lines tell; nil where they do not: one that was killed has no end, and older versions logged less.
    struct Job {
        private(set) var seconds: Double?, coreHours: Double?
        /// That the loaders of all ranks gave out; of a job that was killed up to its last checkpoint, from which the next one went on.
        private(set) var samplesRead: Int? = 0
        fileprivate let cores: Int?

        fileprivate init(start: [String: Any]) {
            if let ranks = start["ranks"] as? Int, let threads = start["threads"] as? Int { cores = ranks * threads } else { cores = nil }
        }

        fileprivate mutating func add(_ event: [String: Any]) {
            samplesRead = (event["samples_read"] as? [Int])?.reduce(0, +)
            guard let seconds = event["seconds"] as? Double else { return }
            self.seconds = seconds
            coreHours = event["core_hours"] as? Double ?? cores.map { seconds * Double($0) / 3600 }
        }
    }

    private static let others: Set = ["event", "stage", "step", "epoch", "samples_per_second", "waiting_for_data", "communicating"]

    init(of run: URL) {
        let text = (try? String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)) ?? ""
        let events = text.split(separator: "\n").compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        func all(_ kind: String) -> [[String: Any]] { events.filter { $0["event"] as? String == kind } }
        let steps = all("step")
        environment = all("start").last ?? [:]
        jobs = events.reduce(into: [Job]()) { jobs, event in
            switch event["event"] as? String {
            case "start": jobs.append(Job(start: event))
            case "checkpoint", "stop", "end": if !jobs.isEmpty { jobs[jobs.count - 1].add(event) }
            default: break
            }
        }

        var stages: [String] = [], names: [String: [String]] = [:]
        for step in steps {
            guard let stage = step["stage"] as? String else { continue }
            if !stages.contains(stage) { stages.append(stage) }
            for name in step.keys.sorted() where !Self.others.contains(name) && !names[stage, default: []].contains(name) {
                names[stage, default: []].append(name)
            }
        }
        func curve(_ stage: String, _ key: String, _ name: String) -> Curve {
            // what a job repeats after a crash takes the place of what was lost
            let points = steps.filter { $0["stage"] as? String == stage }.compactMap { step -> (Int, Double)? in
                guard let number = step["step"] as? Int, let value = step[key] as? Double else { return nil }
                return (number, value)
            }
            let latest = Dictionary(points, uniquingKeysWith: { $1 }).sorted { $0.key < $1.key }.map { (step: $0.key, value: $0.value) }
            let skip = max(1, latest.count / 400)
            return Curve(
                stage: stage, name: name, points: latest.enumerated().filter { $0.offset % skip == 0 || $0.offset + 1 == latest.count }.map(\.element)
            )
        }
        losses = stages.flatMap { stage in names[stage, default: []].map { curve(stage, $0, $0) } }
        rates = stages.map { curve($0, "samples_per_second", "samples/s") }
    }

    func text(_ key: String) -> String { environment[key].map { "\($0)" } ?? "not logged" }
    func number(_ key: String) -> Int? { environment[key] as? Int }

    /// Over all jobs whose ends were logged.
    var seconds: Double { jobs.reduce(0) { $0 + ($1.seconds ?? 0) } }

    /// "0.063 core hours", with what is missing in it.
    var cost: String {
        let known = jobs.compactMap(\.coreHours), hours = known.reduce(0, +), lost = jobs.count - known.count
        guard !known.isEmpty else { return "core hours not logged" }
        let without = lost == 0 ? "" : ", without \(lost) job\(lost == 1 ? "" : "s") whose end was not logged"
        return (hours < 0.001 ? "under 0.001" : String(format: "%.3g", hours)) + " core hours" + without
    }
}
