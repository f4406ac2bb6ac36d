@testable import Detectors
import Foundation
import LinearAlgebra
import Testing

/// The iterations of LRASR and LSMAD against programs of their own in numpy: LRASR's with dense matrices that have pixels as columns, as the
/// paper writes it, and a singular value decomposition of all of them; LSMAD's with the inverse and a sort of all numbers.
@Suite struct SceneDecompositionTests {
    private let rows = 4, columns = 6, bands = 5

    private func scene() -> Scene {
        let blocks = [0 ..< 2, 2 ..< 4]
        func value(_ pixel: Int, _ band: Int) -> Float {
            let (p, b) = (Double(pixel), Double(band))
            return Float(0.5 + 0.3 * sin(0.7 * p + 1.3 * b) + 0.1 * cos(2.1 * p * b))
        }
        let pixels = SceneMap(channels: bands) { rows in
            (rows.lowerBound * columns ..< rows.upperBound * columns).flatMap { pixel in (0 ..< bands).map { value(pixel, $0) } }
        }
        let gathering = Scene.Gathering(
            sum: { count, block in
                try blocks.map(block).reduce(Array(repeating: 0, count: count)) { sums, part in zip(sums, part).map { $0 + $1 } }
            },
            maximum: { _, block in try block(0 ..< rows) }, own: blocks)
        return Scene(rows: rows, columns: columns, pixels: pixels, gathering: gathering)
    }

    @Test func lowRankMix() throws {
        let expected = [
            0.0000000000, 0.3682968078, 0.4478482128, 0.3466257244, 0.0000000000, 0.3096154091, 0.5148131178, 0.4871065747,
            0.2603057693, 0.0000000000, 0.3697097807, 0.4547324528, 0.3420903677, 0.0000000000, 0.3089564494, 0.5143645403,
            0.4920791571, 0.2361134912, 0.0000000000, 0.3719892825, 0.4633094586, 0.3374592496, 0.0000000000, 0.3079297961,
        ]
        let scene = scene(), spectra = try scene.matrix(of: scene.pixels, 0 ..< rows)
        let atoms = Matrix(rows: 6, columns: bands, [0, 4, 9, 13, 17, 22].flatMap { Array(spectra[$0]) })
        let mix = try LowRankMix(of: scene, atoms: atoms)
        for _ in 0 ..< 60 { #expect(try !mix.step(beta: 0.02, lambda: 0.6)) }
        let found = try mix.anomalies.values(of: 0 ..< rows)
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(Double(found) - expected) < 1e-6) }
    }

    /// GoDec from a given start: what the background leaves of each pixel, and how much of that is sparse.
    @Test func godec() throws {
        let residuals = [
            0.7538383269, 0.5168778106, 0.3480243928, 0.1861197483, 0.3809057711, 0.5564908528, 1.3754412057, 1.2544529914,
            0.8710943914, 0.8234179216, 0.5094880161, 0.3408653176, 0.1865553494, 0.3723526811, 0.5802831729, 1.3785310957,
            1.2521699292, 0.8819611791, 0.8295457640, 0.5020882734, 0.3338288304, 0.1838219734, 0.3655000357, 0.6025922291,
        ]
        let sparse = [
            0.6179158132, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 1.3729626344, 1.1883507606,
            0.5612790876, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 1.3760450120,
            1.1791754331, 0.7825717043, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000, 0.0000000000,
        ]
        let start = Matrix(rows: bands, columns: 2, (0 ..< bands).flatMap { band in (0 ..< 2).map { sin(Double(1 + 3 * band + $0)) } })
        let parts = try Decomposition(scene(), from: start, share: 0.1)
        for _ in 0 ..< 8 {
            try parts.updateBackground()
            try parts.updateSparse()
        }
        for (map, expected) in [(parts.map { $0.pixels - $0.background }, residuals), (parts.map { $0.sparse }, sparse)] {
            let values = try map.values(of: 0 ..< rows)
            for (pixel, expected) in expected.enumerated() {
                let length = values[pixel * bands ..< (pixel + 1) * bands].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                #expect(abs(length - expected) < 1e-6, "pixel \(pixel): \(length), not \(expected)")
            }
        }
    }
}
