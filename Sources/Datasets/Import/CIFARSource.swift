import Foundation

/// The binary files of CIFAR-10 and CIFAR-100, gzipped or not: records of one label byte (CIFAR-100: two, coarse and fine), then the
/// red, the green and the blue plane of 32 × 32 bytes.
public struct CIFARSource: SampleSource {
    /// Which label names the class.
    public enum Labeling: String, Sendable, CaseIterable {
        case ten, coarse, fine

        var byteCount: Int { self == .ten ? 1 : 2 }
        var classCount: Int {
            switch self {
            case .ten: 10
            case .coarse: 20
            case .fine: 100
            }
        }
    }

    public static let tenNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    private static let pixels = 32 * 32

    public var shape: [Int] { [32, 32, 3] }
    public var type: SampleType { .u8 }
    public var range: ClosedRange<Double> { 0 ... 255 }
    public var meaning: String { "red, green, blue" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let provenance: [String: String]
    /// Records, one after the other.
    private let bytes: [UInt8]
    private let labelCount: Int

    /// Reads and checks the files.
    /// - Parameters:
    ///   - testFiles: published to test on; none where a division is drawn.
    ///   - classNames: of labels 0, 1, ...; CIFAR-10's own or the numbers where nil.
    public init(_ files: [URL], testFiles: [URL] = [], labeling: Labeling = .ten, classNames: [String]? = nil) throws(DatasetError) {
        let size = labeling.byteCount + 3 * Self.pixels
        var bytes: [UInt8] = [], provenance = ["importer": "cifar", "labels": labeling.rawValue], trained = 0
        for (number, file) in (files + testFiles).enumerated() {
            let content = try GzipFile.bytes(of: file)
            guard !content.isEmpty, content.count % size == 0 else {
                throw DatasetError(
                    .badData,
                    "\(file.lastPathComponent) has \(content.count) bytes, which are not records of \(size); it is cut off or of another form")
            }
            bytes += content
            if number < files.count { trained = bytes.count / size }
            provenance["file_\(number)"] = try Self.provenance(of: file) + (number < files.count ? "" : ", to test on")
        }
        let labels = stride(from: labeling == .fine ? 1 : 0, to: bytes.count, by: size).map { Int32(bytes[$0]) }
        if let number = labels.firstIndex(where: { $0 >= labeling.classCount }) {
            throw DatasetError(
                .badData, "record \(number) has label \(labels[number]), expected 0 to \(labeling.classCount - 1); the files are of another form")
        }
        classes = classNames ?? (labeling == .ten ? Self.tenNames : (0 ..< labeling.classCount).map(String.init))
        guard classes.count == labeling.classCount else {
            throw DatasetError(.usage, "there are \(labeling.classCount) classes and \(classes.count) names; give one for each")
        }
        (self.bytes, self.labels, self.provenance, labelCount) = (bytes, labels, provenance, labeling.byteCount)
        testStart = testFiles.isEmpty ? nil : trained
    }

    /// Planes become channels.
    public func values(of samples: ArraySlice<Int>) -> StoredValues {
        var values: [UInt8] = []
        values.reserveCapacity(samples.count * 3 * Self.pixels)
        for sample in samples {
            let first = sample * (labelCount + 3 * Self.pixels) + labelCount
            for pixel in first ..< first + Self.pixels { for plane in 0 ..< 3 { values.append(bytes[pixel + plane * Self.pixels]) } }
        }
        return .u8(values)
    }
}
