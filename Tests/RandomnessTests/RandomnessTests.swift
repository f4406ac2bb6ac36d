import Foundation
import Testing

@testable import Randomness

@Suite struct PhiloxTests {
    /// The known answers that come with the authors' program Random123 (`kat_vectors`, philox4x32, 10 rounds).
    @Test func knownAnswers() {
        #expect(Philox(key: 0).block(0) == (0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        #expect(Philox(key: .max).block(.max, .max) == (0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        let π = Philox(key: 0x299F_31D0_A409_3822)
        #expect(π.block(0x85A3_08D3_243F_6A88, 0x0370_7344_1319_8A2E) == (0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test func numbersStayInTheirRanges() {
        let philox = Philox(seed: 7, key(of: "ranges"))
        for counter in UInt64(0) ..< 10_000 {
            #expect((0 ..< 1).contains(philox.uniform(counter)))
            #expect((0 ..< 7).contains(philox.index(below: 7, counter)))
        }
        #expect(philox.index(below: 1, 3) == 0)
    }

    /// Chi-squared over 7 places has 6 degrees of freedom; 22.46 is exceeded once in a thousand.
    @Test func indicesAreSpreadEvenly() {
        let philox = Philox(seed: 1, key(of: "indices")), count = 70_000
        var counts = [Double](repeating: 0, count: 7)
        for counter in 0 ..< count { counts[philox.index(below: 7, UInt64(counter))] += 1 }
        #expect(counts.reduce(0) { $0 + ($1 - 10_000) * ($1 - 10_000) / 10_000 } < 22.46)
    }

    @Test func everyWordOfAKeyCounts() {
        let first = Philox(seed: 1, 2, 3).bits(0)
        let others = [
            Philox(seed: 2, 2, 3), Philox(seed: 1, 3, 3), Philox(seed: 1, 2, 4), Philox(seed: 1, 3, 2), Philox(seed: 1, 2), Philox(seed: 1, 2, 3, 0),
        ]
        #expect(Set(others.map { $0.bits(0) } + [first]).count == others.count + 1)
        #expect(Philox(seed: 1, 2, 3).bits(0) == first)
    }

    /// The published values of FNV-1a, 64 bits.
    @Test func namesAreHashedByFNV1a() {
        #expect(key(of: "") == 0xCBF2_9CE4_8422_2325 && key(of: "a") == 0xAF63_DC4C_8601_EC8C && key(of: "foobar") == 0x8594_4171_F739_67E8)
    }
}

@Suite struct NormalTests {
    /// Over n draws the mean strays by 1/√n, the variance by √(2/n), skewness by √(6/n) and kurtosis by √(24/n): four of each.
    @Test(arguments: [0, 1, 2]) func moments(_ seed: UInt64) {
        let philox = Philox(seed: seed, key(of: "normals")), n = 100_000.0
        let draws = (0 ..< UInt64(n) / 2).flatMap { counter in
            let (a, b) = philox.normals(counter)
            return [a, b]
        }
        func moment(_ order: Int) -> Double { draws.reduce(0) { $0 + pow($1, Double(order)) } / n }
        #expect(abs(moment(1)) < 4 / n.squareRoot())
        #expect(abs(moment(2) - 1) < 4 * (2 / n).squareRoot())
        #expect(abs(moment(3)) < 4 * (15 / n).squareRoot())
        #expect(abs(moment(4) - 3) < 4 * (96 / n).squareRoot())
    }

    @Test func theTwoOfAPairAreIndependent() {
        let philox = Philox(seed: 3, key(of: "pairs")), n = 50_000.0
        let pairs = (0 ..< UInt64(n)).map { philox.normals($0) }
        #expect(abs(pairs.reduce(0) { $0 + $1.0 * $1.1 } / n) < 4 / n.squareRoot())
        #expect(abs(pairs.reduce(0) { $0 + ($1.0 * $1.0 - 1) * ($1.1 * $1.1 - 1) } / n) < 4 * 2 / n.squareRoot())
    }

    @Test func logarithmIsFoundations() {
        let philox = Philox(seed: 5, key(of: "logarithm"))
        let draws = (0 ..< UInt64(100_000)).map { 1 - philox.uniform($0) }
        let edges = [
            0x1p-53, 0x1p-52, 0.5, 0.5.nextUp, 0.5.nextDown, 0.70710678118654746, 0.70710678118654757, 1, 1.0.nextDown, 1.0.nextUp, 2, 3e300,
        ]
        for x in draws + edges {
            let expected = Foundation.log(x)
            #expect(abs(logarithm(x) - expected) <= 4 * expected.ulp, "ln \(x)")
        }
    }

    /// Against the cosine of the angle in quarter turns, which is exact where π is not: 4 ulp of 1, and of the value where it is small.
    @Test func cosineIsFoundations() {
        let philox = Philox(seed: 6, key(of: "cosine"))
        for turns in (0 ..< UInt64(100_000)).map({ philox.uniform($0) }) + [0, 0.125, 0.375, 0.0625, -0.25.nextUp, 0.99999, -0.1] {
            #expect(abs(cosine(turns: turns) - Foundation.cos(2 * .pi * turns)) <= 4 * 1.0.ulp, "cos 2π·\(turns)")
        }
        #expect([0, 0.25, 0.5, 0.75, 1, -0.25].map(cosine(turns:)) == [1, 0, -1, 0, 1, 0])
    }
}

@Suite struct TruncatedNormalTests {
    /// Of the cut-off distribution: mean 0, variance 1 - 4φ(2) / (2Φ(2) - 1) = 0.7737; keyed by both halves of the counter.
    @Test func moments() {
        let philox = Philox(seed: 3, 1), draws = (0 ..< 40_000).map { philox.truncatedNormal(UInt64($0 % 200), UInt64($0 / 200)) }
        let mean = draws.reduce(0, +) / 40_000, variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
        #expect(draws.allSatisfy { abs($0) <= 2 } && draws.contains { abs($0) > 1.99 })
        #expect(abs(mean) < 0.02 && abs(variance - 0.7737) < 0.02 && Set(draws).count == 40_000)
    }
}

@Suite struct PermutationTests {
    @Test(arguments: [0, 1, 2, 3, 17, 1000]) func everyPlaceOnce(_ count: Int) {
        #expect(Philox(seed: 4, 1).permutation(count).sorted() == Array(0 ..< count))
    }

    @Test func keysGiveOtherPermutations() {
        let permutations = (0 ..< 100).map { Philox(seed: 4, $0).permutation(50) }
        #expect(Set(permutations).count == 100)
        #expect(Philox(seed: 4, 1).permutation(50) == permutations[1])
    }

    /// All six of three, equally often: chi-squared with 5 degrees of freedom exceeds 20.5 once in a thousand.
    @Test func allPermutationsAreEquallyLikely() {
        var counts: [[Int]: Double] = [:]
        for key in UInt64(0) ..< 6000 { counts[Philox(seed: 9, key).permutation(3), default: 0] += 1 }
        #expect(counts.count == 6)
        #expect(counts.values.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 } < 20.5)
    }
}
