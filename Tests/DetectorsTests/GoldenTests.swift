import Foundation
import Testing

private func file(_ header: String, _ numbers: [UInt8]) -> Data {
    let length = UInt64(header.utf8.count)
    return Data((0 ..< 8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + numbers)
}

@Test func goldenFileIsReadByName() throws {
    let half: [UInt8] = [0, 0, 0, 0, 0, 0, 0xe0, 0xbf]  // -0.5
    let golden = try Golden(
        file(
            """
            {"__metadata__":{"golden":"{\\"settings\\":{\\"code\\":5}}"},"step0/loss/a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},\
            "step0/minibatch":{"dtype":"F8_E5M2","shape":[1,3],"data_offsets":[8,11]},"none":{"dtype":"F64","shape":[0,2],"data_offsets":[11,11]}}
            """, half + [0x3c, 0xba, 0x01]))
    #expect(golden["step0/loss/a"] == ([], [-0.5]))
    #expect(golden["step0/minibatch"] == ([1, 3], [1, -0.75, 0x1p-16]))
    #expect(golden["none"] == ([0, 2], []))
    #expect(golden.under("step0").keys.sorted() == ["loss/a", "minibatch"])
    struct Settings: Decodable { let code: Int }
    #expect(try golden.settings(as: Settings.self).code == 5)
}

@Test(arguments: [
    "", "{", #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,9]}}"#, #"{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,7]}}"#, #"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}"#, #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[-8,0]}}"#,
])
func malformedGoldenFileIsRefused(header: String) {
    #expect(throws: (any Error).self) { try Golden(file(header, Array(repeating: 0, count: 8))) }
    #expect(throws: (any Error).self) { try Golden(file(header, []).prefix(7)) }
    #expect(throws: (any Error).self) { try Golden(file(header, []).dropLast()) }
}
