import Protobuf
import Testing

@Suite struct ProtobufTests {
    /// The bytes that protobuf's description of its encoding gives.
    @Test func fields() {
        #expect(Message { $0.integer(1, 150) }.bytes == [0x08, 0x96, 0x01])
        #expect(Message { $0.integer(1, -1) }.bytes == [0x08] + Array(repeating: 0xFF, count: 9) + [0x01])
        #expect(Message { $0.text(2, "testing") }.bytes == [0x12, 0x07] + Array("testing".utf8))
        #expect(Message { $0.message(3) { $0.integer(1, 150) } }.bytes == [0x1A, 0x03, 0x08, 0x96, 0x01])
        #expect(Message { $0.float(2, 1) }.bytes == [0x15, 0, 0, 0x80, 0x3F])
        #expect(Message { $0.double(1, 1) }.bytes == [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
        #expect(Message { $0.doubles(6, [0]) }.bytes == [0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(Message().bytes.isEmpty)
    }
}
