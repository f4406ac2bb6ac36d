import Foundation

func bytes<Number>(_ numbers: [Number]) -> [UInt8] { numbers.withUnsafeBytes(Array.init) }

/// A variable of a MATLAB file, plain; its numbers may lie in a smaller type than its class says, as MATLAB packs them.
func mat(_ name: String, type: UInt32, class classNumber: UInt32, _ extents: [Int32], _ numbers: [UInt8]) -> [UInt8] {
    func element(_ type: UInt32, _ content: [UInt8]) -> [UInt8] {
        var element = bytes([type, UInt32(content.count)])
        element += content
        return element + [UInt8](repeating: 0, count: (8 - content.count % 8) % 8)
    }
    let parts = [element(6, bytes([classNumber, 0])), element(5, bytes(extents)), element(1, Array(name.utf8)), element(type, numbers)]
    return element(14, parts.flatMap(\.self))
}

/// A MATLAB file of level 5 with some variables.
func matFile(_ elements: [UInt8]) -> Data {
    var data = Data("MATLAB 5.0 MAT-file".utf8) + Data(repeating: 0x20, count: 105)
    data.append(contentsOf: [0, 1, 0x49, 0x4D])
    data.append(contentsOf: elements)
    return data
}
