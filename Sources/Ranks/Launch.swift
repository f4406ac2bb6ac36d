/// How this process was started, by the environment that launchers leave.
struct Launch {
    /// Whether a launcher that MPI can ask started this process.
    let startsMPI: Bool
    /// How many processes were started together, and the variable that says so.
    let started: (count: Int, variable: String)?

    /// `variable` looks up the environment.
    init(_ variable: (String) -> String?) {
        let own = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"]
        startsMPI = own.contains { variable($0) != nil }
        // An mpirun inside a Slurm job starts its own number of ranks, so its word comes before Slurm's, whose count is then that of
        // mpirun's daemons. Slurm's holds only in what it started as a task.
        let slurm = variable("SLURM_PROCID") == nil ? [] : ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"]
        started =
            (["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] + slurm)
            .compactMap { name in variable(name).flatMap { Int($0) }.map { (count: $0, variable: name) } }.first
    }

    /// Throws where more processes were started than MPI knows of.
    func check(count: Int) throws(RankError) {
        guard let started, started.count > count else { return }
        let advice =
            started.variable.hasPrefix("SLURM")
            ? "start it by mpirun, or by srun with the --mpi= type of this MPI (srun --mpi=list), or with --ntasks=1 where one process is meant"
            : "start it by the mpirun of the MPI it was built with"
        throw RankError(
            "\(started.count) processes were started (\(started.variable)), but MPI has brought together \(count), so each would train by "
                + "itself; \(advice)", exitCode: 64)
    }
}
