/// A scene beside what a detector makes of it: a composite of three of its bands, a score's map with its scale of colors, the mask, and the
/// composite in gray with the alarms in color.
public struct ScenePicture {
    /// Shares of pixels that are below the darkest and above the lightest of a channel of the composite.
    private static let clipped = 0.02
    /// Share of pixels that the map's scale ends above: the few highest of a score may be many times all others.
    private static let scaled = 0.995
    private static let alarm = Color(255, 64, 0)

    public let composite: Overlay.Panel, map: Overlay.Map
    /// White where there is an anomaly; the composite in gray with the alarms in color.
    public let mask: Overlay.Panel?, alarms: Overlay.Panel?

    /// - Parameters:
    ///   - composite: red, green and blue, each stretched for itself between its 2 % and 98 % quantiles.
    ///   - map: of the same size; its scale goes from 0 to the 99.5 % quantile.
    ///   - mask: true where there is an anomaly; nil where nobody says.
    ///   - alarms: nil where there is no threshold.
    public init(composite: [ReducedImage], map: ReducedImage, mask: [Bool]?, alarms: [Bool]?) {
        let shape = [map.height, map.width, 3], channels = composite.map { Self.stretched($0.values) }
        let colors = map.values.indices.flatMap { place in channels.map { $0[place] } }
        self.composite = .init(colors, shape: shape)
        self.map = .init(map.values.map { Float($0) }, shape: shape, largest: Self.quantile(Self.scaled, of: map.values))
        self.mask = mask.map { .init($0.map { $0 ? 1 : 0 }, shape: [map.height, map.width]) }
        self.alarms = alarms.map { alarms in
            let marked = alarms.enumerated().flatMap { place, isAlarm in
                let gray = channels.reduce(0) { $0 + $1[place] } / Double(channels.count)
                return isAlarm ? Self.shares(of: Self.alarm) : Array(repeating: 0.75 * gray, count: 3)
            }
            return .init(marked, shape: shape)
        }
    }

    /// All side by side, the map with its scale.
    public var overlay: Overlay { Overlay([composite], map: map, after: [mask, alarms].compactMap { $0 }) }

    private static func shares(of color: Color) -> [Double] { [color.red, color.green, color.blue].map { Double($0) / 255 } }

    private static func stretched(_ values: [Double]) -> [Double] {
        let low = quantile(clipped, of: values), high = quantile(1 - clipped, of: values)
        return values.map { high > low ? min(max(($0 - low) / (high - low), 0), 1) : 0.5 }
    }

    private static func quantile(_ share: Double, of values: [Double]) -> Double {
        values.sorted()[Int((share * Double(values.count - 1)).rounded())]
    }

    /// The bands that a composite shows as red, green and blue.
    ///
    /// Where wavelengths are known and reach from green to the near infrared it is that of aerial color-infrared film: 860, 650 and 550 nm,
    /// vegetation red. Else bands at five sixths, the half and a sixth of the list.
    /// - Parameter unit: as ENVI names it; nanometers and micrometers are known.
    public static func bands(of count: Int, wavelengths: [Double]?, unit: String?) -> [Int] {
        let unit = unit?.lowercased() ?? "", scale = unit.hasPrefix("nano") || unit == "nm" ? 1.0 : unit.hasPrefix("micro") || unit == "um" ? 1000 : 0
        let found = (wavelengths ?? []).map { $0 * scale }
        guard scale > 0, let least = found.min(), let largest = found.max(), least <= 550, largest >= 860 else {
            return [5, 3, 1].map { min(count - 1, count * $0 / 6) }
        }
        return [860.0, 650, 550].map { wanted in found.indices.min { (abs(found[$0] - wanted), $0) < (abs(found[$1] - wanted), $1) }! }
    }
}
