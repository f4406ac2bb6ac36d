// Loops: what is traced once and run many times. Nodes made inside have a scope of their own; only what goes round, and what is
// exported of the last round, comes out; no derivative crosses.

/// A part of a trace that a plan runs `count` times.
package struct Loop {
    package let count: Int
    /// What a node outside is called inside: the value of a variable that is only read. Other nodes keep their numbers.
    package let renamed: [(inside: Int, outside: Int)]
    /// What goes round: the node that has its value at the beginning of a round (nil where nothing reads it), and at the end.
    package let carried: [(given: Int?, next: Int)]
}

/// A run of a loop. Its inputs are what goes round at first, then what it reads from outside.
package struct LoopRun: Operation {
    /// Of its scope.
    package let number: Int

    // no value of its own: `LoopResult` has them
    package func form(of inputs: [Form]) -> Form { .replicated([0]) }
    package func pullback(_ upstream: Node, result: Node, inputs: [Node]) -> [Node?] { inputs.map { _ in nil } }
    package func evaluate(_ inputs: [Values], as form: Form, samples: Int) -> Values { preconditionFailure("loops are evaluated by their results") }
    package static var cases: [Case] { [] }
    package var isBarrier: Bool { true }
}

/// What has gone round, after the last round.
package struct LoopResult: Operation {
    package let place: Int
    let result: Form

    package func form(of inputs: [Form]) -> Form { result }
    package func pullback(_ upstream: Node, result: Node, inputs: [Node]) -> [Node?] { [nil] }
    package func evaluate(_ inputs: [Values], as form: Form, samples: Int) -> Values { preconditionFailure("loops are evaluated by their results") }
    package static var cases: [Case] { [] }
    package var isBarrier: Bool { true }
}

extension Trace {
    /// Traces `body` once, to be run `count` times. Variables read inside go round with what is written to them; so does `initial`.
    /// - Parameter body: gets what goes round at the beginning of a round; gives the same at its end, and what of the last round is
    ///   wanted outside.
    /// - Returns: both after the last round. No derivative comes through.
    public func loop(
        _ count: Int, carrying initial: [Node] = [], _ body: (_ given: [Node]) -> (next: [Node], exports: [Node])
    ) -> (last: [Node], exports: [Node]) {
        guard count > 0 else {
            refuse(FormError("a loop runs \(count) times; it must be at least once"))
            return (initial, [])
        }
        let number = enterScope(count: count)
        let given = initial.enumerated().map { input("carried \($0) of loop \(number)", $1.form) }
        let (next, exports) = body(given)
        if next.map(\.form) != initial.map(\.form) {
            refuse(
                FormError(
                    "what goes round a loop changes its form: \(initial.map(\.form)) becomes \(next.map(\.form)); give back the form that was given"))
            leaveScope()
            return (initial, exports)
        }
        let variables = leaveScope()

        var first = initial, carried = zip(given, next).map { (given: Optional($0.index), next: $1.index) }
        var renamed: [(inside: Int, outside: Int)] = []
        let changed = variables.filter { $0.given != $0.current }
        for (variable, given, current) in variables {
            let outside = read(variable).node
            if given == current {
                renamed.append((given.index, outside.index))
            } else {
                first.append(outside)
                carried.append((given.index, current.index))
            }
        }
        for export in exports {
            first.append(constant(0).broadcast(to: export.form))
            carried.append((nil, export.index))
        }
        // the forms of what is exported are those inside
        let forms = carried.map { entries[$0.next].form }
        let captured = captures(of: number, renamed: renamed, results: carried.map(\.next))
        loops[number] = Loop(count: count, renamed: renamed, carried: carried)
        let run = node(LoopRun(number: number), first + captured.map { Node(trace: self, index: $0) })
        let results = forms.enumerated().map { node(LoopResult(place: $0, result: $1), [run]) }
        for (place, change) in changed.enumerated() { replace(change.variable, by: results[initial.count + place]) }
        return (Array(results.prefix(initial.count)), Array(results.suffix(exports.count)))
    }

    /// What a loop reads from outside.
    private func captures(of number: Int, renamed: [(inside: Int, outside: Int)], results: [Int]) -> [Int] {
        let inside = entries.indices.filter { entries[$0].scope == number }
        let read = inside.flatMap { entries[$0].inputs } + results
        // as written, for the reference, and by value, for plans
        let both = read + read.map { entries[$0].value }
        return Set(both.filter { entries[$0].scope != number } + renamed.map(\.outside)).sorted()
    }
}
