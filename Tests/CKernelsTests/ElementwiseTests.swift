import CKernels
import Testing

/// Slots, blocks, ranges and sums, in arithmetic that plain Swift repeats to the bit.
@Suite struct ElementwiseTests {
    /// Fewer than a vector, about a block, several blocks and not a multiple of anything.
    static let counts = [1, 3, 16, 63, 64, 100, 1023, 1024, 1025, 3000, 5003]

    /// Cuts 0 ..< count in pieces at odd places.
    static func pieces(of count: Int, _ random: inout SplitMix) -> [Range<Int>] {
        let cuts = [0] + (0 ..< 3).map { _ in Int.random(in: 0 ... count, using: &random) }.sorted() + [count]
        return zip(cuts, cuts.dropFirst()).map { $0 ..< $1 }
    }

    /// The documented order: virtual lanes, each from 0 in the order of the elements, then folded lane by lane.
    static func sum(_ values: ArraySlice<Float>, period: Int) -> [Float] {
        let width = period * max(1, (16 + period - 1) / period)
        var lanes = [Float](repeating: 0, count: width)
        for (e, value) in values.enumerated() { lanes[e % width] += value }
        return (0 ..< period).map { p in stride(from: p + period, to: width, by: period).reduce(lanes[p]) { $0 + lanes[$1] } }
    }

    /// x * periodic + scalar * gathered, then that plus a value of the sample, for every period and both strides.
    @Test(arguments: Table.ways) func slotKinds(table: Table) {
        var random = SplitMix(state: 3)
        for count in Self.counts {
            for period in [1, 2, 3, 16, 17, 64, 700, 1500, count] {
                let samples = 3, perSample = Bool.random(using: &random)
                let x = random.floats(count * samples), own = random.floats(samples)
                let periodic = random.floats(period * (perSample ? samples : 1)), stride = perSample ? period : 0
                let gathered = random.floats(50 * samples), indices = (0 ..< count).map { _ in Int32.random(in: 0 ..< 50, using: &random) }
                let scalar = 0.1
                let program = Program(
                    slots: [
                        .load(x), .periodic(periodic, period: period, stride: stride), .scalar(scalar),
                        .gather(gathered, table: indices, stride: 50), .periodic(own, period: 1, stride: 1), .temporary, .temporary,
                        .store, .store,
                    ],
                    code: [
                        (VK_MULTIPLY, 0, 1, 5), (VK_MULTIPLY, 2, 3, 6), (VK_ADD, 5, 6, 7), (VK_ADD, 7, 4, 5), (VK_COPY, 5, -1, 8),
                    ], count: count)
                let first = (0 ..< count * samples).map { i in
                    let (sample, e) = i.quotientAndRemainder(dividingBy: count)
                    return x[i] * periodic[sample * stride + e % period] + Float(scalar) * gathered[sample * 50 + Int(indices[e])]
                }
                let second = first.enumerated().map { $1 + own[$0 / count] }
                for (sampleParts, elementParts) in [
                    ([0 ..< samples], nil), (Self.pieces(of: samples, &random), nil), ([0 ..< samples], Self.pieces(of: count, &random)),
                ] {
                    let results = program.run(by: table, samples: sampleParts, elements: elementParts)
                    #expect(results[7]!.bits == first.bits, "count \(count), period \(period)")
                    #expect(results[8]!.bits == second.bits, "count \(count), period \(period)")
                }
            }
        }
    }

    /// Programs whose samples run as one long sample.
    @Test(arguments: Table.ways) func joinedSamples(table: Table) {
        var random = SplitMix(state: 4)
        for count in [1, 2, 10, 48, 1000, 1030] {
            for period in [1, 2, count] where count % period == 0 {
                let samples = 150, x = random.floats(count * samples), bias = random.floats(period)
                let program = Program(
                    slots: [.load(x), .periodic(bias, period: period, stride: 0), .scalar(-3), .temporary, .store],
                    code: [(VK_ADD, 0, 1, 3), (VK_MULTIPLY, 3, 2, 4)], count: count)
                let expected = x.enumerated().map { ($1 + bias[$0 % count % period]) * -3 }
                for parts in [[0 ..< samples], Self.pieces(of: samples, &random)] {
                    #expect(program.run(by: table, samples: parts)[4]!.bits == expected.bits, "count \(count), period \(period)")
                }
            }
        }
    }

    /// A result over an operand's memory; an operand read after that still has its old value.
    @Test(arguments: Table.ways) func inPlace(table: Table) {
        var random = SplitMix(state: 5)
        for count in Self.counts {
            let x = random.floats(count * 2), y = random.floats(count * 2)
            let once = Program(slots: [.load(x), .load(y), .storeOver(0)], code: [(VK_ADD, 0, 1, 2)], count: count)
            #expect(once.run(by: table, samples: [0 ..< 2])[2]!.bits == zip(x, y).map(+).bits)
            let later = Program(
                slots: [.load(x), .load(y), .storeOver(0), .store], code: [(VK_ADD, 0, 1, 2), (VK_MULTIPLY, 2, 0, 3)], count: count)
            let results = later.run(by: table, samples: [0 ..< 2])
            #expect(results[2]!.bits == zip(x, y).map(+).bits)
            #expect(results[3]!.bits == zip(x, y).map { ($0 + $1) * $0 }.bits)
        }
    }

    @Test(arguments: Table.ways) func sums(table: Table) {
        var random = SplitMix(state: 6)
        for count in Self.counts {
            for period in [1, 2, 3, 5, 15, 16, 17, 31, 32, 64, 100, 1500, count] {
                let samples = 2, x = random.floats(count * samples), y = random.floats(count * samples)
                let scatter = (0 ..< count).map { _ in Int32.random(in: 0 ..< Int32(period), using: &random) }
                let program = Program(
                    slots: [.load(x), .load(y), .sum(period: period), .sumRuns(length: period), .sumTable(scatter, results: period), .store],
                    code: [(VK_MULTIPLY, 0, 1, 2), (VK_COPY, 2, -1, 3), (VK_ADD, 2, 0, 4), (VK_COPY, 4, -1, 5)], count: count)
                var sums: [Float] = [], runs: [Float] = [], scattered = [Float](repeating: 0, count: samples * period), stored: [Float] = []
                for sample in 0 ..< samples {
                    let products = (sample * count ..< (sample + 1) * count).map { x[$0] * y[$0] }
                    sums += Self.sum(products[...], period: period)
                    for start in stride(from: 0, to: count, by: period) {
                        runs += Self.sum(products[start ..< min(start + period, count)], period: 1)
                    }
                    for e in 0 ..< count {
                        stored.append(products[e] + x[sample * count + e])
                        scattered[sample * period + Int(scatter[e])] += stored.last!
                    }
                }
                for parts in [[0 ..< samples], [0 ..< 1, 1 ..< samples]] {
                    let results = program.run(by: table, samples: parts)
                    #expect(results[2]!.bits == sums.bits, "sum, count \(count), period \(period)")
                    #expect(results[3]!.bits == runs.bits, "sums of runs, count \(count), length \(period)")
                    #expect(results[4]!.bits == scattered.bits, "sums by table, count \(count), results \(period)")
                    #expect(results[5]!.bits == stored.bits)
                }
            }
        }
    }

    /// Long programs of all operations, with more temporaries and scalars than there are registers.
    @Test func programsAtRandom() {
        var random = SplitMix(state: 7)
        let operations = (VK_NEGATIVE.rawValue ... VK_COPY.rawValue).map { vk_operation($0) }
        for turn in 0 ..< 60 {
            // calls end a program's compilation
            let own = turn % 6 == 0 ? operations : operations.filter { !(VK_EXP.rawValue ... VK_LOGISTIC.rawValue).contains($0.rawValue) }
            let count = Self.counts.randomElement(using: &random)!, temporaries = Int.random(in: 1 ... 40, using: &random)
            var x = random.floats(2 * count, in: -3 ... 3)
            for edge in [0, -0.0, .infinity, .nan, .leastNonzeroMagnitude] as [Float] { x[Int.random(in: x.indices, using: &random)] = edge }
            let given: [Program.Slot] = [
                .load(x), .periodic(random.floats(64), period: 64, stride: 0), .periodic(random.floats(6), period: 3, stride: 3),
                .periodic(random.floats(512), period: 256, stride: 256), .scalar(0.3), .scalar(-2),
            ]
            let results: [Program.Slot] = [.store, .sum(period: 5), .store]
            var code: [Program.Line] = []
            for _ in 0 ..< Int.random(in: 3 ... 60, using: &random) + temporaries {
                let written = given.indices + code.map(\.result).filter { $0 >= 0 } + (code.isEmpty ? [] : [-1])
                let result = Int.random(in: -1 ..< temporaries, using: &random)
                code.append(
                    (
                        own.randomElement(using: &random)!, written.randomElement(using: &random)!, written.randomElement(using: &random)!,
                        result < 0 ? -1 : given.count + result
                    ))
            }
            for result in results.indices { code.append((VK_COPY, -1, -1, given.count + temporaries + result)) }
            let program = Program(
                slots: given + [Program.Slot](repeating: .temporary, count: temporaries) + results, code: code, count: count)
            let bits = Table.ways.map { program.run(by: $0, samples: [0 ..< 2]).mapValues(\.bits) }
            for (way, other) in zip(Table.ways, bits).dropFirst() { #expect(other == bits[0], "\(way), turn \(turn), count \(count)") }
        }
    }

    /// Where this processor has it, machine code is there for a program of arithmetic, and not for one with a call.
    @Test func whatIsCompiled() {
        for table in Table.ways where table.compiles {
            for (operation, isCompiled) in [(VK_MAXIMUM, true), (VK_STEP, true), (VK_TANH, false), (VK_LOGISTIC, false)] {
                let code = [vk_instruction(operation: Int32(operation.rawValue), a: 0, b: 0, result: 0)]
                var slot = vk_slot()
                slot.kind = Int32(VK_LOAD.rawValue)
                code.withUnsafeBufferPointer { code in
                    withUnsafePointer(to: slot) { slot in
                        var program = vk_program(
                            code: code.baseAddress, instructions: 1, slots: slot, slotCount: 1, count: 16, local: nil, machine: nil)
                        program.machine = table.pointer.pointee.compile(&program)
                        #expect((program.machine != nil) == isCompiled)
                        vk_release(&program)
                    }
                }
            }
        }
    }

    @Test(arguments: Table.ways) func emptySums(table: Table) {
        let program = Program(
            slots: [.load([]), .sum(period: 3), .sumTable([], results: 2)], code: [(VK_COPY, 0, -1, 1), (VK_COPY, 0, -1, 2)], count: 0)
        let results = program.run(by: table, samples: [0 ..< 2])
        #expect(results[1] == [Float](repeating: 0, count: 6))
        #expect(results[2] == [Float](repeating: 0, count: 4))
    }
}
