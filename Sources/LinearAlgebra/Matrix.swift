import COpenBLAS

/// A matrix of Doubles, row after row, for algebra by OpenBLAS on one thread: the same shapes give the same bits.
public struct Matrix: Equatable, Sendable {
    public let rows: Int, columns: Int
    public var values: [Double]

    public init(rows: Int, columns: Int, _ values: [Double]) {
        precondition(values.count == rows * columns, "\(values.count) elements for a matrix of \(rows)×\(columns)")
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    public init(rows: Int, columns: Int) { self.init(rows: rows, columns: columns, Array(repeating: 0, count: rows * columns)) }

    public subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    /// A row.
    public subscript(row: Int) -> ArraySlice<Double> { values[row * columns ..< (row + 1) * columns] }

    public var transposed: Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for row in 0 ..< rows { for column in 0 ..< columns { result.values[column * rows + row] = values[row * columns + column] } }
        return result
    }

    /// Of a square matrix.
    public var trace: Double { (0 ..< min(rows, columns)).reduce(0) { $0 + self[$1, $1] } }

    /// With a number added to each element of the diagonal.
    public func addingToDiagonal(_ number: Double) -> Matrix {
        var result = self
        for place in 0 ..< min(rows, columns) { result[place, place] += number }
        return result
    }

    /// With a row taken off each row.
    public func subtractingFromRows(_ row: [Double]) -> Matrix {
        precondition(row.count == columns, "a row of \(row.count) for \(columns) columns")
        var result = self
        for start in stride(from: 0, to: values.count, by: columns) { for place in 0 ..< columns { result.values[start + place] -= row[place] } }
        return result
    }

    /// The mean of the rows.
    public var meanRow: [Double] {
        var sums = Array(repeating: 0.0, count: columns)
        for start in stride(from: 0, to: values.count, by: columns) { for place in 0 ..< columns { sums[place] += values[start + place] } }
        return sums.map { $0 / Double(rows) }
    }

    public static func - (left: Matrix, right: Matrix) -> Matrix {
        precondition(left.rows == right.rows && left.columns == right.columns, "a difference of matrices of different sizes")
        return Matrix(rows: left.rows, columns: left.columns, zip(left.values, right.values).map { $0 - $1 })
    }

    public static func + (left: Matrix, right: Matrix) -> Matrix {
        precondition(left.rows == right.rows && left.columns == right.columns, "a sum of matrices of different sizes")
        return Matrix(rows: left.rows, columns: left.columns, zip(left.values, right.values).map { $0 + $1 })
    }

    public static func * (left: Matrix, right: Double) -> Matrix { left.mapped { $0 * right } }
    public static func / (left: Matrix, right: Double) -> Matrix { left.mapped { $0 / right } }
    /// A function of each element.
    public func mapped(_ body: (Double) -> Double) -> Matrix { Matrix(rows: rows, columns: columns, values.map(body)) }
    /// The sum of the squares of all elements.
    public var squaredLength: Double { values.reduce(0) { $0 + $1 * $1 } }

    public static func * (left: Matrix, right: Matrix) -> Matrix { product(left, right, CblasNoTrans, CblasNoTrans) }
    /// left · rightᵀ.
    public static func timesTransposed(_ left: Matrix, _ right: Matrix) -> Matrix { product(left, right, CblasNoTrans, CblasTrans) }
    /// leftᵀ · right.
    public static func transposedTimes(_ left: Matrix, _ right: Matrix) -> Matrix { product(left, right, CblasTrans, CblasNoTrans) }

    private static func product(_ left: Matrix, _ right: Matrix, _ leftForm: CBLAS_TRANSPOSE, _ rightForm: CBLAS_TRANSPOSE) -> Matrix {
        let (m, k) = leftForm == CblasNoTrans ? (left.rows, left.columns) : (left.columns, left.rows)
        let (inner, n) = rightForm == CblasNoTrans ? (right.rows, right.columns) : (right.columns, right.rows)
        precondition(k == inner, "a product of \(m)×\(k) by \(inner)×\(n)")
        var result = Matrix(rows: m, columns: n)
        guard m > 0, n > 0, k > 0 else { return result }
        openblas_set_num_threads(1)
        cblas_dgemm(
            CblasRowMajor, leftForm, rightForm, Int32(m), Int32(n), Int32(k), 1, left.values, Int32(left.columns), right.values, Int32(right.columns),
            0, &result.values, Int32(n))
        return result
    }

    /// The product of the matrix with its own transpose on the left: of n rows, Σ rowᵀ · row.
    public var gram: Matrix {
        var result = Matrix(rows: columns, columns: columns)
        guard rows > 0, columns > 0 else { return result }
        openblas_set_num_threads(1)
        cblas_dsyrk(
            CblasRowMajor, CblasUpper, CblasTrans, Int32(columns), Int32(rows), 1, values, Int32(columns), 0, &result.values, Int32(columns))
        for row in 0 ..< columns { for column in 0 ..< row { result.values[row * columns + column] = result.values[column * columns + row] } }
        return result
    }
}

/// The Cholesky factor of a positive definite matrix.
public struct CholeskyFactor {
    private let factor: [Double], size: Int

    /// - Parameter matrix: symmetric, of which the upper triangle is read.
    /// - Throws: where it is not positive definite.
    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        precondition(matrix.rows == matrix.columns, "a factor of \(matrix.rows)×\(matrix.columns)")
        openblas_set_num_threads(1)
        var (a, n, info) = (matrix.values, Int32(matrix.rows), Int32(0))
        dpotrf_("L", &n, &a, &n, &info, 1)
        guard info == 0 else {
            throw LinearAlgebraError(
                description:
                    "the \(n)×\(n) matrix is not positive definite (LAPACK dpotrf: \(info)); leave out constant bands, or add more to its diagonal"
            )
        }
        (factor, size) = (a, matrix.rows)
    }

    /// The x of matrix · x = right side.
    public func solve(_ right: [Double]) -> [Double] {
        precondition(right.count == size, "a right side of \(right.count) for \(size)")
        var (b, n, one, info) = (right, Int32(size), Int32(1), Int32(0))
        dpotrs_("L", &n, &one, factor, &n, &b, &n, &info, 1)
        precondition(info == 0, "LAPACK dpotrs: \(info)")
        return b
    }
}

/// The x of matrix · x = right side, for a symmetric matrix that need not be positive definite (LAPACK's dsysv).
/// - Parameter matrix: of which the upper triangle is read.
/// - Throws: where it is singular.
public func solveSymmetric(_ matrix: Matrix, _ right: [Double]) throws(LinearAlgebraError) -> [Double] {
    precondition(matrix.rows == matrix.columns && right.count == matrix.rows, "\(matrix.rows)×\(matrix.columns) and \(right.count)")
    openblas_set_num_threads(1)
    var (a, b, n, one, info) = (matrix.values, right, Int32(matrix.rows), Int32(1), Int32(0))
    var pivots = Array(repeating: Int32(0), count: right.count), workCount = Int32(64 * right.count)
    var work = Array(repeating: 0.0, count: max(1, Int(workCount)))
    workCount = max(1, workCount)
    dsysv_("L", &n, &one, &a, &n, &pivots, &b, &n, &work, &workCount, &info, 1)
    guard info == 0 else {
        throw LinearAlgebraError(description: "the \(n)×\(n) system is singular (LAPACK dsysv: \(info)); add more to its diagonal")
    }
    return b
}
