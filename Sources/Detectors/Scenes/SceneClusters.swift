import Graphs
import LinearAlgebra
import Randomness

/// The pixels of a scene in clusters by Lloyd's algorithm.
final class SceneClusters {
    private let scene: Scene, bands: Int
    private var centers: Matrix

    init(of scene: Scene, count: Int, seed: UInt64) throws {
        (self.scene, bands) = (scene, scene.pixels.channels)
        let pixels = scene.rows * scene.columns
        guard count <= pixels else { throw FormError("a scene of \(pixels) pixels has no \(count) clusters; set settings.clusters smaller") }
        let philox = Philox(seed: seed, key(of: "cluster starts"))
        var starts: [Int] = [], draw: UInt64 = 0
        while starts.count < count {
            let pixel = philox.index(below: pixels, draw)
            if !starts.contains(pixel) { starts.append(pixel) }
            draw += 1
        }
        centers = try scene.spectra(of: starts)
        for _ in 0 ..< 100 {
            let sums = try scene.total(count: count * (bands + 1)) { rows in
                let block = try scene.matrix(of: scene.pixels, rows)
                var sums = Array(repeating: 0.0, count: count * (self.bands + 1))
                for (pixel, cluster) in self.nearest(to: block).enumerated() {
                    let first = cluster * (self.bands + 1)
                    for (band, value) in block[pixel].enumerated() { sums[first + band] += value }
                    sums[first + self.bands] += 1
                }
                return sums
            }
            let before = centers
            for cluster in 0 ..< count {
                let first = cluster * (bands + 1), members = sums[first + bands]
                // one that lost all its pixels stays where it was
                if members > 0 { for band in 0 ..< bands { centers[cluster, band] = sums[first + band] / members } }
            }
            if centers == before { break }
        }
    }

    /// The cluster of each row of a matrix: the smallest of ‖c‖² − 2x·c.
    private func nearest(to block: Matrix) -> [Int] {
        let products = Matrix.timesTransposed(block, centers)
        let sizes = (0 ..< centers.rows).map { centers[$0].reduce(0) { $0 + $1 * $1 } }
        return (0 ..< block.rows).map { pixel in
            sizes.indices.min { (sizes[$0] - 2 * products[pixel, $0], $0) < (sizes[$1] - 2 * products[pixel, $1], $1) }!
        }
    }

    /// Of each cluster with as many pixels the nearest to it, a row each.
    func dictionary(perCluster count: Int) throws -> Matrix {
        let clusters = centers.rows, size = bands * bands + bands + 1
        let sums = try scene.total(count: clusters * size) { rows in
            let block = try scene.matrix(of: scene.pixels, rows), members = Dictionary(grouping: 0 ..< block.rows, by: nearest(to: block).lookup)
            return (0 ..< clusters).flatMap { cluster -> [Double] in
                let own = (members[cluster] ?? []).flatMap { Array(block[$0]) }, matrix = Matrix(rows: own.count / bands, columns: bands, own)
                let centered = matrix.subtractingFromRows(Array(centers[cluster]))
                let sum = centered.meanRow.map { $0.isNaN ? 0 : $0 * Double(centered.rows) }
                return centered.gram.values + sum + [Double(centered.rows)]
            }
        }
        let whitenings = try (0 ..< clusters).map { cluster -> Whitening? in
            let part = sums[cluster * size ..< (cluster + 1) * size], members = part.last!
            guard members >= Double(count) else { return nil }
            let offset = part.dropFirst(bands * bands).prefix(bands).map { $0 / members }
            let covariance = part.prefix(bands * bands).enumerated().map { $1 / members - offset[$0 / bands] * offset[$0 % bands] }
            return try Whitening(mean: zip(centers[cluster], offset).map { $0 + $1 }, covariance: covariance)
        }
        let distances = scene.map(scene.pixels, channels: 2) { block in
            let pixels = block.matrix(), clusters = self.nearest(to: pixels)
            return clusters.enumerated().flatMap { pixel, cluster -> [Float] in
                let one = FloatRows(Array(block.values[0][pixel * self.bands ..< (pixel + 1) * self.bands]), columns: self.bands)
                return [Float(cluster), whitenings[cluster]?.distances(of: one)[0] ?? .infinity]
            }
        }
        var chosen: [Int] = []
        _ = try scene.whole(distances, channels: 0) { block in
            let numbers = block.values[0], pixels = numbers.count / 2
            let members = Dictionary(grouping: 0 ..< pixels) { Int(numbers[2 * $0]) }
            for cluster in 0 ..< clusters where whitenings[cluster] != nil {
                chosen += (members[cluster] ?? []).sorted { (numbers[2 * $0 + 1], $0) < (numbers[2 * $1 + 1], $1) }.prefix(count)
            }
            return []
        }
        guard !chosen.isEmpty else { throw FormError("no cluster has \(count) pixels; set settings.atoms or settings.clusters smaller") }
        return try scene.spectra(of: chosen)
    }
}

extension [Int] {
    fileprivate func lookup(_ place: Int) -> Int { self[place] }
}

extension Scene {
    /// Some pixels, a row each.
    fileprivate func spectra(of pixels: [Int]) throws -> Matrix {
        let bands = self.pixels.channels
        let values = try pixels.flatMap { pixel in
            let (row, column) = pixel.quotientAndRemainder(dividingBy: columns)
            return try self.pixels.values(of: row ..< row + 1)[column * bands ..< (column + 1) * bands].map(Double.init)
        }
        return Matrix(rows: pixels.count, columns: bands, values)
    }
}
