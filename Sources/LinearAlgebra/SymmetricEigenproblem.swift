import COpenBLAS

/// What LAPACK could not do, in one sentence.
public struct LinearAlgebraError: Error, CustomStringConvertible {
    public let description: String
}

/// The eigenvalues of a symmetric matrix, smallest first, and unit eigenvectors, by LAPACK on one thread.
public struct SymmetricEigenproblem {
    public let values: [Double]
    /// Vector k is `vectors[k·n ..< (k + 1)·n]`; its largest element is positive, so that it is determined.
    public let vectors: [Double]

    /// - Parameter matrix: n × n, of which the lower triangle (row by row the upper) is read.
    /// - Throws: where an element is not finite, or LAPACK does not converge.
    public init(_ matrix: [Double], size n: Int) throws(LinearAlgebraError) {
        precondition(matrix.count == n * n, "\(matrix.count) elements for a matrix of \(n)×\(n)")
        guard matrix.allSatisfy(\.isFinite) else {
            throw LinearAlgebraError(description: "the \(n)×\(n) matrix has elements that are not finite numbers; look for samples that are not")
        }
        openblas_set_num_threads(1)
        var (a, values, size, info) = (matrix, Array(repeating: 0.0, count: n), Int32(n), Int32(0))
        func solve(_ work: inout [Double], _ count: Int32, _ integers: inout [Int32], _ integerCount: Int32) {
            var (count, integerCount) = (count, integerCount)
            dsyevd_("V", "L", &size, &a, &size, &values, &work, &count, &integers, &integerCount, &info, 1, 1)
        }
        var (work, integers) = ([0.0], [Int32(0)])
        solve(&work, -1, &integers, -1)
        let (needed, integersNeeded) = (Int32(work[0]), integers[0])
        work = Array(repeating: 0, count: Int(needed))
        integers = Array(repeating: 0, count: Int(integersNeeded))
        solve(&work, needed, &integers, integersNeeded)
        guard info == 0 else {
            throw LinearAlgebraError(
                description: "the eigenvalues of the \(n)×\(n) matrix were not found (LAPACK dsyevd: \(info)); scale the data otherwise")
        }
        for vector in 0 ..< n {
            let range = vector * n ..< (vector + 1) * n
            if a[range].max(by: { abs($0) < abs($1) })! < 0 { for place in range { a[place].negate() } }
        }
        (self.values, vectors) = (values, a)
    }
}
