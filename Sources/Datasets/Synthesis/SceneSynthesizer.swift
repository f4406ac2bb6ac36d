import Foundation
import Randomness

/// Hyperspectral scenes by linear mixing: smooth spectra of materials, in shares that vary smoothly over the ground, with noise, and targets
/// of a material of their own whose places are known. No material has one spectrum alone: each pixel's differs from the mixture by smooth
/// modes, so that the ground has more dimensions than materials, as real ground has.
///
/// A pixel is a function of the seed and its place, so any rank makes any of them.
public struct SceneSynthesizer: Sendable {
    public let rows: Int, columns: Int, bands: Int
    /// Stored numbers in a reflectance of 1.
    public static let scale = 10_000.0
    /// From 400 to 2500 nm, evenly.
    public let wavelengths: [Double]
    private let noise: Double, variability: Double, seed: UInt64
    /// Reflectance of each material in each band; the last is the targets'.
    private let spectra: [[Double]]
    /// Of each material on the ground, plane waves: turns a row and a column, and where they begin.
    private let waves: [[(row: Double, column: Double, phase: Double)]]
    /// By pixel, how much of it a target covers.
    private let targets: [Int: Double]

    /// Smooth spectra that pixels differ by, each of mean square 1.
    private let modes: [[Double]]

    /// Materials on the ground, and waves of each.
    private static let materials = 5, wavesPerMaterial = 6

    /// - Parameters:
    ///   - targets: how many; every other one is smaller than a pixel, the rest cover up to 3×3.
    ///   - noise: standard deviation, in reflectance.
    ///   - variability: standard deviation of what the first mode adds to a pixel, in reflectance; the k-th adds 1/k of it.
    public init(
        rows: Int, columns: Int, bands: Int, targets count: Int, noise: Double = 0.005, variability: Double = 0.03, seed: UInt64
    ) throws(DatasetError) {
        guard rows >= 8, columns >= 8, bands >= 2, rows <= 1 << 24, columns <= 1 << 24, bands <= 4096, (0 ... rows * columns / 64).contains(count)
        else {
            throw DatasetError(
                .usage,
                "a scene of \(rows)×\(columns) pixels, \(bands) bands and \(count) targets cannot be made; "
                    + "take at least 8×8 pixels and 2 bands, and at most a target for every 64 pixels")
        }
        (self.rows, self.columns, self.bands, self.seed) = (rows, columns, bands, seed)
        (self.noise, self.variability) = (noise, variability)
        wavelengths = (0 ..< bands).map { 400 + 2100 * Double($0) / Double(bands - 1) }
        let shapes = Philox(seed: seed, key(of: "spectra"))
        spectra = (0 ... UInt64(Self.materials)).map { material in
            func draw(_ place: UInt64) -> Double { shapes.uniform(place, material) }
            return (0 ..< bands).map { band in
                let t = Double(band) / Double(bands - 1)
                let bumps = (0 ..< UInt64(4)).reduce(0.0) { sum, bump in
                    let distance = (t - draw(3 * bump + 1)) / (0.08 + 0.2 * draw(3 * bump + 2))
                    return sum + (draw(3 * bump + 3) - 0.4) * 0.5 * exp(-distance * distance)
                }
                // absorption lines: a few bands wide, which no mixture of smooth spectra gives
                let lines = (4 ..< UInt64(8)).reduce(0.0) { sum, line in
                    let distance = (t - draw(3 * line + 1)) / (0.01 + 0.02 * draw(3 * line + 2))
                    return sum + 0.15 * draw(3 * line + 3) * exp(-distance * distance)
                }
                return min(max(0.15 + 0.3 * draw(0) + bumps - lines, 0.02), 0.95)
            }
        }
        let phases = Philox(seed: seed, key(of: "modes"))
        modes = (0 ..< min(32, bands)).map { mode in
            let turns = Double(mode + 1) / 2, phase = phases.uniform(UInt64(mode)), amplitude = 2.0.squareRoot()
            return (0 ..< bands).map { band in amplitude * cos(2 * Double.pi * (turns * Double(band) / Double(bands) + phase)) }
        }
        let places = Philox(seed: seed, key(of: "ground"))
        waves = (0 ..< UInt64(Self.materials)).map { material in
            (0 ..< UInt64(Self.wavesPerMaterial)).map { wave in
                // from 15 to 150 pixels long, in any direction
                let turns = 1 / (15 * pow(10, places.uniform(3 * wave, material))), angle = 2 * Double.pi * places.uniform(3 * wave + 1, material)
                return (turns * sin(angle), turns * cos(angle), places.uniform(3 * wave + 2, material))
            }
        }
        targets = Self.targets(count, rows: rows, columns: columns, Philox(seed: seed, key(of: "targets")))
    }

    private static func targets(_ count: Int, rows: Int, columns: Int, _ philox: Philox) -> [Int: Double] {
        var covered: [Int: Double] = [:]
        for target in 0 ..< UInt64(count) {
            let row = philox.index(below: rows, 4 * target), column = philox.index(below: columns, 4 * target + 1)
            let isSubPixel = target % 2 == 1, side = isSubPixel ? 1 : 1 + philox.index(below: 3, 4 * target + 2)
            let share = isSubPixel ? 0.3 + 0.5 * philox.uniform(4 * target + 3) : 1
            for y in row ..< min(row + side, rows) {
                for x in column ..< min(column + side, columns) { covered[y * columns + x] = max(covered[y * columns + x] ?? 0, share) }
            }
        }
        return covered
    }

    /// Pixels that a target covers, if only in part.
    public var targetPixels: Int { targets.count }

    public func isTarget(_ pixel: Int) -> Bool { targets[pixel] != nil }

    /// The stored numbers of a pixel.
    public func spectrum(_ pixel: Int) -> [UInt16] {
        let (row, column) = pixel.quotientAndRemainder(dividingBy: columns)
        let weights = waves.map { waves in
            exp(waves.reduce(0) { $0 + cos(2 * Double.pi * ($1.row * Double(row) + $1.column * Double(column) + $1.phase)) })
        }
        let total = weights.reduce(0, +), covered = targets[pixel] ?? 0
        let shares = weights.map { (1 - covered) * $0 / total } + [covered]
        let own = Philox(seed: seed, key(of: "variability"))
        let deviations = modes.indices.map { variability / Double($0 + 1) * own.normals(UInt64(pixel), UInt64($0)).0 }
        let philox = Philox(seed: seed, key(of: "noise"))
        var draws = (0.0, 0.0)
        return (0 ..< bands).map { band in
            if band % 2 == 0 { draws = philox.normals(UInt64(pixel), UInt64(band / 2)) }
            let mixed = zip(shares, spectra).reduce(0) { $0 + $1.0 * $1.1[band] }
            let deviation = zip(deviations, modes).reduce(0) { $0 + $1.0 * $1.1[band] }
            let reflectance = mixed + deviation + noise * (band % 2 == 0 ? draws.0 : draws.1)
            return UInt16(min(max((reflectance * Self.scale).rounded(), 0), Self.scale))
        }
    }

    /// What the set is.
    public func description(named name: String) -> SetDescription {
        SetDescription(
            name: name, shape: [bands], type: .u16, range: 0 ... Self.scale, meaning: "reflectance times 10,000", classes: ["background", "anomaly"],
            normalClasses: ["background"],
            provenance: [
                "made by": "vigil synthesize scene", "seed": "\(seed)", "rows": "\(rows)", "columns": "\(columns)", "bands": "\(bands)",
                "target pixels": "\(targets.count)", "noise": "\(noise)", "variability": "\(variability)",
            ],
            scene: .init(rows: rows, columns: columns, wavelengths: wavelengths, wavelengthUnit: "Nanometers"))
    }

    /// Writes this rank's shards.
    public func write(to writer: SetWriter) throws -> [ShardRecord] {
        try writer.write(split: Manifest.Scene.split, count: rows * columns) { pixels in
            Samples(values: .u16(pixels.flatMap(spectrum)), labels: pixels.map { isTarget($0) ? 1 : 0 })
        }
    }
}
