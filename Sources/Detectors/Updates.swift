import Graphs
import Networks

/// The updates of a stage: what optimizers keep, under which names, and what cannot be meant.
struct Updates {
    let stage: String, store: Store
    private let rates: RateRule
    /// Of the detector's variables.
    let names: [ObjectIdentifier: String]
    /// The groups there are: whether each was named, and its optimizer.
    private var groups: [String: (isNamed: Bool, optimizer: any Optimizer)] = [:]

    init(of detector: any Network, stage: String, store: Store, rates: RateRule) {
        (self.stage, self.store, self.rates) = (stage, store, rates)
        names = detector.names
    }

    func named(_ found: [(name: String, variable: Variable)]) -> [(name: String, variable: Variable)] {
        found.compactMap { _, variable in names[ObjectIdentifier(variable)].map { (name: $0, variable: variable) } }
    }

    /// Adds an update to the trace.
    /// - Returns: the derivative by each parameter.
    mutating func update(
        _ groups: [(name: String?, moved: [any Movable])], minimizing loss: Replicated, with optimizer: any Optimizer, in trace: Trace
    ) throws(FormError) -> [(parameter: String, node: Node)] {
        var parts: [(group: String, parameters: [(name: String, variable: Variable)])] = []
        for (name, moved) in groups {
            let found = moved.flatMap(\.parameters), parameters = named(found)
            if parameters.count < found.count {
                throw FormError("\(stage): a network is updated that is no part of the detector; store it in a property")
            }
            let own = name ?? Set(parameters.map { String($0.name.prefix { $0 != "." }) }).sorted().joined(separator: "+")
            try check(own, isNamed: name != nil, optimizer)
            for earlier in parts {
                if let twice = parameters.first(where: { parameter in earlier.parameters.contains { $0.variable === parameter.variable } }) {
                    throw FormError("\(stage): \(twice.name) is moved by two optimizer states at once, \(earlier.group) and \(own); leave it in one")
                }
            }
            parts.append((own, parameters))
        }
        let all = parts.flatMap(\.parameters)
        trace.expect(loss.node, toDependOn: all)
        if let error = trace.error { throw error }
        var slopes = gradients(of: loss.node, by: all.map { trace.read($0.variable).node })[...]
        let result = zip(all, slopes).map { (parameter: $0.name, node: $1) }
        for (group, parameters) in parts {
            let own = slopes.prefix(parameters.count).map { Replicated($0) }
            slopes = slopes.dropFirst(parameters.count)
            move(parameters, by: own, with: optimizer, group: "optimizer/\(stage)/\(group)", in: trace)
        }
        return result
    }

    /// Refuses a name that two updates would have without meaning the same state.
    private mutating func check(_ group: String, isNamed: Bool, _ optimizer: any Optimizer) throws(FormError) {
        if let other = groups[group] {
            guard isNamed, other.isNamed else {
                throw FormError("\(stage): two updates move \(group); give each a `group`, or both the same one where they share their state")
            }
            guard other.optimizer.moments.map(\.name) == optimizer.moments.map(\.name),
                other.optimizer.powers.map(\.base) == optimizer.powers.map(\.base)
            else { throw FormError("\(stage): two updates share the state \(group), but their optimizers keep different things") }
        }
        groups[group] = (isNamed, optimizer)
    }

    private func move(
        _ parameters: [(name: String, variable: Variable)], by slopes: [Replicated], with optimizer: any Optimizer, group: String, in trace: Trace
    ) {
        store.note(group: "\(group)/", moving: parameters.map(\.name))
        let rate = trace.value(of: rates.applied(to: optimizer.rate))
        let powers = optimizer.powers.map { name, base in
            let variable = store.variable("\(group)/\(name)", [], .constant(1))
            trace.write(variable, base * trace.read(variable))
            return trace.read(variable)
        }
        for (parameter, slope) in zip(parameters, slopes) {
            let moments = optimizer.moments.map {
                store.variable("\(group)/\($0.name)/\(parameter.name)", parameter.variable.shape, .constant($0.first))
            }
            let decay = optimizer.weightDecay, pull = decay == 0 ? slope : slope + decay * trace.read(parameter.variable)
            let (next, change) = optimizer.step(pull, moments: moments.map { trace.read($0) }, powers: powers, rate: rate)
            for (moment, value) in zip(moments, next) { trace.write(moment, value) }
            let scale = parameter.variable.moveScale
            trace.write(parameter.variable, trace.read(parameter.variable) - (scale == 1 ? change : scale * change))
        }
    }
}
