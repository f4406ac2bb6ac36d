import Glibc
internal import MPI

/// Ranks ask each other where they are, while their main threads wait or compute: by small messages between their watchdog threads, on a
/// communicator of their own. (A shared window would do on one node only, and Open MPI's other windows do not allow several threads over
/// TCP.) So it needs an MPI that several threads may call, and costs nothing but a look for messages now and then.
///
/// Used by one thread at a time.
final class RollCall: @unchecked Sendable {
    let count: Int
    private let communicator: Communicator
    /// The number of the last round of questions, which its answers carry: later ones are of no use.
    private var round: Int64 = 0
    /// Questions sent to each rank; those that came, and the answers.
    private var asked: [Int64], questions: Int64 = 0, answers: Int64 = 0
    /// Messages under way.
    private var outbox: [(words: UnsafeMutableBufferPointer<Int64>, request: Request)] = []
    private enum Tag { static let question: Int32 = 1, answer: Int32 = 2 }

    init(_ communicator: Communicator) {
        (self.communicator, count) = (communicator, communicator.count)
        asked = Array(repeating: 0, count: count)
    }

    /// Tells those who have asked where this rank is.
    func answer(_ here: () -> Whereabouts) throws(MPIError) {
        while let rank = try communicator.sender(ofWaiting: Tag.question) {
            let round = try receive(1, from: rank, Tag.question)
            questions += 1
            try send(round + here().words, to: rank, Tag.answer)
        }
        try clear()
    }

    /// Asks the ranks of a range and returns what came back within a few seconds (nil: nothing), in their order. Meanwhile answers others.
    func ask(_ ranks: Range<Int>, here: () -> Whereabouts, while isOfUse: () -> Bool) throws(MPIError) -> [Whereabouts?] {
        round += 1
        for rank in ranks {
            asked[rank] += 1
            try send([round], to: rank, Tag.question)
        }
        var found = [Whereabouts?](repeating: nil, count: ranks.count)
        let end = ContinuousClock.now + Self.patience
        while found.contains(where: { $0 == nil }), isOfUse(), ContinuousClock.now < end {
            try answer(here)
            try takeAnswers { rank, place in if ranks.contains(rank) { found[rank - ranks.lowerBound] = place } }
            usleep(10_000)
        }
        return found
    }

    /// Many times what a rank needs whose watchdog looks for messages twenty times a second, on a busy machine too.
    private static let patience = Duration.seconds(3)

    /// Returns when all ranks have come here, from whatever calls of the group.
    func meet() throws(MPIError) { try communicator.barrier() }

    /// Receives what is under way, since MPI wants no message left at its end. All ranks call this, after none asks any more.
    func end() throws(MPIError) {
        let total = UnsafeMutableBufferPointer<Int64>.allocate(capacity: count)
        defer { total.deallocate() }
        _ = total.initialize(from: asked)
        try communicator.allReduce(total, .sum)
        let sent = asked.reduce(0, +)
        while questions < total[communicator.rank] || answers < sent || !outbox.isEmpty {
            try answer { Whereabouts() }
            try takeAnswers { _, _ in }
            usleep(1000)
        }
    }

    /// Gives the communicator back, after the end. All ranks call this.
    func free() throws(MPIError) { try communicator.free() }

    private func takeAnswers(_ take: (Int, Whereabouts) -> Void) throws(MPIError) {
        while let rank = try communicator.sender(ofWaiting: Tag.answer) {
            let words = try receive(1 + Whereabouts.wordCount, from: rank, Tag.answer)
            answers += 1
            if words[0] == round { take(rank, Whereabouts(words: words.dropFirst())) }
        }
    }

    private func receive(_ count: Int, from rank: Int, _ tag: Int32) throws(MPIError) -> [Int64] {
        let words = UnsafeMutableBufferPointer<Int64>.allocate(capacity: count)
        defer { words.deallocate() }
        words.initialize(repeating: 0)
        try communicator.receive(into: words, from: rank, tag: tag)
        return Array(words)
    }

    /// Does not wait: a rank that is stopped may not take it.
    private func send(_ message: [Int64], to rank: Int, _ tag: Int32) throws(MPIError) {
        let words = UnsafeMutableBufferPointer<Int64>.allocate(capacity: message.count)
        _ = words.initialize(from: message)
        outbox.append((words, try communicator.startSending(UnsafeBufferPointer(words), to: rank, tag: tag)))
    }

    /// Frees what has been sent.
    private func clear() throws(MPIError) {
        for index in outbox.indices.reversed() where try outbox[index].request.isDone() { outbox.remove(at: index).words.deallocate() }
    }
}
