import Glibc

/// Runs a job on all ranks and ends the process: with the code that `body` returns, or where it throws on any rank, with that error's exit
/// code (70 where it has none) on all ranks, after one message on stderr.
///
/// `program` begins the message: "vigil: recipe.yaml: ...".
public func run(_ group: RankGroup, program: String, _ body: () throws -> Int32) -> Never {
    do {
        let code = try body()
        try group.finish()
        exit(code)
    } catch {
        waitForLowerRanks(group)
        complain("\(program): \(error)")
        if group.count > 1 { usleep(100_000) }  // MPICH's launcher drops what it has not read yet when a rank aborts
        group.abort((error as? any ExitCoded)?.exitCode ?? 70)
    }
}

/// As above, in the group that this process was started in (`RankGroup.start`).
public func run(program: String, _ body: (RankGroup) throws -> Int32) -> Never {
    let group: RankGroup, launch = Launch.here  // an MPI that is started alone writes its own rank into the environment
    do { group = try RankGroup.start() } catch {
        // Processes that did not find each other cannot end each other either. All meet this error, so one of them is enough to tell.
        if !(error is RankError) || launch.rank == 0 { complain("\(program): \(error)") }
        exit((error as? any ExitCoded)?.exitCode ?? 70)
    }
    run(group, program: program) { try body(group) }
}

/// An error that all ranks meet (a recipe with a mistake, a set that is not there) is to be printed once. Ranks that fail alone cannot ask
/// the others, who may be anywhere, in a call or in arithmetic. So rank 0 speaks at once, and its abort ends the others while they wait:
/// by SIGTERM, or where a program has taken that for a request to save and stop, by the SIGKILL that mpirun sends a second later. The next
/// ranks give each other a third of a second.
private func waitForLowerRanks(_ group: RankGroup) {
    guard group.rank > 0 else { return }
    let end = ContinuousClock.now + .milliseconds(1500 + 300 * min(group.rank - 1, 10))
    while ContinuousClock.now < end { usleep(50_000) }  // a signal wakes it early
}
