import LinearAlgebra
import Testing

/// What is formed of a few rows at a time, beside the same by whole matrices.
@Suite struct FloatRowsTests {
    /// Several parts, the last one short; the last columns are far from 0 and vary little.
    private let values = (0 ..< 250 * 300).map { place -> Float in
        let (row, column) = place.quotientAndRemainder(dividingBy: 300)
        return Float((row * 7919 + column * 104_729 + row * column * 31) % 1009) / 1009 + (column > 290 ? 1000 : 0)
    }
    private var rows: FloatRows { FloatRows(values, columns: 300) }
    private var matrix: Matrix { Matrix(rows: 250, columns: 300, values.map(Double.init)) }

    private func expectClose(_ found: [Double], _ expected: [Double], _ tolerance: Double, _ what: Comment) {
        let largest = expected.map(abs).max() ?? 0
        #expect(found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance * largest }, what)
    }

    @Test func totals() {
        expectClose(rows.sum, matrix.meanRow.map { $0 * 250 }, 1e-13, "sum")
        expectClose(rows.scatter(about: matrix.meanRow).values, matrix.subtractingFromRows(matrix.meanRow).gram.values, 1e-12, "scatter")
        #expect(FloatRows([], columns: 3).sum == [0, 0, 0] && FloatRows([], columns: 3).scatter(about: [1, 2, 3]) == Matrix(rows: 3, columns: 3))
    }

    /// By a matrix of fewer rows, by a square one, and by its triangle; some of its rows may be zeros.
    @Test(arguments: [40, 300]) func lengths(_ count: Int) {
        let map = Matrix(rows: count, columns: 300, (0 ..< count * 300).map { Double(($0 * 7919) % 613) / 613 - 0.5 })
        let center = matrix.meanRow
        let expected = Matrix.timesTransposed(matrix.subtractingFromRows(center), map)
        let lengths = (0 ..< 250).map { row in expected[row].reduce(0) { $0 + $1 * $1 } }
        expectClose(rows.squaredLengths(by: map, less: center), lengths, 1e-12, "by the matrix")
        let square = Matrix(rows: 300, columns: 300, map.values + Array(repeating: 0, count: (300 - count) * 300)), triangle = square.triangle
        #expect((0 ..< 300).allSatisfy { row in (0 ..< row).allSatisfy { triangle[row, $0] == 0 } })
        expectClose(rows.squaredLengths(after: triangle, less: center), lengths, 1e-10, "by the triangle")
    }
}
