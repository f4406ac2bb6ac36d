import Foundation

/// A color of a screen (sRGB), 8 bits a channel.
public struct Color: Equatable, Sendable {
    public let red: UInt8, green: UInt8, blue: UInt8
    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

    public static let white = Color(255, 255, 255), black = Color(0, 0, 0)
    /// - Parameter share: 0 black, 1 white; beyond is held to these.
    public static func gray(_ share: Double) -> Color {
        let level = UInt8((min(max(share, 0), 1) * 255).rounded())
        return Color(level, level, level)
    }
}

/// Colors from dark violet over red to light yellow. Equal steps look equally large, and each is lighter than the one before, so that the
/// scale reads the same in print without color and for people who do not tell red from green.
///
/// A curve through OKLab (Ottosson 2020), where distances are as large as they look: lightness rises evenly while the hue turns, in as
/// much color as a screen has there; then it is divided into steps of equal length.
public enum ColorScale {
    /// Dark to light.
    public static let colors: [Color] = {
        // the curve, in small pieces, and its length so far
        let points = (0 ... 4096).map { point(at: Double($0) / 4096) }
        var lengths = [0.0]
        for (a, b) in zip(points, points.dropFirst()) { lengths.append(lengths[lengths.count - 1] + distance(a, b)) }
        var place = 0
        return (0 ..< 256).map { step in
            let wanted = lengths[4096] * Double(step) / 255
            while place < 4096, lengths[place] < wanted { place += 1 }
            return color(of: points[place])
        }
    }()

    /// - Parameter share: 0 the darkest, 1 the lightest; beyond is held to these.
    public static func color(_ share: Double) -> Color { colors[Int((min(max(share, 0), 1) * 255).rounded())] }

    /// All colors from left to right, on a page.
    public static var bar: Markup {
        let shown = stride(from: 0, to: colors.count, by: 15).map { "rgb(\(colors[$0].red),\(colors[$0].green),\(colors[$0].blue))" }
        return Markup(
            "span",
            [
                "class": "scale", "role": "img", "aria-label": "scale of colors, dark to light",
                "style": "background: linear-gradient(to right, \(shown.joined(separator: ",")))",
            ])
    }

    /// Lightness, green to red, blue to yellow.
    typealias OKLab = (l: Double, a: Double, b: Double)

    static func distance(_ p: OKLab, _ q: OKLab) -> Double {
        let (l, a, b) = (p.l - q.l, p.a - q.a, p.b - q.b)
        return (l * l + a * a + b * b).squareRoot()
    }

    private static func point(at t: Double) -> OKLab {
        let lightness = 0.14 + 0.80 * t, hue = (-75 + 180 * t) * .pi / 180
        // an arch that a screen's colors contain
        let chroma = 0.04 + 0.15 * sin(.pi * t) * (1 - 0.25 * t) + 0.07 * t * t
        var reach = 1.0
        while true {
            let found = (lightness, chroma * reach * cos(hue), chroma * reach * sin(hue))
            if linear(found).allSatisfy({ (0 ... 1).contains($0) }) { return found }
            reach -= 0.001
        }
    }

    private static func linear(_ lab: OKLab) -> [Double] {
        let l = pow(lab.l + 0.3963377774 * lab.a + 0.2158037573 * lab.b, 3)
        let m = pow(lab.l - 0.1055613458 * lab.a - 0.0638541728 * lab.b, 3)
        let s = pow(lab.l - 0.0894841775 * lab.a - 1.2914855480 * lab.b, 3)
        return [
            4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
            -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
        ]
    }

    private static func color(of lab: OKLab) -> Color {
        let levels = linear(lab).map { x in UInt8(((x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055) * 255).rounded()) }
        return Color(levels[0], levels[1], levels[2])
    }

    /// Where a color lies in OKLab.
    static func lab(_ color: Color) -> OKLab {
        let (r, g, b) = (light(color.red), light(color.green), light(color.blue))
        let l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
        let m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
        let s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
        return (
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s, 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s
        )
    }

    private static func light(_ level: UInt8) -> Double {
        let x = Double(level) / 255
        return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4)
    }
}
