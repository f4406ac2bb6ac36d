import Foundation
import Plans
import Ranks

/// The layers of `ConvolutionRates`, for programs and for people.
public struct ConvolutionReport: Encodable {
    let version = Vigil.version, date = ISO8601DateFormatter().string(from: Date()), processor = Environment.processor
    let isa: String, threads: Int
    let layers: [ConvolutionRates]

    /// Times every layer on this rank alone.
    /// - Parameter rounds: of each, of which the median counts.
    public init(minibatch: Int, rounds: Int, threads: Int, isa: String, group: RankGroup) throws {
        guard group.count == 1 else { throw Failure(.usage, "--convolutions times kernels, which meet no other rank; start it on one rank") }
        let keys = [("detector", "ganomaly"), ("data", "none"), ("run.threads", "\(threads)"), ("run.isa", isa)]
        let resources = try makeResources(Recipe(nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }), group)
        defer { resources.team.end() }
        (self.isa, self.threads) = (resources.isa.name, threads)
        layers = try ConvolutionRates.layers.flatMap { try ConvolutionRates.measure($0, minibatch: minibatch, rounds: rounds, on: resources) }
    }

    public var json: String { get throws { try snakeCase(self) } }

    /// A Markdown table.
    public var text: String {
        let lines = layers.map { layer in
            let shapes = layer.shapes, image = shapes.image.map(String.init).joined(separator: "×"), ratio = layer.tiledGflops / layer.productGflops
            return String(
                format: "| %@ | %d×%d, stride %d | %d | %@ | %.1f | %.1f | %.2f | %.2f | %@ | %@ |", image, shapes.kernel, shapes.kernel,
                shapes.stride,
                shapes.features, layer.direction.rawValue, layer.productGflops, layer.tiledGflops, layer.saving, ratio,
                layer.isTiled ? "tiles" : "products", layer.isTiled == (ratio > 1) ? "" : "slower")
        }
        let right = layers.count { $0.isTiled == ($0.tiledGflops > $0.productGflops) }
        let lost = layers.map { layer in
            max(layer.tiledGflops, layer.productGflops) / (layer.isTiled ? layer.tiledGflops : layer.productGflops)
        }
        let heading = """
            | image | kernel | features | computes | products, GFLOP/s | tiles, GFLOP/s | fewer multiply-adds | faster | the rule takes | which is |
            |---|---|---|---|---|---|---|---|---|---|
            """
        let last = String(
            format: "The rule takes the faster kernel in %d of %d cases; where it does not, the other is at most %.2f times as fast.", right,
            layers.count,
            lost.max()!)
        return heading + "\n" + lines.joined(separator: "\n") + "\n\n" + last
    }
}
