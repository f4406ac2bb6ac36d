extension RankGroup {
    /// Throws, on every rank, where the ranks' items differ: in their names, their number or their hashes. The error names the first item
    /// that differs, and which ranks have what; `advice` ends its sentence. Costs one small message a rank while all is well.
    public func agree(
        on items: [(name: String, hash: [UInt8])], advice: String = "all must run the same program on the same recipe and data"
    ) throws {
        let digest = items.reduce(into: Digest()) { digest, item in
            digest.mix(Array(item.name.utf8))
            digest.mix(item.hash)
        }
        let digests = try allGather(withUnsafeBytes(of: digest.value) { Array($0) })
        guard digests.contains(where: { $0 != digests[0] }) else { return }

        let all = try allGather(encode(items)).map { decode($0) }
        for place in 0 ..< all.map(\.count).max()! {
            let here = all.map { place < $0.count ? $0[place] : nil }
            let names = here.map { $0?.name ?? "nothing" }
            guard Set(names).count == 1 else { throw RankError(disagreement("item \(place + 1) of what they compare", names, advice)) }
            let hashes = here.map { $0!.hash.isEmpty ? "nothing" : hexadecimal($0!.hash) }
            guard Set(hashes).count == 1 else { throw RankError(disagreement(names[0], hashes, advice)) }
        }
    }

    private func disagreement(_ what: String, _ values: [String], _ advice: String) -> String {
        let distinct = values.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let who = distinct.map { value in
            let ranks = values.indices.filter { values[$0] == value }
            return "\(Self.list(ranks)) \(ranks.count == 1 ? "has" : "have") \(value)"
        }
        return "the ranks differ in \(what): \(who.joined(separator: ", ")); \(advice)"
    }

    /// "rank 3", "ranks 0-2", "ranks 0, 2-4".
    package static func list(_ ranks: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for rank in ranks {
            if let last = runs.last, last.upperBound == rank - 1 {
                runs[runs.count - 1] = last.lowerBound ... rank
            } else {
                runs.append(rank ... rank)
            }
        }
        let text = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
        return ranks.count == 1 ? "rank \(text)" : "ranks \(text)"
    }

    private func hexadecimal(_ hash: [UInt8]) -> String {
        hash.prefix(8).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined() + (hash.count > 8 ? "…" : "")
    }

    /// Each name and hash with its length before it.
    private func encode(_ items: [(name: String, hash: [UInt8])]) -> [UInt8] {
        items.flatMap { [Array($0.name.utf8), $0.hash] }.flatMap { part in withUnsafeBytes(of: UInt64(part.count).littleEndian) { Array($0) } + part }
    }

    private func decode(_ bytes: [UInt8]) -> [(name: String, hash: [UInt8])] {
        var rest = bytes[...]
        func part() -> [UInt8] {
            let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            defer { rest = rest.dropFirst(8 + length) }
            return Array(rest.dropFirst(8).prefix(length))
        }
        var items: [(name: String, hash: [UInt8])] = []
        while !rest.isEmpty { items.append((String(decoding: part(), as: UTF8.self), part())) }
        return items
    }
}

/// FNV-1a, 64 bits, over parts whose lengths count: to find that something differs, not against anyone who wants it hidden.
private struct Digest {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func mix(_ part: [UInt8]) {
        withUnsafeBytes(of: UInt64(part.count).littleEndian) { for byte in $0 { mix(byte) } }
        for byte in part { mix(byte) }
    }
    private mutating func mix(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
}
