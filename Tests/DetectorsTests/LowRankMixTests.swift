@testable import Detectors
import Foundation
import LinearAlgebra
import Testing

/// LRASR's iterations against a program of its own: dense matrices with pixels as columns, as the paper writes it, and a singular value
/// decomposition of all of them, in numpy.
@Suite struct LowRankMixTests {
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

    @Test func anomaliesAreThoseOfTheDenseProgram() throws {
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
}
