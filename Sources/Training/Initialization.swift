import Graphs
import Randomness

extension Initializer {
    /// The values of a variable of a shape, outermost axis first.
    func values(_ shape: Shape, _ philox: Philox) -> [Double] {
        let count = shape.count
        switch self {
        case .constant(let value): return Array(repeating: value, count: count)
        case .uniform(let bound): return (0 ..< count).map { bound * (2 * philox.uniform(UInt64($0)) - 1) }
        case .normal(let mean, let deviation):
            return (0 ..< count.quotientRoundedUp(2)).flatMap { pair in
                let (a, b) = philox.normals(UInt64(pair))
                return [mean + deviation * a, mean + deviation * b]
            }.prefix(count).map { $0 }
        case .truncatedNormal(let deviation): return (0 ..< count).map { deviation * philox.truncatedNormal(UInt64($0)) }
        case .orthonormal: return Self.orthonormal(shape, Self.normal(mean: 0, deviation: 1).values(shape, philox))
        }
    }

    /// Columns of a matrix [n, m] made orthonormal, each against those before it (Gram–Schmidt, twice, which is enough).
    private static func orthonormal(_ shape: Shape, _ drawn: [Double]) -> [Double] {
        let (rows, columns) = (shape.extents[0], shape.extents[1])
        precondition(columns <= rows, "\(columns) columns of \(rows) elements cannot be at right angles")
        var matrix = drawn
        func dot(_ a: Int, _ b: Int) -> Double { (0 ..< rows).reduce(0) { $0 + matrix[$1 * columns + a] * matrix[$1 * columns + b] } }
        for column in 0 ..< columns {
            for _ in 0 ..< 2 {
                for earlier in 0 ..< column {
                    let share = dot(earlier, column)
                    for row in 0 ..< rows { matrix[row * columns + column] -= share * matrix[row * columns + earlier] }
                }
            }
            let length = dot(column, column).squareRoot()
            for row in 0 ..< rows { matrix[row * columns + column] /= length }
        }
        return matrix
    }
}
