import CKernels

extension Plan.Resources {
    /// Multiply-adds a second that this rank's threads reach together, out of registers: no kernel can be faster.
    /// Takes some tenths of a second.
    public func peakMultiplyAdds() -> Double {
        let kernel = PeakKernel(threads: team.count, table: isa.table)
        func rate() -> (seconds: Double, multiplyAdds: Double) {
            let time = ContinuousClock().measure { team.run(kernel) }
            let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
            return (seconds, Double(kernel.multiplyAdds) / seconds)
        }
        while rate().seconds < 0.01 { kernel.rounds *= 2 }
        return (0 ..< 9).reduce(0) { best, _ in max(best, rate().multiplyAdds) }
    }
}

/// As many multiply-adds in each thread, from registers alone.
private final class PeakKernel: Kernel {
    var rounds: Int64 = 1 << 8
    private let table: UnsafePointer<vk_table>, sinks: Table<Float>
    private let counts: Table<Int64>
    let tasks: Int, scratch = 0
    private static let apart = 16  // floats of a cache line

    init(threads: Int, table: UnsafePointer<vk_table>) {
        (tasks, self.table) = (threads, table)
        sinks = Table(Array(repeating: 0.5, count: threads * Self.apart))
        counts = Table(Array(repeating: 0, count: threads))
    }

    /// Of the last run.
    var multiplyAdds: Int64 { (0 ..< tasks).reduce(0) { $0 + counts.pointer[$1] } }

    func run(_ task: Int, scratch: Floats) {
        let sink = sinks.pointer + task * Self.apart
        (sink[0], sink[1]) = (0.5, 0.5)
        counts.pointer[task] = table.pointee.peak(rounds, sink)
    }
}
