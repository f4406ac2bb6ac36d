import Graphs
import LinearAlgebra
import Scenes

/// What HADGAN (Jiang et al., IEEE TGRS 58(7), 2020) makes of the residual R = |X − X̂| of a scene, whoever reconstructs it.
///
/// | the paper | here |
/// |---|---|
/// | D_spectral: the Mahalanobis distance of R in a pixel | `spectral` |
/// | the K bands of least energy, reconstructed best, so that anomalies are left | `quietestBands` |
/// | area opening γ_λ and closing φ_λ: \|I − γ_λ(I)\| + \|φ_λ(I) − I\|, of levels 0 ... 1000 | `response` |
/// | guided filter, the image its own guide: D_spatial | `spatial` |
/// | D_SS = λ₁·D_spatial + (1 − λ₁)·D_spectral, each scaled to [0, 1] over the scene | `declare` |
struct ResidualScores {
    /// K, λ in pixels, and λ₁.
    let bands: Int, area: Int, weight: Double
    /// Of the guided filter: pixels, and what a window must vary by to be an edge.
    let radius: Int, epsilon: Double

    /// Numbers of a residual that are kept rather than computed for each pass: 256 MiB.
    private static let mostKept = 1 << 26

    /// Declares D_SS, its parts, and the residual's length.
    func declare(of residual: SceneMap, in scene: Scene) throws {
        let residual = residual.channels * scene.ownPixels <= Self.mostKept ? scene.kept(residual) : residual
        let spectral = scene.kept(try spectral(residual, scene)), spatial = scene.kept(try spatial(residual, scene))
        let (a, b) = (try scaled(spatial, scene), try scaled(spectral, scene))
        scene.score("D_SS", scene.pointwise(a, b) { [Float(weight * Double($0[0].first!) + (1 - weight) * Double($0[1].first!))] })
        scene.score("D_spectral", spectral)
        scene.score("D_spatial", spatial)
        scene.score("residual", scene.pointwise(residual) { [Float($0[0].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot())] })
    }

    private func spectral(_ residual: SceneMap, _ scene: Scene) throws -> SceneMap {
        let (mean, covariance) = try scene.moments(of: residual), n = mean.count
        let ridge = (0 ..< n).reduce(0) { $0 + covariance[$1 * n + $1] } * 1e-6 / Double(n)
        let whitening = try Whitening(mean: mean, covariance: Matrix(rows: n, columns: n, covariance).addingToDiagonal(ridge).values)
        return scene.map(residual) { whitening.distances(of: $0.pixels()) }
    }

    /// The numbers of the bands with the smallest sums of squares.
    private func quietestBands(_ residual: SceneMap, _ scene: Scene) throws -> [Int] {
        let energies = try scene.total(of: residual, count: residual.channels) { pixel, sums in
            for (band, value) in pixel.enumerated() { sums[band] += Double(value) * Double(value) }
        }
        return Array(energies.indices.sorted { (energies[$0], $0) < (energies[$1], $1) }.prefix(bands))
    }

    private func spatial(_ residual: SceneMap, _ scene: Scene) throws -> SceneMap {
        let chosen = try quietestBands(residual, scene), count = chosen.count
        let quiet = scene.kept(scene.pointwise(residual, channels: count) { pixels in chosen.map { pixels[0][pixels[0].startIndex + $0] } })
        let ranges = try scene.ranges(of: quiet)
        // a part of `area` pixels through a pixel has `area` pixels in reach of area - 1
        let response = scene.map(quiet, halo: area - 1) { block in
            var sum = Array(repeating: 0.0, count: block.rows.count * block.columns)
            for channel in 0 ..< count {
                let image = levels(of: block.image(channel: channel), in: ranges[channel])
                let removed = image.areaClosed(area) - image.areaOpened(area)
                for (place, value) in removed.values.enumerated() { sum[place] += value }
            }
            return sum.map { Float($0 / Double(count)) }
        }
        let scaled = try scaled(scene.kept(response), scene)
        return scene.map(scaled, halo: 2 * radius) { block in
            block.image().guidedFiltered(radius: radius, epsilon: epsilon).values.map { Float($0) }
        }
    }

    private func levels(of image: GrayImage, in range: ClosedRange<Double>) -> GrayImage {
        let extent = range.upperBound - range.lowerBound, scale = extent > 0 ? 1000 / extent : 0
        return GrayImage(
            rows: image.rows, columns: image.columns, image.values.map { (($0 - range.lowerBound) * scale).rounded(.toNearestOrEven) })
    }

    /// From the smallest and largest number of a map to 0 and 1.
    private func scaled(_ map: SceneMap, _ scene: Scene) throws -> SceneMap {
        let range = try scene.ranges(of: map)[0], extent = range.upperBound - range.lowerBound
        return scene.pointwise(map) { [Float(extent > 0 ? (Double($0[0].first!) - range.lowerBound) / extent : 0)] }
    }
}
