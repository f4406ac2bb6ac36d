import Ranks

/// How a score does on one group of samples (a scan, a patient).
public struct GroupRow: Sendable, Equatable {
    /// The group's number in the set.
    public let number: Int
    public let normals: Int, anomalies: Int
    /// Of its anomalies against the normals of all groups; nil without anomalies.
    public let auroc: Double?
    /// Of its anomalies against its own normals; nil where it lacks either.
    public let aurocWithin: Double?
    /// Its anomalies and its normals that raise an alarm at the threshold from held-out normals; nil where there is no such threshold.
    public let detected: Int?, falseAlarms: Int?
}

extension Grouping {
    /// A row for each group, ascending by number, from runs that are sorted over ranks; the same on all ranks.
    func rows(of runs: [Run], threshold: Double?, over group: RankGroup) throws -> [GroupRow] {
        let against = try winsAgainstAll(runs, over: group), within = try winsWithin(runs, over: group)
        let alarms = try threshold.map { try self.alarms(in: runs, threshold: $0, over: group) }
        let allNormals = samples[..<numbers.count].reduce(0, +)
        return numbers.indices.map { index in
            let normals = samples[index]
            let anomalies = stride(from: numbers.count + index, to: samples.count, by: numbers.count).reduce(0) { $0 + samples[$1] }
            func auroc(_ wins: Int, over normals: Int) -> Double? {
                normals * anomalies == 0 ? nil : Double(wins) / Double(2 * normals * anomalies)
            }
            return GroupRow(
                number: numbers[index], normals: normals, anomalies: anomalies, auroc: auroc(against[index], over: allNormals),
                aurocWithin: auroc(within[index], over: normals), detected: alarms?[2 * index + 1], falseAlarms: alarms?[2 * index])
        }
    }

    /// Of each group Σ over its anomalies of 2 · (normals below) + (normals equal), the normals of all groups.
    private func winsAgainstAll(_ runs: [Run], over group: RankGroup) throws -> [Int] {
        let normals = runs.reduce(0) { $0 + (isNormal($1) ? Int($1.count) : 0) }
        let below = try group.allGather(bytes(of: [normals]))[..<group.rank].reduce(0) { $0 + values(of: $1, as: Int.self)[0] }
        var wins = [Int64](repeating: 0, count: numbers.count), ascent = Ascent()
        for run in runs {
            ascent.climb(to: run.key)
            if isNormal(run) {
                ascent.meet(normals: Int(run.count))
            } else {
                wins[index(of: run)] += Int64(Int(run.count) * (2 * below + ascent.wins))
            }
        }
        return try group.sum(wins).map { Int($0) }
    }

    /// The same with the normals of the group alone: sorted once more, by group and then by the place of the score among all, so that a
    /// large group is divided among ranks as well.
    private func winsWithin(_ runs: [Run], over group: RankGroup) throws -> [Int] {
        var distinct = 0, last: UInt64?
        var placed = runs.map { run in
            if run.key != last { (distinct, last) = (distinct + 1, run.key) }
            return Run(key: UInt64(index(of: run)) << 32 | UInt64(distinct), tag: isNormal(run) ? 0 : 1, count: run.count)
        }
        let lower = try group.allGather(bytes(of: [distinct]))[..<group.rank].reduce(0) { $0 + values(of: $1, as: Int.self)[0] }
        for place in placed.indices { placed[place].key += UInt64(lower) }
        try placed.sortOverRanks(of: group)

        var pieces: [Piece] = [], ascent = Ascent()
        for run in placed {
            let index = Int(run.key >> 32)
            if pieces.last?.index != index {
                pieces.append(Piece(index: index))
                ascent = Ascent()
            }
            ascent.climb(to: run.key)
            if run.tag == 0 { ascent.meet(normals: Int(run.count)) }
            pieces[pieces.count - 1].add(run, wins: ascent.wins)
        }
        // the ranks' pieces in order: a group's anomalies on one rank win over its normals on those before, too
        var wins = [Int](repeating: 0, count: numbers.count), normals = wins
        for piece in try group.allGather(bytes(of: pieces)).flatMap({ values(of: $0, as: Piece.self) }) {
            wins[piece.index] += piece.wins + 2 * normals[piece.index] * piece.anomalies
            normals[piece.index] += piece.normals
        }
        return wins
    }

    /// What one rank has of a group.
    private struct Piece: BitwiseCopyable {
        let index: Int
        private(set) var normals = 0, anomalies = 0, wins = 0

        init(index: Int) { self.index = index }

        mutating func add(_ run: Run, wins each: Int) {
            if run.tag == 0 {
                normals += Int(run.count)
            } else {
                anomalies += Int(run.count)
                wins += Int(run.count) * each
            }
        }
    }

    /// Alarms of each group: its normals', then its anomalies'.
    private func alarms(in runs: [Run], threshold: Double, over group: RankGroup) throws -> [Int] {
        var alarms = [Int64](repeating: 0, count: 2 * numbers.count)
        for run in runs where run.score >= threshold { alarms[2 * index(of: run) + (isNormal(run) ? 0 : 1)] += Int64(run.count) }
        return try group.sum(alarms).map { Int($0) }
    }

    private func isNormal(_ run: Run) -> Bool { run.tag < numbers.count }
    private func index(of run: Run) -> Int { Int(run.tag) % numbers.count }
}
