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
}
