import CKernels
import Foundation
import Testing

@Suite struct PeakTests {
    /// The yardstick does what it counts: twelve chains, each from its number on.
    @Test(arguments: Table.all) func countsWhatItDoes(_ table: Table) {
        for rounds in 0 ... 5 {
            var sink: [Float] = [0.75, -0.5]
            let count = table.pointer.pointee.peak(Int64(rounds), &sink)
            let expected = (0 ..< 12).map { chain in (0 ..< rounds).reduce(Float(chain)) { x, _ in fmaf(x, 0.75, -0.5) } }.reduce(0, +)
            #expect(Int(count) == rounds * 12 * table.panel / 2 && sink == [expected, -0.5], "\(rounds)")
        }
    }
}
