import Glibc
import Ranks

/// `fail RANKS CODE`: the ranks of a comma-separated list (or `all`) throw, the others wait at a barrier. `fail none CODE` returns CODE.
func probeFailure(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let failing = arguments[0] == "all" ? Array(0 ..< group.count) : arguments[0].split(separator: ",").compactMap { Int($0) }
    let code = Int32(arguments[1])!
    if failing.contains(group.rank) { throw RankError("shard 3 is damaged", exitCode: code) }
    try group.barrier()
    return code
}

/// `uncoded`: rank 1 throws an error that has no exit code, the others wait.
func probeUncoded(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    struct Plain: Error, CustomStringConvertible { let description = "plain" }
    if group.rank == 1 { throw Plain() }
    try group.barrier()
    return 0
}

/// `agree CASE`: all alike, the last rank with another hash, rank 1 with an item more, or rank 1 with another name.
func probeAgreement(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    var items: [(name: String, hash: [UInt8])] = [("program", [1, 2, 3]), ("recipe", Array(0 ..< 32)), ("manifest", [7])]
    switch arguments[0] {
    case "hash": if group.rank == group.count - 1 { items[1].hash[0] = 255 }
    case "item": if group.rank == 1 { items.append(("more", [])) }
    case "name": if group.rank == 1 { items[2].name = "other" }
    default: break
    }
    try group.agree(on: items)
    if group.rank == 0 { print("agreed") }
    return 0
}

/// `stall CASE`: the others wait for rank 1 at a barrier (or, `begun`, in a sum that they have begun) for longer than the stall time of 1 s. Rank 1 is `late`, or `stopped` (and goes on
/// after some seconds), or never comes: it has `gone` to the job's end, or to a sum over `lanes`. Then an alarm ends the job.
func probeStall(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    group.setStall(seconds: 1)
    let lanes = try TreeSum(group: group, lanes: group.count)
    let numbers = UnsafeMutablePointer<Float>.allocate(capacity: 1)
    numbers.initialize(to: 1)
    let sum = try lanes.prepare([numbers], count: 1, into: numbers)
    try group.barrier()
    if arguments[0] == "begun" {
        if group.rank == 1 { sleep(3) }
        try lanes.begin(sum)
        lanes.advance()
        try lanes.finish(sum)
    }
    guard group.rank == 1 else {
        alarm(20)
        try group.barrier()
        return 0
    }
    switch arguments[0] {
    case "late": sleep(3)
    case "begun": break
    case "stopped":
        var shell = pid_t()
        let words = ["sh", "-c", "sleep 7; kill -CONT \(getpid())"], command = words.map { strdup($0) } + [nil]
        guard posix_spawn(&shell, "/bin/sh", nil, nil, command, environ) == 0 else { throw RankError("no shell to go on by") }
        raise(SIGSTOP)
    case "gone":
        alarm(4)
        return 0
    default:
        alarm(4)
        try lanes.begin(sum)
        try lanes.finish(sum)
    }
    try group.barrier()
    return 0
}
