internal import COpenMPI

/// The types that travel between ranks.
public enum ElementType: Sendable { case uint8, int32, int64, uint64, float, double }

/// A number that MPI knows by itself.
public protocol Transferable: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
}

extension UInt8: Transferable { public static var elementType: ElementType { .uint8 } }
extension Int32: Transferable { public static var elementType: ElementType { .int32 } }
extension Int64: Transferable { public static var elementType: ElementType { .int64 } }
extension UInt64: Transferable { public static var elementType: ElementType { .uint64 } }
extension Float: Transferable { public static var elementType: ElementType { .float } }
extension Double: Transferable { public static var elementType: ElementType { .double } }

extension Transferable {
    static var datatype: MPI_Datatype {
        switch elementType {
        case .uint8: shim_uint8()
        case .int32: shim_int32()
        case .int64: shim_int64()
        case .uint64: shim_uint64()
        case .float: shim_float()
        case .double: shim_double()
        }
    }
}

/// What a reduction does with the ranks' elements. The order of a floating-point sum is the library's own and differs between
/// rank counts, message sizes and settings. `and` and `or` are by bits, for integers.
public enum Reduction: Sendable {
    case sum, minimum, maximum, and, or

    var operation: MPI_Op {
        switch self {
        case .sum: shim_sum()
        case .minimum: shim_minimum()
        case .maximum: shim_maximum()
        case .and: shim_and()
        case .or: shim_or()
        }
    }
}
