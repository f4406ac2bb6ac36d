import Foundation
import Metrics
import Protobuf
import Reports

/// A file of events as TensorBoard reads them: records of TFRecord framing, each an `Event` in protobuf's wire format (tensorflow/core/util
/// event.proto, framework/summary.proto). Values as numbers come in the log, histograms and pictures of what a checkpoint has, curves of what an
/// evaluation finds.
struct EventFile {
    private let handle: FileHandle

    /// A new file in a run's folder `tensorboard`; earlier jobs' files stay, and TensorBoard reads them as one run.
    ///
    /// - Parameter part: a folder in it, which TensorBoard shows as a run of its own: it reads the newest file of a folder alone for what is new, so
    ///   programs that may write at the same time need one each.
    init(in run: URL, part: String = "", at time: Date = Date()) throws {
        let folder = run.appendingPathComponent("tensorboard").appendingPathComponent(part)
        let file = folder.appendingPathComponent("events.out.tfevents.\(Int(time.timeIntervalSince1970 * 1000)).vigil")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data().write(to: file, options: .withoutOverwriting)
            handle = try FileHandle(forWritingTo: file)
        } catch { throw Failure(.cannotCreate, "\(file.path) cannot be created: \(reason(of: error)); free space, or leave out run.tensorboard") }
        try append(
            Message {
                $0.double(1, time.timeIntervalSince1970)
                $0.text(3, "brain.Event:2")
            })
    }

    /// Numbers by name.
    func scalars(_ values: [(name: String, value: Double)], step: Int, at time: Date = Date()) throws {
        try append(step, time, values.map(\.name), values.map(\.value)) { $0.float(2, Float($1)) }
    }

    /// Histograms of numbers by name.
    func histograms(_ values: [(name: String, values: [Double])], step: Int, at time: Date = Date()) throws {
        let found = values.filter { !$0.values.isEmpty }
        try append(step, time, found.map(\.name), found.map(\.values)) { $0.message(5, Self.histogram(of: $1)) }
    }

    /// Pictures by name.
    func images(_ values: [(name: String, canvas: Canvas)], step: Int, at time: Date = Date()) throws {
        try append(step, time, values.map(\.name), values.map(\.canvas)) { value, canvas in
            value.message(4) {
                $0.integer(1, canvas.height)
                $0.integer(2, canvas.width)
                $0.integer(3, 3)  // red, green, blue
                $0.data(4, canvas.png)
            }
        }
    }

    /// A precision-recall curve, for TensorBoard's plug-in pr_curves: a tensor of float32, [6, places], of right and wrong alarms, right and
    /// wrong silence, precision, and recall. The threshold that the plug-in shows at place k of n is (k + 1) / n; here that is the share
    /// of anomalies of which less is missed, since scores have no scale.
    func precisionRecall(_ name: String, _ points: CurvePoints, step: Int, at time: Date = Date()) throws {
        let rows: [(CurvePoints.Alarms) -> Double] = [
            { Double($0.detected) }, { Double($0.falseAlarms) }, { Double(points.normals - $0.falseAlarms) },
            { Double(points.anomalies - $0.detected) }, { Double($0.detected) / Double($0.detected + $0.falseAlarms) },
            { Double($0.detected) / Double(points.anomalies) },
        ]
        try append(step, time, [name], [rows.flatMap { points.byMisses.map($0) }]) { value, numbers in
            value.message(9) { metadata in
                metadata.message(1) {
                    $0.text(1, "pr_curves")
                    $0.message(2) { $0.integer(2, points.byMisses.count) }
                }
                metadata.integer(4, 2)  // of class tensor
            }
            value.message(8) { tensor in
                tensor.integer(1, 1)  // float32
                tensor.message(2) { shape in
                    for extent in [rows.count, points.byMisses.count] { shape.message(2) { $0.integer(1, extent) } }
                }
                tensor.data(4, numbers.flatMap { littleEndian(Float($0).bitPattern) })
            }
        }
    }

    /// An event of a summary with a value of each name, which `body` writes.
    private func append<Value>(_ step: Int, _ time: Date, _ names: [String], _ values: [Value], _ body: (inout Message, Value) -> Void) throws {
        guard !names.isEmpty else { return }
        try append(
            Message {
                $0.double(1, time.timeIntervalSince1970)
                $0.integer(2, step)
                $0.message(5) { summary in
                    for (name, value) in zip(names, values) {
                        summary.message(1) {
                            $0.text(1, name)
                            body(&$0, value)
                        }
                    }
                }
            })
    }

    private func append(_ event: Message) throws {
        do { try handle.write(contentsOf: framed(Data(event.bytes))) } catch {
            throw Failure(.inputOutput, "events for TensorBoard cannot be written: \(reason(of: error)); free space, then run the same command again")
        }
    }

    /// `HistogramProto`: 30 intervals of one width from the smallest to the largest value.
    static func histogram(of values: [Double], intervals: Int = 30) -> Message {
        let low = values.min()!, high = values.max()!, width = high > low ? (high - low) / Double(intervals) : 1
        var counts = [Double](repeating: 0, count: intervals)
        for value in values { counts[min(intervals - 1, Int((value - low) / width))] += 1 }
        return Message {
            $0.double(1, low)
            $0.double(2, high)
            $0.double(3, Double(values.count))
            $0.double(4, values.reduce(0, +))
            $0.double(5, values.reduce(0) { $0 + $1 * $1 })
            $0.doubles(6, (1 ... intervals).map { low + width * Double($0) })
            $0.doubles(7, counts)
        }
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
