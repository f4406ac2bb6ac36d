import LinearAlgebra
import Testing

@Suite struct SymmetricEigenproblemTests {
    private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-14) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test func matricesWithKnownAnswers() throws {
        let one = try SymmetricEigenproblem([-3], size: 1)
        #expect(one.values == [-3] && one.vectors == [1])

        // a diagonal: its elements in order, unit vectors
        let diagonal = try SymmetricEigenproblem([2, 0, 0, 0, -1, 0, 0, 0, 5], size: 3)
        #expect(isClose(diagonal.values, [-1, 2, 5]) && isClose(diagonal.vectors, [0, 1, 0, 1, 0, 0, 0, 0, 1]))

        // [[3, 2, 0], [2, 6, 0], [0, 0, 1]]: 1, and 2 and 7 of the block, with (2, -1)/√5 and (1, 2)/√5
        let block = try SymmetricEigenproblem([3, 2, 0, 2, 6, 0, 0, 0, 1], size: 3), root = 5.0.squareRoot()
        #expect(isClose(block.values, [1, 2, 7]))
        #expect(isClose(block.vectors, [0, 0, 1, 2 / root, -1 / root, 0, 1 / root, 2 / root, 0]))

        // second differences of 3 points: 2 - 2 cos(kπ / 4)
        let differences = try SymmetricEigenproblem([2, -1, 0, -1, 2, -1, 0, -1, 2], size: 3)
        #expect(isClose(differences.values, [2 - 2.0.squareRoot(), 2, 2 + 2.0.squareRoot()]))
    }

    /// Numbers in -1 ... 1 from a linear congruence.
    private func numbers(_ count: Int) -> [Double] {
        var state: UInt64 = 12345
        return (0 ..< count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-52 - 1
        }
    }

    @Test(arguments: [1, 2, 3, 7, 64, 150]) func partsMakeTheMatrixAgain(_ n: Int) throws {
        let draws = numbers(n * n), matrix = (0 ..< n * n).map { (draws[$0] + draws[$0 % n * n + $0 / n]) / 2 }
        let problem = try SymmetricEigenproblem(matrix, size: n), v = problem.vectors
        #expect(problem.values == problem.values.sorted())
        for i in 0 ..< n {
            for j in 0 ..< n {
                let again = (0 ..< n).reduce(0) { $0 + problem.values[$1] * v[$1 * n + i] * v[$1 * n + j] }
                #expect(abs(again - matrix[i * n + j]) < 1e-13 * Double(n))
                let inner = (0 ..< n).reduce(0) { $0 + v[i * n + $1] * v[j * n + $1] }
                #expect(abs(inner - (i == j ? 1 : 0)) < 1e-13 * Double(n))
            }
            #expect(v[i * n ..< (i + 1) * n].max { abs($0) < abs($1) }! > 0)
        }
    }

    @Test func oneTriangleIsRead() throws {
        let whole = try SymmetricEigenproblem([3, 2, 2, 6], size: 2), upper = try SymmetricEigenproblem([3, 2, 99, 6], size: 2)
        #expect(whole.values == upper.values && whole.vectors == upper.vectors)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func numbersThatAreNotFiniteAreRefused(_ value: Double) {
        #expect { try SymmetricEigenproblem([1, value, value, 1], size: 2) } throws: { error in
            "\(error)" == "the 2×2 matrix has elements that are not finite numbers; look for samples that are not"
        }
    }
}
