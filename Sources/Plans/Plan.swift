import Graphs
import Ranks

/// A trace made executable: run again and again on new inputs, it moves the variables of a `ModelState` and gives results.
///
/// What it computes depends on the trace and on the microbatch that the trace states, never on ranks, threads or the
/// instruction set.
public final class Plan {
    /// What shares the work, and how.
    public struct Resources {
        public let group: RankGroup, team: ThreadTeam, isa: InstructionSet
        /// How ranks' sums are added; `library` is for comparison.
        public let way: TreeSum.Way
        /// Whether large sums travel between the ranks while others are computed; no bit depends on it.
        public let overlaps: Bool
        /// Whether the ranks of a node add in memory that they share; no bit depends on it.
        public let windows: Bool

        public init(
            group: RankGroup = .alone(), team: ThreadTeam = ThreadTeam(count: 1), isa: InstructionSet = .best, way: TreeSum.Way = .tree,
            overlaps: Bool = true, windows: Bool = true
        ) {
            (self.group, self.team, self.isa, self.way, self.overlaps, self.windows) = (group, team, isa, way, overlaps, windows)
        }
    }

    /// The samples of a minibatch that this rank computes: places in the minibatch, which is also their order in memory.
    public let samples: Range<Int>
    let assembly: Assembly
    let team: ThreadTeam
    private let resultItems: [Int: Int]

    /// - Parameters:
    ///   - results: what can be read after a run, beside the variables.
    ///   - state: holds the variables; all that the trace reads must be set before a run.
    /// - Throws: the trace's error, or `RankError` where there are more ranks than lanes.
    public convenience init(_ trace: Trace, results: [Node], state: ModelState, on resources: Resources = Resources()) throws {
        try self.init(trace, results: results, state: state, on: resources, convolutions: .byRule)
    }

    init(_ trace: Trace, results: [Node], state: ModelState, on resources: Resources, convolutions: ConvolutionChoice) throws {
        if let error = trace.error { throw error }
        let lanes = trace.minibatch.divided(up: trace.microbatch)
        let tree = try TreeSum(group: resources.group, lanes: lanes, way: resources.way, windows: resources.windows)
        let owned = try Lanes(count: lanes, ranks: resources.group.count).range(of: resources.group.rank)
        let partition = Partition(minibatch: trace.minibatch, microbatch: trace.microbatch, lanes: owned, subtrees: tree.subtrees)
        samples = owned.lowerBound * trace.microbatch ..< owned.lowerBound * trace.microbatch + partition.samples
        team = resources.team

        let changed = trace.variables.filter { $0.current != $0.given }
        let lowering = Lowering(trace, results: (results + changed.map(\.current)).map(\.index), convolutions: convolutions)
        resultItems = Dictionary(results.map { ($0.index, lowering.item(of: $0.index)) }, uniquingKeysWith: { first, _ in first })
        let given = trace.variables.compactMap { variable, given, _ in lowering.item[given.index].map { (place: state.place(of: variable), item: $0) }
        }
        let updates = changed.map { (place: state.place(of: $0.variable), item: lowering.item(of: $0.current.index)) }
        assembly = try Assembly(
            lowering, results: Array(resultItems.values), given: given, updates: updates, partition: partition, tree: tree,
            overlaps: resources.overlaps && tree.meetsOthers, isa: resources.isa, threads: resources.team.count)
        self.state = state
        team.reserve(assembly.scratch)
    }

    /// Kernels point into it.
    private let state: ModelState

    /// The memory of an input: of a batched one this rank's samples, one after another. Nil where nothing reads it.
    public func input(_ node: Node) -> UnsafeMutableBufferPointer<Float>? { assembly.input(node.index) }

    /// Runs once on what the inputs hold. All ranks call it together.
    /// - Parameters:
    ///   - progress: where the stage stands, for rates.
    ///   - before: gives inputs inside loops their values.
    public func run(_ progress: Progress = Progress(), before: RoundInputs = { _, _ in }) throws {
        var execution = Execution(team: team)
        let spent = assembly.tree.spent
        try assembly.run(&execution, progress, before: before)
        reducing = assembly.tree.spent - spent
    }

    /// How long the last run's first thread was busy with sums over ranks, or waited in them for slower ranks: what of communication was not
    /// hidden behind arithmetic.
    public private(set) var reducing = Duration.zero

    /// Runs once and says how long its parts took; of a plan that does not overlap its sums. All ranks call it together.
    public func laps() throws -> Laps {
        var execution = Execution(team: team, sums: [])
        let began = ContinuousClock.now
        try assembly.run(&execution, Progress()) { _, _ in }
        let ended = ContinuousClock.now, sums = execution.sums!
        func seconds(_ from: ContinuousClock.Instant, _ to: ContinuousClock.Instant) -> Double { (to - from) / .seconds(1) }
        return Laps(
            computing: zip([began] + sums.map(\.upperBound), sums.map(\.lowerBound) + [ended]).map { seconds($0, $1) },
            summing: sums.map { seconds($0.lowerBound, $0.upperBound) })
    }

    /// A result of the last run that is one number for the whole minibatch.
    public func scalar(_ node: Node) -> Double {
        let item = resultItems[node.index]!
        return assembly.draft[item].isScalar ? assembly.scalars[item] : Double(assembly.floats(of: item)[0])
    }

    /// A result of the last run; of a batched one this rank's samples, one after another. Not for scalars.
    public func floats(_ node: Node) -> UnsafeBufferPointer<Float> {
        let item = resultItems[node.index]!
        return UnsafeBufferPointer(start: assembly.floats(of: item), count: assembly.count(of: item))
    }

    /// Bytes of memory between the beginning and the end of a run, those of threads included, variables and inputs not.
    public var arenaBytes: Int { (assembly.allArenaFloats + assembly.scratch * team.count) * 4 }
}
