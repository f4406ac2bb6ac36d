import Graphs

extension Initializer {
    /// Uniform, of variance 2 / (inputs + outputs) (Glorot & Bengio 2010).
    public static func glorot(_ inputs: Int, _ outputs: Int) -> Initializer { .uniform(bound: (6 / Double(inputs + outputs)).squareRoot()) }
}
