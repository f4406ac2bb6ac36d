import Datasets
import Detectors
import Foundation
import Graphs
import LinearAlgebra
import Plans
import Ranks

/// Times the steps of a training stage, or of a procedure: on samples without meaning, or on a set's, read as training reads them.
public final class Bench {
    private let recipe: Recipe, model: Model, stage: String, group: RankGroup, resources: Plan.Resources
    private let steps: any Steps
    private var plan: Plan { steps.plan }

    /// - Parameters:
    ///   - detector: a detector or a procedure.
    ///   - stage: the stage to time; the first that has steps unless given.
    ///   - sample: the shape of made-up samples, as "32x32x3"; not beside `data`.
    ///   - data: a set's folder.
    ///   - overrides: keys of a recipe, as `settings.width` and `16`.
    public init(
        _ detector: String, stage: String? = nil, sample: String? = nil, data: String? = nil, minibatch: Int? = nil, threads: Int = 1,
        isa: String = "best", overrides: [(key: String, value: String)] = [], group: RankGroup
    ) throws {
        let procedure = procedures.first { $0.name == detector }
        guard sample == nil || data == nil else {
            throw Failure(.usage, "--sample and --data both say what shape samples have; give one of them")
        }
        let minibatch = minibatch ?? procedure?.minibatch ?? 64
        // as many epochs as there can be, so that a small set does not end
        let keys = [
            ("detector", detector), ("data", data ?? "none"), ("minibatch", "\(minibatch)"), ("run.threads", "\(threads)"), ("run.isa", isa),
            ("epochs", "1000000"),
        ]
        recipe = try Recipe(
            nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) } + overrides, among: detectors + procedures)
        self.group = group
        if data != nil {
            let trainer = try Trainer(recipe, in: RunFolder("", group), group: group)
            (model, resources) = (trainer.model, trainer.resources)
            self.stage = try Self.stage(stage, of: model.detector, named: detector).name
            steps = try TrainingSteps(of: self.stage, by: trainer)
        } else {
            let shape = try sample.map(Self.shape) ?? procedure?.sample ?? [32, 32, 3]
            model = try Model(recipe, sample: shape)
            let (name, work) = try Self.stage(stage, of: model.detector, named: detector)
            (self.stage, resources) = (name, try makeResources(recipe, group))
            steps = try MadeUpSteps(of: name, work, model, recipe, on: resources)
        }
    }

    private static func shape(_ text: String) throws -> Shape {
        let extents = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard !extents.isEmpty, extents.allSatisfy({ $0 > 0 }) else {
            throw Failure(.usage, "--sample is \"\(text)\"; give its extents, as 32x32x3")
        }
        return Shape(extents)
    }

    private static func stage(_ name: String?, of detector: any Detector, named title: String) throws -> (name: String, work: (TrainingStep) -> Void)
    {
        let trained = detector.stages.compactMap { stage -> (name: String, work: (TrainingStep) -> Void)? in
            if case .train(_, let procedure) = stage.work { (stage.name, procedure) } else { nil }
        }
        guard let first = trained.first else { throw Failure(.usage, "\(title) has no training steps to time") }
        guard let found = name == nil ? first : trained.first(where: { $0.name == name }) else {
            throw Failure(.usage, "--stage: \(title) has no stage \"\(name!)\" of steps; it has \(trained.map(\.name).joined(separator: ", "))")
        }
        return found
    }

    /// Times steps, after one to warm up, then the yardsticks. All ranks call it together.
    /// - Parameter kernels: whether to time each kernel too, in steps of their own.
    public func run(steps count: Int, kernels: Bool) throws -> BenchReport {
        try steps.run()
        let waited = steps.waited
        var times: [Double] = [], reducing = Duration.zero
        for _ in 0 ..< max(1, count) {
            try group.barrier()
            times.append(try ContinuousClock().measure { try steps.run() }.inSeconds)
            reducing += plan.reducing
        }
        let own = times.reduce(0, +), waiting = (steps.waited - waited).inSeconds, peakMemory = Self.peakMemory, losses = steps.losses
        // after the steps, since OpenBLAS keeps memory; all ranks at once, as they train
        try group.barrier()
        let share = BenchReport.Share(
            node: ProcessInfo.processInfo.hostName, communication: reducing.inSeconds / own, waiting: waiting / own, peakMemoryBytes: peakMemory,
            multiplyAdds: plan.schedule.multiplyAddsPerSample * plan.samples.count,
            fmaPeakGflops: 2e-9 * resources.peakMultiplyAdds(),
            sgemmGflops: 2e-9 * singleProductRate(size: 1024) * Double(resources.team.count))
        let shares = try group.allGather(Array(JSONEncoder().encode(share))).map { try JSONDecoder().decode(BenchReport.Share.self, from: Data($0)) }
        let lines = kernels ? try plan.profile(runs: max(1, min(3, count))) : nil
        return BenchReport(
            recipe, stage: stage, model, group: group, resources, samplesPerStep: steps.samplesPerStep, times: try group.maximum(times),
            shares: shares, losses: losses, plan, profile: lines)
    }

    /// The parts of each rank's steps as JSON, for `cluster/scaling`.
    public func laps(warmUps: Int, steps: Int) throws -> String {
        try BenchLaps(of: plan, warmUps: warmUps, steps: steps, group: group).text
    }

    /// The most memory that this program ever had resident, in bytes: not by getrusage, which remembers what stood in the process before
    /// the program was loaded into it.
    private static var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? "", key = "VmHWM:"
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
        return line.flatMap { Int($0.dropFirst(key.count).filter(\.isNumber)) }.map { $0 * 1024 } ?? 0
    }

    /// Ends the threads.
    public func end() { resources.team.end() }
}

/// Steps that can be run again and again.
private protocol Steps {
    var plan: Plan { get }
    var samplesPerStep: Int { get }
    /// Time spent waiting for data so far.
    var waited: Duration { get }
    /// Of the last step.
    var losses: [String: Double] { get }
    func run() throws
}

/// The same minibatch and noise in every step, of numbers without meaning.
private final class MadeUpSteps: Steps {
    let plan: Plan, samplesPerStep: Int, waited = Duration.zero
    private let step: TrainingStep

    init(of stage: String, _ work: (TrainingStep) -> Void, _ model: Model, _ recipe: Recipe, on resources: Plan.Resources) throws {
        step = TrainingStep(
            of: model.detector, stage: stage, sample: model.sample, minibatch: recipe.fields.minibatch, microbatch: recipe.microbatch,
            store: model.store)
        work(step)
        model.initialize(averages: step.averages)
        plan = try Plan(step.trace, results: step.reports.map(\.node), state: model.state, on: resources)
        samplesPerStep = recipe.fields.minibatch * max(1, step.minibatchesPerStep())
        for (number, node) in (step.minibatches.map(\.node) + step.noises.map(\.node)).enumerated() {
            guard let values = plan.input(node) else { continue }
            for place in values.indices { values[place] = Float((place &* 7919 &+ number) % 1000) / 500 - 1 }
        }
    }

    var losses: [String: Double] { Dictionary(step.reports.map { ($0.name, plan.scalar($0.node)) }, uniquingKeysWith: { $1 }) }
    func run() throws { try plan.run() }
}

/// The steps of training itself: loaders, noise and all.
private final class TrainingSteps: Steps {
    private let executor: StageExecutor
    private var position = Position()
    private(set) var losses: [String: Double] = [:]

    init(of stage: String, by trainer: Trainer) throws {
        do {
            guard let work = trainer.model.detector.stages.first(where: { $0.name == stage }), case .steps(let steps) = try trainer.prepare(work)
            else {
                preconditionFailure("\(stage) is no stage of steps")
            }
            trainer.model.initialize(averages: steps.step.averages)
            try trainer.fitTransforms()
            executor = try StageExecutor(steps, of: trainer, from: position)
        } catch let error as DatasetError { throw Failure(error, in: trainer.recipe.fields.data) }
    }

    var plan: Plan { executor.plan }
    var samplesPerStep: Int { executor.samplesPerStep }
    var waited: Duration { executor.waited }

    func run() throws {
        let outcome = try executor.run(position)
        position.step += 1
        losses = Dictionary(outcome.losses.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
