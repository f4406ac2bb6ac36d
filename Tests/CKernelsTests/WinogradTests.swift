import CKernels
import Testing

/// A convolution of `images` images with its operands, and the plain loops in Double that define it.
struct Convolution: CustomStringConvertible, Sendable {
    let kernel: Int, stride: Int, padding: Int
    /// Of the output; multiples of 4.
    let rows: Int, columns: Int
    let channels: Int, filters: Int, images: Int

    var description: String {
        "\(kernel)x\(kernel) stride \(stride), \(images) of \(rows)x\(columns), \(channels) -> \(filters) channels"
    }
    var inputRows: Int { (rows - 1) * stride + kernel - 2 * padding }
    var inputColumns: Int { (columns - 1) * stride + kernel - 2 * padding }
    var inputCount: Int { inputRows * inputColumns * channels }
    var outputCount: Int { rows * columns * filters }
    var weightCount: Int { kernel * kernel * channels * filters }

    /// Calls the body with an element of each operand and the number of consecutive filters for every product but those with
    /// padding: input index, output index and weight index of the first filter.
    func eachProduct(_ body: (_ input: Int, _ output: Int, _ weight: Int) -> Void) {
        for image in 0 ..< images {
            for i in 0 ..< rows * columns {
                for tap in 0 ..< kernel * kernel {
                    let row = i / columns * stride + tap / kernel - padding, column = i % columns * stride + tap % kernel - padding
                    guard 0 ..< inputRows ~= row, 0 ..< inputColumns ~= column else { continue }
                    let input = image * inputCount + (row * inputColumns + column) * channels
                    let output = image * outputCount + i * filters
                    for c in 0 ..< channels { body(input + c, output, (tap * channels + c) * filters) }
                }
            }
        }
    }
}

struct Operands {
    let x: [Float], w: [Float], y: [Float]

    init(_ convolution: Convolution, seed: UInt64) {
        var random = SplitMix(state: seed)
        x = random.floats(convolution.images * convolution.inputCount)
        w = random.floats(convolution.weightCount, in: -0.05 ... 0.05)
        y = random.floats(convolution.images * convolution.outputCount)
    }
}

/// Forward of x, input gradient of y, weight gradient of both.
struct Directions<Element: Sendable>: Sendable {
    var y: [Element], x: [Element], w: [Element]
}

extension Convolution {
    func direct(_ operands: Operands) -> Directions<Double> {
        var result = Directions(
            y: [Double](repeating: 0, count: operands.y.count), x: [Double](repeating: 0, count: operands.x.count),
            w: [Double](repeating: 0, count: operands.w.count))
        result.y.withUnsafeMutableBufferPointer { y in
            result.x.withUnsafeMutableBufferPointer { x in
                result.w.withUnsafeMutableBufferPointer { w in
                    operands.x.withUnsafeBufferPointer { xs in
                        operands.y.withUnsafeBufferPointer { ys in
                            operands.w.withUnsafeBufferPointer { ws in
                                eachProduct { input, output, weight in
                                    let value = Double(xs[input])
                                    var sum = 0.0
                                    for n in 0 ..< filters {
                                        let gradient = Double(ys[output + n]), weightHere = Double(ws[weight + n])
                                        y[output + n] += value * weightHere
                                        w[weight + n] += value * gradient
                                        sum += gradient * weightHere
                                    }
                                    x[input] += sum
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }
}

/// Every direction of Winograd's algorithm, against direct sums in Double, the other tables, and other cuts of the work.
@Suite struct WinogradTests {
    static let convolutions = [
        Convolution(kernel: 4, stride: 2, padding: 1, rows: 4, columns: 4, channels: 128, filters: 20, images: 3),
        Convolution(kernel: 4, stride: 2, padding: 1, rows: 8, columns: 12, channels: 3, filters: 64, images: 2),
        Convolution(kernel: 3, stride: 1, padding: 1, rows: 4, columns: 8, channels: 512, filters: 17, images: 1),
        Convolution(kernel: 3, stride: 1, padding: 1, rows: 8, columns: 4, channels: 16, filters: 300, images: 2),
        Convolution(kernel: 5, stride: 2, padding: 2, rows: 8, columns: 8, channels: 20, filters: 40, images: 3),
        Convolution(kernel: 3, stride: 2, padding: 1, rows: 8, columns: 12, channels: 50, filters: 33, images: 3),
        Convolution(kernel: 4, stride: 2, padding: 1, rows: 4, columns: 4, channels: 36, filters: 112, images: 17),
    ]

    /// `worst` error as a share of the largest value.
    static func error(_ values: [Float], against exact: [Double]) -> Double {
        zip(values, exact).map { abs(Double($0) - $1) }.max()! / exact.map(abs).max()!
    }

    @Test(arguments: convolutions) func againstDouble(convolution: Convolution) {
        let operands = Operands(convolution, seed: 1), exact = convolution.direct(operands)
        let results = Winograd(convolution).run(operands, by: Table.all.last!)
        #expect(Self.error(results.y, against: exact.y) < 1e-5)
        #expect(Self.error(results.x, against: exact.x) < 1e-5)
        #expect(Self.error(results.w, against: exact.w) < 1e-5)
    }

    @Test(arguments: convolutions) func equalInAllTables(convolution: Convolution) {
        let operands = Operands(convolution, seed: 2)
        let results = Table.all.map { Winograd(convolution).run(operands, by: $0) }
        for other in results.dropFirst() {
            #expect(other.y.bits == results[0].y.bits)
            #expect(other.x.bits == results[0].x.bits)
            #expect(other.w.bits == results[0].w.bits)
        }
    }

    /// Blocks of one image and pieces of 16 x 16 give what one block and pieces of 64 x 64 give.
    @Test(arguments: convolutions) func cutsChangeNothing(convolution: Convolution) {
        let operands = Operands(convolution, seed: 3), table = Table.all.last!
        let whole = Winograd(convolution).run(operands, by: table)
        let cut = Winograd(convolution).run(operands, by: table, imagesInBlock: 1, channels: 16, piece: (inner: 16, columns: 16))
        #expect(cut.y.bits == whole.y.bits)
        #expect(cut.x.bits == whole.x.bits)
        let odd = Winograd(convolution).run(operands, by: table, channels: 64, piece: (inner: 48, columns: 32))
        #expect(odd.w.bits == whole.w.bits)
    }

    /// A range of tiles is the same sum wherever it lies in a block.
    @Test(arguments: Table.all) func rangesOfTiles(table: Table) {
        let convolution = Convolution(kernel: 3, stride: 2, padding: 1, rows: 4, columns: 8, channels: 9, filters: 40, images: 5)
        let operands = Operands(convolution, seed: 4), tiles = 2
        let each = (0 ..< convolution.images).map {
            Winograd(convolution).run(operands, by: table, range: $0 * tiles ..< ($0 + 1) * tiles).w
        }
        let alone = Winograd(convolution).run(operands, by: table, imagesInBlock: 1).w
        var sum = each[0]
        for part in each.dropFirst() { for i in sum.indices { sum[i] += part[i] } }
        #expect(sum.bits == alone.bits)
    }
}
