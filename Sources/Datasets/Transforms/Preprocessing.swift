import Randomness

/// How a stored sample becomes what a detector is given: scaled, then changed by transforms in their order.
///
/// A number is scaled in Double and rounded to Float once; so is each transform's result.
public struct Preprocessing: Sendable {
    /// The extents of a sample as it is stored, and as it comes out: [height, width, channels] or [features].
    public let storedShape: [Int]
    public let shape: [Int]
    /// What `standardize` and `scale features` use; to be set before the first sample comes through where the transforms have either.
    public var statistics: ChannelStatistics?
    let scaling: Scaling
    let steps: [Step]
    private let transforms: [Transform]
    private let target: ClosedRange<Double>

    /// - Parameters:
    ///   - shape: of a stored sample.
    ///   - range: of the stored numbers, which comes to `target` unless the first transform says otherwise.
    /// - Throws: where a transform does not fit the samples that the ones before it leave.
    public init(_ transforms: [Transform], shape: [Int], range: ClosedRange<Double>, scaledTo target: ClosedRange<Double> = -1 ... 1)
        throws(DatasetError)
    {
        precondition(Transform.flaw(in: transforms) == nil, "transforms \(transforms)")
        let scaling: Scaling =
            switch transforms.first {
            case .scale(let low, let high): .linear(from: range, to: low ... high)
            case .unscaled, .scaleFeatures: .identity
            default: .linear(from: range, to: target)
            }
        var now = shape, steps: [Step] = []
        for transform in transforms where !transform.scales || transform.hasStatistics {
            steps.append(try Step(transform, of: now))
            now = steps[steps.count - 1].shape
        }
        (self.transforms, self.scaling, self.steps, storedShape, self.shape) = (transforms, scaling, steps, shape, now)
        self.target = target
    }

    public init(_ transforms: [Transform], of manifest: Manifest) throws(DatasetError) {
        try self.init(transforms, shape: manifest.shape, range: manifest.valueRange)
    }

    /// Scaling alone.
    public init(_ scaling: Scaling, shape: [Int]) {
        (transforms, steps, self.scaling, storedShape, self.shape, target) = ([], [], scaling, shape, shape, -1 ... 1)
    }

    /// Numbers in a sample that comes out.
    public var count: Int { shape.reduce(1, *) }

    /// The transform that has statistics, `standardize` or `scale features`; nil where none is declared.
    public var fitted: Transform? { transforms.first(where: \.hasStatistics) }

    /// What comes before that, which its statistics are fitted on.
    public var beforeFitted: Preprocessing? {
        guard let place = transforms.firstIndex(where: \.hasStatistics) else { return nil }
        let earlier = Array(steps[..<steps.firstIndex(where: \.transform.hasStatistics)!])
        return Preprocessing(
            transforms: Array(transforms[..<place]), steps: earlier, scaling: scaling, storedShape: storedShape,
            shape: earlier.last?.shape ?? storedShape)
    }

    private init(transforms: [Transform], steps: [Step], scaling: Scaling, storedShape: [Int], shape: [Int]) {
        (self.transforms, self.steps, self.scaling, self.storedShape, self.shape, target) = (transforms, steps, scaling, storedShape, shape, -1 ... 1)
    }

    /// The same transforms with the same statistics for the samples of another set, as a second one that is trained on or one that
    /// is evaluated.
    /// - Throws: where these do not come out in the same shape.
    public func applied(to manifest: Manifest) throws(DatasetError) -> Preprocessing {
        var other = try Preprocessing(transforms, shape: manifest.shape, range: manifest.valueRange, scaledTo: target)
        other.statistics = statistics
        guard other.shape == shape else {
            let (found, expected) = (extentsText(other.shape), extentsText(shape))
            throw DatasetError(
                .usage,
                "\(manifest.name) has samples of \(found), expected \(expected) as trained on; import it so, or name a transform that fits both")
        }
        return other
    }

    /// A scaled sample through all transforms. `draws` are those of its minibatch, or nil where nothing is random; `sample` is its
    /// number.
    func callAsFunction(_ scaled: [Float], sample: Int, draws: Philox?) -> [Float] {
        var values = scaled
        for (place, step) in steps.enumerated() {
            let draw = draws.map { philox in { (axis: Int, bound: Int) in philox.index(below: bound, UInt64(sample), UInt64(2 * place + axis)) } }
            values = step(values, statistics: statistics, draw: draw)
        }
        return values
    }
}

extension SplitReader {
    /// Reads samples by number, in this order, preprocessed, one after the other into `places`, which have room for them all.
    /// - Parameter draws: what is random in training, by sample; nil where nothing is to be.
    public func read(
        _ samples: some Sequence<Int>, through preprocessing: Preprocessing, draws: Philox? = nil, into places: UnsafeMutableBufferPointer<Float>
    ) throws(DatasetError) {
        precondition(preprocessing.storedShape == split.set.manifest.shape, "samples of \(split.set.manifest.shape) as \(preprocessing.storedShape)")
        guard !preprocessing.steps.isEmpty else { return try read(samples, scaling: preprocessing.scaling, into: places) }
        let scaled = UnsafeMutableBufferPointer<Float>.allocate(capacity: split.set.manifest.sampleCount)
        defer { scaled.deallocate() }
        var place = 0
        for sample in samples {
            try read(CollectionOfOne(sample), scaling: preprocessing.scaling, into: scaled)
            let values = preprocessing(Array(scaled), sample: sample, draws: draws)
            precondition(place + values.count <= places.count, "sample \(sample) at \(place) of \(places.count)")
            _ = UnsafeMutableBufferPointer(rebasing: places[place...]).update(fromContentsOf: values)
            place += values.count
        }
    }
}

/// "32×32×3".
func extentsText(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
