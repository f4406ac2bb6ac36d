import CKernels
import Graphs

/// What a plan does, action by action in order, on this rank.
public struct PlanDescription: Encodable, CustomStringConvertible {
    public struct Action: Encodable {
        /// What is computed: "convolution 4×4, stride 2"; of a loop over elements its instructions.
        public let operation: String
        /// The forms that it reads and makes: "batched 34×34×3, 4×4×3×64 -> batched 16×16×64".
        public let forms: String
        /// The type of the kernel that runs it.
        public let kernel: String
        /// Bytes of what it reads and makes, each once; of a reduction those that each rank gives.
        public let bytes: Int
        /// Of products and convolutions, of all samples of this rank; what runs element by element counts none.
        public let multiplyAdds: Int
        /// Bytes that are added up over the ranks.
        public let reducedBytes: Int
        /// How often it runs, and how many loops are around it.
        public internal(set) var rounds = 1, depth = 0
    }

    public let actions: [Action]
    /// The samples that this rank computes.
    public let samples: Int
    /// As `Plan.arenaBytes`.
    public let arenaBytes: Int

    public var multiplyAddsPerSample: Int { actions.reduce(0) { $0 + $1.multiplyAdds * $1.rounds } / samples }
    public var reducedBytes: Int { actions.reduce(0) { $0 + $1.reducedBytes * $1.rounds } }

    private enum Keys: String, CodingKey { case actions, samples, arenaBytes, multiplyAddsPerSample, reducedBytes }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(actions, forKey: .actions)
        try container.encode(samples, forKey: .samples)
        try container.encode(arenaBytes, forKey: .arenaBytes)
        try container.encode(multiplyAddsPerSample, forKey: .multiplyAddsPerSample)
        try container.encode(reducedBytes, forKey: .reducedBytes)
    }

    /// A line for each action, and one for all.
    public var description: String {
        let rows = actions.enumerated().map { number, action in
            let within = String(repeating: "| ", count: action.depth)
            return [
                "\(number + 1)", action.kernel, grouped(action.bytes), grouped(action.multiplyAdds), "\(within)\(action.operation): \(action.forms)",
            ]
        }
        let heading = ["", "kernel", "bytes", "multiply-adds", "computes"], table = [heading] + rows
        let widths = heading.indices.map { column in table.map { $0[column].count }.max()! }
        let lines = table.map { row in
            let cells = row.indices.dropLast().map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 1 ? row[column] + space : space + row[column]
            }
            return (cells + [row[row.count - 1]]).joined(separator: "  ")
        }
        let totals =
            "\(actions.count) actions on \(samples) samples; \(grouped(multiplyAddsPerSample)) multiply-adds a sample, arena \(grouped(arenaBytes)) bytes, "
            + "\(grouped(reducedBytes)) bytes added over the ranks"
        return (lines + [totals]).joined(separator: "\n")
    }
}

extension Plan: CustomStringConvertible {
    /// What it does, in order.
    public var schedule: PlanDescription {
        PlanDescription(actions: assembly.described(), samples: samples.count, arenaBytes: arenaBytes)
    }

    /// The schedule as text.
    public var description: String { schedule.description }
}

extension Assembly {
    /// Its actions, in order: those of each step, then copies of new values that could not be written in their variables' places.
    func described() -> [PlanDescription.Action] {
        var found: [PlanDescription.Action] = [], first = 0
        for (step, end) in zip(steps, ends) {
            var own = actions[first ..< end]
            switch step {
            case .loop(let item, _): found += loop(draft[item], &own)
            case .kernel(let item, let weights, let then): found += own.map { described($0, item, weights, then) }
            default: found.append(described(step, by: own.first!))
            }
            first = end
        }
        for case .kernel(let kernel as CopyKernel) in actions[first...] { found.append(copy(kernel, "copy into the variable")) }
        return found
    }

    /// One of the actions of a kernel's step.
    private func described(_ action: Action, _ item: Int, _ weights: Int?, _ then: [Program]) -> PlanDescription.Action {
        guard case .kernel(let kernel) = action else { preconditionFailure("a kernel's step holds kernels") }
        switch kernel {
        case is PackKernel:
            let form = draft[draft[item].inputs[1]].form
            return self.action(action, "pack", reads: [form], makes: [form])
        case let kernel as TileKernel:
            return self.action(action, "transform", reads: forms(inMemory: operand(ofTiled: weights ?? item, kernel.side)), makes: [])
        case let kernel as TileProductKernel:
            return self.action(
                action, "product of tiles", reads: [draft[draft[item].inputs[1]].form], makes: [],
                multiplyAdds: multiplyAdds(of: item) * kernel.samples / partition.samples)
        case is TileResultKernel:
            let instructions = ["result of tiles"] + then.map { "then " + $0.instructions }, makes = [item] + then.members
            return self.action(action, instructions.joined(separator: ", "), reads: [], makes: makes.map { draft[$0].form })
        case is AddKernel: return self.action(action, "add", reads: [draft[weights ?? item].form], makes: [draft[weights ?? item].form])
        case let kernel as TiledWeightKernel: return self.action(action, weights ?? item, [], share: kernel.samples)
        case let kernel as TiledConvolutionKernel: return self.action(action, item, then, share: kernel.samples)
        default: return self.action(action, item, then, share: partition.samples)
        }
    }

    /// - Parameter share: how many of this rank's samples the action computes.
    private func action(_ action: Action, _ item: Int, _ then: [Program], share: Int) -> PlanDescription.Action {
        self.action(
            action, ([draft[item].kind.name] + then.map { "then " + $0.instructions }).joined(separator: ", "),
            reads: draft[item].inputs.flatMap(forms(inMemory:)), makes: ([item] + then.members).map { draft[$0].form },
            multiplyAdds: multiplyAdds(of: item) * share / partition.samples)
    }

    private func operand(ofTiled index: Int, _ side: ConvolutionSide) -> Int {
        guard case .tiled(_, of: .weights) = draft[index].kind else { return draft[index].inputs[0] }
        return draft[index].inputs[side == .big ? 0 : 1]
    }

    /// What a kernel reads for an operand.
    private func forms(inMemory item: Int) -> [Form] { (hasMemory(item) ? [item] : operands(of: [item]).sorted()).map { draft[$0].form } }

    private func copy(_ kernel: CopyKernel, _ name: String) -> PlanDescription.Action {
        let form = Form.replicated([kernel.count])
        return action(.kernel(kernel), name, reads: [form], makes: [form])
    }

    /// What goes round is copied, then the loop runs.
    private func loop(_ item: Item, _ rest: inout ArraySlice<Action>) -> [PlanDescription.Action] {
        var found: [PlanDescription.Action] = []
        while let next = rest.popFirst() {
            switch next {
            case .kernel(let kernel as CopyKernel): found.append(copy(kernel, "copy into the loop"))
            case .loop(let rounds):
                found.append(action(next, "loop of \(rounds.count) rounds", reads: item.inputs.map { draft[$0].form }, makes: []))
                found += rounds.body.described().map { inner in
                    var inner = inner
                    inner.rounds *= rounds.count
                    inner.depth += 1
                    return inner
                }
                return found
            case .kernel, .reduction, .begin, .finish: preconditionFailure("a loop begins with copies")
            }
        }
        return found
    }

    private func described(_ step: Step, by action: Action) -> PlanDescription.Action {
        func forms(_ items: some Sequence<Int>) -> [Form] { items.map { draft[$0].form } }
        switch step {
        case .scalars(let items):
            let outside = Set(items.flatMap { draft[$0].inputs }).subtracting(items)
            return self.action(action, counted(items.map { draft[$0].kind.name }), reads: forms(outside.sorted()), makes: forms(items))
        case .programs(let programs):
            return self.action(
                action, counted(programs.map(\.instructions), "× ", between: "; "),
                reads: forms(programs.reads.sorted()), makes: forms(programs.members))
        case .kernel, .loop: preconditionFailure("several actions")
        case .reduce(let items): return sum("sum over the ranks", forms(items), action, isCounted: true)
        case .begin(let items): return sum("begin the sum over the ranks", forms(items), action, isCounted: true)
        case .finish(let items): return sum("wait for the sum over the ranks", forms(items), action, isCounted: false)
        }
    }

    private func sum(_ operation: String, _ forms: [Form], _ action: Action, isCounted: Bool) -> PlanDescription.Action {
        let bytes = isCounted ? forms.reduce(0) { $0 + self.bytes(of: $1) } : 0
        return PlanDescription.Action(
            operation: operation, forms: listed(forms), kernel: name(of: action), bytes: bytes, multiplyAdds: 0, reducedBytes: bytes)
    }

    private func action(_ action: Action, _ operation: String, reads: [Form], makes: [Form], multiplyAdds: Int = 0) -> PlanDescription.Action {
        PlanDescription.Action(
            operation: operation, forms: "\(listed(reads)) -> \(listed(makes))", kernel: name(of: action),
            bytes: (reads + makes).reduce(0) { $0 + bytes(of: $1) }, multiplyAdds: multiplyAdds, reducedBytes: 0)
    }

    private func name(of action: Action) -> String {
        switch action {
        case .kernel(let kernel): "\(type(of: kernel))"
        case .reduction, .begin, .finish: "Reduction"
        case .loop: "LoopRounds"
        }
    }

    private func bytes(of form: Form) -> Int {
        form == .replicated([]) ? 8 : 4 * form.shape.count * (form.extent == .batched ? partition.samples : 1)
    }

    func multiplyAdds(of index: Int) -> Int {
        let item = draft[index], operands = item.inputs.map { draft[$0].form }
        let samples = operands.contains { $0.extent == .batched } ? partition.samples : 1
        switch item.kind {
        case .product: return samples * item.form.shape.count * operands[0].shape.extents[1]
        case .weightProduct: return samples * item.form.shape.count * operands[0].shape.extents[0]
        case .convolution: return samples * item.form.shape.count * operands[1].shape.extents.prefix(3).reduce(1, *)
        case .convolutionWeight: return samples * item.form.shape.count * operands[1].shape.extents.dropLast().reduce(1, *)
        case .tiled(_, of: .small): return samples * item.form.shape.count * operands[1].shape.extents.prefix(3).reduce(1, *)
        case .tiled(_, of: .big): return samples * operands[0].shape.count * operands[1].shape.extents.prefix(3).reduce(1, *)
        case .tiled(_, of: .weights): return samples * item.form.shape.extents.prefix(3).reduce(1, *) * operands[1].shape.count
        case .convolutionInput: return samples * item.form.shape.views.count * shape(ofTransposed: index).multiplyAdds
        default: return 0
        }
    }
}

extension TransposedConvolutionShape {
    /// Of one image: every tap of every window, also those that meet the padding.
    fileprivate var multiplyAdds: Int {
        windows(panel: 1).reduce(0) { $0 + $1.places.count * $1.groups * $1.runs * $1.length } * big[2]
    }
}

extension Kind {
    fileprivate var name: String {
        switch self {
        case .unary(let kind): "\(kind)"
        case .binary(let kind): "\(kind)"
        case .product(let transposed): transposed ? "product by the transposed" : "product"
        case .weightProduct: "product for the weights"
        case .convolution(let stride): "convolution, stride \(stride)"
        case .convolutionInput(let geometry): "transposed convolution, stride \(geometry.stride)"
        case .convolutionWeight(let stride): "convolution for the weights, stride \(stride)"
        case .tiled(let geometry, of: .small): "convolution in tiles, stride \(geometry.stride)"
        case .tiled(let geometry, of: .big): "transposed convolution in tiles, stride \(geometry.stride)"
        case .tiled(let geometry, of: .weights): "convolution in tiles for the weights, stride \(geometry.stride)"
        case .total: "total over samples"
        case .localMean: "mean of a microbatch"
        case .pad: "pad"
        case .slice: "slice"
        case .gather: "gather"
        case .literal: "literal"
        case .scheduled: "rate"
        case .loop, .loopResult: "loop"
        case .broadcast, .reshape, .transpose, .sum, .input, .constant: "\(self)".prefix { $0 != "(" }.description
        }
    }
}

extension Program {
    /// The instructions of an element, by name; a sum within a sample is the instruction whose result is summed.
    fileprivate var instructions: String {
        counted(code.map { Self.names[Int($0.operation)] }) + (hasSums ? ", summed" : "")
    }

    // in the order of vk_operation
    private static let names = [
        "negative", "reciprocal", "exp", "log", "tanh", "softplus", "logistic", "square root", "absolute", "sign", "step",
        "add", "subtract", "multiply", "divide", "maximum", "copy",
    ]
}

/// Equal entries once, with their number, in the order of the first: "3 add, tanh".
private func counted(_ names: [String], _ times: String = "", between: String = ", ") -> String {
    var order: [String] = [], count: [String: Int] = [:]
    for name in names {
        if count[name] == nil { order.append(name) }
        count[name, default: 0] += 1
    }
    return order.map { count[$0]! == 1 ? $0 : "\(count[$0]!) \(times)\($0)" }.joined(separator: between)
}

private func listed(_ forms: [Form]) -> String { counted(forms.map(\.description), "× ") }

/// Digits in threes, which long numbers are read in.
private func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.enumerated().map { ($0.offset > 0 && (digits.count - $0.offset) % 3 == 0 ? "," : "") + String($0.element) }.joined()
}
