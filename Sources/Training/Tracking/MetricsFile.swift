import Foundation

/// `metrics.csv` of a run: what its log says of losses and rates, a line a number. The log is the truth; where a job was killed and steps were
/// made again, the last time counts.
enum MetricsFile {
    /// Writes it anew from the log. Training does not fail for it: where it cannot be written, that is said.
    static func write(of run: URL) {
        let file = run.appendingPathComponent("metrics.csv")
        do {
            try Data(text(ofLog: try String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)).utf8).write(
                to: file, options: .atomic)
        } catch {
            tell("vigil: \(file.path) cannot be written: \(reason(of: error)); log.jsonl has all of it")
        }
    }

    /// Stage after stage as they came first, by step, names in alphabetical order; numbers as they read back to the same bits.
    static func text(ofLog log: String) -> String {
        var stages: [String] = [], steps: [String: [Int: [String: LogValue]]] = [:]
        for line in log.split(separator: "\n") where line.contains(#""event":"step""#) {
            guard let entry = try? JSONDecoder().decode([String: LogValue].self, from: Data(line.utf8)), let stage = entry["stage"]?.text,
                let step = entry["step"]?.number
            else { continue }  // a line that is not whole yet
            if steps[stage] == nil { stages.append(stage) }
            steps[stage, default: [:]][Int(step)] = entry
        }
        let lines = stages.flatMap { stage in
            steps[stage]!.sorted { $0.key < $1.key }.flatMap { step, entry in
                entry.filter { !["step", "epoch"].contains($0.key) }.sorted { $0.key < $1.key }.compactMap { name, value in
                    value.number.map { "\(stage),\(entry["epoch"]?.number ?? 0),\(step),\(name),\($0)\n" }
                }
            }
        }
        return "stage,epoch,step,name,value\n" + lines.joined()
    }
}

/// A value of the log. JSONSerialization would read some numbers one bit beside what was written.
private struct LogValue: Decodable {
    let number: Double?, text: String?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        (number, text) = (try? container.decode(Double.self), try? container.decode(String.self))
    }
}
