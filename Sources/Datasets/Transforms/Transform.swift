/// A change that a recipe declares between the stored numbers of a sample and what a detector is given.
public enum Transform: Equatable, Sendable {
    /// The value range of the set to `low` ... `high`.
    case scale(low: Double, high: Double)
    /// The numbers as they are stored.
    case unscaled
    /// Every feature (or channel) from its smallest and largest number among the training normals to 0 ... 1; others may come to
    /// lie outside.
    case scaleFeatures
    /// To this height and width in pixels, bilinear (see `Resize`).
    case resize(height: Int, width: Int)
    /// To this height and width in pixels: anywhere in training, else from the middle.
    case crop(height: Int, width: Int)
    /// Every second sample on average in training, else none.
    case flip(Direction)
    /// Every channel (or feature) to mean 0 and deviation 1 over the training normals.
    case standardize

    /// `horizontal` exchanges left and right, `vertical` top and bottom.
    public enum Direction: String, Sendable { case horizontal, vertical }

    /// The names, each with all that may be written.
    public static let forms: [(name: String, text: String)] = [
        ("scale", "scale LOW HIGH with LOW below HIGH, as scale 0 1, or scale none, or scale features"),
        ("resize", "resize HEIGHTxWIDTH in pixels, as resize 32x32"),
        ("crop", "crop HEIGHTxWIDTH in pixels, as crop 28x28"), ("flip", "flip horizontal or flip vertical"), ("standardize", "standardize alone"),
    ]

    /// What a recipe writes; nil where it is none of the forms.
    public init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init), values = words.dropFirst().compactMap { Double($0) }.filter(\.isFinite)
        switch (words.first, words.count) {
        case ("scale", 2) where words[1] == "none": self = .unscaled
        case ("scale", 2) where words[1] == "features": self = .scaleFeatures
        case ("scale", 3) where values.count == 2 && values[0] < values[1]: self = .scale(low: values[0], high: values[1])
        case ("resize", 2):
            guard let (height, width) = Self.extents(words[1]) else { return nil }
            self = .resize(height: height, width: width)
        case ("crop", 2):
            guard let (height, width) = Self.extents(words[1]) else { return nil }
            self = .crop(height: height, width: width)
        case ("flip", 2):
            guard let direction = Direction(rawValue: words[1]) else { return nil }
            self = .flip(direction)
        case ("standardize", 1): self = .standardize
        default: return nil
        }
    }

    private static func extents(_ text: String) -> (height: Int, width: Int)? {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        return sides.count == 2 && sides.allSatisfy((1 ... 1 << 14).contains) ? (sides[0], sides[1]) : nil
    }

    /// What is wrong with a list of them whatever the set, and what to do; nil where nothing is.
    public static func flaw(in list: [Transform]) -> String? {
        if let place = list.indices.dropFirst().first(where: { list[$0].scales }) {
            return "\(list[place]) does not stand first; put it there, and only once"
        }
        if list.count(where: { $0 == .standardize }) > 1 { return "standardize stands twice; keep one" }
        return list.count(where: \.hasStatistics) > 1 ? "standardize undoes scale features; keep one" : nil
    }

    var scales: Bool {
        switch self {
        case .scale, .unscaled, .scaleFeatures: true
        default: false
        }
    }

    /// Whether it uses `ChannelStatistics` of the training normals.
    public var hasStatistics: Bool { self == .standardize || self == .scaleFeatures }
}

extension Transform: CustomStringConvertible {
    /// As a recipe writes it.
    public var description: String {
        switch self {
        case .scale(let low, let high): "scale \(low) \(high)"
        case .unscaled: "scale none"
        case .scaleFeatures: "scale features"
        case .resize(let height, let width): "resize \(height)x\(width)"
        case .crop(let height, let width): "crop \(height)x\(width)"
        case .flip(let direction): "flip \(direction)"
        case .standardize: "standardize"
        }
    }
}
