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
    public func runChecking(
        _ progress: Progress = Progress(), naming names: [(node: Node, name: String)],
        before: RoundInputs = { _, _ in }
    ) throws -> Stray? {
        let checker = Checker(
            assembly, names: Dictionary(names.map { ($0.node.index, $0.name) }, uniquingKeysWith: { first, _ in first }),
            firstSample: samples.lowerBound)
        var execution = Execution(team: team, checker: checker)
        try assembly.run(&execution, progress, before: before)
        return checker.found
    }
}

/// Looks at the memory of items while a plan runs, and says what the first is that is not finite.
final class Checker {
    private(set) var found: Stray?
    private let plan: Assembly, firstSample: Int
    /// Of the trace's nodes.
    private let names: [Int: String]
    /// Of the items of assemblies, the plan's and those of loops.
    private var namedItems: [ObjectIdentifier: [Int: String]] = [:]
    private var place = 0

    init(_ plan: Assembly, names: [Int: String], firstSample: Int) { (self.plan, self.names, self.firstSample) = (plan, names, firstSample) }

    /// Looks at what a run, or a round of a loop, was given: minibatches, noise, variables.
    func begin(_ assembly: Assembly) {
        let inputs = assembly.draft.items.indices.filter { if case .input = assembly.draft[$0].kind { true } else { false } }
        look(at: inputs.map { (item: $0, copies: 1) }, of: assembly)
    }

    /// Looks at what an action wrote.
    func look(at action: Int, of assembly: Assembly) { look(at: assembly.written[action], of: assembly) }

    /// Counts only what computes something: how many kernels share that may differ from rank to rank.
    private func look(at written: [Assembly.Written], of assembly: Assembly) {
        if written.isEmpty { return }
        found =
            found ?? Finder(assembly, named: named(in: assembly), firstSample: assembly === plan ? firstSample : nil).stray(in: written, place: place)
        place += 1
    }

    private func named(in assembly: Assembly) -> [Int: String] {
        if let known = namedItems[ObjectIdentifier(assembly)] { return known }
        var named = Dictionary(
            names.compactMap { node, name in assembly.item(ofNode: node).map { ($0, (node, name)) } }, uniquingKeysWith: { $0.0 < $1.0 ? $0 : $1 }
        ).mapValues(\.1)
        for (index, item) in assembly.draft.items.enumerated() where named[index] == nil {
            if case .input(let node) = item.kind { named[index] = assembly.trace.variableName(ofInput: node) }
        }
        namedItems[ObjectIdentifier(assembly)] = named
        return named
    }
}

/// Finds what is not finite, and says what it is.
private struct Finder {
    private let assembly: Assembly, named: [Int: String]
    /// Of this rank; nil in loops, where a message could not say which minibatch it speaks of.
    private let firstSample: Int?

    init(_ assembly: Assembly, named: [Int: String], firstSample: Int?) {
        (self.assembly, self.named, self.firstSample) = (assembly, named, firstSample)
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
                let sample = form.extent == .batched ? firstSample.map { $0 + index / form.shape.count } : nil
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
        case .convolution, .convolutionInput, .tiled(_, of: .small), .tiled(_, of: .big): "convolution"
        case .product: "matrix product"
        case .weightProduct, .convolutionWeight, .tiled(_, of: .weights): "gradient by weights"
        case .total: "total over samples"
        case .localMean: "mean over a microbatch"
        case .input, .constant: "given value"
        case .slice, .pad, .gather: "copy"
        case .literal, .scheduled: "given value"
        case .loop, .loopResult: "loop"
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
