import Testing

@testable import Reports

@Suite struct ColorScaleTests {
    /// Equal steps look equally large, as OKLab measures it on colors rounded to 8 bits, and lightness rises in each.
    @Test func isEven() {
        let places = ColorScale.colors.map(ColorScale.lab)
        #expect(places.count == 256)
        // over 8 steps, so that rounding to 8 bits does not count
        let lengths = stride(from: 0, to: 248, by: 8).map { first in
            (first ..< first + 8).reduce(0.0) { $0 + ColorScale.distance(places[$1], places[$1 + 1]) }
        }
        let mean = lengths.reduce(0, +) / Double(lengths.count)
        #expect(lengths.allSatisfy { abs($0 / mean - 1) < 0.25 }, "\(lengths.map { $0 / mean })")
        #expect(zip(places, places.dropFirst(4)).allSatisfy { $0.l < $1.l })
        #expect(places[0].l < 0.2 && places[255].l > 0.9)
        #expect(ColorScale.color(-1) == ColorScale.colors[0] && ColorScale.color(2) == ColorScale.colors[255])
    }
}

@Suite struct OverlayTests {
    /// Input, reconstruction and map stand side by side, enlarged pixel by pixel, the scale beside them with its largest number.
    @Test func panels() {
        let shares = [0.0, 0.5, 1, 2], map = Overlay.Map([0, 1, 2, 4], shape: [2, 2], largest: 2)
        let canvas = Overlay([.init(shares, shape: [2, 2, 1]), .init(shares.reversed(), shape: [2, 2, 1])], map: map).canvas
        #expect((canvas.width, canvas.height) == (3 * 192 + 5 * 8 + 16 + 4 + 48, 192 + 16))
        #expect(canvas[8, 8] == .black && canvas[8 + 191, 8 + 191] == .white && canvas[8 + 96, 8] == .gray(0.5))
        #expect(canvas[208, 8] == .white && canvas[7, 7] == .white && canvas[208 + 191, 8 + 191] == .black)
        #expect(canvas[408, 8] == ColorScale.colors[0] && canvas[408 + 96, 8] == ColorScale.color(0.5))
        // beyond the scale is its end
        #expect(canvas[408, 8 + 96] == ColorScale.colors[255] && canvas[408 + 96, 8 + 96] == ColorScale.colors[255])
        #expect(canvas[608, 8] == ColorScale.colors[255] && canvas[608, 8 + 191] == ColorScale.colors[0])
        // "2": its lowest row is five pixels wide
        #expect((0 ..< 5).allSatisfy { canvas[628 + $0, 14] == .black })
    }

    @Test func colorsAndManyChannels() {
        let color = Overlay([.init([1, 0, 0.2], shape: [1, 1, 3])], map: nil).canvas
        #expect(color[8, 8] == Color(255, 0, 51) && color.width == 192 + 16)
        #expect(Overlay([.init([1, 0, 0, 0], shape: [1, 1, 4])], map: nil).canvas[8, 8] == .gray(0.25))
    }

    /// A file that begins as PNG does, the same bytes for the same picture.
    @Test func file() {
        var canvas = Canvas(width: 3, height: 2)
        let empty = canvas.png
        canvas[1, 1] = .black
        #expect(canvas.png.starts(with: [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]) && canvas.png != empty)
        canvas[1, 1] = .white
        #expect(canvas.png == empty)
    }
}
