import Graphs

/// From a trace to a draft: only what results need, equal in value computed once (after `detached` has done its work),
/// constants folded, padding made explicit, and what is a matrix product written as one.
struct Lowering {
    private(set) var draft = Draft()
    let trace: Trace
    private let convolutions: ConvolutionChoice
    /// The item of a trace's node.
    private(set) var item: [Int: Int] = [:]
    /// What is a value times a factor plus an offset of each channel.
    private var affine: [Int: Affine] = [:]

    private struct Affine {
        var base: Int
        var factor: Int?
        var offset: Int?
    }

    /// - Parameter scope: the loop whose inside it is; what is read from outside of it is an input.
    init(_ trace: Trace, results: [Int], scope: Int = 0, convolutions: ConvolutionChoice = .byRule) {
        (self.trace, self.convolutions) = (trace, convolutions)
        let results = results.map { trace.entries[$0].value }
        func isInside(_ index: Int) -> Bool { trace.entries[index].scope == scope }
        var needed = Set(results)
        for index in (0 ... (results.max() ?? 0)).reversed() where needed.contains(index) && isInside(index) {
            needed.formUnion(trace.entries[index].inputs.map { trace.entries[$0].value })
        }
        for index in needed.sorted() {
            let entry = trace.entries[index]
            let isKnown = isInside(index) || entry.operation is Constant || entry.operation is Literal
            item[index] =
                isKnown
                ? lower(entry.operation, entry.inputs.map { item[trace.entries[$0].value]! }, entry.form, node: index)
                : draft.add(.input(node: index), [], entry.form)
        }
    }

    /// The item that a node of the trace has become.
    func item(of node: Int) -> Int { item[trace.entries[node].value]! }

    // swift-format-ignore: one case a line reads as the table it is
    private mutating func lower(_ operation: any Operation, _ inputs: [Int], _ form: Form, node: Int) -> Int {
        switch operation {
        case is Input: draft.add(.input(node: node), [], form)
        case let constant as Constant: draft.add(.constant(constant.bits), [], form)
        case let literal as Literal: draft.add(.literal(literal), [], form)
        case let scheduled as Scheduled: draft.add(.scheduled(scheduled.rate), [], form)
        case let run as LoopRun: draft.add(.loop(run.number), inputs, form)
        case let result as LoopResult: draft.add(.loopResult(result.place), inputs, form)
        case let unary as Unary: lower(unary, inputs[0], form)
        case let binary as Binary: lower(binary, inputs[0], inputs[1], form)
        case is Broadcast, is Spread: broadcast(inputs[0], to: form)
        case is Reshape: reshape(inputs[0], to: form.shape)
        case let slice as Slice: draft.add(.slice(slice), inputs, form)
        case let pad as Pad: draft.add(.pad(pad), inputs, form)
        case let gather as Gather: draft.add(.gather(gather.places), inputs, form)
        case is Transpose: draft.add(.transpose, inputs, form)
        case is Sum: draft.add(.sum, inputs, form)
        case is Total: draft.add(.total, inputs, form)
        case is LocalMean: draft.add(.localMean, inputs, form)
        case is Product: product(inputs[0], inputs[1], form)
        case is WeightProduct: draft.add(.weightProduct, inputs, form)
        case let convolution as ConvolutionOutput: lower(convolution.geometry, output: inputs, form)
        case let convolution as ConvolutionInput: lower(convolution.geometry, input: inputs, form)
        case let convolution as ConvolutionWeight: lower(convolution.geometry, weight: inputs, form)
        default: preconditionFailure("no kernel for \(operation)")
        }
    }

    // MARK: Elements

    private func constant(_ item: Int) -> Double? {
        if case .constant(let bits) = draft[item].kind { Double(bitPattern: bits) } else { nil }
    }

    private mutating func lower(_ unary: Unary, _ x: Int, _ form: Form) -> Int {
        if let value = constant(x) { return draft.add(.constant(unary.rule.value(value).bitPattern), [], .replicated([])) }
        // of what is repeated, once is enough
        if case .broadcast = draft[x].kind {
            let once = draft[x].inputs[0]
            return broadcast(lower(unary, once, draft[once].form), to: form)
        }
        return draft.add(.unary(unary.kind), [x], form)
    }

    private mutating func lower(_ binary: Binary, _ a: Int, _ b: Int, _ form: Form) -> Int {
        let (a, b) = (once(a), once(b))
        if let x = constant(a), let y = constant(b) {
            return broadcast(draft.add(.constant(binary.value(x, y).bitPattern), [], .replicated([])), to: form)
        }
        if binary.kind == .multiply, constant(a) == 1 { return broadcast(b, to: form) }
        if binary.kind == .multiply, constant(b) == 1 { return broadcast(a, to: form) }
        for (x, vector) in [(a, b), (b, a)] where isVector(vector, ofChannelsOf: x) && draft[x].form == form {
            if binary.kind == .add { return affine(of: x, factor: nil, offset: vector) }
            if binary.kind == .multiply { return affine(of: x, factor: vector, offset: nil) }
        }
        return draft.add(.binary(binary.kind), [a, b], form)
    }

    // MARK: Channels

    /// Whether an item has one shared number for each channel of another.
    private func isVector(_ item: Int, ofChannelsOf x: Int) -> Bool {
        let (vector, form) = (draft[item].form, draft[x].form)
        return form.extent == .batched && form.shape.rank > 0 && vector == .replicated(Shape([form.shape.extents.last!]))
    }

    /// Times a factor, plus an offset, of each channel. A chain of these, as batch norm is, becomes one of each.
    private mutating func affine(of x: Int, factor: Int?, offset: Int?) -> Int {
        let before = affine[x] ?? Affine(base: x)
        var after = before
        if let factor {
            after.factor = before.factor.map { vector(.multiply, $0, factor) } ?? factor
            after.offset = before.offset.map { vector(.multiply, $0, factor) }
        }
        if let offset { after.offset = after.offset.map { vector(.add, $0, offset) } ?? offset }
        if !trace.training, let factor = after.factor, let scaled = scaled(after.base, by: factor) {
            after = Affine(base: scaled, offset: after.offset)
        }
        let form = draft[x].form
        var value = after.base
        if let factor = after.factor { value = draft.add(.binary(.multiply), [value, factor], form) }
        if let offset = after.offset { value = draft.add(.binary(.add), [value, offset], form) }
        affine[value] = after
        return value
    }

    private mutating func vector(_ kind: Binary.Kind, _ a: Int, _ b: Int) -> Int { draft.add(.binary(kind), [a, b], draft[a].form) }

    /// A convolution whose channels are multiplied by a factor each, as one with other weights: in scoring, where batch norm's
    /// statistics stand, it costs nothing that way.
    private mutating func scaled(_ convolution: Int, by factor: Int) -> Int? {
        let item = draft[convolution]
        var factor = factor
        switch item.kind {
        case .convolution, .tiled(_, of: .small): break
        case .convolutionInput, .tiled(_, of: .big): factor = reshape(factor, to: Shape(draft[factor].form.shape.extents + [1]))
        default: return nil
        }
        let weights = draft.add(.binary(.multiply), [item.inputs[1], factor], draft[item.inputs[1]].form)
        return draft.add(item.kind, [item.inputs[0], weights], item.form)
    }

    // MARK: Repetition

    /// What a broadcast repeats: elementwise kernels repeat their operands themselves.
    private func once(_ x: Int) -> Int { if case .broadcast = draft[x].kind { draft[x].inputs[0] } else { x } }

    private mutating func broadcast(_ x: Int, to form: Form) -> Int {
        let x = once(x)
        return draft[x].form == form ? x : draft.add(.broadcast, [x], form)
    }

    // MARK: Products

    private mutating func reshape(_ x: Int, to shape: Shape) -> Int {
        if case .reshape = draft[x].kind { return reshape(draft[x].inputs[0], to: shape) }
        let form = Form(shape: shape, extent: draft[x].form.extent)
        return form == draft[x].form ? x : draft.add(.reshape, [x], form)
    }

    private mutating func product(_ a: Int, _ b: Int, _ form: Form) -> Int {
        if case .transpose = draft[b].kind { return draft.add(.product(transposed: true), [a, draft[b].inputs[0]], form) }
        return draft.add(.product(transposed: false), [a, b], form)
    }

    // MARK: Convolutions

    /// Whether a convolution is a matrix product: its kernel covers the image or is one element.
    private func matrices(_ g: Geometry, image: Shape, weight: Shape) -> (rows: Int, inner: Int, columns: Int)? {
        let (x, w) = (image.image.extents, weight.extents), views = image.views.count
        if g.padding == 0, w[0] == x[0], w[1] == x[1] { return (views, x[0] * x[1] * x[2], w[3]) }
        if g.padding == 0, g.stride == 1, w[0] == 1, w[1] == 1 { return (views * x[0] * x[1], x[2], w[3]) }
        return nil
    }

    private func isTiled(_ side: ConvolutionSide, _ tiling: Tiling?) -> Bool {
        switch convolutions {
        case .byRule: tiling?.isWorthWhile(for: side, microbatch: trace.microbatch) ?? false
        case .inTiles: tiling != nil
        case .asProducts: false
        }
    }

    private mutating func lower(_ g: Geometry, output inputs: [Int], _ form: Form) -> Int {
        let (x, w) = (inputs[0], inputs[1])
        if let m = matrices(g, image: draft[x].form.shape, weight: draft[w].form.shape) {
            let y = product(reshape(x, to: [m.rows, m.inner]), reshape(w, to: [m.inner, m.columns]), .batched([m.rows, m.columns]))
            return reshape(y, to: form.shape)
        }
        if isTiled(.small, Tiling(g, big: draft[x].form.shape, small: form.shape, weight: draft[w].form.shape)) {
            return draft.add(.tiled(g, of: .small), inputs, form)
        }
        return draft.add(.convolution(stride: g.stride), [padded(x, g.padding, g.padding), w], form)
    }

    private mutating func lower(_ g: Geometry, input inputs: [Int], _ form: Form) -> Int {
        let (y, w) = (inputs[0], inputs[1])
        if let m = matrices(g, image: form.shape, weight: draft[w].form.shape) {
            let matrix = reshape(w, to: [m.inner, m.columns])
            let x = draft.add(.product(transposed: true), [reshape(y, to: [m.rows, m.columns]), matrix], .batched([m.rows, m.inner]))
            return reshape(x, to: form.shape)
        }
        if isTiled(.big, Tiling(g, big: form.shape, small: draft[y].form.shape, weight: draft[w].form.shape)) {
            return draft.add(.tiled(g, of: .big), inputs, form)
        }
        let small = draft[y].form.shape.image.extents, weight = draft[w].form.shape.extents, big = form.shape.image.extents
        let rows = TransposedWindows(g, big: big[0], small: small[0], kernel: weight[0])
        let columns = TransposedWindows(g, big: big[1], small: small[1], kernel: weight[1])
        let padded = padded(y, (rows.before, rows.after), (columns.before, columns.after))
        return draft.add(.convolutionInput(g), [padded, w], form)
    }

    private mutating func lower(_ g: Geometry, weight inputs: [Int], _ form: Form) -> Int {
        let (x, y) = (inputs[0], inputs[1])
        if let m = matrices(g, image: draft[x].form.shape, weight: form.shape) {
            let product = draft.add(
                .weightProduct, [reshape(x, to: [m.rows, m.inner]), reshape(y, to: [m.rows, m.columns])],
                .replicated([m.inner, m.columns]))
            return reshape(product, to: form.shape)
        }
        if isTiled(.weights, Tiling(g, big: draft[x].form.shape, small: draft[y].form.shape, weight: form.shape)) {
            return draft.add(.tiled(g, of: .weights), inputs, form)
        }
        return draft.add(.convolutionWeight(stride: g.stride), [padded(x, g.padding, g.padding), y], form)
    }

    private mutating func padded(_ x: Int, _ rows: Int, _ columns: Int) -> Int { padded(x, (rows, rows), (columns, columns)) }

    private mutating func padded(_ x: Int, _ rows: (before: Int, after: Int), _ columns: (before: Int, after: Int)) -> Int {
        if rows == (0, 0), columns == (0, 0) { return x }
        let shape = draft[x].form.shape, views = shape.views.extents, image = shape.image.extents
        let extents = views + [rows.before + image[0] + rows.after, columns.before + image[1] + columns.after, image[2]]
        let pad = Pad(before: views.map { _ in 0 } + [rows.before, columns.before, 0], extents: extents)
        return draft.add(.pad(pad), [x], .batched(Shape(extents)))
    }
}

/// How the big side's places of one axis draw on the small side's, each residue by the stride a window of its own: place
/// stride·Y + residue is met by places Y + last − taps + 1 ... Y + last of the small side, the kernel's taps descending.
struct TransposedWindows {
    struct Window {
        /// Places of the big side with this residue.
        let places: Int
        /// Kernel index of each tap, in the order of ascending places of the small side.
        let taps: [Int]
        /// Where the window of the first place starts on the small side before padding.
        let start: Int
    }
    let windows: [Window]
    /// Zeros that the small side needs, so that all windows lie in it.
    let before: Int, after: Int

    init(_ g: Geometry, big: Int, small: Int, kernel: Int) {
        windows = (0 ..< min(g.stride, big)).map { residue in
            let first = (residue + g.padding) % g.stride
            let taps = Array(stride(from: first, to: kernel, by: g.stride))
            let last = (residue + g.padding - first) / g.stride
            return Window(places: (big - residue + g.stride - 1) / g.stride, taps: taps.reversed(), start: last - taps.count + 1)
        }
        before = windows.reduce(0) { max($0, -$1.start) }
        after = windows.reduce(0) { max($0, $1.places - 1 + $1.start + $1.taps.count - small) }
    }
}
