import CZlib
import Foundation

/// The members of a zip archive (PKWARE's APPNOTE 6.3), stored or deflated, as NumPy writes them; what names and sizes say is
/// checked against the file before it is believed.
struct ZipFile {
    private struct Member {
        let method: Int, checksum: Int, packedCount: Int, count: Int, header: Int
    }

    private let name: String
    private let file: ForeignBytes
    private let members: [String: Member]

    init(_ url: URL) throws(DatasetError) {
        name = url.lastPathComponent
        file = ForeignBytes(bytes: try GzipFile.bytes(of: url)[...])
        members = try Self.directory(of: file, name)
    }

    var names: [String] { members.keys.sorted() }

    /// The central directory, found by its end record, which stands within the last 64 KiB.
    private static func directory(of file: ForeignBytes, _ name: String) throws(DatasetError) -> [String: Member] {
        let lowest = max(0, file.count - 22 - 0xFFFF)
        guard let end = stride(from: file.count - 22, through: lowest, by: -1).first(where: { file.number($0, bytes: 4) == 0x0605_4B50 }),
            let count = file.number(end + 10, bytes: 2), var place = file.number(end + 16, bytes: 4)
        else { throw DatasetError(.badData, "\(name) is no zip archive, or is cut off; restore it from a copy") }
        var members: [String: Member] = [:]
        for number in 0 ..< count {
            guard file.number(place, bytes: 4) == 0x0201_4B50, let flags = file.number(place + 8, bytes: 2),
                let method = file.number(place + 10, bytes: 2), let checksum = file.number(place + 16, bytes: 4),
                let packedCount = file.number(place + 20, bytes: 4), let unpackedCount = file.number(place + 24, bytes: 4),
                let nameCount = file.number(place + 28, bytes: 2), let extraCount = file.number(place + 30, bytes: 2),
                let commentCount = file.number(place + 32, bytes: 2), let header = file.number(place + 42, bytes: 4),
                let member = file.slice(place + 46, nameCount)?.text
            else { throw DatasetError(.badData, "\(name): entry \(number) of the archive's directory is damaged; restore it from a copy") }
            guard flags & 1 == 0, [0, 8].contains(method), ![packedCount, unpackedCount, header].contains(0xFFFF_FFFF) else {
                throw DatasetError(
                    .badData, "\(name): \(member) is encrypted, packed by another method than deflate, or larger than 4 GiB; unpack the archive")
            }
            members[member] = Member(method: method, checksum: checksum, packedCount: packedCount, count: unpackedCount, header: header)
            place += 46 + nameCount + extraCount + commentCount
        }
        return members
    }

    /// What a member holds; nil where there is none of that name.
    func contents(of memberName: String) throws(DatasetError) -> [UInt8]? {
        guard let member = members[memberName] else { return nil }
        let flaw = DatasetError(.badData, "\(name): \(memberName) is damaged (its length or its checksum is another); restore it from a copy")
        guard file.number(member.header, bytes: 4) == 0x0403_4B50, let nameCount = file.number(member.header + 26, bytes: 2),
            let extraCount = file.number(member.header + 28, bytes: 2),
            let packed = file.slice(member.header + 30 + nameCount + extraCount, member.packedCount)
        else { throw flaw }
        let bytes = member.method == 0 ? Array(packed.bytes) : inflated(packed.bytes, raw: true, limit: member.count)
        guard let bytes, bytes.count == member.count else { throw flaw }
        // in pieces, as a length is 32 bits there
        var checksum: UInt = 0
        for first in stride(from: 0, to: bytes.count, by: 1 << 30) {
            checksum = bytes[first ..< min(first + 1 << 30, bytes.count)].withUnsafeBufferPointer {
                crc32(checksum, $0.baseAddress, UInt32($0.count))
            }
        }
        guard checksum == member.checksum else { throw flaw }
        return bytes
    }
}
