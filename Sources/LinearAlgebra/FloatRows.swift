import COpenBLAS

/// Rows of Floats, of which totals and lengths are formed in Double a few rows at a time, so that the Doubles stay in the processor's cache.
public struct FloatRows {
    public let rows: Int, columns: Int
    private let values: [Float]

    public init(_ values: [Float], columns: Int) {
        precondition(columns > 0 && values.count % columns == 0, "\(values.count) numbers in rows of \(columns)")
        (self.values, self.columns, rows) = (values, columns, values.count / columns)
    }

    /// The sum of the rows.
    public var sum: [Double] {
        var sums = Array(repeating: 0.0, count: columns)
        sums.withUnsafeMutableBufferPointer { sums in
            values.withUnsafeBufferPointer { values in
                for start in stride(from: 0, to: values.count, by: columns) {
                    for place in 0 ..< columns { sums[place] += Double(values[start + place]) }
                }
            }
        }
        return sums
    }

    /// Σ (row − center)ᵀ · (row − center).
    public func scatter(about center: [Double]) -> Matrix {
        var result = Matrix(rows: columns, columns: columns)
        eachPart(less: center) { part, count in
            cblas_dsyrk(
                CblasRowMajor, CblasUpper, CblasTrans, Int32(columns), Int32(count), 1, part.baseAddress, Int32(columns), 1, &result.values,
                Int32(columns))
        }
        for row in 0 ..< columns { for column in 0 ..< row { result[row, column] = result[column, row] } }
        return result
    }

    /// The squared length of triangle · (row − center), of each row.
    /// - Parameter triangle: [columns, columns], of which the upper triangle is read.
    public func squaredLengths(after triangle: Matrix, less center: [Double]) -> [Double] {
        precondition(triangle.rows == columns && triangle.columns == columns, "a triangle of \(triangle.rows)×\(triangle.columns) for \(columns)")
        var lengths: [Double] = []
        lengths.reserveCapacity(rows)
        eachPart(less: center) { part, count in
            cblas_dtrmm(
                CblasRowMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, Int32(count), Int32(columns), 1, triangle.values, Int32(columns),
                part.baseAddress, Int32(columns))
            for row in 0 ..< count {
                let first = part.baseAddress! + row * columns
                lengths.append(cblas_ddot(Int32(columns), first, 1, first, 1))
            }
        }
        return lengths
    }

    /// The squared length of matrix · (row − center), of each row.
    public func squaredLengths(by matrix: Matrix, less center: [Double]) -> [Double] {
        var lengths: [Double] = []
        lengths.reserveCapacity(rows)
        var product = Array(repeating: 0.0, count: min(rows, partRows) * matrix.rows)
        eachPart(less: center) { part, count in
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), Int32(matrix.rows), Int32(columns), 1, part.baseAddress, Int32(columns),
                matrix.values, Int32(columns), 0, &product, Int32(matrix.rows))
            product.withUnsafeBufferPointer { product in
                for row in 0 ..< count {
                    let first = product.baseAddress! + row * matrix.rows
                    lengths.append(cblas_ddot(Int32(matrix.rows), first, 1, first, 1))
                }
            }
        }
        return lengths
    }

    /// Rows whose Doubles take 256 KiB.
    private var partRows: Int { max(1, 32768 / columns) }

    /// Gives some rows at a time in Double, less a center, to be read or overwritten.
    private func eachPart(less center: [Double], _ body: (_ part: UnsafeMutableBufferPointer<Double>, _ count: Int) -> Void) {
        precondition(center.count == columns, "a center of \(center.count) for \(columns) columns")
        openblas_set_num_threads(1)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: min(rows, partRows) * columns) { part in
            for first in stride(from: 0, to: rows, by: partRows) {
                let count = min(partRows, rows - first)
                values.withUnsafeBufferPointer { values in
                    center.withUnsafeBufferPointer { center in
                        for row in 0 ..< count {
                            let (from, to) = ((first + row) * columns, row * columns)
                            for place in 0 ..< columns { part[to + place] = Double(values[from + place]) - center[place] }
                        }
                    }
                }
                body(part, count)
            }
        }
    }
}

extension Matrix {
    /// The upper triangle R [columns, columns] with Rᵀ · R = matrixᵀ · matrix, so that R · x is as long as matrix · x (LAPACK's dgelqf).
    /// - Precondition: as many rows as columns, or more.
    public var triangle: Matrix {
        precondition(rows >= columns, "a triangle of \(rows)×\(columns)")
        openblas_set_num_threads(1)
        // by columns it is the transposed matrix, L · Q, and L by columns is R by rows
        var (a, m, n, info) = (values, Int32(columns), Int32(rows), Int32(0)), scales = Array(repeating: 0.0, count: columns)
        var workCount = Int32(64 * max(1, columns)), work = Array(repeating: 0.0, count: Int(workCount))
        dgelqf_(&m, &n, &a, &m, &scales, &work, &workCount, &info)
        precondition(info == 0, "LAPACK dgelqf: \(info)")
        var result = Matrix(rows: columns, columns: columns)
        for row in 0 ..< columns { for column in row ..< columns { result[row, column] = a[row * columns + column] } }
        return result
    }
}
