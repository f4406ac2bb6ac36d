import Foundation

extension Forecast {
    /// For people: what it takes, and a header for Slurm.
    public var text: String {
        func counted(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
        let most = hasSteps ? "; \(lanes == 1 ? "1 microbatch" : "\(lanes) microbatches") a minibatch, so at most \(counted(lanes, "rank"))" : ""
        var lines = [
            recipe.outline, "\(isExact ? "" : "about ")\(counted(samples, "sample")) to train on\(most)",
            "\(counted(ranks, "rank")) of \(counted(recipe.run.threads, "thread"))",
        ]
        lines += stages.map { stage in
            "stage \(stage.name): \(counted(stage.steps, "step")) of \(stage.samplesPerStep) samples, \(Self.duration(stage.seconds)), "
                + "arena \(Self.size(stage.arenaBytes))"
        }
        let source =
            switch rate {
            case .measured: "measured on one rank of this machine now; sums over ranks and reading not counted"
            case .given(let rate): "by the given rate of \(Vigil.short(rate)) samples a second"
            }
        lines += [
            "all: \(counted(totalSteps, "step")), \(Self.duration(seconds)) (\(source))",
            "memory of a rank: \(Self.size(memoryBytes)), of it variables with optimizers \(Self.size(variableBytes)), "
                + "samples \(Self.size(loaderBytes)), beside the program itself",
            "a checkpoint: \(Self.size(checkpointBytes)); \(recipe.run.checkpointKeep) are kept",
            holdsSplit
                ? "reading: \(Self.size(shardBytes)) by each rank, once, as the split is held in memory"
                : "reading: \(Self.size(shardBytes)) an epoch, by all ranks together",
            "", slurmHeader,
        ]
        return lines.joined(separator: "\n")
    }

    /// Lines for the top of a batch script. The time has half as much again and ten minutes to spare, the memory a quarter and what
    /// the program and MPI take.
    public var slurmHeader: String {
        let minutes = Int((seconds * 1.5 / 60).rounded(.up)) + 10, megabytes = memoryBytes / 1_000_000 * 5 / 4 + 300
        return """
            #SBATCH --job-name=vigil-\(recipe.fields.detector)
            #SBATCH --ntasks=\(ranks)
            #SBATCH --cpus-per-task=\(recipe.run.threads)
            #SBATCH --mem-per-cpu=\(megabytes.quotientRoundedUp(recipe.run.threads))M
            #SBATCH --time=\(minutes / 1440)-\(Self.two(minutes / 60 % 24)):\(Self.two(minutes % 60)):00
            #SBATCH --signal=B:USR1@120 --requeue --open-mode=append
            """
    }

    /// For programs.
    public var json: [String: Any] {
        var json: [String: Any] = [
            "detector": recipe.fields.detector, "data": recipe.fields.data, "ranks": ranks, "threads": recipe.run.threads, "lanes": lanes,
            "maximum_ranks": lanes, "samples": samples, "samples_are_exact": isExact, "total_steps": totalSteps, "seconds": seconds,
            "memory_bytes_per_rank": memoryBytes, "variable_bytes": variableBytes, "sample_bytes_per_rank": loaderBytes,
            "checkpoint_bytes": checkpointBytes, "shard_bytes": shardBytes, "split_is_held_in_memory": holdsSplit, "slurm_header": slurmHeader,
            "stages": stages.map { stage -> [String: Any] in
                [
                    "name": stage.name, "steps": stage.steps, "samples_per_step": stage.samplesPerStep, "seconds": stage.seconds,
                    "arena_bytes": stage.arenaBytes,
                ]
            },
        ]
        if case .given(let rate) = rate { json["given_samples_per_second"] = rate } else { json["rate"] = "measured" }
        return json
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func duration(_ seconds: Double) -> String {
        seconds < 60
            ? String(format: "%.1f s", seconds) : seconds < 3600 ? String(format: "%.1f min", seconds / 60) : String(format: "%.1f h", seconds / 3600)
    }

    private static func size(_ bytes: Int) -> String {
        let (unit, name) = bytes < 1 << 20 ? (0x1p10, "KiB") : bytes < 1 << 30 ? (0x1p20, "MiB") : (0x1p30, "GiB")
        return String(format: "%.1f %@", Double(bytes) / unit, name)
    }
}
