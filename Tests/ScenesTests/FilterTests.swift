import Scenes
import Testing

@Suite struct FilterTests {
    private func image(_ rows: [[Double]]) -> GrayImage { GrayImage(rows: rows.count, columns: rows[0].count, rows.flatMap { $0 }) }

    /// Draws that depend on nothing but their place, of few levels, so that many meet.
    private func drawn(_ rows: Int, _ columns: Int, levels: Int) -> GrayImage {
        var state: UInt64 = 7
        return GrayImage(
            rows: rows, columns: columns,
            (0 ..< rows * columns).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 33 % UInt64(levels) == 0 ? 0 : (state >> 40) % UInt64(levels))
            })
    }

    /// What area opening is: the largest level at which the part that a pixel lies in has enough pixels.
    private func openedByDefinition(_ image: GrayImage, _ area: Int) -> GrayImage {
        var result = image
        for pixel in image.values.indices {
            let levels = Set(image.values.filter { $0 <= image.values[pixel] }).sorted(by: >)
            result.values[pixel] = levels.first { part(of: pixel, in: image, from: $0) >= area } ?? image.values.min()!
        }
        return result
    }

    private func part(of pixel: Int, in image: GrayImage, from level: Double) -> Int {
        var met: Set = [pixel], open = [pixel]
        while let next = open.popLast() {
            let (row, column) = next.quotientAndRemainder(dividingBy: image.columns)
            for (r, c) in [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)] {
                guard (0 ..< image.rows).contains(r), (0 ..< image.columns).contains(c), image.values[r * image.columns + c] >= level else {
                    continue
                }
                if met.insert(r * image.columns + c).inserted { open.append(r * image.columns + c) }
            }
        }
        return met.count
    }

    @Test func smallBrightPartsSink() {
        let peaks = image([[1, 1, 1, 5, 5], [1, 9, 1, 5, 1], [1, 1, 1, 1, 1]])
        #expect(peaks.areaOpened(2) == image([[1, 1, 1, 5, 5], [1, 1, 1, 5, 1], [1, 1, 1, 1, 1]]))
        #expect(peaks.areaOpened(4) == image([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]))
        #expect(image([[3, 3, 3], [3, 0, 3]]).areaClosed(2) == image([[3, 3, 3], [3, 3, 3]]))
    }

    @Test(arguments: [1, 2, 3, 5, 9, 25]) func openingIsWhatItIsDefinedAs(_ area: Int) {
        for levels in [2, 4, 30] {
            let image = drawn(9, 11, levels: levels)
            #expect(image.areaOpened(area) == openedByDefinition(image, area))
        }
    }

    /// Blocks of rows with a halo give what the whole image gives.
    @Test func blocksWithAHaloAreExact() {
        let image = drawn(40, 7, levels: 6), area = 6, radius = 2
        let opened = image.areaOpened(area), closed = image.areaClosed(area), filtered = image.guidedFiltered(radius: radius, epsilon: 0.1)
        for first in stride(from: 0, to: 40, by: 8) {
            let halo = max(area - 1, 2 * radius), around = max(0, first - halo) ..< min(40, first + 8 + halo)
            let block = GrayImage(rows: around.count, columns: 7, Array(image.values[around.lowerBound * 7 ..< around.upperBound * 7]))
            let inner = (first - around.lowerBound) * 7 ..< (first + 8 - around.lowerBound) * 7, rows = first * 7 ..< (first + 8) * 7
            #expect(block.areaOpened(area).values[inner] == opened.values[rows])
            #expect(block.areaClosed(area).values[inner] == closed.values[rows])
            #expect(block.guidedFiltered(radius: radius, epsilon: 0.1).values[inner] == filtered.values[rows])
        }
    }

    @Test func guidedFilterByHand() {
        // windows of 1 1 2, 1 2 3 and 2 3 3 in each of three equal rows: means 4/3, 2, 8/3, variances 2/9, 2/3, 2/9; with ε = 1/3 slopes
        // 2/5, 2/3, 2/5 and offsets 4/5, 2/3, 8/5, whose means are 22/45 and 34/45, 46/45, 58/45
        let filtered = image([[1, 2, 3]]).guidedFiltered(radius: 1, epsilon: 1.0 / 3)
        for (found, expected) in zip(filtered.values, [56.0 / 45, 2, 124.0 / 45]) { #expect(abs(found - expected) < 1e-15) }
    }
}
