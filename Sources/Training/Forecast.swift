import Datasets
import Detectors
import Foundation
import Graphs
import Plans
import Ranks

/// What training by a recipe will take: steps, hours, memory, disk, before anything is queued. One rank of a small part of a step is
/// measured here; what follows from it for all ranks is said to be estimated.
public struct Forecast {
    public struct Stage {
        public let name: String
        /// Steps, and samples that each takes; a fit is one step over the split.
        public let steps: Int, samplesPerStep: Int
        /// Seconds on all ranks together, communication and reading not counted.
        public let seconds: Double
        /// Bytes between the beginning and the end of a step, on the rank that has most.
        public let arenaBytes: Int
    }
    /// Where the hours come from.
    public enum Rate { case measured, given(samplesPerSecond: Double) }

    public let recipe: Recipe
    public let ranks: Int
    /// Microbatches of a minibatch: the most ranks that can share it.
    public let lanes: Int
    /// Whether it trains in steps; a fit's blocks any number of ranks can share.
    public let hasSteps: Bool
    public let samples: Int
    /// Whether `samples` is the exact number, or the expected one, since which samples are held out stands in shards that are not here.
    public let isExact: Bool
    public let stages: [Stage]
    public let rate: Rate
    /// Bytes on the rank that has most.
    public let variableBytes: Int, loaderBytes: Int
    /// Of the split's shards.
    public let shardBytes: Int
    /// Whether ranks hold the whole split, so that its shards are read once; else they are read once an epoch.
    public let holdsSplit: Bool

    public var totalSteps: Int { stages.reduce(0) { $0 + $1.steps } }
    public var seconds: Double { stages.reduce(0) { $0 + $1.seconds } }
    /// Of one checkpoint, its header aside.
    public var checkpointBytes: Int { variableBytes }
    public var memoryBytes: Int { variableBytes + loaderBytes + (stages.map(\.arenaBytes).max() ?? 0) }
}

extension Forecast {
    /// Opens the set, traces all stages, and measures their steps unless a rate is given.
    ///
    /// - Parameters:
    ///   - rate: samples a second that all ranks together train, from a log or `vigil bench`; nil to measure.
    ///   - seconds: how long to measure each stage.
    public init(_ recipe: Recipe, ranks: Int, rate: Double?, seconds: Double = 2) throws {
        let minibatch = recipe.fields.minibatch, lanes = minibatch.quotientRoundedUp(recipe.microbatch)
        let data = try TrainingData(recipe)
        let measured = try Measurement(recipe, data, ranks: ranks, lanes: lanes, rate: rate, seconds: seconds)
        defer { measured.resources.team.end() }
        guard ranks <= lanes || !measured.hasSteps else {
            throw Failure(
                .usage,
                "--ranks \(ranks) cannot share minibatch \(minibatch), which has \(lanes) microbatches of \(recipe.microbatch); give at most \(lanes), "
                    + "or another minibatch or microbatch in the recipe (which makes another model)")
        }
        (self.recipe, self.ranks, self.lanes, samples, isExact) = (recipe, ranks, lanes, data.samples, data.isExact)
        (holdsSplit, shardBytes) = (data.holdsSplit(lanes: lanes), data.split.shards.reduce(0) { $0 + $1.bytes })
        self.rate = rate.map { .given(samplesPerSecond: $0) } ?? .measured
        hasSteps = measured.hasSteps
        stages = try measured.stages()
        variableBytes = measured.variableBytes
        // minibatches lie ready beside the one in the plan
        loaderBytes = data.heldBytes(lanes: lanes) + (1 + Loader.minibatchesAhead(bytes: measured.inputBytes)) * measured.inputBytes
    }
}

/// Sizes and times of stages, found on one rank with a part of what the rank with the largest share has: at most two microbatches.
private struct Measurement {
    let resources: Plan.Resources
    private let recipe: Recipe, data: TrainingData
    private let ranks: Int, rate: Double?, seconds: Double
    /// Microbatches of the largest share, and those of them that are tried.
    private let share: Int, part: Int
    /// Of one microbatch, and of the part.
    private let one: Schedule, several: Schedule

    init(_ recipe: Recipe, _ data: TrainingData, ranks: Int, lanes: Int, rate: Double?, seconds: Double) throws {
        (self.recipe, self.data, self.ranks, self.rate, self.seconds) = (recipe, data, ranks, rate, seconds)
        share = lanes.quotientRoundedUp(ranks)
        part = min(share, 2)
        let sample = Shape(data.manifest.shape), size = recipe.microbatch, minibatch = recipe.fields.minibatch
        one = try Schedule(recipe, sample: sample, minibatch: min(size, minibatch))
        several = try Schedule(recipe, sample: sample, minibatch: min(part * size, minibatch))
        for schedule in [one, several] { schedule.model.initialize() }
        resources = try makeResources(recipe, .alone())
    }

    func stages() throws -> [Forecast.Stage] { try zip(one.stages, several.stages).map(stage) }

    private func stage(_ first: Schedule.Part, _ second: Schedule.Part) throws -> Forecast.Stage {
        guard case .steps(let epochs, let minibatchesPerStep) = second.kind else {
            let (arenaBytes, time) = try measure(second, of: several),
                blocks = data.samples.quotientRoundedUp(second.minibatch).quotientRoundedUp(ranks)
            // every block is seen twice
            let seconds = 2 * (rate.map { Double(data.samples) / $0 } ?? Double(blocks) * time)
            return Forecast.Stage(name: second.name, steps: 1, samplesPerStep: data.samples, seconds: seconds, arenaBytes: arenaBytes)
        }
        let samplesPerStep = recipe.fields.minibatch * minibatchesPerStep, stepsPerEpoch = data.samples / samplesPerStep
        guard stepsPerEpoch > 0 else {
            throw Failure(
                .usage,
                "\(recipe.fields.data): \(data.samples) samples do not fill one step of \(samplesPerStep); take a smaller minibatch or more samples")
        }
        let planned = epochs * stepsPerEpoch, steps = min(planned, recipe.steps(of: second.name) ?? planned)
        let (small, _) = try measure(first, of: one, isTimed: false), (large, time) = try measure(second, of: several)
        let step = rate.map { Double(samplesPerStep) / $0 } ?? time * Double(share) / Double(part)
        return Forecast.Stage(
            name: second.name, steps: steps, samplesPerStep: samplesPerStep, seconds: Double(steps) * step,
            // beyond two microbatches an arena grows by as much with each
            arenaBytes: large + (share - part) * (large - small))
    }

    private func measure(_ part: Schedule.Part, of schedule: Schedule, isTimed: Bool = true) throws -> (arenaBytes: Int, seconds: Double) {
        let plan = try schedule.plan(part, on: resources)
        return (plan.arenaBytes, rate == nil && isTimed ? try plan.secondsOfRun(within: seconds) : 0)
    }

    /// Whether there are steps, which ranks share by microbatches; a fit's blocks any number of ranks can share.
    var hasSteps: Bool { several.stages.contains(where: \.isShared) }
    var variableBytes: Int { several.model.variables.reduce(0) { $0 + ($1.variable.shape.rank == 0 ? 8 : 4 * $1.variable.shape.count) } }

    /// Of what a step is given, at most.
    var inputBytes: Int { several.stages.filter(\.isShared).map { $0.inputBytes(samples: share * recipe.microbatch) }.max() ?? 0 }
}

/// What a set tells of training without reading its samples: exactly where the shards are there, else by the manifest alone.
private struct TrainingData {
    let manifest: Manifest, split: Manifest.Split
    let samples: Int, isExact: Bool
    private let chunks: Int

    init(_ recipe: Recipe) throws {
        let path = recipe.fields.data, manifest = try sharedManifest(path, .alone())
        let name = manifest.scene == nil ? "train" : Manifest.Scene.split
        guard let split = manifest.splits.first(where: { $0.name == name }) else {
            throw Failure(.usage, "\(path): \(manifest.name) has no split \"train\"; it has \(manifest.splits.map(\.name).joined(separator: ", "))")
        }
        (self.manifest, self.split) = (manifest, split)
        isExact = split.shards.allSatisfy { FileManager.default.fileExists(atPath: "\(path)/\($0.file)") }
        let kept = isExact ? try Self.kept(of: recipe) : Self.expected(of: manifest, split, recipe)
        (samples, chunks) = (kept.samples, kept.chunks)
    }

    /// As training takes them.
    private static func kept(of recipe: Recipe) throws -> (samples: Int, chunks: Int) {
        let path = recipe.fields.data, set = try openSet(path, .alone()), split: Split
        do { split = try set.split("train") } catch { throw Failure(error, in: path) }
        let heldOut = recipe.heldOut(of: split)
        let chunks = split.training(without: heldOut).filter { !$0.isEmpty }
        return (chunks.reduce(0) { $0 + $1.count }, chunks.count)
    }

    /// By what is usual: chunks of a MiB.
    private static func expected(of manifest: Manifest, _ split: Manifest.Split, _ recipe: Recipe) -> (samples: Int, chunks: Int) {
        let normals = manifest.classes.filter(\.normal).reduce(0) { $0 + $1.counts[split.name, default: 0] }
        return (Int((Double(normals) * (1 - recipe.fields.heldOut)).rounded()), max(1, split.count * manifest.sampleByteCount >> 20))
    }

    /// As `Order.permutesSamples`.
    func holdsSplit(lanes: Int) -> Bool { chunks < Order.chunksPerLane * lanes }

    /// Decoded samples that a rank keeps.
    func heldBytes(lanes: Int) -> Int {
        let all = split.count * manifest.sampleByteCount
        return holdsSplit(lanes: lanes) ? all : min(all, Loader.memoryLimit)
    }
}

extension Plan {
    /// The median of several runs after one to warm up, as many as fit into some seconds.
    fileprivate func secondsOfRun(within limit: Double) throws -> Double {
        func time() throws -> Double {
            let time = try ContinuousClock().measure { try run() }
            return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        }
        let first = try time()
        var times: [Double] = []
        repeat { times.append(try time()) } while times.count < 9 && times.reduce(first, +) < limit
        return times.sorted()[times.count / 2]
    }
}
