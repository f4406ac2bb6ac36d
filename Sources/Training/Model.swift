import Datasets
import Detectors
import Foundation
import Graphs
import Networks
import Plans
import Randomness

/// A detector with all that outlives a step: its variables and its optimizers', by name.
public final class Model {
    public let detector: any Detector
    /// The shape of a sample as the detector is given it.
    public let sample: Shape
    /// What stands between a stored sample and the detector.
    var preprocessing: Preprocessing
    public let state = ModelState()
    let store = Store()
    private let seed: UInt64

    /// A model of the samples of a set.
    /// - Throws: `Failure` where a transform or the detector does not take samples of this shape, or has no stage that the recipe names.
    /// - Parameter form: of the samples that the run was trained on, whose range counts and whose shape these must come to; the set's own where nil.
    public convenience init(_ recipe: Recipe, of manifest: Manifest, trainedOn form: SampleForm? = nil) throws {
        do {
            if let form {
                _ = try Preprocessing(recipe, shape: form.shape, range: form.valueRange).applied(to: manifest)
                try form.expectBands(of: manifest)
            }
            try self.init(recipe, Preprocessing(recipe, shape: manifest.shape, range: form?.valueRange ?? manifest.valueRange))
        } catch let error as DatasetError { throw Failure(.usage, "\(error)") }
    }

    /// A model of samples like those of a set that is out of reach.
    convenience init(_ recipe: Recipe, of form: SampleForm) throws {
        do { try self.init(recipe, Preprocessing(recipe, shape: form.shape, range: form.valueRange)) } catch let error as DatasetError {
            throw Failure(.usage, "\(error)")
        }
    }

    /// A model of samples that no set has.
    public convenience init(_ recipe: Recipe, sample: Shape) throws { try self.init(recipe, Preprocessing(.identity, shape: sample.extents)) }

    private init(_ recipe: Recipe, _ preprocessing: Preprocessing) throws {
        (sample, self.preprocessing) = (Shape(preprocessing.shape), preprocessing)
        detector = try Self.make(recipe.detector, recipe.settings, sample)
        try recipe.check(detector.stages)
        seed = UInt64(recipe.fields.seed)
    }

    private static func make<D: Detector>(_ type: D.Type, _ settings: any DetectorSettings, _ sample: Shape) throws -> any Detector {
        do { return try D(settings as! D.Settings, sample: sample) } catch { throw Failure(.usage, "\(D.name): \(error)") }
    }

    /// Every variable by its name: networks' first, then what optimizers keep.
    var variables: [(name: String, variable: Variable)] {
        detector.variables + store.variables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// A variable's numbers.
    func values(of variable: Variable) -> [Double] {
        state.withBytes(of: variable) { bytes in
            variable.shape.rank == 0 ? Array(bytes.bindMemory(to: Double.self)) : bytes.bindMemory(to: Float.self).map(Double.init)
        }
    }

    /// Sets every variable to its first value: drawn by the seed and its name alone, but of averages, which begin as what they follow.
    func initialize(averages: [(average: Variable, original: Variable)] = []) {
        for (name, variable) in variables { draw(variable, name, redraw: 0) }
        for (average, original) in averages { state[average] = state[original] }
    }

    /// Draws a variable's first value, or another for each number of `redraw`.
    func draw(_ variable: Variable, _ name: String, redraw: UInt64) {
        let philox = Philox(seed: seed, key(of: "initial value"), key(of: name), redraw)
        state[variable] = variable.initializer.values(variable.shape, philox)
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
        if let statistics = preprocessing.statistics {
            for (name, values) in zip(statisticNames, [statistics.means, statistics.deviations]) {
                tensors[name] = Safetensors.Tensor(type: "F64", shape: [values.count], bytes: values.withUnsafeBytes { Data($0) })
            }
        }
        return tensors
    }

    private var statisticNames: [String] {
        preprocessing.fitted == .scaleFeatures ? ["transforms/minimum", "transforms/extent"] : ["transforms/mean", "transforms/deviation"]
    }

    /// Takes what the transforms have fitted out of a checkpoint's tensors.
    private func takeStatistics(from tensors: inout [String: Safetensors.Tensor], of file: String) throws {
        guard let before = preprocessing.beforeFitted else { return }
        let channels = before.shape.suffix(1)
        let values = try statisticNames.map { name in
            guard let tensor = tensors.removeValue(forKey: name), tensor.type == "F64", tensor.shape == Array(channels) else {
                throw Failure(.badData, "\(file) lacks \(name) of \(channels.first!) channels; it belongs to another recipe or another version")
            }
            return tensor.bytes.withUnsafeBytes { bytes in
                (0 ..< tensor.shape[0]).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
            }
        }
        preprocessing.statistics = ChannelStatistics(means: values[0], deviations: values[1])
    }

    /// Takes the variables from a checkpoint that has all of them and no others.
    func load(_ tensors: [String: Safetensors.Tensor], from file: String) throws {
        var tensors = tensors
        try takeStatistics(from: &tensors, of: file)
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

extension Preprocessing {
    /// What stands between samples of a shape and the recipe's detector.
    fileprivate init(_ recipe: Recipe, shape: [Int], range: ClosedRange<Double>) throws(DatasetError) {
        try self.init(recipe.fields.transforms.transforms, shape: shape, range: range, scaledTo: recipe.detector.inputRange)
    }
}
