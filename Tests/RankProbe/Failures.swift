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

/// `stall`: rank 1 comes to a barrier 1.2 s late, after the others' stall time of 0.3 s.
func probeStall(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    group.setStall(seconds: 0.3)
    if group.rank == 1 { usleep(1_200_000) }
    try group.barrier()
    return 0
}
