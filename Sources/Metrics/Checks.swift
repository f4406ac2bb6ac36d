import Ranks

extension LocalScores {
    /// Throws, on all ranks alike, what makes these scores unfit: see `MetricsError`.
    func check(classes: Int, over group: RankGroup) throws {
        let faults = try group.allGather(bytes(of: [Fault(in: self, classes: classes)])).map { values(of: $0, as: Fault.self)[0] }
        if let first = faults.filter({ $0.kind != .none }).min() { throw first.error(columns: columns, classes: classes) }
        let samples = faults.reduce(0) { $0 + $1.samples }
        guard samples <= Counting.limit else { throw MetricsError.tooMany(samples: samples) }
        try checkNumbers(over: group)
    }

    /// Numbers are sorted as scores are: a number that came twice is a run of two.
    private func checkNumbers(over group: RankGroup) throws {
        var runs = numbers.map { Run(key: UInt64(bitPattern: Int64($0)), tag: 0) }
        try runs.sortOverRanks(of: group)
        let repeated = runs.first { $0.count > 1 }.map { [$0] } ?? []
        let first = try group.allGather(bytes(of: repeated)).flatMap { values(of: $0, as: Run.self) }.first
        if let first { throw MetricsError.countedTwice(sample: Int(bitPattern: UInt(first.key)), times: Int(first.count)) }
    }
}

/// The first thing wrong with one rank's scores, in a form that travels.
private struct Fault: BitwiseCopyable, Comparable {
    enum Kind: UInt64, BitwiseCopyable { case unknownClass, notFinite, none }

    var kind = Kind.none
    var sample = 0
    /// A class, or a column.
    var index = 0
    var value = 0.0
    /// On this rank, wrong or not.
    var samples = 0

    init(in local: LocalScores, classes: Int) {
        samples = local.numbers.count
        for (number, index) in zip(local.numbers, local.classes) where !(0 ..< classes).contains(index) {
            keepFirst(.unknownClass, sample: number, index: index, value: 0)
        }
        for (index, column) in local.columns.enumerated() {
            for (number, value) in zip(local.numbers, column.values) where !value.isFinite {
                keepFirst(.notFinite, sample: number, index: index, value: value)
            }
        }
    }

    private mutating func keepFirst(_ kind: Kind, sample: Int, index: Int, value: Double) {
        guard (kind.rawValue, sample, index) < (self.kind.rawValue, self.sample, self.index) else { return }
        (self.kind, self.sample, self.index, self.value) = (kind, sample, index, value)
    }

    static func < (a: Fault, b: Fault) -> Bool { (a.kind.rawValue, a.sample, a.index) < (b.kind.rawValue, b.sample, b.index) }
    static func == (a: Fault, b: Fault) -> Bool { (a.kind, a.sample, a.index) == (b.kind, b.sample, b.index) }

    func error(columns: [ScoreColumn], classes: Int) -> MetricsError {
        switch kind {
        case .unknownClass: .unknownClass(sample: sample, found: index, classes: classes)
        case .notFinite: .notFinite(sample: sample, score: columns[index].name, value: value)
        case .none: preconditionFailure("a rank without a fault has no error")
        }
    }
}
