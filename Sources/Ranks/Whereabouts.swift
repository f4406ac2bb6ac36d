/// What ranks wait for each other in.
enum Call: Int64 {
    case barrier, broadcast, gather, exchange, sum, maximum, laneSum, end, sharing

    var name: String {
        switch self {
        case .barrier: "a barrier"
        case .broadcast: "a broadcast"
        case .gather: "a gather"
        case .exchange: "an exchange"
        case .sum: "a sum of integers"
        case .maximum: "a maximum"
        case .laneSum: "a sum over lanes"
        case .end: "the end of the job"
        case .sharing: "the sharing of memory"
        }
    }

    /// All ranks make the calls of one line in the same order. Sums over lanes have a line of their own, since they may be made by a thread
    /// of their own.
    var line: Int { self == .laneSum ? 1 : 0 }
    static let lines = 2
}

/// Where a rank is, in each line of calls.
struct Whereabouts: Equatable {
    struct Place: Equatable {
        /// Calls that it has begun so far, the one it is in included.
        var begun: Int64 = 0
        /// What it is in.
        var call: Call?
        /// Since it entered that, or left the last one, or was started.
        var seconds: Int64 = 0
    }
    let places: [Place]

    /// As it travels: three words a line.
    static let wordCount = 3 * Call.lines
    var words: [Int64] { places.flatMap { [$0.begun, $0.call?.rawValue ?? -1, $0.seconds] } }

    init(_ places: [Place] = Array(repeating: Place(), count: Call.lines)) { self.places = places }

    init(words: some Collection<Int64>) {
        let words = Array(words)
        places = (0 ..< Call.lines).map { Place(begun: words[3 * $0], call: Call(rawValue: words[3 * $0 + 1]), seconds: words[3 * $0 + 2]) }
    }
}

/// A call in which a rank has waited for too long.
struct Wait: Equatable {
    let call: Call
    /// Its place among the calls of its line.
    let number: Int64
    let seconds: Int64

    /// Whether who gave this answer waits in the same call.
    func isShared(by other: Whereabouts) -> Bool { other.places[call.line].call == call && other.places[call.line].begun == number }

    /// Who waits and for whom, in one sentence; entry r of `answers` is where rank r says it is, nil where it said nothing.
    func sentence(_ answers: [Whereabouts?]) -> String {
        var waiting: [Int] = [], silent: [Int] = [], away: [Int] = [], secondsAway = Int64.max, elsewhere: [(what: String, ranks: [Int])] = []
        for (rank, answer) in answers.enumerated() {
            guard let answer else {
                silent.append(rank)
                continue
            }
            let there = answer.places[call.line]
            if isShared(by: answer) {
                waiting.append(rank)
            } else if there.begun == number, let other = there.call {
                note(rank, "in \(other.name) instead")
            } else if there.begun < number, let other = answer.places.lazy.compactMap(\.call).first {
                note(rank, "still in \(other.name)")
            } else if there.begun < number {
                away.append(rank)
                secondsAway = min(secondsAway, answer.places.map(\.seconds).min()!)
            }  // else it was here and has gone on, as a broadcast's root may
        }
        func note(_ rank: Int, _ what: String) {
            if let index = elsewhere.firstIndex(where: { $0.what == what }) {
                elsewhere[index].ranks.append(rank)
            } else {
                elsewhere.append((what, [rank]))
            }
        }

        let advice = "if this lasts, end the job and start it again"
        let begin = "\(RankGroup.list(waiting)) \(waiting.count == 1 ? "has" : "have") waited \(seconds) s for"
        let missing = (silent + away + elsewhere.flatMap(\.ranks)).sorted()
        guard !missing.isEmpty else {
            return "\(begin) each other in \(call.name): all have come, so the network between them is slow or cut; \(advice)"
        }
        var states: [String] = []
        if silent.count == 1 { states.append("rank \(silent[0]) does not answer (it is stopped, or its node out of reach)") }
        if silent.count > 1 { states.append("\(RankGroup.list(silent)) do not answer (they are stopped, or their nodes out of reach)") }
        if !away.isEmpty { states.append("\(RankGroup.list(away)) \(away.count == 1 ? "has" : "have") computed or read for \(secondsAway) s") }
        states += elsewhere.map { "\(RankGroup.list($0.ranks)) \($0.ranks.count == 1 ? "is" : "are") \($0.what)" }
        return "\(begin) \(RankGroup.list(missing)) in \(call.name): \(states.joined(separator: ", ")); \(advice)"
    }

    /// The same where ranks cannot be asked.
    func sentence(ofRank rank: Int) -> String {
        "rank \(rank) has waited \(seconds) s for others in \(call.name), and cannot ask for which, since this MPI does not let several threads "
            + "call it; if this lasts, end the job and start it again"
    }
}
