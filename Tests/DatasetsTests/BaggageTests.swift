import Datasets
import Testing

@Suite struct BaggageTests {
    typealias Content = BaggageSynthesizer.Content

    // MARK: Form

    @Test(arguments: [16, 17, 32, 256], [1, 3]) func aPatchHasItsSize(side: Int, channels: Int) throws {
        let synthesizer = try BaggageSynthesizer(side: side, channels: channels, seed: 1)
        for content in Content.allCases { #expect(synthesizer.patch(0, content).count == side * side * channels) }
    }

    @Test(arguments: [-1, 0, 15, 257]) func sidesOutOfRangeAreRefused(side: Int) {
        #expect(throws: BaggageSynthesizer.Failure.side(side)) { try BaggageSynthesizer(side: side, seed: 1) }
    }

    @Test(arguments: [0, 2, 4]) func otherChannelCountsAreRefused(channels: Int) {
        #expect(throws: BaggageSynthesizer.Failure.channels(channels)) { try BaggageSynthesizer(side: 32, channels: channels, seed: 1) }
    }

    @Test func failuresSayWhatToDo() {
        #expect("\(BaggageSynthesizer.Failure.side(8))" == "synthesize baggage: patches of side 8 cannot be made; choose a side from 16 to 256")
        #expect(
            "\(BaggageSynthesizer.Failure.channels(2))"
                == "synthesize baggage: patches of 2 channels cannot be made; choose 1 (gray) or 3 (pseudo-color)")
    }

    @Test func classesHaveNames() { #expect(Content.allCases.map(\.name) == ["benign", "knife", "gun", "gun parts"]) }

    // MARK: Counts

    @Test func ubaItself() {
        let counts = baggageCounts(threats: 122_803)
        #expect(counts.map(\.content) == [.knife, .gun, .gunPart])
        #expect(counts.map(\.count) == [63_496, 45_855, 13_452])
    }

    @Test func countsAreTheNearestToTheProportions() {
        let shares = [63_496, 45_855, 13_452].map { Double($0) / 122_803 }
        for threats in 0 ... 1_000 {
            let counts = baggageCounts(threats: threats).map(\.count)
            #expect(counts.reduce(0, +) == threats)
            for (count, share) in zip(counts, shares) { #expect(abs(Double(count) - share * Double(threats)) < 1, "\(counts) of \(threats)") }
        }
        // 0.517, 0.373, 0.110 of one; of four 2.068, 1.494, 0.438: the one left goes to the gun
        #expect(baggageCounts(threats: 1).map(\.count) == [1, 0, 0])
        #expect(baggageCounts(threats: 4).map(\.count) == [2, 2, 0])
    }

    // MARK: Draws

    @Test func aPatchDependsOnSeedNumberAndContentAlone() async throws {
        let synthesizer = try BaggageSynthesizer(side: 16, seed: 5), again = try BaggageSynthesizer(side: 16, seed: 5)
        let forward = (0 ..< 40).map { synthesizer.patch($0, .gun) }
        // backwards, each on a task of its own
        let backward = await withTaskGroup(of: (Int, [UInt8]).self) { group in
            for number in (0 ..< 40).reversed() { group.addTask { (number, again.patch(UInt64(number), .gun)) } }
            return await group.reduce(into: [[UInt8]](repeating: [], count: 40)) { $0[$1.0] = $1.1 }
        }
        #expect(forward == backward)
        #expect(Set(forward).count == 40)
        #expect(Set(Content.allCases.map { synthesizer.patch(3, $0) }).count == 4)
        #expect(try BaggageSynthesizer(side: 16, seed: 6).patch(0, .gun) != forward[0])
        #expect(synthesizer.patch(.max, .knife) == again.patch(.max, .knife))
    }

    /// The same number shows the same bag at any side: a patch of 64 averaged to 32 is the patch of 32 but for noise and edges.
    @Test func sidesShowTheSameBag() throws {
        let coarse = try BaggageSynthesizer(side: 32, seed: 5), fine = try BaggageSynthesizer(side: 64, seed: 5)
        for number in 0 ..< 8 as Range<UInt64> {
            let small = coarse.patch(number, .gunPart).map(Double.init), large = fine.patch(number, .gunPart).map(Double.init)
            var difference = 0.0
            for row in 0 ..< 32 {
                for column in 0 ..< 32 {
                    let corner = 128 * row + 2 * column
                    let mean = (large[corner] + large[corner + 1] + large[corner + 64] + large[corner + 65]) / 4
                    difference += abs(mean - small[32 * row + column]) / 1_024
                }
            }
            #expect(difference < 8, "patch \(number): mean difference \(difference) of 255")
        }
    }

    /// The gray value lies between the least and the greatest channel, and all three hues occur.
    @Test func colorsAreOfTheSameBag() throws {
        let gray = try BaggageSynthesizer(side: 32, seed: 5), color = try BaggageSynthesizer(side: 32, channels: 3, seed: 5)
        var hues = Set<Int>()
        for number in 0 ..< 20 as Range<UInt64> {
            let values = gray.patch(number, .gun).map(Int.init), pixels = color.patch(number, .gun).map(Int.init)
            for (place, value) in values.enumerated() {
                let pixel = pixels[3 * place ..< 3 * place + 3]
                #expect(pixel.min()! <= value + 1 && value <= pixel.max()! + 1)
                if pixel.max()! - pixel.min()! > 40 { hues.insert(pixel.firstIndex(of: pixel.max()!)! - pixel.startIndex) }
            }
        }
        #expect(hues == [0, 1, 2], "orange, green and blue should all occur")
    }

    // MARK: Separability

    /// No single statistic of a patch tells threats from normals.
    @Test(arguments: [32, 64]) func trivialStatisticsDoNotSeparate(side: Int) async throws {
        let synthesizer = try BaggageSynthesizer(side: side, seed: 2024)
        let normals = await statistics(synthesizer, .benign, count: 1_500)
        for content in [Content.knife, .gun, .gunPart] {
            let threats = await statistics(synthesizer, content, count: 500)
            for (place, name) in ["mean", "minimum", "deviation", "darkest 1 %", "edge energy"].enumerated() {
                let area = areaUnderCurve(normals.map { $0[place] }, threats.map { $0[place] })
                let allowed = name == "mean" ? 0.4 ... 0.65 : 0.2 ... 0.8
                #expect(allowed.contains(area), "\(name) of \(content.name) at side \(side): AUROC \(area)")
            }
        }
    }

    /// The statistics of the first patches of a content, drawn on all cores.
    private func statistics(_ synthesizer: BaggageSynthesizer, _ content: Content, count: Int) async -> [[Double]] {
        await withTaskGroup(of: [[Double]].self) { group in
            for start in stride(from: 0, to: count, by: 50) {
                group.addTask {
                    (start ..< min(count, start + 50)).map { Self.statistics(synthesizer.patch(UInt64($0), content), side: synthesizer.side) }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// Larger where a patch is darker, more contrasted or busier.
    private static func statistics(_ patch: [UInt8], side: Int) -> [Double] {
        let values = patch.map(Double.init), count = Double(values.count), mean = values.reduce(0, +) / count
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let darkest = values.sorted().prefix(max(1, values.count / 100))
        var edges = 0.0
        for row in 0 ..< side - 1 {
            for column in 0 ..< side - 1 {
                let place = row * side + column
                let across = values[place + 1] - values[place], down = values[place + side] - values[place]
                edges += across * across + down * down
            }
        }
        return [-mean, -darkest[0], deviation, -darkest.reduce(0, +) / Double(darkest.count), edges / count]
    }

    /// The probability that a threat's value exceeds a normal's; ties count half.
    private func areaUnderCurve(_ normals: [Double], _ threats: [Double]) -> Double {
        let sorted = normals.sorted()
        func below(_ value: Double, orEqual: Bool) -> Int {
            var (low, high) = (0, sorted.count)
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle] < value || orEqual && sorted[middle] == value { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let sum = threats.reduce(0.0) { $0 + 0.5 * Double(below($1, orEqual: false) + below($1, orEqual: true)) }
        return sum / Double(normals.count * threats.count)
    }
}
