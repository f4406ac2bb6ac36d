import Graphs

/// A value that a run of a plan came to and that is not finite.
public struct Stray: Equatable, Sendable {
    /// When it came up: the number of the piece of work, the same on all ranks.
    public let place: Int
    /// What it is: "the gradient by encoder.0.weight", "a convolution of [8, 8, 16], computed from encoder.0.weight".
    public let what: String
    /// "nan", "inf" or "-inf".
    public let value: String
    /// Its sample's place in the minibatch; nil of what is one for the whole minibatch, or lies in a loop.
    public let sample: Int?

    package init(place: Int, what: String, value: String, sample: Int?) {
        (self.place, self.what, self.value, self.sample) = (place, what, value, sample)
    }
}

extension BinaryFloatingPoint {
    /// "nan", without the sign that some processors give it, "inf" or "-inf".
    package var notFiniteName: String { isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
}

extension Plan {
    /// Runs once as `run` does, with the same bits, and after each piece of work looks whether what it wrote is finite. All ranks call it
    /// together; each finds the first such value of its own samples.
    ///
    /// - Parameter names: of nodes, for the message.
    public func runChecking(naming names: [(node: Node, name: String)]) throws -> Stray? {
        let named = Dictionary(names.compactMap { node, name in item(of: node).map { ($0, name) } }, uniquingKeysWith: { first, _ in first })
        let checker = Checker(assembly, named: named, firstSample: samples.lowerBound)
        assembly.loadScalars()
        var found = checker.strayInput()
        for (number, action) in assembly.actions.enumerated() {
            try perform(action)
            found = found ?? checker.stray(in: assembly.written[number], place: number + 1)
        }
        assembly.storeScalars()
        return found
    }
}

/// Looks at the memory of items, and says what they are.
private struct Checker {
    private let assembly: Assembly, named: [Int: String], firstSample: Int

    init(_ assembly: Assembly, named: [Int: String], firstSample: Int) {
        (self.assembly, self.named, self.firstSample) = (assembly, named, firstSample)
    }

    /// The first among what was given: minibatches, noise, variables.
    func strayInput() -> Stray? {
        let inputs = assembly.draft.items.indices.filter { if case .input = assembly.draft[$0].kind { true } else { false } }
        return stray(in: inputs.map { (item: $0, copies: 1) }, place: 0)
    }

    func stray(in written: [Assembly.Written], place: Int) -> Stray? {
        for (item, copies) in written {
            if assembly.draft[item].isScalar {
                let value = assembly.scalars[item]
                if !value.isFinite { return Stray(place: place, what: describe(item), value: value.notFiniteName, sample: nil) }
            } else {
                let values = UnsafeBufferPointer(start: assembly.floats(of: item), count: assembly.count(of: item) * copies)
                guard let index = values.firstIndex(where: { !$0.isFinite }) else { continue }
                let form = assembly.draft[item].form
                let sample = form.extent == .batched ? firstSample + index / form.shape.count : nil
                return Stray(place: place, what: describe(item), value: values[index].notFiniteName, sample: sample)
            }
        }
        return nil
    }

    private func describe(_ item: Int) -> String {
        if let name = named[item] { return name }
        let source = nearestName(before: item).map { ", computed from \($0)" } ?? ""
        return "a value of \(assembly.draft[item].form.shape) (\(operations(of: item).joined(separator: " of ")))\(source)"
    }

    /// The operation that an item is the result of, and those that it does on the way, the last first.
    private func operations(of item: Int) -> [String] {
        var found: [String] = [], next = [item]
        while let index = next.popLast(), found.count < 4 {
            let name = name(of: assembly.draft[index].kind)
            if !found.contains(name) { found.append(name) }
            next += assembly.draft[index].inputs.reversed().filter { !assembly.hasMemory($0) }
        }
        return found
    }

    private func name(of kind: Kind) -> String {
        switch kind {
        case .unary(let kind): "\(kind)"
        case .binary(let kind): "\(kind)"
        case .convolution, .convolutionInput: "convolution"
        case .product: "matrix product"
        case .weightProduct, .convolutionWeight: "gradient by weights"
        case .total: "total over samples"
        case .localMean: "mean over a microbatch"
        case .input, .constant: "given value"
        case .slice, .pad: "copy"
        default: "\(kind)"
        }
    }

    /// The name met with the fewest operations between.
    private func nearestName(before item: Int) -> String? {
        var met: Set<Int> = [item], ring = [item]
        while !ring.isEmpty {
            ring = ring.flatMap { assembly.draft[$0].inputs }.filter { met.insert($0).inserted }
            if let name = ring.lazy.compactMap({ named[$0] }).first { return name }
        }
        return nil
    }
}
