import Foundation
import Ranks

/// What `vigil sweep` is asked for.
public struct SweepRequest {
    public var source: RecipeSource
    /// "KEY=V1,V2".
    public var variations: [String]
    public var seeds = 1, ranksPerRun = 1
    /// A labeled set to choose on, and its split; held-out normals where nil.
    public var on: String?, split = "test"
    /// Which share of the runs this job makes, "1/4" to "4/4"; Slurm's array where nil.
    public var part: String?
    /// The recipe's `run.until` where nil.
    public var until: Until?

    public init(_ source: RecipeSource, varying variations: [String]) { (self.source, self.variations) = (source, variations) }
}

/// A grid of training runs, each an ordinary one in a folder of its own; groups of ranks make them side by side, and jobs of an array their
/// shares. What is finished is not made again, and whoever finds all finished writes what is chosen.
public final class Sweep {
    private let request: SweepRequest, folder: URL, group: RankGroup
    private let grid: SweepGrid, criterion: SweepCriterion, share: SweepShare, stopping: Stopping

    /// What is wrong with any run of the grid is found here, before the first is made.
    public init(_ request: SweepRequest, in path: String, group: RankGroup) throws {
        (self.request, folder, self.group) = (request, URL(fileURLWithPath: path), group)
        let size = request.ranksPerRun
        guard size > 0, group.count % size == 0 else {
            throw Failure(.usage, "--ranks-per-run is \(size), which does not divide the job's \(group.count) ranks; choose a divisor")
        }
        share = try SweepShare(request.part)
        grid = try SweepGrid(request.source, varying: request.variations, seeds: request.seeds)
        stopping = try Stopping(until: request.until ?? grid.runs[0].recipe.run.until)
        criterion = try SweepCriterion(grid, on: request.on, split: request.split, over: group)
    }

    /// Makes this job's share of the runs.
    /// - Returns: the exit code: 0, or 75 where it was asked to stop; and on rank 0, where all runs of the sweep are finished, what to print.
    public func run() throws -> (code: Int32, table: String?) {
        let own = try unfinished(), parts = group.count / request.ranksPerRun, place = group.rank / request.ranksPerRun
        let part = try group.part(of: request.ranksPerRun)
        group.setStall(seconds: 1e9)  // a part that is done waits for the others as long as they train
        StopRequest.listen()
        var reason: StopReason?
        for number in stride(from: place, to: own.count, by: parts) where reason == nil {
            if try !make(own[number], on: part) { reason = stopping.reason ?? .signal }
            reason = try reason ?? stopping.agree(over: part)
        }
        try part.leave()
        let left = try unfinished().count, isStopped = try group.maximum([reason == nil ? 0 : 1])[0] > 0 && left > 0
        guard group.rank == 0 else { return (isStopped ? 75 : 0, nil) }
        if isStopped {
            let cause = reason ?? .signal
            tell("stopped \(cause.rawValue) with \(left) of \(share.of(grid.runs).count) runs unfinished; run the same command to go on")
            return (75, nil)
        }
        let outcomes = grid.settings.map { setting in setting.runs.map(outcome) }
        let missing = outcomes.joined().count { $0 == nil }
        guard missing == 0 else {
            tell("\(missing) of \(grid.runs.count) runs are other parts' and not finished; whichever part ends last writes the table")
            return (0, nil)
        }
        let table = SweepTable(grid, outcomes.map { $0.map { $0! } }, by: criterion)
        try table.write(into: folder)
        return (0, "\(table)")
    }

    private func place(of run: SweepGrid.Run) -> URL { folder.appendingPathComponent(run.name) }
    private func outcome(of run: SweepGrid.Run) -> SweepOutcome? { SweepOutcome(in: place(of: run), of: run.recipe, by: criterion) }

    /// Those of this job's share that have no outcome, as rank 0 finds them, on every rank.
    private func unfinished() throws -> [SweepGrid.Run] {
        let own = share.of(grid.runs)
        let flags = try group.broadcast(group.rank == 0 ? own.map { outcome(of: $0) == nil ? 1 : 0 } : [])
        return zip(own, flags).filter { $1 == 1 }.map(\.0)
    }

    /// Trains and measures a run. Returns false where it was asked to stop and has saved.
    private func make(_ made: SweepGrid.Run, on part: RankGroup) throws -> Bool {
        // sums over ranks keep memory as long as their group, which is the run's own for that
        let group = try part.part(of: part.count), run = RunFolder(place(of: made).path, group)
        let outcome: SweepOutcome?
        do { outcome = try train(made, run, group) } catch is Stopped { outcome = nil }
        if group.rank == 0 { try outcome?.write(in: run.url) }
        try group.leave()
        return outcome != nil
    }

    private func train(_ made: SweepGrid.Run, _ run: RunFolder, _ group: RankGroup) throws -> SweepOutcome? {
        let trainer = try Trainer(made.recipe, in: run, group: group, label: made.name, until: stopping)
        defer { trainer.resources.team.end() }
        do { guard try trainer.train() == 0 else { return nil } } catch  where trainer.hasDiverged {
            // on all ranks of the run alike; a setting that does not train is a result
            if group.rank == 0 { tell("\(made.name): \(error)") }
            return SweepOutcome(of: made.recipe, by: criterion, stateSHA256: nil, value: nil, failure: "\(error)")
        }
        let value = try criterion.value(of: run, made.recipe, until: stopping, group)
        let state = try run.lastCheckpoint().record.stateSHA256
        return SweepOutcome(of: made.recipe, by: criterion, stateSHA256: state, value: value, failure: nil)
    }
}

/// Which runs of a sweep are a job's: all, or every so-manieth.
struct SweepShare: Equatable {
    let first: Int, count: Int

    /// - Parameters:
    ///   - part: "2/4"; Slurm's array, if this is a job of one, where nil.
    init(_ part: String?, environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        if let part {
            let numbers = part.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard numbers.count == 2, numbers[1] > 0, (1 ... numbers[1]).contains(numbers[0]) else {
                throw Failure(.usage, "--part is \"\(part)\"; it must be from 1/N to N/N")
            }
            (first, count) = (numbers[0] - 1, numbers[1])
            return
        }
        func number(_ name: String) -> Int? { environment["SLURM_ARRAY_TASK_" + name].flatMap { Int($0) } }
        guard let id = number("ID"), let count = number("COUNT"), count > 0 else {
            (first, count) = (0, 1)
            return
        }
        let place = (id - (number("MIN") ?? 0)) / max(1, number("STEP") ?? 1)
        guard (0 ..< count).contains(place), (id - (number("MIN") ?? 0)) % max(1, number("STEP") ?? 1) == 0 else {
            throw Failure(
                .usage, "the array's task \(id) is none of \(count) at equal distances; give an array as 0-\(count - 1), or --part 1/\(count)")
        }
        (first, self.count) = (place, count)
    }

    func of<Run>(_ runs: [Run]) -> [Run] { stride(from: first, to: runs.count, by: count).map { runs[$0] } }
}
