import Randomness

/// A pair of values at the scanner's two mean photon energies: `x` the low (about 60 keV), `y` the high (about 120 keV).
typealias Spectrum = SIMD2<Float>

/// What an item is made of: its linear attenuation per centimeter at both energies.
///
/// The figures of elements, water and plastics are the mass attenuation coefficients of the NIST tables (Hubbell & Seltzer,
/// NISTIR 5632) at 60 and 120 keV times the usual density, rounded; those of mixtures (cloth as packed, batteries, circuit
/// boards) are right in the order of magnitude. A real tube's spectrum is broad and hardens; two lines are enough here.
struct Material: Sendable {
    let attenuation: Spectrum

    private init(_ low: Float, _ high: Float) { attenuation = Spectrum(low, high) }

    /// Loosely packed fabric, about 0.3 g/cm³.
    static let cloth = Material(0.06, 0.05)
    static let paper = Material(0.16, 0.13)
    static let wood = Material(0.14, 0.11)
    static let plastic = Material(0.20, 0.16)
    /// Water, drinks, creams, soap, food.
    static let water = Material(0.21, 0.16)
    /// Filled rubber and leather.
    static let rubber = Material(0.33, 0.19)
    static let glass = Material(0.62, 0.38)
    static let aluminum = Material(0.75, 0.43)
    /// Glass fiber, copper layers and small parts.
    static let circuitBoard = Material(1.6, 0.7)
    /// Cells of foils, oxides and electrolyte.
    static let battery = Material(4.5, 1.5)
    static let steel = Material(9.5, 2.4)
    /// Brass, copper and zinc alloys.
    static let brass = Material(13, 2.9)
}

/// exp(−`depth`) for depths from 0 on, both energies at once. Written with products alone, as the 32nd power of a short series,
/// because the last bits of a system's `exp` differ between versions of its library. Depths above 12 count as 12.
@inline(__always) func transmission(_ depth: Spectrum) -> Spectrum {
    let x = pointwiseMin(depth, Spectrum(repeating: 12)) * (-1 / 32)
    var power = Spectrum(repeating: 1)
    for order in [5, 4, 3, 2, 1] as [Float] { power = 1 + x * power * (1 / order) }
    for _ in 0 ..< 5 { power *= power }
    return power
}

/// The natural logarithm of a positive normal number to about six digits, by exponent and a series of the rest.
func logarithm(_ value: Float) -> Float {
    let significand = value.significand, ratio = (significand - 1) / (significand + 1), square = ratio * ratio
    let series = 2 * ratio * (1 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * (1 / 9)))))
    return Float(value.exponent) * 0.693_147_18 + series
}

/// The detector and the screen: optical depths to the pixels an operator sees.
struct Scanner {
    /// Photons that reach a pixel through air, at each energy; sets the noise.
    let photons: Float
    /// Noise of the electronics and scattered light, as a part of the signal through air.
    static let floor: Float = 0.0015

    /// The signals of a patch of `side` pixels from depths on a grid twice as fine: mean transmission of four points, the
    /// detector's blur (a tenth of a pixel's light falls on each neighbor in both directions), and noise.
    func signals(_ depths: [Spectrum], side: Int, noise: Philox) -> [Spectrum] {
        var light = [Spectrum](repeating: .zero, count: side * side)
        for row in 0 ..< side {
            for column in 0 ..< side {
                let corner = 4 * side * row + 2 * column
                let upper = transmission(depths[corner]) + transmission(depths[corner + 1])
                let lower = transmission(depths[corner + 2 * side]) + transmission(depths[corner + 2 * side + 1])
                light[row * side + column] = 0.25 * (upper + lower)
            }
        }
        Self.blur(&light, side: side)
        for place in light.indices { light[place] = recorded(light[place], noise.block(UInt64(place))) }
        return light
    }

    /// A signal with the noise of counting photons (variance in proportion to the light) and of the electronics. The sum of four
    /// uniform numbers stands for a normal one.
    private func recorded(_ light: Spectrum, _ words: (UInt32, UInt32, UInt32, UInt32)) -> Spectrum {
        func deviate(_ a: UInt32, _ b: UInt32) -> Float {
            let sum = (a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16)
            return (Float(sum) - 131_070) * (1.732_050_8 / 65_536)
        }
        let variance = light / photons + Self.floor * Self.floor
        let deviates = Spectrum(deviate(words.0, words.1), deviate(words.2, words.3))
        return light + variance.squareRoot() * deviates
    }

    private static func blur(_ light: inout [Spectrum], side: Int) {
        for step in [1, side] {
            var before = light
            swap(&before, &light)
            for row in 0 ..< side {
                for column in 0 ..< side {
                    let place = row * side + column, along = step == 1 ? column : row
                    let left = before[along > 0 ? place - step : place], right = before[along < side - 1 ? place + step : place]
                    light[place] = 0.1 * (left + right) + 0.8 * before[place]
                }
            }
        }
    }

    /// The gray value of a signal: the square root (gamma 2) of both energies' mean, which opens the dark end as screens do.
    static func gray(_ signal: Spectrum) -> Float { min(1, max(0, 0.5 * (signal.x + signal.y))).squareRoot() }

    /// The pseudo-color of a signal. The ratio of the depths at both energies grows with the atomic number: about 1.3 for organic
    /// matter (orange), 1.7 for aluminum and glass (green), 3 and more for metals (blue). Lightness is the gray value.
    static func color(_ signal: Spectrum) -> SIMD3<Float> {
        let organic = SIMD3<Float>(1, 0.55, 0.1), inorganic = SIMD3<Float>(0.25, 0.72, 0.2), metal = SIMD3<Float>(0.08, 0.38, 0.85)
        let low = -logarithm(max(floor, signal.x)), high = -logarithm(max(floor, signal.y))
        // thin matter has no ratio to speak of: it leans to organic
        let ratio = (max(0, low) + 0.04) / (max(0, high) + 0.03)
        let toGreen = min(1, max(0, (ratio - 1.35) / 0.25)), toBlue = min(1, max(0, (ratio - 1.9) / 0.6))
        let hue = organic + (inorganic - organic) * toGreen + (metal - inorganic) * (toGreen * toBlue)
        let lightness = gray(signal)
        return lightness < 0.5 ? hue * (2 * lightness) : hue + (1 - hue) * (2 * lightness - 1)
    }
}
