import Foundation
import Testing

@testable import Reports

@Suite struct ScenePictureTests {
    private func image(_ values: [Float], rows: Int, columns: Int, within side: Int = 8, _ rule: ReducedImage.Rule = .mean) -> ReducedImage {
        var image = ReducedImage(rows: rows, columns: columns, within: side, rule)
        // in pieces that no cell ends with
        for row in 0 ..< rows { image.add(Array(values[row * columns ..< (row + 1) * columns]), rows: row ..< row + 1) }
        return image
    }

    /// Cells at the right and below may have fewer pixels.
    @Test func reduction() {
        let values = (0 ..< 15).map(Float.init)  // 3 × 5
        let means = image(values, rows: 3, columns: 5, within: 3)
        #expect((means.factor, means.height, means.width) == (2, 2, 3))
        #expect(means.values == [3, 5, 6.5, 10.5, 12.5, 14])
        #expect(image(values, rows: 3, columns: 5, within: 3, .largest).values == [6, 8, 9, 11, 13, 14])
        #expect(image(values.map { -$0 - 1 }, rows: 3, columns: 5, within: 3, .largest).values == [-1, -3, -5, -11, -13, -15])
        #expect(image(values, rows: 3, columns: 5, within: 5).factor == 1)
    }

    /// Composite, map with its scale, mask, alarms, from left to right.
    @Test func panels() {
        let (dark, light) = (image([0, 1, 2, 3], rows: 2, columns: 2), image([3, 3, 3, 3], rows: 2, columns: 2))
        let picture = ScenePicture(
            composite: [dark, light, light], map: dark, mask: [false, false, false, true], alarms: [false, false, true, false])
        let canvas = picture.overlay.canvas
        #expect((canvas.width, canvas.height) == (4 * 192 + 5 * 8 + 16 + 4 + 48 + 8, 192 + 16))
        // a channel that does not vary is gray
        #expect(canvas[8, 8] == Color(0, 128, 128) && canvas[199, 199] == Color(255, 128, 128))
        #expect(canvas[208, 8] == ColorScale.colors[0] && canvas[399, 199] == ColorScale.colors[255])
        #expect(canvas[408, 8] == ColorScale.colors[255] && canvas[408, 199] == ColorScale.colors[0])
        let mask = 208 + 200 + 76, alarms = mask + 200
        #expect(canvas[mask, 8] == .black && canvas[mask + 191, 199] == .white)
        #expect(canvas[alarms, 199] == Color(255, 64, 0) && canvas[alarms, 8] == .gray(0.25) && canvas[alarms + 191, 199] == .gray(0.5))
        #expect(ScenePicture(composite: [dark, light, light], map: dark, mask: nil, alarms: nil).overlay.canvas.width == canvas.width - 400)
    }

    @Test func compositeBands() {
        let nanometers = stride(from: 400.0, through: 1000, by: 50).map { $0 }
        #expect(ScenePicture.bands(of: 13, wavelengths: nanometers, unit: "Nanometers") == [9, 5, 3])
        #expect(ScenePicture.bands(of: 13, wavelengths: nanometers.map { $0 / 1000 }, unit: "micrometers") == [9, 5, 3])
        for (wavelengths, unit) in [(nil, nil), (nanometers, nil), (nanometers.map { $0 + 1000 }, "nm")] as [([Double]?, String?)] {
            #expect(ScenePicture.bands(of: 13, wavelengths: wavelengths, unit: unit) == [10, 6, 2])
        }
        #expect(ScenePicture.bands(of: 1, wavelengths: nil, unit: nil) == [0, 0, 0])
    }
}
