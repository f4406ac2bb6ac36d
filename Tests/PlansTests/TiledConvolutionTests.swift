import Graphs
import Networks
@testable import Plans
import Testing

/// Convolutions by Winograd's kernels, in all directions, with what is fused into them; small, so that the rule would not take these kernels
/// for all of them.
@Suite struct TiledConvolutions {
    struct Shapes: CustomStringConvertible {
        let image: Shape, kernel: Int, stride: Int, padding: Int, features: Int
        var description: String { "\(image), kernel \(kernel), stride \(stride), padding \(padding), \(features) features" }
    }
    static let shapes = [
        Shapes(image: [8, 8, 16], kernel: 4, stride: 2, padding: 1, features: 32),
        Shapes(image: [16, 24, 5], kernel: 4, stride: 2, padding: 1, features: 17),
        Shapes(image: [14, 14, 8], kernel: 4, stride: 2, padding: 1, features: 24),
        Shapes(image: [8, 8, 16], kernel: 3, stride: 1, padding: 1, features: 16),
        Shapes(image: [8, 11, 20], kernel: 3, stride: 1, padding: 1, features: 18),
        Shapes(image: [3, 8, 8, 16], kernel: 3, stride: 1, padding: 1, features: 16),
        Shapes(image: [16, 16, 8], kernel: 5, stride: 2, padding: 2, features: 32),
        Shapes(image: [10, 10, 16], kernel: 3, stride: 1, padding: 0, features: 16),
    ]

    /// An activated convolution and, through it, the gradients by the image and by the weights: what is convolved and what
    /// goes back are elementwise values that are stored nowhere.
    private func traced(_ shapes: Shapes, samples: Int) throws -> (results: [Node], given: [Int: Values]) {
        let trace = Trace(minibatch: samples, microbatch: 2, training: true), channels = shapes.image.image.extents[2]
        let x = trace.input("x", .batched(shapes.image)), channel = trace.input("channel", .replicated([channels]))
        let w = trace.input("w", .replicated([shapes.kernel, shapes.kernel, channels, shapes.features]))
        let activated = tanh(Batched(x) * Replicated(channel).broadcast(to: shapes.image))
        let y = convolution(activated, Replicated(w), stride: shapes.stride, padding: shapes.padding)
        func gradients(_ loss: Batched) -> [Node] { Graphs.gradients(of: total(sum(loss)).node, by: [x, w]) }
        let first = gradients(y * y * y), second = gradients(square(Batched(first[0])))
        let given = [
            x.index: drawn(x.form, samples: samples, seed: 1), channel.index: drawn(channel.form, samples: samples, seed: 3, in: 0.5 ... 1),
            w.index: drawn(w.form, samples: samples, seed: 2, in: -0.1 ... 0.1),
        ]
        return ([y.node, sum(y, to: [shapes.features]).node] + first + second, given)
    }

    private func tiled(_ results: [Node], on resources: Plan.Resources = .init()) throws -> Plan {
        try Plan(results[0].trace, results: results, state: ModelState(), on: resources, convolutions: .inTiles)
    }

    @Test(arguments: shapes) func agreeWithTheReference(_ shapes: Shapes) throws {
        let samples = 5, (results, given) = try traced(shapes, samples: samples)
        let plan = try tiled(results)
        #expect(plan.description.contains("convolution in tiles"))
        #expect(plan.description.contains("convolution in tiles for the weights"))
        #expect(plan.description.contains("transposed convolution in tiles"))
        let found = try planned(results, given: given, convolutions: .inTiles), exact = evaluate(results, given: given, samples: samples)
        for (number, (found, expected)) in zip(found, exact).enumerated() {
            let largest = expected.numbers.reduce(0) { max($0, abs($1)) }
            let error = zip(found, expected.numbers).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
            #expect(error < 1e-5, "result \(number): \(error)")
        }
    }

    /// With so few tiles for so many channels that threads share these.
    static let deep = Shapes(image: [4, 8, 96], kernel: 3, stride: 1, padding: 1, features: 112)

    @Test func threadsShareChannelsWhereTilesAreFew() throws {
        let results = try traced(Self.deep, samples: 5).results
        func kernels(threads: Int) throws -> [any Kernel] {
            let team = ThreadTeam(count: threads)
            defer { team.end() }
            let plan = try tiled(results, on: .init(team: team))
            return plan.assembly.actions.compactMap { if case .kernel(let kernel) = $0 { kernel } else { nil } }
        }
        #expect(try !kernels(threads: 1).contains { $0 is TileProductKernel })
        let products = try kernels(threads: 3).filter { $0 is TileProductKernel }
        #expect(!products.isEmpty && products.allSatisfy { $0.tasks >= 3 })
    }

    @Test(arguments: shapes + [deep]) func haveTheSameBitsOnEveryInstructionSetAndThreadCount(_ shapes: Shapes) throws {
        let (results, given) = try traced(shapes, samples: 5)
        let one = try planned(results, given: given, isa: .best, convolutions: .inTiles)
        for isa in InstructionSet.available {
            for threads in [1, 2, 3] {
                #expect(
                    try planned(results, given: given, threads: threads, isa: isa, convolutions: .inTiles) == one, "\(isa.name), \(threads) threads")
            }
        }
    }

    /// Deep layers are tiled; where transforms would take longer than they save, as of few taps and channels or a place or two, little is. How few
    /// decides with the microbatch, since a slope by weights is brought back once for each.
    @Test func theRuleTakesTilesWhereTheyPay() throws {
        func sides(_ image: Shape, kernel: Int, stride: Int, _ features: Int, microbatch: Int = 16) throws -> Set<ConvolutionSide> {
            let small = Shape([(image.extents[0]) / stride, image.extents[1] / stride, features])
            let weight = Shape([kernel, kernel, image.extents[2], features])
            let tiling = try #require(Tiling(Geometry(stride: stride, padding: (kernel - 1) / 2), big: image, small: small, weight: weight))
            return Set([.small, .big, .weights].filter { tiling.isWorthWhile(for: $0, microbatch: microbatch) })
        }
        #expect(try sides([16, 16, 64], kernel: 4, stride: 2, 128) == [.small, .big, .weights])
        #expect(try sides([8, 8, 64], kernel: 3, stride: 1, 64) == [.small, .big, .weights])
        #expect(try sides([32, 32, 3], kernel: 4, stride: 2, 64) == [.small, .big, .weights])
        #expect(try sides([32, 32, 3], kernel: 3, stride: 1, 16) == [.big])
        #expect(try sides([2, 2, 256], kernel: 3, stride: 1, 256) == [])
        #expect(try sides([4, 4, 128], kernel: 3, stride: 1, 128, microbatch: 16) == [.small, .big, .weights])
        #expect(try sides([4, 4, 128], kernel: 3, stride: 1, 128, microbatch: 2) == [.small, .big])
    }

    /// A sample's values do not depend on the others of its block.
    @Test func aSampleAloneHasTheBitsItHasInACrowd() throws {
        let shapes = Shapes(image: [14, 14, 8], kernel: 4, stride: 2, padding: 1, features: 24)
        let (crowd, given) = try traced(shapes, samples: 9), (alone, _) = try traced(shapes, samples: 1)
        let of = 7, first = given.filter { $0.value.form.extent == .replicated }
        let x = given.first { $0.value.form.extent == .batched }!
        let count = x.value.form.shape.count
        let single = first.merging([
            x.key: Values(x.value.form, samples: 1, Array(x.value.numbers[of * count ..< (of + 1) * count]))
        ]) { $1 }
        let together = try planned(Array(crowd.prefix(3)), given: given, convolutions: .inTiles),
            apart = try planned(Array(alone.prefix(3)), given: single, convolutions: .inTiles)
        for (all, one) in zip(together, apart) { #expect(Array(all[of * one.count ..< (of + 1) * one.count]) == one) }
    }

    /// Two loops run inside one convolution, the second out of a sum of the first: what both read stays until the second has read it.
    @Test func loopsOfOneStepLeaveEachOtherTheirOperands() throws {
        let samples = 5, trace = Trace(minibatch: samples, microbatch: 2, training: true)
        let a = trace.input("a", .batched([8, 8, 16])), w = trace.input("w", .replicated([3, 3, 16, 16])),
            v = trace.input("v", .replicated([3, 3, 16, 16]))
        let u = convolution(Batched(a), Replicated(v), stride: 1, padding: 1), y = convolution(Batched(a), Replicated(w), stride: 1, padding: 1)
        let t = tanh(y), first = t + u, second = u * sum(t) + y
        let results = [first.node, second.node]
        let given = [
            a.index: drawn(a.form, samples: samples, seed: 1), w.index: drawn(w.form, samples: samples, seed: 2, in: -0.1 ... 0.1),
            v.index: drawn(v.form, samples: samples, seed: 3, in: -0.1 ... 0.1),
        ]
        let plan = try tiled(results)
        #expect(plan.description.split(separator: "\n").contains { $0.split(separator: "then").count == 3 }, "\(plan.description)")
        for (found, expected) in zip(try planned(results, given: given, convolutions: .inTiles), evaluate(results, given: given, samples: samples)) {
            let largest = expected.numbers.reduce(0) { max($0, abs($1)) }
            #expect(zip(found, expected.numbers).allSatisfy { abs($0 - $1) < 1e-5 * largest })
        }
    }
}
