import COpenBLAS

/// Multiply-adds a second of OpenBLAS's product of two n × n matrices of Float, on one thread: a yardstick. The best of some.
public func singleProductRate(size n: Int, repetitions: Int = 5) -> Double {
    openblas_set_num_threads(1)
    let elements = (0 ..< n * n).map { Float($0 % 17) / 16 - 0.5 }
    var result = Array(repeating: Float(0), count: n * n), best = 0.0
    for _ in 0 ... repetitions {  // the first warms up
        let time = ContinuousClock().measure {
            let size = Int32(n)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, elements, size, elements, size, 0, &result, size)
        }
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        best = max(best, Double(n * n * n) / seconds)
    }
    return best
}
