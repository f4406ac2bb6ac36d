extension Preprocessing {
    /// A sample that stands alone, stored as those of the set, as a detector is given it; nothing in it is random.
    public func values(of stored: StoredValues) -> [Float] {
        precondition(stored.count == storedShape.reduce(1, *), "a sample of \(stored.count) numbers as \(storedShape)")
        let scaled = [Float](unsafeUninitializedCapacity: stored.count) { places, count in
            stored.scale(0 ..< stored.count, by: scaling, into: places.baseAddress!)
            count = stored.count
        }
        return self(scaled, sample: 0, draws: nil)
    }

    /// What a detector is given, or makes in its likeness, as shares of the range of stored numbers: 0 black, 1 white, where the range
    /// is that of pictures. Sizes stay as the detector has them.
    public func shares(of values: [Float], in range: ClosedRange<Double>) -> [Double] {
        let channels = shape[shape.count - 1], extent = range.upperBound - range.lowerBound
        return values.enumerated().map { place, value in
            let channel = place % channels
            let scaled = statistics.map { $0.means[channel] + Double(value) * $0.deviations[channel] } ?? Double(value)
            return ((scaled - scaling.offset) / scaling.multiplier - range.lowerBound) / extent
        }
    }
}

extension Preprocessing {
    /// What comes before all transforms.
    public var scalingFactors: Scaling { scaling }

    /// The transforms after that, each with the shape of what it is given.
    public var fixedSteps: [(transform: Transform, from: [Int])] {
        zip(steps, [storedShape] + steps.map(\.shape)).map { ($0.transform, $1) }
    }
}
