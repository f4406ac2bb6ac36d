import Protobuf

/// The numbers of `TensorProto.DataType` in onnx.proto.
public enum ElementType: Int, Sendable { case float = 1, uint8, int8, uint16, int16, int32, int64, text, bool, half, double }

/// A tensor's element type and extents; nil is the number of samples, which every run chooses.
public struct TensorType: Sendable {
    public let element: ElementType, extents: [Int?]
    public init(_ element: ElementType, _ extents: [Int?]) { (self.element, self.extents) = (element, extents) }
}

/// Numbers that are part of a model.
struct Constant {
    let name: String, element: ElementType, extents: [Int], bytes: [UInt8]
}

enum Attribute {
    case integer(Int), float(Float), text(String), integers([Int])
}

struct Operator {
    let name: String, inputs: [String], output: String, attributes: [(String, Attribute)]
}

/// An ONNX model (`onnx.proto`, version 8 of the format, operators of version 17: ONNX 1.12, onnxruntime 1.12 and later).
public struct Model {
    static let formatVersion = 8, operatorVersion = 17

    var operators: [Operator] = [], constants: [Constant] = []
    public internal(set) var inputs: [(name: String, type: TensorType)] = [], outputs: [(name: String, type: TensorType)] = []
    /// What else is to be known of it, as text, in this order.
    public var metadata: [(key: String, value: String)] = []
    public let name: String

    init(name: String) { self.name = name }

    public var operatorCount: Int { operators.count }

    /// The file's bytes.
    public func encoded() -> [UInt8] {
        var model = Message()
        model.integer(1, Self.formatVersion)
        model.text(2, "vigil")
        model.message(7, encodeGraph)
        model.message(8) {
            $0.text(1, "")
            $0.integer(2, Self.operatorVersion)
        }
        for (key, value) in metadata {
            model.message(14) {
                $0.text(1, key)
                $0.text(2, value)
            }
        }
        return model.bytes
    }

    private func encodeGraph(_ graph: inout Message) {
        for item in operators { graph.message(1) { item.encode(&$0) } }
        graph.text(2, name)
        for constant in constants { graph.message(5) { constant.encode(&$0) } }
        for (field, values) in [(11, inputs), (12, outputs)] {
            for (name, type) in values {
                graph.message(field) {
                    $0.text(1, name)
                    $0.message(2) { $0.message(1, type.encode) }
                }
            }
        }
    }
}

extension TensorType {
    fileprivate func encode(_ message: inout Message) {
        message.integer(1, element.rawValue)
        message.message(2) { shape in
            for extent in extents {
                shape.message(1) { if let extent { $0.integer(1, extent) } else { $0.text(2, "samples") } }
            }
        }
    }
}

extension Constant {
    fileprivate func encode(_ message: inout Message) {
        for extent in extents { message.integer(1, extent) }
        message.integer(2, element.rawValue)
        message.text(8, name)
        message.data(9, bytes)
    }
}

extension Operator {
    fileprivate func encode(_ message: inout Message) {
        for input in inputs { message.text(1, input) }
        message.text(2, output)
        message.text(3, "\(name) \(output)")
        message.text(4, name)
        for (name, value) in attributes {
            message.message(5) {
                $0.text(1, name)
                value.encode(&$0)
            }
        }
    }
}

extension Attribute {
    /// The value, then the number of its kind in `AttributeProto.AttributeType`.
    fileprivate func encode(_ message: inout Message) {
        switch self {
        case .float(let value):
            message.float(2, value)
            message.integer(20, 1)
        case .integer(let value):
            message.integer(3, value)
            message.integer(20, 2)
        case .text(let value):
            message.text(4, value)
            message.integer(20, 3)
        case .integers(let values):
            for value in values { message.integer(8, value) }
            message.integer(20, 7)
        }
    }
}
