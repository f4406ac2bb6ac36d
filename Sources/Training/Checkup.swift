import Foundation
import Plans
import Ranks

/// What `vigil doctor` looks at before a queue is paid for: on every rank, each finding with what to do about it.
public struct Checkup {
    /// One line: what was looked at, what was found, and where that is no good, what to do.
    public struct Finding: Encodable, CustomStringConvertible {
        public let subject: String, found: String
        public let remedy: String?
        /// What the command ends with where nothing worse was found; 0 where nothing is wrong.
        fileprivate(set) var exitCode: Int32 = 0

        public var description: String {
            let mark = remedy == nil ? "ok   " : "WRONG"
            return "\(mark)  \(subject): \(found)\(remedy.map { "; \($0)" } ?? "")"
        }

        init(_ subject: String, _ found: String, wrong reason: Failure.Reason? = nil, remedy: String? = nil) {
            (self.subject, self.found, self.remedy, exitCode) = (subject, found, remedy, reason?.rawValue ?? 0)
        }
    }

    public let findings: [Finding]
    /// Of the first finding that is wrong.
    public var exitCode: Int32 { findings.lazy.map(\.exitCode).first { $0 != 0 } ?? 0 }

    /// What a rank says of itself.
    private struct Report: Codable { let isa: String, availableBytes: Int }

    /// All ranks call this together, and all have the findings. That every process of the launch is a rank was looked at when the group came
    /// together.
    public init(of folder: String, threads: Int, group: RankGroup) throws {
        let cores = try Cores.ofRanks(of: group, threads: threads)
        let own = Report(isa: InstructionSet.best.name, availableBytes: Self.availableMemory())
        let reports = try group.allGather(Array(JSONEncoder().encode(own))).map { try JSONDecoder().decode(Report.self, from: Data($0)) }
        findings =
            [Self.launch(cores), Self.binding(cores), Self.instructions(reports), Self.memory(reports, cores)] + (try Self.network(group))
            + [try FolderCheck(folder, group).finding]
    }

    private static func launch(_ cores: [Cores]) -> Finding {
        let nodes = Set(cores.map(\.node)).count
        return Finding("launch", "\(cores.count) rank\(cores.count == 1 ? "" : "s") on \(nodes) node\(nodes == 1 ? "" : "s")")
    }

    private static func binding(_ cores: [Cores]) -> Finding {
        // the warning is a sentence of two halves, the second what to do
        if let parts = Cores.warning(cores)?.components(separatedBy: "; "), parts.count > 1 {
            return Finding("cores", parts[0], wrong: .usage, remedy: parts.dropFirst().joined(separator: "; "))
        }
        let granted = cores.map(\.granted.count), text = granted.min() == granted.max() ? "\(granted[0])" : "\(granted.min()!) to \(granted.max()!)"
        return Finding("cores", "\(cores[0].threads) thread\(cores[0].threads == 1 ? "" : "s") a rank, \(text) cores granted to each")
    }

    private static func instructions(_ reports: [Report]) -> Finding {
        let sets = Dictionary(grouping: reports, by: \.isa).map { "\($0) on \($1.count)" }.sorted()
        return Finding("instruction set", sets.count == 1 ? reports[0].isa : "\(sets.joined(separator: ", ")) ranks: the same bits on all")
    }

    private static func memory(_ reports: [Report], _ cores: [Cores]) -> Finding {
        let nodes = Dictionary(grouping: reports.indices) { cores[$0].node }
        let shares = nodes.map { node, ranks in (node: node, bytes: reports[ranks[0]].availableBytes / ranks.count) }
        let least = shares.min { ($0.bytes, $0.node) < ($1.bytes, $1.node) }!
        let text = String(format: "%.1f GiB available to each rank of %@", Double(least.bytes) / 0x1p30, least.node)
        guard least.bytes < 1 << 29 else { return Finding("memory", text) }
        return Finding("memory", text, wrong: .usage, remedy: "start fewer ranks there, or ask for more memory (sbatch --mem)")
    }

    private static func network(_ group: RankGroup) throws -> [Finding] {
        guard group.count > 1, let slowest = try group.measurePairs().max(by: { $0.latencySeconds < $1.latencySeconds }) else { return [] }
        let text = String(
            format: "%.1f µs between ranks %d and %d, the farthest apart, %.2f GB/s", slowest.latencySeconds * 1e6, slowest.first, slowest.second,
            slowest.bytesPerSecond / 1e9)
        return [Finding("network", text)]
    }

    /// As Linux has it for new programs, in bytes; without limits of a job, which may be lower.
    private static func availableMemory() -> Int {
        let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}

/// Whether a run can be kept in a folder: a file is written, synced, locked and renamed by rank 0, and read by all.
private struct FolderCheck {
    let finding: Checkup.Finding
    private static let byteCount = 4 << 20

    /// All ranks call this together.
    init(_ path: String, _ group: RankGroup) throws {
        let folder = URL(fileURLWithPath: path), file = folder.appendingPathComponent(".vigil-doctor")
        var problem: Checkup.Finding?, hasLocks = true
        let content = Data((0 ..< Self.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
        if group.rank == 0 { (problem, hasLocks) = Self.write(content, to: file, in: folder, path) }
        // what rank 0 found decides for all whether there is a file to read
        let isWritten = try group.broadcast(group.rank == 0 ? [problem == nil ? 1 : 0] : [])[0] == 1
        let isSeen = isWritten && (try? Data(contentsOf: file)) == content
        let blind = try group.allGather([isSeen ? 1 : 0]).enumerated().filter { $1 == [0] }.map(\.offset)
        if group.rank == 0 { try? FileManager.default.removeItem(at: file) }
        if isWritten, let first = blind.first {
            problem = Checkup.Finding(
                "file system", "rank \(first) does not see in \(path) what rank 0 wrote (\(blind.count) of \(group.count) ranks)",
                wrong: .missingInput,
                remedy: "choose a folder that all nodes share")
        }
        var space = statvfs()
        let free = statvfs(path, &space) == 0 ? Double(space.f_bavail) * Double(space.f_frsize) / 0x1p30 : 0
        let text = String(format: "%@ takes, renames and shows files, %.1f GiB free", path, free)
        finding =
            problem
            ?? (hasLocks
                ? Checkup.Finding("file system", text)
                : Checkup.Finding(
                    "file system", text + ", but it has no locks, which keep a second job out of a run", wrong: .cannotCreate,
                    remedy: "mount it with locks (Lustre: -o flock), or start one job at a time for a run"))
    }

    /// What is wrong, if anything, and whether files can be locked.
    private static func write(_ content: Data, to file: URL, in folder: URL, _ path: String) -> (Checkup.Finding?, hasLocks: Bool) {
        func wrong(_ why: String, _ reason: Failure.Reason, _ remedy: String) -> (Checkup.Finding?, Bool) {
            (Checkup.Finding("file system", "\(path) \(why)", wrong: reason, remedy: remedy), true)
        }
        guard FileManager.default.fileExists(atPath: folder.path) else {
            return wrong("is not there", .missingInput, "make it, or name another folder")
        }
        let beside = file.appendingPathExtension("writing")
        defer { try? FileManager.default.removeItem(at: beside) }
        do {
            try Checkpoint.writeSynced(content, to: beside)
            let descriptor = open(beside.path, O_RDWR | O_CLOEXEC)
            defer { close(descriptor) }
            let hasLocks = descriptor >= 0 ? try RunLock.take(descriptor, of: folder) : false
            guard rename(beside.path, file.path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            return (nil, hasLocks)
        } catch {
            return wrong("cannot be written: \(reason(of: error))", .inputOutput, "free space or quota there, ask for access, or name another folder")
        }
    }
}
