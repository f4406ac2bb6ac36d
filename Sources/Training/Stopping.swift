import Foundation
import Ranks

/// Why a job saves and stops before its work is done.
enum StopReason: String {
    case signal = "as asked"
    case time = "before the end of its time"
}

/// A command that has stopped before its work was done and kept what it did: the same command goes on.
public struct Stopped: Error, CustomStringConvertible {
    public let description: String
    init(_ what: String) { description = what + "; run the same command to go on" }
}

/// Whether a job is to save and stop: at a signal (`StopRequest`), or so long before the end of its time that it has saved by then.
///
/// Each rank sees its own signals and its own clock. What they do is decided on the sum of their votes, which steps bring along with the
/// losses.
public final class Stopping {
    /// In seconds: for what is neither work nor saving, as ending MPI, and for clocks of nodes that differ.
    static let reserve = 10.0
    /// Above what all ranks' clocks can add up to.
    private static let signalVote: Float = 1_048_576

    /// By the clock that nobody sets.
    private let end: ContinuousClock.Instant?
    private var longestWork = Duration.zero, longestSave = Duration.zero

    /// - Parameters:
    ///   - until: `run.until`.
    ///   - limit: the scheduler's, in seconds since 1970; the earlier of the two counts.
    /// - Throws: where `until` is past.
    public init(until: Until?, limit: String? = ProcessInfo.processInfo.environment["SLURM_JOB_END_TIME"], now: Date = Date()) throws {
        let own = until?.seconds(from: now), scheduled = limit.flatMap(Double.init).map { $0 - now.timeIntervalSince1970 }
        if let until, let own, own <= 0 {
            throw Failure(.usage, "the time to stop, \(until.settingText), is past; give a later one, or minutes from the start")
        }
        end = [own, scheduled].compactMap { $0 }.min().map { ContinuousClock.now + .seconds($0) }
    }

    /// Does a piece of work after which the job could stop, and notes how long it takes.
    func work<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        defer { longestWork = max(longestWork, .now - start) }
        return try body()
    }

    /// Saves, and notes how long it takes.
    func save<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        defer { longestSave = max(longestSave, .now - start) }
        return try body()
    }

    /// Whether another piece of work, and then saving, could come too late. Twice each: neither takes always the same time.
    private var isTimeUp: Bool {
        guard let end else { return false }
        let needed = (longestWork + longestSave) * 2 + Duration.seconds(Self.reserve)
        return ContinuousClock.now + needed >= end
    }

    /// This rank's own view.
    var reason: StopReason? { StopRequest.isMade ? .signal : isTimeUp ? .time : nil }

    /// What this rank adds to the sum of votes.
    var vote: Float {
        switch reason {
        case .signal: Self.signalVote
        case .time: 1
        case nil: 0
        }
    }

    /// Whether any rank is to stop, on all ranks: where there is no sum that the votes could travel with.
    func agree(over group: RankGroup) throws -> StopReason? { Self.reason(ofVotes: try group.maximum([Double(vote)])[0]) }

    /// What the sum of all ranks' votes says.
    static func reason(ofVotes sum: Double) -> StopReason? { sum >= Double(signalVote) ? .signal : sum > 0 ? .time : nil }
}
