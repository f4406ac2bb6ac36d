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
    let model: Model, split: Split, heldOut: [Int]
    let resources: Plan.Resources
    private let log: Log
    private var position = Position()
    private let start = ContinuousClock.now
    /// Bytes and samples that this rank's loaders have read and given out.
    private var bytesRead = 0, samplesRead = 0

    /// Every rank opens the set and makes the detector; what can be wrong with the recipe is found here.
    public init(_ recipe: Recipe, in run: RunFolder, group: RankGroup) throws {
        (self.recipe, self.run, self.group) = (recipe, run, group)
        group.setStall(seconds: recipe.run.stall)
        let set = try openSet(recipe.fields.data, group)
        split = try set.split("train")
        heldOut = recipe.heldOut(of: split)
        model = try Model(recipe, of: set.manifest)
        resources = try makeResources(recipe, group)
        log = Log(group.rank == 0 ? run.url : nil)
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
        model.initialize(averages: stages.flatMap(\.averages))
        let resumed = try resume()
        try agreeAtStart()
        if resumed == nil { try fitTransforms() }
        try log.open()
        if group.rank == 0 { try writeRecipe() }
        try log.record("start", try Environment.description(of: self))
        StopRequest.listen()
        var record = try resumed?.record ?? save()
        let names = model.detector.stages.map(\.name), end = recipe.run.stage.flatMap(names.firstIndex).map { $0 + 1 } ?? stages.count
        for (number, stage) in stages.enumerated().prefix(end) where number >= position.stage {
            let before = position.total
            switch stage {
            case .steps(let name, let step, let order, let epochs):
                if try !runSteps(name, step, order, epochs: epochs) { return try stop() }
            case .fit(let pass): try runFit(pass)
            }
            if number + 1 < stages.count { (position.stage, position.step) = (number + 1, 0) }
            if position.total > before { record = try save() }
        }
        try finish(record, isLast: end == stages.count)
        if stages.count > end { log.say("run.stage ends it here; without that key the same command goes on with \(names[end])") }
        return 0
    }

    // MARK: Before the first step

    private enum Prepared {
        case steps(name: String, TrainingStep, Order, epochs: Int)
        case fit(FitPass)

        var averages: [(average: Variable, original: Variable)] { if case .steps(_, let step, _, _) = self { step.averages } else { [] } }
    }

    /// Traces a stage, which also makes known what its optimizers keep.
    private func prepare(_ stage: Stage) throws -> Prepared {
        switch stage.work {
        case .train(let epochs, let procedure):
            try checkRanks()
            let step = TrainingStep(
                of: model.detector, stage: stage.name, sample: model.sample, minibatch: recipe.fields.minibatch,
                microbatch: recipe.microbatch, store: model.store)
            procedure(step)
            if let error = step.trace.error { throw Failure(.internal, "\(recipe.fields.detector), stage \(stage.name): \(error)") }
            return .steps(name: stage.name, step, try order(stage.name, step), epochs: recipe.epochs(of: stage.name) ?? epochs)
        case .fit(let procedure):
            return .fit(try FitPass(stage.name, procedure, of: self))
        }
    }

    /// - Throws: where the split does not fill one step.
    private func order(_ stage: String, _ step: TrainingStep) throws -> Order {
        try Order(
            chunks: split.training(without: heldOut, includingAbnormal: step.asksForSupervision), minibatch: recipe.fields.minibatch, microbatch: recipe.microbatch,
            minibatchesPerStep: max(1, step.minibatchesPerStep()), seed: UInt64(recipe.fields.seed), purpose: stage)
    }

    /// Goes on from the newest checkpoint, if there is one.
    private func resume() throws -> Checkpoint? {
        let found = try run.newestCheckpoint(warn: { log.say("vigil: \($0)") }, check: { try checkPredecessor($0.record) })
        guard let checkpoint = found else { return nil }
        try model.load(checkpoint.state.tensors, from: checkpoint.folder.path)
        position = checkpoint.record.position
        log.say("resumed from \(checkpoint.folder.lastPathComponent), \(position)")
        return checkpoint
    }

    /// A run that goes on has in its checkpoint what it fitted at its start.
    private func fitTransforms() throws {
        guard let before = model.preprocessing.beforeStandardizing else { return }
        let fit = try TransformFit(before, on: split.training(without: heldOut).flatMap { $0 }, of: split, group)
        model.preprocessing.statistics = fit.statistics
        bytesRead += fit.bytesRead
    }

    private func checkPredecessor(_ record: Checkpoint.Record) throws {
        let now = Dictionary(uniqueKeysWithValues: recipe.model)
        // more epochs may be asked of a finished run
        let changed = Set(now.keys).union(record.model.keys).filter { !Recipe.isLength($0) && now[$0] != record.model[$0] }.sorted()
        if let first = changed.first {
            let list = changed.map { "\($0) is \(now[$0] ?? "absent") (was \(record.model[$0] ?? "absent"))" }.joined(separator: ", ")
            throw Failure(.usage, "\(run.url.path) was trained by another recipe: \(list); set \(first) back or choose another folder with --out")
        }
        guard record.fingerprint == split.set.manifest.fingerprint else {
            throw Failure(
                .usage,
                "\(run.url.path) was trained on other data: fingerprint \(record.fingerprint), now \(split.set.manifest.fingerprint); choose another folder with --out"
            )
        }
    }

    private func agreeAtStart() throws {
        let model = recipe.model.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
        try group.agree(on: [
            ("Vigil's version", Array(Vigil.version.utf8)), ("the recipe", Array(sha256(Data(model.utf8)).utf8)),
            ("the set's fingerprint", Array(split.set.manifest.fingerprint.utf8)), ("the position", Array("\(position)".utf8)),
        ])
    }

    private func writeRecipe() throws {
        do { try Data(recipe.resolved.utf8).write(to: run.url.appendingPathComponent("recipe.yaml"), options: .atomic) } catch {
            throw Failure(.cannotCreate, "\(run.url.path)/recipe.yaml cannot be written: \(error.localizedDescription)")
        }
    }

    // MARK: Stages

    /// Returns false where it was asked to stop.
    private func runSteps(_ name: String, _ step: TrainingStep, _ order: Order, epochs: Int) throws -> Bool {
        let planned = epochs * (order.minibatchesPerEpoch / max(1, step.minibatchesPerStep())), last = min(planned, recipe.steps(of: name) ?? planned)
        let executor = try StageExecutor(name, step, order, length: last, of: self, from: position)
        let every = max(1, executor.stepsPerEpoch / 20)
        while position.step < last {
            let outcome = try executor.run(position)
            position.step += 1
            position.total += 1
            position.redraws += outcome.redraws
            if position.step % every == 0 || position.step == last { try report(name, executor, outcome, last: last) }
            if position.total % recipe.run.agree == 0 { try agreeOnVariables() }
            if outcome.isAskedToStop { return false }
            // at the stage's end it is saved when the position has moved on
            if position.step < last, isCheckpoint(stepsPerEpoch: executor.stepsPerEpoch) { _ = try save() }
        }
        bytesRead += executor.bytesRead
        samplesRead += executor.samplesRead
        return true
    }

    private func isCheckpoint(stepsPerEpoch: Int) -> Bool {
        position.step % stepsPerEpoch == 0 || recipe.run.checkpointEvery.map { position.total % $0 == 0 } ?? false
    }

    private func runFit(_ pass: FitPass) throws {
        guard position.step == 0 else { return }
        try pass.run()
        position.step += 1
        position.total += 1
        bytesRead += pass.bytesRead
        samplesRead += pass.samplesRead
        try log.record("fit", ["stage": pass.name, "samples": pass.samples.count])
    }

    private func report(_ name: String, _ executor: StageExecutor, _ outcome: StageExecutor.Outcome, last: Int) throws {
        let epoch = Double(position.step) / Double(executor.stepsPerEpoch)
        var values: [String: Any] = Dictionary(uniqueKeysWithValues: outcome.losses.map { ($0.name, $0.value) })
        values.merge([
            "stage": name, "step": position.step, "epoch": epoch, "samples_per_second": executor.rate, "waiting_for_data": executor.waiting,
            "communicating": executor.communicating,
        ]) { $1 }
        try log.record("step", values)
        let losses = outcome.losses.map { "\($0.name) \(Vigil.short($0.value))" }.joined(separator: "  ")
        log.progress("\(name) \(position.step)/\(last)  \(losses)  \(Int(executor.rate)) samples/s", isLast: position.step == last)
    }

    private func agreeOnVariables() throws {
        let hashes = model.variables.map { name, variable in (name: name, hash: model.state.withBytes(of: variable) { Array(sha256(Data($0)).utf8) })
        }
        try group.agree(on: hashes)
    }

    // MARK: Ends

    /// Saves on rank 0; the others go on when it has.
    private func save() throws -> Checkpoint.Record {
        let tensors = try model.tensors()
        let bytes = try run.onRankZero {
            let record = try Checkpoint.write(
                tensors, at: position, model: Dictionary(uniqueKeysWithValues: recipe.model),
                fingerprint: split.set.manifest.fingerprint, in: run.url, keep: recipe.run.checkpointKeep)
            return try JSONEncoder().encode(record)
        }
        let record = try JSONDecoder().decode(Checkpoint.Record.self, from: bytes)
        try log.record("checkpoint", ["total_steps": position.total, "state_sha256": record.stateSHA256])
        return record
    }

    private func stop() throws -> Int32 {
        let record = try save()
        log.say("stopped as asked at \(position), saved as SHA-256 \(record.stateSHA256); run the same command to go on")
        return 75
    }

    private func finish(_ record: Checkpoint.Record, isLast: Bool) throws {
        let own = withUnsafeBytes(of: (Int64(bytesRead), Int64(samplesRead))) { Array($0) }
        let shares = try group.allGather(own).map {
            $0.withUnsafeBytes { ($0.loadUnaligned(as: Int64.self), $0.loadUnaligned(fromByteOffset: 8, as: Int64.self)) }
        }
        let seconds = Double((ContinuousClock.now - start).components.seconds)
        try log.record(
            "end",
            [
                "seconds": seconds, "core_hours": seconds * Double(group.count * resources.team.count) / 3600, "total_steps": position.total,
                "state_sha256": record.stateSHA256, "bytes_read": shares.map(\.0), "samples_read": shares.map(\.1), "finished": isLast,
            ])
        log.say("trained \(position.total) steps in \(Int(seconds)) s; state.safetensors has SHA-256 \(record.stateSHA256)")
    }
}
