import Graphs

/// The values of variables between steps: Float32, scalars in Double. The one copy that plans read and write.
public final class ModelState {
    enum Place {
        case floats(Floats)
        case scalar(UnsafeMutablePointer<Double>)
    }
    private var places: [ObjectIdentifier: Place] = [:]
    private var kept: [Variable] = []
    private let pool = FloatPool()

    public init() {}

    deinit {
        for case .scalar(let scalar) in places.values { scalar.deallocate() }
    }

    public func contains(_ variable: Variable) -> Bool { places[ObjectIdentifier(variable)] != nil }

    /// A variable's numbers, outermost axis first. It must have been set before.
    public subscript(variable: Variable) -> [Double] {
        get {
            switch place(of: variable) {
            case .floats(let floats): (0 ..< variable.shape.count).map { Double(floats[$0]) }
            case .scalar(let scalar): [scalar.pointee]
            }
        }
        set {
            precondition(newValue.count == variable.shape.count, "\(newValue.count) numbers for a variable of \(variable.shape)")
            switch place(of: variable) {
            case .floats(let floats): for (element, value) in newValue.enumerated() { floats[element] = Float(value) }
            case .scalar(let scalar): scalar.pointee = newValue[0]
            }
        }
    }

    /// The bytes of a variable, in place: Float32, of a scalar Float64.
    public func withBytes<Result>(of variable: Variable, _ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        switch place(of: variable) {
        case .floats(let floats): try body(UnsafeMutableRawBufferPointer(start: floats, count: variable.shape.count * 4))
        case .scalar(let scalar): try body(UnsafeMutableRawBufferPointer(start: scalar, count: 8))
        }
    }

    /// Where a variable lies; zeros where it was not yet set.
    func place(of variable: Variable) -> Place {
        if let place = places[ObjectIdentifier(variable)] { return place }
        let place: Place
        if variable.shape.rank == 0 {
            let scalar = UnsafeMutablePointer<Double>.allocate(capacity: 1)
            scalar.initialize(to: 0)
            place = .scalar(scalar)
        } else {
            place = .floats(pool.allocate(variable.shape.count))
        }
        places[ObjectIdentifier(variable)] = place
        kept.append(variable)
        return place
    }
}
