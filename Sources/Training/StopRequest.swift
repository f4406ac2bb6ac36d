import Glibc
import Synchronization

/// Whether a signal has asked this process to save and stop. A handler only sets the flag; ranks agree on it at a step's end.
enum StopRequest {
    private static let flag = Atomic<Bool>(false)
    static var isMade: Bool { flag.load(ordering: .relaxed) }

    /// From now on SIGUSR1, which mpirun passes on to every rank, and SIGTERM ask to stop; a second one ends the process.
    static func listen() {
        for number in [SIGUSR1, SIGTERM] {
            signal(number) { number in
                StopRequest.flag.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }
}
