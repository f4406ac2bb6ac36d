@testable import Detectors
import Graphs
import Networks
import Testing

/// The counts of the specification.
@Suite struct ParameterCounts {
    /// (side, channels), then G, D.
    @Test(arguments: [
        ([32, 1], [16_652_929, 1_067_652]), ([32, 3], [16_659_075, 1_069_700]), ([32, 12], [16_686_732, 1_078_916]),
        ([64, 1], [29_237_889, 3_575_428]), ([64, 3], [29_244_035, 3_577_476]), ([64, 12], [29_271_692, 3_586_692]),
        ([128, 1], [41_822_849, 12_785_284]), ([128, 3], [41_828_995, 12_787_332]), ([128, 12], [41_856_652, 12_796_548]),
    ]) func skipGANomaly(_ size: [Int], _ expected: [Int]) throws {
        let detector = try SkipGANomaly(.init(), sample: [size[0], size[0], size[1]])
        #expect([count(detector.generator), count(detector.features, detector.head)] == expected)
    }

    /// (side, channels), then R and D of the authors' program, R and D of the paper.
    @Test(arguments: [
        ([28, 1], [373_217, 270_401, 8_609_025, 4_307_201]), ([45, 1], [373_217, 271_041, 8_609_025, 4_309_761]),
        ([32, 1], [373_217, 270_401, 8_609_025, 4_307_201]), ([32, 3], [375_619, 271_201, 8_615_427, 4_310_401]),
        ([64, 3], [375_619, 272_737, 8_615_427, 4_316_545]), ([128, 3], [375_619, 278_881, 8_615_427, 4_341_121]),
        ([32, 12], [386_428, 274_801, 8_644_236, 4_324_801]),
    ]) func alocc(_ size: [Int], _ expected: [Int]) throws {
        let paper = ALOCC.Settings()
        ALOCC.variants.first { $0.name == "paper-2018" }!.apply(paper)
        let counts = try [ALOCC.Settings(), paper].flatMap { settings in
            let detector = try ALOCC(settings, sample: [size[0], size[0], size[1]])
            return [count(detector.refiner), count(detector.discriminator)]
        }
        #expect(counts == expected)
    }

    /// One autoencoder: (side, channels, width, latent), then the count.
    @Test(arguments: [
        ([32, 1, 16, 32], 49_585), ([32, 1, 64, 32], 621_313), ([32, 1, 64, 128], 726_049), ([32, 3, 64, 128], 727_459),
        ([32, 12, 64, 128], 733_804), ([64, 1, 64, 128], 1_271_777), ([64, 3, 64, 128], 1_273_187), ([64, 12, 64, 128], 1_279_532),
        ([128, 1, 64, 128], 2_112_609), ([128, 3, 64, 128], 2_114_019), ([128, 12, 64, 128], 2_120_364),
    ]) func adae(_ size: [Int], _ expected: Int) throws {
        let settings = ADAE.Settings()
        (settings.width, settings.latent) = (size[2], size[3])
        let detector = try ADAE(settings, sample: [size[0], size[0], size[1]])
        #expect(count(detector.generator) == expected && count(detector.discriminator) == expected)
    }

    /// (side, channels), then En, De, D_v, C; D_l has one answer, or 16.
    @Test(arguments: [
        ([61, 3], [1_132_032, 1_132_099, 38_257, 1_036_033]), ([61, 1], [1_128_832, 1_128_897, 37_657, 1_032_833]),
        ([32, 1], [1_091_968, 1_092_033, 37_657, 1_032_833]), ([32, 3], [1_095_168, 1_095_235, 38_257, 1_036_033]),
        ([32, 12], [1_109_568, 1_109_644, 40_957, 1_050_433]), ([64, 1], [4_435_328, 4_435_393, 37_657, 1_032_833]),
        ([64, 3], [4_438_528, 4_438_595, 38_257, 1_036_033]), ([64, 12], [4_452_928, 4_453_004, 40_957, 1_050_433]),
        ([128, 1], [17_675_648, 17_675_713, 37_657, 1_032_833]), ([128, 3], [17_678_848, 17_678_915, 38_257, 1_036_033]),
        ([128, 12], [17_693_248, 17_693_324, 40_957, 1_050_433]),
    ]) func ocgan(_ size: [Int], _ expected: [Int]) throws {
        let detector = try OCGAN(.init(), sample: [size[0], size[0], size[1]])
        #expect([count(detector.encoder), count(detector.decoder), count(detector.visualDiscriminator), count(detector.classifier)] == expected)
        let released = OCGAN.Settings()
        OCGAN.variants[0].apply(released)
        let answers = [detector, try OCGAN(released, sample: [size[0], size[0], size[1]])].map { count($0.latentDiscriminator) }
        #expect(answers == [13_057, 13_040])
    }

    @Test func compactOCGAN() throws {
        let detector = try CompactOCGAN(.init(), sample: [28, 28, 1])
        #expect(count(detector.encoder) == 92_896 && count(detector.decoder) == 148_673)
    }

    /// The sample's shape and the code, then F, G, E, D; each has an average.
    @Test(
        arguments: [
            ([28, 28, 1], nil, [15_300, 1_905_424, 1_904_690, 5_151]), ([32, 32, 1], 32, [4_224, 2_422_337, 3_016_640, 2_145]),
            ([32, 32, 3], 256, [263_168, 3_053_251, 3_735_360, 131_841]),
        ] as [(Shape, Int?, [Int])]) func alae(_ sample: Shape, _ latent: Int?, _ expected: [Int]) throws
    {
        let settings = ALAE.Settings()
        (settings.networks, settings.latent) = (latent == nil ? .dense : .convolutional, latent)
        let detector = try ALAE(settings, sample: sample)
        #expect([count(detector.mapping), count(detector.generator), count(detector.encoder), count(detector.discriminator)] == expected)
        #expect(count(detector) == 2 * expected.reduce(0, +))
    }

    /// (side, channels), then G, D.
    @Test(arguments: [
        ([32, 1], [1_440_385, 1_030_913]), ([32, 3], [1_443_587, 1_034_113]), ([32, 12], [1_457_996, 1_048_513]),
        ([64, 1], [5_132_161, 4_313_345]), ([64, 3], [5_135_363, 4_316_545]), ([64, 12], [5_149_772, 4_330_945]),
        ([128, 1], [19_069_313, 17_431_809]), ([128, 3], [19_072_515, 17_435_009]), ([128, 12], [19_086_924, 17_449_409]),
    ]) func anoGAN(_ size: [Int], _ expected: [Int]) throws {
        let detector = try AnoGAN(.init(), sample: [size[0], size[0], size[1]])
        #expect([count(detector.generator), count(detector.features, detector.head)] == expected)
    }
}
