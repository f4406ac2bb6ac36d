import CPNG

/// A picture that is being painted: pixels of three colors, row after row from the top.
public struct Canvas: Equatable, Sendable {
    public let width: Int, height: Int
    private var pixels: [UInt8]

    public init(width: Int, height: Int, _ color: Color = .white) {
        (self.width, self.height) = (width, height)
        pixels = (0 ..< width * height).flatMap { _ in [color.red, color.green, color.blue] }
    }

    /// A pixel; what lies outside is left out when painted.
    public subscript(_ x: Int, _ y: Int) -> Color {
        get { Color(pixels[3 * (y * width + x)], pixels[3 * (y * width + x) + 1], pixels[3 * (y * width + x) + 2]) }
        set {
            guard (0 ..< width).contains(x), (0 ..< height).contains(y) else { return }
            let place = 3 * (y * width + x)
            (pixels[place], pixels[place + 1], pixels[place + 2]) = (newValue.red, newValue.green, newValue.blue)
        }
    }

    public mutating func fill(x: Range<Int>, y: Range<Int>, _ color: Color) { for row in y { for column in x { self[column, row] = color } } }

    /// Writes a number with its lower left corner at a place, 6 pixels a character, 7 high.
    public mutating func write(_ number: String, x: Int, y: Int, _ color: Color = .black) {
        for (place, character) in number.enumerated() {
            for (row, bits) in (Self.glyphs[character] ?? []).enumerated() {
                for column in 0 ..< 5 where bits & (16 >> column) != 0 { self[x + 6 * place + column, y - 7 + row] = color }
            }
        }
    }

    /// The file; equal pictures give equal bytes.
    public var png: [UInt8] {
        var image = png_image()
        (image.version, image.width, image.height, image.format) = (png_uint_32(PNG_IMAGE_VERSION), UInt32(width), UInt32(height), 2)  // RGB
        var size = 0
        guard png_image_write_to_memory(&image, nil, &size, 0, pixels, 0, nil) != 0 else { preconditionFailure("no PNG of \(width) × \(height)") }
        var bytes = [UInt8](repeating: 0, count: size)
        guard png_image_write_to_memory(&image, &bytes, &size, 0, pixels, 0, nil) != 0 else { preconditionFailure("no PNG of \(width) × \(height)") }
        return Array(bytes.prefix(size))
    }

    /// Five pixels a row, the leftmost highest.
    private static let glyphs: [Character: [UInt8]] = [
        "0": [14, 17, 19, 21, 25, 17, 14], "1": [4, 12, 4, 4, 4, 4, 14], "2": [14, 17, 1, 2, 4, 8, 31], "3": [31, 2, 4, 2, 1, 17, 14],
        "4": [2, 6, 10, 18, 31, 2, 2], "5": [31, 16, 30, 1, 1, 17, 14], "6": [6, 8, 16, 30, 17, 17, 14], "7": [31, 1, 2, 4, 8, 8, 8],
        "8": [14, 17, 17, 14, 17, 17, 14], "9": [14, 17, 17, 15, 1, 2, 12], ".": [0, 0, 0, 0, 0, 12, 12], "-": [0, 0, 0, 31, 0, 0, 0],
        "+": [0, 4, 4, 31, 4, 4, 0], "e": [0, 0, 14, 17, 31, 16, 14],
    ]
}
