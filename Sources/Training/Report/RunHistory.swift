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
    /// Over all jobs whose ends were logged.
    let seconds: Double, coreHours: Double
    /// Jobs that worked on the run, and those of them that ended without a word, whose cost nobody knows.
    let jobs: Int, lostJobs: Int
    /// That the loaders of all ranks gave out; nil where several jobs trained, whose logs do not add up.
    let samplesRead: Int?

    private static let others: Set = ["event", "stage", "step", "epoch", "samples_per_second", "waiting_for_data", "communicating"]

    init(of run: URL) {
        let text = (try? String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)) ?? ""
        let events = text.split(separator: "\n").compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        func all(_ kind: String) -> [[String: Any]] { events.filter { $0["event"] as? String == kind } }
        let starts = all("start"), ends = all("end") + all("stop"), steps = all("step")
        environment = starts.last ?? [:]
        seconds = ends.reduce(0) { $0 + ($1["seconds"] as? Double ?? 0) }
        coreHours = ends.reduce(0) { $0 + ($1["core_hours"] as? Double ?? 0) }
        (jobs, lostJobs) = (starts.count, max(0, starts.count - ends.count { $0["core_hours"] != nil }))
        let read = all("end").compactMap { $0["samples_read"] as? [Int] }
        samplesRead = starts.count == 1 && read.count == 1 ? read[0].reduce(0, +) : nil

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

    /// "0.063 core hours", with what is missing in it.
    var cost: String {
        let lost = lostJobs == 0 ? "" : ", without \(lostJobs) job\(lostJobs == 1 ? "" : "s") whose end was not logged"
        return (coreHours < 0.001 ? "under 0.001" : String(format: "%.3g", coreHours)) + " core hours" + lost
    }
}
