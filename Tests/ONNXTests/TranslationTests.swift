import Testing

@testable import Graphs
@testable import ONNX

@Suite struct TranslationTests {
    private func obstacle(_ body: (Trace, Batched) -> Batched) -> String? {
        let trace = Trace(minibatch: 2, training: false), x = Batched(trace.input("sample", .batched([3])))
        return Translation.obstacle(to: body(trace, x).node, given: [x.node.index: "sample"])
    }

    @Test func obstacles() {
        #expect(obstacle { _, x in sum(abs(x)) } == nil)
        #expect(obstacle { _, x in sum(x - localAverage(x)) }?.contains("samples meet in it (LocalMean)") == true)
        #expect(obstacle { _, x in sum(x - average(x)) }?.contains("samples meet in it (Total)") == true)
        #expect(obstacle { trace, x in sum(x + trace.noise(.normal, [3])) }?.contains("draws noise for every sample (noise 0)") == true)
    }

    /// A scale and a shift after a product go into its weights.
    @Test func folding() throws {
        let trace = Trace(minibatch: 2, training: false), x = Batched(trace.input("sample", .batched([1, 2])))
        let y = 3 * product(x, trace.literal([2, 1], [1, 2])) + 5.0
        var builder = Builder(name: "folding")
        let input = builder.input("sample", TensorType(.float, [nil, 1, 2]))
        var translation = try Translation(of: [y.node], variables: { _ in [] }, inputs: [x.node.index: input], into: builder)
        _ = try translation.value(of: y.node)
        #expect(translation.builder.model.operators.map(\.name) == ["MatMul", "Add"])
        let numbers = translation.builder.model.constants.map { constant in
            stride(from: 0, to: constant.bytes.count, by: 4).map { place in
                constant.bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Float.self) }
            }
        }
        #expect(numbers == [[3, 6], [5]])
    }
}
