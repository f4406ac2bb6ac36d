/// A message in protobuf's wire format: fields one after the other, each with its number and kind.
package struct Message {
    package private(set) var bytes: [UInt8] = []

    /// What `body` puts into it.
    package init(_ body: (inout Message) -> Void = { _ in }) { body(&self) }

    package mutating func integer(_ field: Int, _ value: Int) {
        key(field, kind: 0)
        append(UInt64(bitPattern: Int64(value)))
    }

    package mutating func double(_ field: Int, _ value: Double) {
        key(field, kind: 1)
        append(littleEndian: value.bitPattern)
    }

    package mutating func float(_ field: Int, _ value: Float) {
        key(field, kind: 5)
        append(littleEndian: value.bitPattern)
    }

    /// Packed.
    package mutating func doubles(_ field: Int, _ values: [Double]) {
        key(field, kind: 2)
        append(UInt64(8 * values.count))
        for value in values { append(littleEndian: value.bitPattern) }
    }

    package mutating func data(_ field: Int, _ value: [UInt8]) {
        key(field, kind: 2)
        append(UInt64(value.count))
        bytes += value
    }

    package mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

    package mutating func message(_ field: Int, _ value: Message) { data(field, value.bytes) }

    package mutating func message(_ field: Int, _ body: (inout Message) -> Void) { message(field, Message(body)) }

    private mutating func key(_ field: Int, kind: UInt64) { append(UInt64(field) << 3 | kind) }

    /// Seven bits a byte, the lowest first.
    private mutating func append(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(littleEndian value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
}
