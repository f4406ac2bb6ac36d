import CKernels
import Testing

/// A product with random strides: shape, where its operands lie, and how it is computed plainly.
private struct Product {
    let rows: Int, columns: Int, groups: Int, runs: Int, length: Int
    let accumulate: Bool
    let packed: Bool
    var a: [Float], aRow: [Int64], aStep: Int, aRun: Int, aGroup: Int
    /// Row-major [inner][bStride].
    var b: [Float], bStride: Int
    var c: [Float], cRow: [Int64]

    var inner: Int { groups * runs * length }
    /// What places that must not be written hold.
    static let untouched: Float = -7777

    init(rows: Int, columns: Int, groups: Int, runs: Int, length: Int, accumulate: Bool, packed: Bool, seed: UInt64) {
        (self.rows, self.columns, self.groups, self.runs, self.length) = (rows, columns, groups, runs, length)
        (self.accumulate, self.packed) = (accumulate, packed)
        var random = SplitMix(state: seed)
        aStep = .random(in: 1 ... 3, using: &random)
        aRun = length * aStep + .random(in: 0 ... 2, using: &random)
        aGroup = runs * aRun + .random(in: 0 ... 1, using: &random)
        let contiguous = Bool.random(using: &random)
        aRow = (0 ..< rows).map { row in contiguous ? Int64(row) : .random(in: 0 ... 50, using: &random) }
        a = random.floats(groups * aGroup + max(rows, 51))
        bStride = (columns + 31) / 32 * 32 + 32 * .random(in: 0 ... 1, using: &random)
        b = random.floats(groups * runs * length * bStride)
        cRow = (0 ..< rows).map { Int64(3 + $0 * (columns + 2)) }.shuffled(using: &random)
        c = [Float](repeating: Self.untouched, count: rows * (columns + 2) + 6)
        for row in cRow where accumulate {
            for n in 0 ..< columns { c[Int(row) + n] = .random(in: -1 ... 1, using: &random) }
        }
    }

    /// Calls `body` with the offset into a and the row of b of every inner index, in order.
    private func walk(_ body: (Int, Int) -> Void) {
        for g in 0 ..< groups {
            for s in 0 ..< runs {
                for t in 0 ..< length { body(g * aGroup + s * aRun + t * aStep, (g * runs + s) * length + t) }
            }
        }
    }

    /// The definition: a chain of fused multiply-adds for each element.
    func plain() -> [Float] {
        var result = c
        for (a0, c0) in zip(aRow, cRow) {
            for n in 0 ..< columns {
                var sum = accumulate ? c[Int(c0) + n] : 0
                walk { offset, k in sum = sum.addingProduct(a[Int(a0) + offset], b[k * bStride + n]) }
                result[Int(c0) + n] = sum
            }
        }
        return result
    }

    /// Values in Double, and the sums of magnitudes that errors are measured by.
    func exact(row: Int, column: Int) -> (value: Double, magnitude: Double) {
        var value = accumulate ? Double(c[Int(cRow[row]) + column]) : 0, magnitude = abs(value)
        walk { offset, k in
            let term = Double(a[Int(aRow[row]) + offset]) * Double(b[k * bStride + column])
            value += term
            magnitude += abs(term)
        }
        return (value, magnitude)
    }

    func computed(by table: Table) -> [Float] {
        let panel = table.panel
        var weights = b, result = c
        if packed {
            let panels = (columns + panel - 1) / panel
            weights = [Float](repeating: .nan, count: panels * inner * panel)
            table.pointer.pointee.pack(&weights, b, Int64(inner), Int64(columns), Int64(bStride), 1, 0, Int64(panels))
        }
        let step = packed ? panel : bStride
        a.withUnsafeBufferPointer { a in
            weights.withUnsafeBufferPointer { b in
                var product = vk_product()
                (product.rows, product.columns) = (Int64(rows), Int64(columns))
                (product.groups, product.runs, product.length) = (Int64(groups), Int64(runs), Int64(length))
                (product.a, product.aStep, product.aRun, product.aGroup) = (a.baseAddress, Int64(aStep), Int64(aRun), Int64(aGroup))
                (product.b, product.bPanel) = (b.baseAddress, Int64(packed ? inner * panel : panel))
                (product.bStep, product.bRun, product.bGroup) = (Int64(step), Int64(length * step), Int64(runs * length * step))
                product.accumulate = accumulate ? 1 : 0
                aRow.withUnsafeBufferPointer { aRow in
                    cRow.withUnsafeBufferPointer { cRow in
                        result.withUnsafeMutableBufferPointer { c in
                            (product.aRow, product.cRow, product.c) = (aRow.baseAddress, cRow.baseAddress, c.baseAddress)
                            table.pointer.pointee.product(&product)
                        }
                    }
                }
            }
        }
        return result
    }
}

@Suite struct ProductTests {
    /// (groups, runs, length)
    static let inners = [(1, 1, 1), (1, 1, 9), (1, 4, 2), (3, 1, 1), (1, 5, 1), (2, 3, 1), (3, 1, 2), (2, 2, 2), (1, 1, 0), (0, 2, 2)]

    @Test(arguments: Table.all) func smallShapes(table: Table) {
        var seed: UInt64 = 0
        for rows in 1 ... 13 {
            for columns in 1 ... 35 {
                for (groups, runs, length) in Self.inners {
                    seed += 1
                    let product = Product(
                        rows: rows, columns: columns, groups: groups, runs: runs, length: length,
                        accumulate: seed % 2 == 0, packed: seed % 3 == 0, seed: seed)
                    let same = product.computed(by: table).bits == product.plain().bits
                    #expect(same, "\(rows) x \(columns), inner \((groups, runs, length)), seed \(seed)")
                }
            }
        }
    }

    /// More than a chunk of the inner index, more than a strip of rows, several panels with an odd last one.
    @Test(arguments: Table.all, [false, true]) func largeShapes(table: Table, packed: Bool) {
        let shapes = [(205, 70, 1, 1, 300), (64, 128, 1, 4, 160), (97, 33, 5, 9, 13), (1, 200, 2, 3, 257), (26, 3, 3, 3, 64), (400, 17, 16, 8, 8)]
        for (rows, columns, groups, runs, length) in shapes {
            for accumulate in [false, true] {
                let product = Product(
                    rows: rows, columns: columns, groups: groups, runs: runs, length: length, accumulate: accumulate, packed: packed,
                    seed: UInt64(rows + columns))
                let computed = product.computed(by: table)
                #expect(computed.bits == product.plain().bits, "\(rows) x \(columns), inner \((groups, runs, length))")
                for row in stride(from: 0, to: rows, by: 7) {
                    for column in stride(from: 0, to: columns, by: 5) {
                        let (value, magnitude) = product.exact(row: row, column: column)
                        let error = abs(Double(computed[Int(product.cRow[row]) + column]) - value)
                        #expect(error <= 1e-6 * magnitude)
                    }
                }
            }
        }
    }

    @Test(arguments: Table.all) func pack(table: Table) {
        let panel = table.panel
        var random = SplitMix(state: 5)
        for inner in [1, 2, 15, 16, 17, 40] {
            for columns in [1, 3, 15, 16, 17, 31, 32, 33, 70] {
                for transposed in [false, true] {
                    let rowStride = transposed ? 1 : columns + 2, columnStride = transposed ? inner + 3 : 1
                    let from = random.floats((inner + 3) * (columns + 2))
                    let panels = (columns + panel - 1) / panel
                    var to = [Float](repeating: 9, count: panels * inner * panel)
                    for part in [0 ..< panels / 2, panels / 2 ..< panels] {
                        table.pointer.pointee.pack(
                            &to, from, Int64(inner), Int64(columns), Int64(rowStride), Int64(columnStride), Int64(part.lowerBound),
                            Int64(part.upperBound))
                    }
                    let expected = (0 ..< panels * inner * panel).map { index in
                        let k = index / panel % inner, n = index / (inner * panel) * panel + index % panel
                        return n < columns ? from[k * rowStride + n * columnStride] : 0
                    }
                    #expect(to == expected, "[\(inner)][\(columns)]")
                }
            }
        }
    }

    @Test(arguments: Table.all) func add(table: Table) {
        var random = SplitMix(state: 6)
        for count in [0, 1, 7, 8, 9, 100, 1023] {
            let from = random.floats(count + 1), before = random.floats(count + 1)
            var to = before
            table.pointer.pointee.add(&to, from, Int64(count))
            #expect(to == zip(before, from).map(+).dropLast() + [before[count]])
        }
    }

    @Test func names() throws {
        #expect(vk_table_named("sse9") == nil)
        #expect(vk_table_named("portable") != nil)
        let best = try #require(vk_table_best())
        #expect(String(cString: best.pointee.name) == Table.all.last?.name)
    }
}
