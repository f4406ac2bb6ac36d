import Glibc

/// How this process was started, by the environment that launchers leave.
struct Launch {
    /// Whether a launcher that MPI can ask started this process.
    let startsMPI: Bool
    /// How many processes were started together, and the variable that says so.
    let started: (count: Int, variable: String)?
    /// This process's place among those, 0 where nothing says.
    let rank: Int

    private static let tasksOfJob = "SLURM_NTASKS"

    /// As this process was started.
    static var here: Launch { Launch { name in getenv(name).map { String(cString: $0) } } }

    /// `variable` looks up the environment.
    init(_ variable: (String) -> String?) {
        func first(_ names: [String]) -> (count: Int, variable: String)? {
            for name in names { if let number = variable(name).flatMap({ Int($0) }) { return (number, name) } }
            return nil
        }
        startsMPI = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"].contains { variable($0) != nil }
        // An mpirun inside a Slurm job starts its own number of ranks, so its word comes before Slurm's, whose count is then that of
        // mpirun's daemons. Slurm's holds only in what it started: the tasks of a step, and a job's script, which has no step.
        let slurm = variable("SLURM_PROCID") == nil ? [] : ["SLURM_STEP_NUM_TASKS", Self.tasksOfJob]
        started = first(["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] + slurm)
        rank = first(["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"])?.count ?? 0
    }

    /// Throws where more processes were started than MPI knows of.
    func check(count: Int) throws(RankError) {
        guard let started, started.count > count else { return }
        let bySlurm = "start it by mpirun, or by srun with the --mpi= type of this MPI (srun --mpi=list), or "
        if started.variable == Self.tasksOfJob {
            throw RankError(
                "Slurm gave this job \(started.count) tasks (\(started.variable)), but its script has started one process without a launcher, which "
                    + "would train by itself; \(bySlurm)by srun --ntasks=1 where one process is meant", exitCode: 64)
        }
        let advice =
            started.variable.hasPrefix("SLURM")
            ? "\(bySlurm)with --ntasks=1 where one process is meant" : "start it by the mpirun of the MPI it was built with"
        throw RankError(
            "\(started.count) processes were started (\(started.variable)), but MPI has brought together \(count), so each would train by "
                + "itself; \(advice)", exitCode: 64)
    }
}
