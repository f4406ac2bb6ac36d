import Datasets
import Detectors
import Foundation
import Graphs
import Networks
import Plans
import Ranks

/// Trains a detector by a recipe, in a run's folder, with all ranks of a group: from the beginning, or from the last checkpoint on.
public final class Trainer {
    let recipe: Recipe, run: RunFolder, group: RankGroup
    package let model: Model
    let split: Split, heldOut: [Int]
    let resources: Plan.Resources
    let stopping: Stopping
    private let log: Log
    /// For TensorBoard, on rank 0 where the recipe asks for it.
    private var events: EventFile?, pictures: TrackedPictures?
    private var position = Position()
    /// Fingerprints of other sets that it trains on.
    private var otherSets: [String: String] = [:]
    /// Whether a rate depends on how long its stage is.
    private var dependsOnLength = false
    /// Whether training came to a value that is not finite: then the same command would come to it again.
    private(set) var hasDiverged = false
    /// The last state known to be finite throughout.
    private var sound: Snapshot?
    private var saved: Checkpoint.Record?
    private let start = ContinuousClock.now
    /// Of this job.
    private var read = Reading()
    /// Of all steps of this job, and of its waiting for data in them.
    private var stepSeconds = 0.0, waitingSeconds = 0.0

    /// Every rank opens the set and makes the detector; what can be wrong with the recipe is found here.
    ///
    /// - Parameters:
    ///   - label: before what is said, where several runs are under way in one job.
    ///   - stopping: of a job that is more than this run; by `run.until` where nil.
    public init(_ recipe: Recipe, in run: RunFolder, group: RankGroup, label: String? = nil, until stopping: Stopping? = nil) throws {
        (self.recipe, self.run, self.group) = (recipe, run, group)
        group.setStall(seconds: recipe.run.stall)
        self.stopping = try stopping ?? Stopping(until: recipe.run.until)
        let set = try openSet(recipe.fields.data, group)
        split = try set.split("train")
        heldOut = recipe.heldOut(of: split)
        model = try Model(recipe, of: set.manifest)
        resources = try makeResources(recipe, group)
        log = Log(group.rank == 0 ? run.url : nil, label: label)
    }

    /// - Throws: where there are more ranks than microbatches.
    private func checkRanks() throws {
        let ranks = group.count, minibatch = recipe.fields.minibatch, microbatch = recipe.microbatch, lanes = minibatch.quotientRoundedUp(microbatch)
        guard ranks > lanes else { return }
        let smaller = minibatch / ranks
        let orSmaller = smaller > 0 ? ", or microbatch \(smaller)" : ""
        throw Failure(
            .usage,
            "\(ranks) ranks cannot share minibatch \(minibatch), which has \(lanes) microbatches of \(microbatch): "
                + "start at most \(lanes) rank\(lanes == 1 ? "" : "s"), or choose minibatch \(ranks * microbatch)\(orSmaller) (which makes another model)"
        )
    }

    /// Trains all stages to their ends. Returns the exit code: 0, or 75 where it was asked to stop and has saved.
    public func train() throws -> Int32 {
        do { return try trainStages() } catch let error as DatasetError { throw Failure(error, in: recipe.fields.data) }
    }

    private func trainStages() throws -> Int32 {
        let stages = try model.detector.stages.map(prepare)
        for case .steps(let steps) in stages { note(steps) }
        model.initialize(averages: stages.flatMap(\.averages))
        try agreeAtStart()
        do { try begin(stages) } catch {
            if saved == nil { log.abandon() }
            throw error
        }
        let names = model.detector.stages.map(\.name), end = recipe.run.stage.flatMap(names.firstIndex).map { $0 + 1 } ?? stages.count
        for (number, stage) in stages.enumerated().prefix(end) where number >= position.stage {
            switch stage {
            case .steps(let steps):
                do {
                    if let reason = try run(steps) { return try stop(reason) }
                } catch let symptom as NotFinite {
                    hasDiverged = true
                    throw try explain(symptom, in: steps)
                }
            case .fit(let pass): if let reason = try runFit(pass) { return try stop(reason) }
            case .scene(let name, let procedure): if let reason = try runScene(name, procedure) { return try stop(reason) }
            }
            if number + 1 < stages.count { (position.stage, position.step) = (number + 1, 0) }
            if position.total > saved!.position.total { _ = try save() }
        }
        try finish(saved!, isLast: end == stages.count)
        if stages.count > end { log.say("run.stage ends it here; without that key the same command goes on with \(names[end])") }
        return 0
    }

    // MARK: Before the first step

    /// From here on the run is this job's, and has a checkpoint.
    private func begin(_ stages: [Prepared]) throws {
        try log.open()
        let cores = try Cores.ofRanks(of: group, threads: resources.team.count)
        try log.record("start", Environment.description(of: self, on: cores))
        saved = try resume(stages)
        if saved == nil { try fitTransforms() }
        if group.rank == 0 { try writeRecipe() }
        StopRequest.listen()
        if saved == nil { _ = try save() }
        if recipe.run.tensorboard, group.rank == 0 { try beginEvents() }
        if let warning = Cores.warning(cores) { log.say("warning: \(warning)") }
    }

    /// Pictures are of the first normals that are held out.
    private func beginEvents() throws {
        events = try EventFile(in: run.url)
        pictures = try TrackedPictures(
            of: heldOut.prefix(4).map { ("held-out/\($0)", $0) }, split, model, recipe, on: Plan.Resources(team: resources.team, isa: resources.isa))
    }

    /// A stage of steps, traced.
    struct Steps {
        let name: String, step: TrainingStep, order: Order
        /// Of other sets that it trains on, by name.
        let others: [String: Split]
        /// Of the whole stage, in steps.
        let length: Int
    }
    enum Prepared {
        case steps(Steps)
        case fit(FitPass)
        case scene(String, (Scene) throws -> [(Variable, [Double])])

        /// In steps; a pass is one.
        var length: Int { if case .steps(let steps) = self { steps.length } else { 1 } }
        var averages: [(average: Variable, original: Variable)] { if case .steps(let steps) = self { steps.step.averages } else { [] } }
    }

    /// What defines the model: the recipe's keys, and which other sets it trains on.
    var definition: [String: String] {
        Dictionary(uniqueKeysWithValues: recipe.model).merging(otherSets.map { ("sets.\($0.key)", $0.value) }) { first, _ in first }
    }

    private func note(_ steps: Steps) {
        for (name, split) in steps.others { otherSets[name] = split.set.manifest.fingerprint }
        if steps.step.trace.rates.contains(where: \.dependsOnLength) { dependsOnLength = true }
    }

    /// Traces a stage, which also makes known what its optimizers keep.
    func prepare(_ stage: Stage) throws -> Prepared {
        switch stage.work {
        case .train(let own, let procedure):
            try checkRanks()
            let epochs = recipe.epochs(of: stage.name) ?? own
            let step = TrainingStep(
                of: model.detector, stage: stage.name, sample: model.sample, minibatch: recipe.fields.minibatch,
                microbatch: recipe.microbatch, store: model.store, rates: try recipe.rates(of: stage.name, epochs: epochs))
            procedure(step)
            if let error = step.trace.error { throw Failure(.internal, "\(recipe.fields.detector), stage \(stage.name): \(error)") }
            let order = try order(stage.name, step), perEpoch = order.minibatchesPerEpoch / max(1, step.minibatchesPerStep())
            let planned = epochs * perEpoch
            return .steps(
                Steps(
                    name: stage.name, step: step, order: order, others: try otherSplits(of: step),
                    length: min(planned, recipe.steps(of: stage.name) ?? planned)))
        case .fit(let procedure):
            return .fit(try FitPass(stage.name, procedure, of: self))
        case .scene(let procedure):
            return .scene(stage.name, procedure)
        }
    }

    /// - Throws: where the split does not fill one step.
    private func order(_ stage: String, _ step: TrainingStep) throws -> Order {
        try Order(
            chunks: split.training(without: heldOut, includingAbnormal: step.asksForSupervision), minibatch: recipe.fields.minibatch,
            microbatch: recipe.microbatch,
            minibatchesPerStep: max(1, step.minibatchesPerStep()), seed: UInt64(recipe.fields.seed), purpose: stage)
    }

    /// Goes on from the newest checkpoint, if there is one.
    private func resume(_ stages: [Prepared]) throws -> Checkpoint.Record? {
        let names = model.detector.stages.map(\.name)
        let continuation = Continuation(
            folder: run.url.path, definition: definition, dependsOnLength: dependsOnLength, fingerprint: split.set.manifest.fingerprint,
            stages: zip(names, stages).map { ($0, $1.length) })
        let found = try run.newestCheckpoint(warn: { log.say("vigil: \($0)") }, check: { try continuation.check($0.record) })
        guard let checkpoint = found else { return nil }
        try model.load(checkpoint.state.tensors, from: checkpoint.folder.path)
        position = checkpoint.record.position
        log.say("resumed from \(checkpoint.folder.lastPathComponent), \(position)")
        try log.record(
            "resume",
            [
                "checkpoint": checkpoint.folder.lastPathComponent, "stage": names.dropFirst(position.stage).first ?? "none",
                "step": position.step,
                "total_steps": position.total, "state_sha256": checkpoint.record.stateSHA256,
            ])
        return checkpoint.record
    }

    /// A run that goes on has in its checkpoint what it fitted at its start.
    func fitTransforms() throws {
        guard let before = model.preprocessing.beforeFitted, let transform = model.preprocessing.fitted else { return }
        let fit = try TransformFit(of: transform, after: before, on: split.training(without: heldOut).flatMap { $0 }, of: split, group)
        model.preprocessing.statistics = fit.statistics
        read.bytes += fit.bytesRead
    }

    private func agreeAtStart() throws {
        let model = definition.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "\n")
        try group.agree(on: [
            ("Vigil's version", Array(Vigil.version.utf8)), ("the recipe", Array(sha256(Data(model.utf8)).utf8)),
            ("the set's fingerprint", Array(split.set.manifest.fingerprint.utf8)),
        ])
    }

    private func writeRecipe() throws {
        do { try Data(recipe.resolved.utf8).write(to: run.url.appendingPathComponent("recipe.yaml"), options: .atomic) } catch {
            throw Failure(
                .cannotCreate, "\(run.url.path)/recipe.yaml cannot be written: \(reason(of: error)); free space or choose another folder with --out")
        }
    }

    // MARK: Stages

    /// Returns why it stopped where that was before the end.
    private func run(_ steps: Steps) throws -> StopReason? {
        let executor = try StageExecutor(steps, of: self, from: position), last = steps.length
        let every = max(1, executor.stepsPerEpoch / 20)
        sound = Snapshot(of: model, at: position)
        let before = read
        while position.step < last {
            let outcome = try stopping.work { try executor.run(position) }
            read = before + executor.read
            position.advance(redraws: outcome.redraws)
            try check(outcome.losses)
            if position.step % every == 0 || position.step == last { try report(steps.name, executor, outcome, last: last) }
            let isAgreement = position.total % recipe.run.agree == 0, isOver = position.step == last
            // at the stage's end it is saved when the position has moved on
            let isSaved = !isOver && (outcome.stop != nil || isCheckpoint(stepsPerEpoch: executor.stepsPerEpoch))
            if isAgreement || isSaved || isOver {
                try noteSoundness()
                try agreeOnVariables()
            }
            if !isOver, let reason = outcome.stop { return reason }
            if isSaved { _ = try save() }
        }
        stepSeconds += executor.seconds
        waitingSeconds += executor.secondsWaiting
        return nil
    }

    /// - Throws: `NotFinite`, on all ranks, since losses are equal on all.
    private func check(_ losses: [(name: String, value: Double)]) throws {
        guard let loss = losses.first(where: { !$0.value.isFinite }) else { return }
        throw NotFinite(what: "\(loss.name) is \(loss.value.notFiniteName)", position: position)
    }

    /// Keeps the state as one to go back to. What gradients have made of the variables shows here even where the losses stayed finite.
    private func noteSoundness() throws {
        if let name = model.firstNotFinite { throw NotFinite(what: "\(name) is not finite", position: position) }
        sound = Snapshot(of: model, at: position)
    }

    private func explain(_ symptom: NotFinite, in steps: Steps) throws -> Failure {
        let sound = sound!
        log.say(
            "\(symptom.what) in step \(symptom.position.step) of \(steps.name); steps are repeated from \(sound.position.step) on to find out why")
        return try Diagnosis(stage: steps.name, step: steps.step, sound: sound, trainer: self)
            .explain(symptom, by: StageExecutor(steps, of: self, from: sound.position))
    }

    private func isCheckpoint(stepsPerEpoch: Int) -> Bool {
        position.step % stepsPerEpoch == 0 || recipe.run.checkpointEvery.map { position.total % $0 == 0 } ?? false
    }

    /// Returns why it stopped where that was before the end.
    private func runFit(_ pass: FitPass) throws -> StopReason? {
        guard position.step == 0 else { return nil }
        let reason = try pass.run(from: saved!)
        read = read + pass.read
        if let reason { return reason }
        position.advance()
        try log.record("fit", ["stage": pass.name, "samples": pass.samples.count])
        return nil
    }

    /// Makes state of totals over the scene that is trained on. Returns why it stopped where that was before the end: the next job begins
    /// the stage anew, for what it has by then is as large as what it reads.
    private func runScene(_ name: String, _ procedure: (Scene) throws -> [(Variable, [Double])]) throws -> StopReason? {
        guard position.step == 0 else { return nil }
        let own = Plan.Resources(team: resources.team, isa: resources.isa)
        do {
            let work = try SceneWork(
                of: split, model, seed: recipe.fields.seed, microbatch: recipe.microbatch, on: own, until: stopping, group)
            for (variable, values) in try procedure(work.scene) { model.state[variable] = values }
        } catch let interruption as SceneInterrupted { return interruption.reason }
        position.advance()
        try log.record("fit", ["stage": name, "samples": split.count])
        return nil
    }

    private func report(_ name: String, _ executor: StageExecutor, _ outcome: StageExecutor.Outcome, last: Int) throws {
        let epoch = Double(position.step) / Double(executor.stepsPerEpoch)
        var values: [String: Any] = Dictionary(uniqueKeysWithValues: outcome.losses.map { ($0.name, $0.value) })
        values.merge([
            "stage": name, "step": position.step, "epoch": epoch, "samples_per_second": executor.rate, "waiting_for_data": executor.waiting,
            "communicating": executor.communicating,
        ]) { $1 }
        try log.record("step", values)
        let numbers = outcome.losses + [("samples_per_second", executor.rate), ("communicating", executor.communicating)]
        try events?.scalars(numbers.map { ("\(name)/\($0.name)", $0.value) }, step: position.total)
        let losses = outcome.losses.map { "\($0.name) \(Vigil.short($0.value))" }.joined(separator: "  ")
        log.progress("\(name) \(position.step)/\(last)  \(losses)  \(Int(executor.rate)) samples/s", isLast: position.step == last)
    }

    private func agreeOnVariables() throws {
        let hashes = model.variables.map { name, variable in (name: name, hash: model.state.withBytes(of: variable) { Array(sha256(Data($0)).utf8) })
        }
        try group.agree(on: hashes, advice: "one of them computes wrongly or has bad memory; the same command goes on from the last checkpoint")
    }

    // MARK: Ends

    /// Saves on rank 0; the others go on when it has. What is saved already is not written again.
    private func save() throws -> Checkpoint.Record {
        if let saved, saved.position == position { return saved }
        let bytes = try stopping.save {
            let tensors = try model.tensors()
            return try run.onRankZero {
                let record = try Checkpoint.write(
                    tensors, at: position, model: definition,
                    fingerprint: split.set.manifest.fingerprint, form: SampleForm(of: split.set.manifest), in: run.url,
                    keep: recipe.run.checkpointKeep)
                return try JSONEncoder().encode(record)
            }
        }
        let record = try JSONDecoder().decode(Checkpoint.Record.self, from: bytes)
        // a job that is killed says by its last checkpoint what it took part in
        try log.record(
            "checkpoint", ["total_steps": position.total, "state_sha256": record.stateSHA256, "samples_read": read.ofRanks(group).map(\.samples)])
        saved = record
        try events?.histograms(model.detector.variables.map { ($0.name, model.values(of: $0.variable)) }, step: position.total)
        try events?.images(pictures?.images() ?? [], step: position.total)
        return record
    }

    private func stop(_ reason: StopReason) throws -> Int32 {
        let record = try save(), shares = try read.ofRanks(group)
        try log.record(
            "stop",
            [
                "reason": "\(reason)", "total_steps": position.total, "state_sha256": record.stateSHA256, "seconds": seconds,
                "core_hours": coreHours(seconds), "samples_read": shares.map(\.samples),
            ])
        if group.rank == 0 { MetricsFile.write(of: run.url) }
        log.say("stopped \(reason.rawValue) at \(position), saved as SHA-256 \(record.stateSHA256); run the same command to go on")
        return 75
    }

    /// That this job has taken so far.
    private var seconds: Double { Double((ContinuousClock.now - start).components.seconds) }
    private func coreHours(_ seconds: Double) -> Double { seconds * Double(group.count * resources.team.count) / 3600 }

    private func finish(_ record: Checkpoint.Record, isLast: Bool) throws {
        let shares = try read.ofRanks(group)
        let seconds = seconds
        try log.record(
            "end",
            [
                "seconds": seconds, "core_hours": coreHours(seconds), "total_steps": position.total,
                "state_sha256": record.stateSHA256, "bytes_read": shares.map(\.bytes), "samples_read": shares.map(\.samples), "finished": isLast,
                "step_seconds": stepSeconds, "waiting_seconds": waitingSeconds,
            ])
        if group.rank == 0 { MetricsFile.write(of: run.url) }
        log.say("trained \(position.total) steps in \(Int(seconds)) s; state.safetensors has SHA-256 \(record.stateSHA256)")
    }
}
