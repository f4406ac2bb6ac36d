import HDF5

#if _endian(big)
#error("digests and shards are defined over little-endian numbers")
#endif

/// The numbers that samples are stored as, unscaled.
public enum SampleType: String, Codable, Sendable, CaseIterable {
    case u8, u16, i16, f32

    /// Bytes of one number.
    public var byteCount: Int {
        switch self {
        case .u8: 1
        case .u16, .i16: 2
        case .f32: 4
        }
    }

    var elementType: ElementType {
        switch self {
        case .u8: .uint8
        case .u16: .uint16
        case .i16: .int16
        case .f32: .float32
        }
    }
}

/// Samples in their stored type, one after the other, each in row-major order: [n, height, width, channels] or [n, features].
public enum StoredValues: Equatable, Sendable {
    case u8([UInt8])
    case u16([UInt16])
    case i16([Int16])
    case f32([Float])

    public var type: SampleType {
        switch self {
        case .u8: .u8
        case .u16: .u16
        case .i16: .i16
        case .f32: .f32
        }
    }

    /// How many numbers.
    public var count: Int {
        switch self {
        case .u8(let values): values.count
        case .u16(let values): values.count
        case .i16(let values): values.count
        case .f32(let values): values.count
        }
    }

    /// The numbers as they lie in memory.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .u8(let values): try values.withUnsafeBytes(body)
        case .u16(let values): try values.withUnsafeBytes(body)
        case .i16(let values): try values.withUnsafeBytes(body)
        case .f32(let values): try values.withUnsafeBytes(body)
        }
    }

    /// The numbers of `range`, scaled, into as many places.
    func scale(_ range: Range<Int>, by scaling: Scaling, into places: UnsafeMutablePointer<Float>) {
        switch self {
        case .u8(let values): scaling.apply(values, range, places, Double.init)
        case .u16(let values): scaling.apply(values, range, places, Double.init)
        case .i16(let values): scaling.apply(values, range, places, Double.init)
        case .f32(let values): scaling.apply(values, range, places, Double.init)
        }
    }
}

/// What a network is given for a stored number x: multiplier · x + offset, formed in Double and rounded once.
public struct Scaling: Equatable, Sendable {
    public var multiplier: Double
    public var offset: Double

    public init(multiplier: Double, offset: Double) { (self.multiplier, self.offset) = (multiplier, offset) }

    /// The number itself.
    public static let identity = Scaling(multiplier: 1, offset: 0)

    /// The value range of a set to [-1, 1].
    public static func symmetric(_ range: ClosedRange<Double>) -> Scaling { linear(from: range, to: -1 ... 1) }

    /// One range to another.
    public static func linear(from range: ClosedRange<Double>, to target: ClosedRange<Double>) -> Scaling {
        let multiplier = (target.upperBound - target.lowerBound) / (range.upperBound - range.lowerBound)
        return Scaling(multiplier: multiplier, offset: target.lowerBound - range.lowerBound * multiplier)
    }

    fileprivate func apply<Number>(
        _ values: [Number], _ range: Range<Int>, _ places: UnsafeMutablePointer<Float>, _ double: (Number) -> Double
    ) {
        let (multiplier, offset) = (multiplier, offset)
        // a plain counting loop over pointers, which the compiler makes vectors of: it is most of a loader's work
        values[range].withUnsafeBufferPointer { values in
            for place in 0 ..< values.count { places[place] = Float(multiplier * double(values[place]) + offset) }
        }
    }
}

/// Some samples of a split with what is known about each.
public struct Samples: Equatable, Sendable {
    public var values: StoredValues
    /// The class of each sample: its place in the set's list of classes.
    public var labels: [Int32]
    /// What belongs together (a patient, a scan), where the set has groups.
    public var groups: [Int64]?
    /// The number of each sample in the source that the provenance names.
    public var sources: [Int64]?

    public init(values: StoredValues, labels: [Int32], groups: [Int64]? = nil, sources: [Int64]? = nil) {
        (self.values, self.labels, self.groups, self.sources) = (values, labels, groups, sources)
    }
}
