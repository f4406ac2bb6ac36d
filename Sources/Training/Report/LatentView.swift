import Datasets
import LinearAlgebra
import Reports

/// The codes of some samples: how long they are, how their numbers are distributed, and how they lie to each other in a plane.
struct LatentView {
    let name: String
    /// Numbers of a code.
    let size: Int
    /// The samples that are shown, with their classes.
    let samples: [Int], classes: [Int]
    let lengths: [Double]
    /// The numbers of all codes, by sample.
    let codes: [[Float]]
    /// Along the two directions in which the codes vary most, and the share of the variance that these have.
    let plane: [(x: Double, y: Double)], share: Double
    /// Numbers of the code that vary by less than a thousandth of what the most variable does.
    let idle: Int

    /// Of each side, normals and anomalies.
    private static let most = 300

    /// - Returns: nil where the detector declares no code.
    init?(of evaluator: Evaluator, by scorer: Scorer) throws {
        guard let latent = scorer.scoring.latents.first else { return nil }
        let split = evaluator.split
        // evenly over the split, so that no class that stands together is left out
        let sides = [true, false].map { side in (0 ..< split.count).filter { split.isNormal($0) == side } }
        samples = sides.flatMap { side in
            let count = min(side.count, Self.most)
            return (0 ..< count).map { side[$0 * side.count / count] }
        }
        classes = samples.map { Int(split.labels[$0]) }
        (name, size) = (latent.name, latent.node.form.shape.count)
        let reader = SplitReader(split), preprocessing = evaluator.model.preprocessing, numbers = samples
        codes = try stride(from: 0, to: numbers.count, by: scorer.count).flatMap { first in
            let members = Array(numbers[first ..< min(first + scorer.count, numbers.count)])
            let values = try members.map { preprocessing.values(of: try reader.values($0 ..< $0 + 1)) }
            return try scorer.outcomes(of: values, numbers: members).map { $0.latents[0] }
        }
        lengths = codes.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        let matrix = Matrix(rows: codes.count, columns: size, codes.flatMap { $0.map(Double.init) })
        let centered = matrix.subtractingFromRows(matrix.meanRow)
        (plane, share) = try Self.plane(of: centered)
        var spreads = [Double](repeating: 0, count: size)
        for (place, value) in centered.values.enumerated() { spreads[place % size] += value * value }
        let largest = spreads.max() ?? 0
        idle = spreads.count { $0 < 1e-6 * largest || largest == 0 }
    }

    /// Principal components by the products of the samples with each other, of which there are fewer than a code may have numbers.
    private static func plane(of centered: Matrix) throws -> (points: [(x: Double, y: Double)], share: Double) {
        let n = centered.rows, products = Matrix.timesTransposed(centered, centered)
        guard n > 2 else { return (Array(repeating: (0, 0), count: n), 0) }
        let problem = try SymmetricEigenproblem(products.values, size: n)
        let lengths = problem.values.suffix(2).map { max($0, 0).squareRoot() }, total = products.trace
        let points = (0 ..< n).map { (x: lengths[1] * problem.vectors[(n - 1) * n + $0], y: lengths[0] * problem.vectors[(n - 2) * n + $0]) }
        return (points, total > 0 ? problem.values.suffix(2).reduce(0, +) / total : 0)
    }

    // MARK: On the page

    /// - Parameter shown: the classes of the set in their order.
    func markup(id: String, classes shown: [(number: Int, name: String)]) -> [Markup] {
        let present = shown.map { shown in (name: shown.name, members: classes.indices.filter { classes[$0] == shown.number }) }
        let least = present.map(\.members.count).min() ?? 0
        let points = present.map { Chart.Series($0.name, $0.members.map { plane[$0] }, as: .points) }
        let projection = Chart(
            "Codes in a plane", "\(samples.count) samples by the two principal components of their codes, by class",
            x: Axis("first component", holding: plane.map(\.x)), y: Axis("second component", holding: plane.map(\.y)), points, height: 340)
        let lengthBins = Histogram(of: lengths, least: least), all = codes.map { $0.map(Double.init) },
            numberBins = Histogram(of: all.flatMap { $0 }, least: least * size)
        let lengthChart = lengthBins.chart(
            "Length of the code", "how long the codes of each class are", axis: "‖\(name)‖",
            present.map { ($0.name, $0.members.map { lengths[$0] }) })
        let numberChart = numberBins.chart(
            "Numbers of the code", "the distribution of all numbers of the codes of each class", axis: "number of \(name)",
            present.map { ($0.name, $0.members.flatMap { all[$0] }) })
        let idleText = idle == 0 ? "All of them vary." : "\(idle) of them hardly vary, so the code could be smaller by as many."
        return [
            Markup(
                "p", [:],
                Markup(
                    "The code \(name) has \(size) number\(size == 1 ? "" : "s"). \(idleText) Shown are \(samples.count) samples, spread over the split."
                )),
            Markup(
                "div", ["class": "figures"],
                projection.figure(
                    id: "\(id)-plane",
                    caption: "The directions are those in which these very codes vary most, \(percent(share)) of their variance; no label chose them."
                ),
                lengthChart.figure(id: "\(id)-length", caption: "Share of each class's samples in each bin."),
                numberChart.figure(id: "\(id)-numbers", caption: "Share of each class's numbers in each bin.")),
        ]
    }
}
