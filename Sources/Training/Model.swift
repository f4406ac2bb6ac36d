import Detectors
import Foundation
import Graphs
import Networks
import Plans
import Randomness

/// A detector with all that outlives a step: its variables and its optimizers', by name.
public final class Model {
    public let detector: any Detector
    public let sample: Shape
    public let state = ModelState()
    let store = Store()
    private let seed: UInt64

    /// - Throws: `Failure` where the detector does not take samples of this shape.
    public init(_ recipe: Recipe, sample: Shape) throws {
        detector = try Self.make(recipe.detector, recipe.settings, sample)
        self.sample = sample
        seed = UInt64(recipe.fields.seed)
    }

    private static func make<D: Detector>(_ type: D.Type, _ settings: any DetectorSettings, _ sample: Shape) throws -> any Detector {
        do { return try D(settings as! D.Settings, sample: sample) } catch let error as FormError { throw Failure(.usage, "\(D.name): \(error)") }
    }

    /// Every variable by its name: networks' first, then what optimizers keep.
    var variables: [(name: String, variable: Variable)] {
        detector.variables + store.variables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Sets every variable to its first value: drawn by the seed and its name alone.
    func initialize() {
        for (name, variable) in variables { draw(variable, name, redraw: 0) }
    }

    /// Draws a variable's first value, or another for each number of `redraw`.
    func draw(_ variable: Variable, _ name: String, redraw: UInt64) {
        let philox = Philox(seed: seed, key(of: "initial value"), key(of: name), redraw), count = variable.shape.count
        state[variable] =
            switch variable.initializer {
            case .constant(let value): Array(repeating: value, count: count)
            case .uniform(let bound): (0 ..< count).map { bound * (2 * philox.uniform(UInt64($0)) - 1) }
            case .normal(let mean, let deviation):
                (0 ..< count.quotientRoundedUp(2)).flatMap { pair in
                    let (a, b) = philox.normals(UInt64(pair))
                    return [mean + deviation * a, mean + deviation * b]
                }.prefix(count).map { $0 }
            }
    }

    // MARK: Checkpoints

    /// The variables as tensors. Values that are not finite are refused: they are not worth keeping.
    func tensors() throws -> [String: Safetensors.Tensor] {
        if let name = firstNotFinite { throw Failure(.badData, "\(name) is not finite, so nothing is saved; the last checkpoint stays") }
        var tensors: [String: Safetensors.Tensor] = [:]
        for (name, variable) in variables {
            let isScalar = variable.shape.rank == 0
            tensors[name] = Safetensors.Tensor(
                type: isScalar ? "F64" : "F32", shape: variable.shape.extents, bytes: state.withBytes(of: variable) { Data($0) })
        }
        return tensors
    }

    /// Takes the variables from a checkpoint that has all of them and no others.
    func load(_ tensors: [String: Safetensors.Tensor], from file: String) throws {
        let known = Dictionary(uniqueKeysWithValues: variables)
        if let odd = Set(known.keys).symmetricDifference(tensors.keys).min() {
            let which = known[odd] == nil ? "has \(odd), which the detector lacks" : "lacks \(odd)"
            throw Failure(.badData, "\(file) \(which); it belongs to another detector, other settings or another version")
        }
        for (name, variable) in known {
            let tensor = tensors[name]!, type = variable.shape.rank == 0 ? "F64" : "F32"
            guard tensor.shape == variable.shape.extents, tensor.type == type else {
                throw Failure(
                    .badData,
                    "\(file): \(name) is \(tensor.type) \(tensor.shape), expected \(type) \(variable.shape.extents); it belongs to other settings")
            }
            state.withBytes(of: variable) { bytes in _ = tensor.bytes.copyBytes(to: bytes) }
        }
    }
}

extension Int {
    func quotientRoundedUp(_ divisor: Int) -> Int { (self + divisor - 1) / divisor }
}
