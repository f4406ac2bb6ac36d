import Foundation

/// A file of events as TensorBoard reads them: records of TFRecord framing, each an `Event` in protobuf's wire format (tensorflow/core/util
/// event.proto, framework/summary.proto). Values as numbers come in the log, histograms of what a checkpoint has.
struct EventFile {
    private let handle: FileHandle

    /// A new file in a run's folder `tensorboard`; earlier jobs' files stay, and TensorBoard reads them as one run.
    init(in run: URL, at time: Date = Date()) throws {
        let folder = run.appendingPathComponent("tensorboard")
        let file = folder.appendingPathComponent("events.out.tfevents.\(Int(time.timeIntervalSince1970 * 1000)).vigil")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data().write(to: file, options: .withoutOverwriting)
            handle = try FileHandle(forWritingTo: file)
        } catch { throw Failure(.cannotCreate, "\(file.path) cannot be created: \(reason(of: error)); free space, or leave out run.tensorboard") }
        try append(Wire().double(1, time.timeIntervalSince1970).text(3, "brain.Event:2"))
    }

    /// Numbers by name.
    func scalars(_ values: [(name: String, value: Double)], step: Int, at time: Date = Date()) throws {
        try append(values.map { Wire().text(1, $0.name).float(2, Float($0.value)) }, step, time)
    }

    /// Histograms of numbers by name.
    func histograms(_ values: [(name: String, values: [Double])], step: Int, at time: Date = Date()) throws {
        try append(values.filter { !$0.values.isEmpty }.map { Wire().text(1, $0.name).message(5, Self.histogram(of: $0.values)) }, step, time)
    }

    private func append(_ summaries: [Wire], _ step: Int, _ time: Date) throws {
        guard !summaries.isEmpty else { return }
        let summary = summaries.reduce(Wire()) { $0.message(1, $1) }
        try append(Wire().double(1, time.timeIntervalSince1970).integer(2, step).message(5, summary))
    }

    private func append(_ event: Wire) throws {
        do { try handle.write(contentsOf: framed(event.bytes)) } catch {
            throw Failure(.inputOutput, "events for TensorBoard cannot be written: \(reason(of: error)); free space, then run the same command again")
        }
    }

    /// `HistogramProto`: 30 intervals of one width from the smallest to the largest value.
    static func histogram(of values: [Double], intervals: Int = 30) -> Wire {
        let low = values.min()!, high = values.max()!, width = high > low ? (high - low) / Double(intervals) : 1
        var counts = [Double](repeating: 0, count: intervals)
        for value in values { counts[min(intervals - 1, Int((value - low) / width))] += 1 }
        return Wire().double(1, low).double(2, high).double(3, Double(values.count)).double(4, values.reduce(0, +))
            .double(5, values.reduce(0) { $0 + $1 * $1 }).doubles(6, (1 ... intervals).map { low + width * Double($0) }).doubles(7, counts)
    }
}

/// Fields of a message in protobuf's wire format.
struct Wire {
    private(set) var bytes = Data()

    func integer(_ field: Int, _ value: Int) -> Wire { adding(field, type: 0) { $0.append(Self.varint(UInt64(bitPattern: Int64(value)))) } }
    func double(_ field: Int, _ value: Double) -> Wire { adding(field, type: 1) { $0.append(littleEndian(value.bitPattern)) } }
    func float(_ field: Int, _ value: Float) -> Wire { adding(field, type: 5) { $0.append(littleEndian(value.bitPattern)) } }
    func text(_ field: Int, _ value: String) -> Wire { block(field, Data(value.utf8)) }
    func message(_ field: Int, _ value: Wire) -> Wire { block(field, value.bytes) }
    /// Packed.
    func doubles(_ field: Int, _ values: [Double]) -> Wire { block(field, values.reduce(into: Data()) { $0.append(littleEndian($1.bitPattern)) }) }

    private func block(_ field: Int, _ content: Data) -> Wire {
        adding(field, type: 2) {
            $0.append(Self.varint(UInt64(content.count)))
            $0.append(content)
        }
    }

    private func adding(_ field: Int, type: UInt64, _ body: (inout Data) -> Void) -> Wire {
        var wire = self
        wire.bytes.append(Self.varint(UInt64(field) << 3 | type))
        body(&wire.bytes)
        return wire
    }

    static func varint(_ value: UInt64) -> Data {
        var rest = value, data = Data()
        while rest >= 128 {
            data.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        data.append(UInt8(rest))
        return data
    }
}

private func littleEndian<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }

/// A record of TFRecord: its length, a masked CRC of that, the content, a masked CRC of this.
func framed(_ content: Data) -> Data {
    let length = littleEndian(UInt64(content.count))
    return length + littleEndian(maskedCRC(of: length)) + content + littleEndian(maskedCRC(of: content))
}

/// TFRecord's mask: a CRC over bytes that have CRCs in them is weak.
func maskedCRC(of bytes: Data) -> UInt32 {
    let crc = crc32c(of: bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
}

/// Castagnoli's CRC, polynomial 0x1EDC6F41 reflected (RFC 3720, B.4).
func crc32c(of bytes: Data) -> UInt32 { ~bytes.reduce(~0) { crcTable[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 } }

private let crcTable: [UInt32] = (0 ..< 256).map { byte in
    (0 ..< 8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
}
