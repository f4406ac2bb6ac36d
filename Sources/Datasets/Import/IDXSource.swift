import Foundation

/// The four IDX files of MNIST and its kin: training images with labels, then test images with labels.
public struct IDXSource: SampleSource {
    /// Where the files are.
    public struct Files: Sendable {
        public var images: URL, labels: URL, testImages: URL, testLabels: URL

        public init(images: URL, labels: URL, testImages: URL, testLabels: URL) {
            (self.images, self.labels, self.testImages, self.testLabels) = (images, labels, testImages, testLabels)
        }
    }

    public let shape: [Int]
    public var type: SampleType { .u8 }
    public var range: ClosedRange<Double> { 0 ... 255 }
    public var meaning: String { "gray level" }
    public let classes: [String]
    public let labels: [Int32]
    public let testStart: Int?
    public let provenance: [String: String]
    private let train: Pictures
    private let test: Pictures
    private let resize: Resize?

    private struct Pictures: Sendable {
        let bytes: [UInt8]
        let extents: [Int]
        let labels: [UInt8]

        init(_ images: URL, _ labels: URL) throws(DatasetError) {
            let (pictures, classes) = (try IDXFile(images, axes: 3), try IDXFile(labels, axes: 1))
            guard pictures.extents[0] == classes.extents[0] else {
                let (found, expected) = ("\(classes.extents[0]) labels", "\(pictures.extents[0]) images")
                throw DatasetError(
                    .badData, "\(labels.lastPathComponent) has \(found), \(images.lastPathComponent) has \(expected); they do not belong together")
            }
            (bytes, extents, self.labels) = (pictures.bytes, pictures.extents, classes.bytes)
        }
    }

    /// Reads and checks the files.
    /// - Parameters:
    ///   - classNames: the names of labels 0, 1, ...; "0", "1", ... where nil.
    ///   - size: [height, width] that images are resized to (bilinear, see `Resize`); nil for none.
    public init(_ files: Files, classNames: [String]? = nil, size: [Int]? = nil) throws(DatasetError) {
        let train = try Pictures(files.images, files.labels), test = try Pictures(files.testImages, files.testLabels)
        let own = Array(train.extents.dropFirst()), size = size ?? own
        guard own == Array(test.extents.dropFirst()) else {
            throw DatasetError(.badData, "test images are \(test.extents[1]) × \(test.extents[2]), training images \(own[0]) × \(own[1])")
        }
        let classCount = Int(max(train.labels.max() ?? 0, test.labels.max() ?? 0)) + 1
        classes = classNames ?? (0 ..< classCount).map(String.init)
        guard classes.count >= classCount else {
            throw DatasetError(.usage, "there are \(classCount) classes and only \(classes.count) names: \(classes.joined(separator: ", "))")
        }
        guard size.count == 2, size.allSatisfy({ (1 ... 1 << 14).contains($0) }) else {
            throw DatasetError(.usage, "images cannot have size \(size); expected height and width of 1 to \(1 << 14)")
        }
        (self.train, self.test, shape, testStart) = (train, test, size + [1], train.labels.count)
        labels = (train.labels + test.labels).map(Int32.init)
        resize = size == own ? nil : Resize(from: (own[0], own[1]), to: (size[0], size[1]), channels: 1)
        var provenance = ["importer": "idx"]
        for (key, url) in [
            ("images", files.images), ("labels", files.labels), ("test_images", files.testImages), ("test_labels", files.testLabels),
        ] { provenance[key] = try Self.provenance(of: url) }
        if own != size { provenance["resize"] = "bilinear from \(own[0]) x \(own[1]), half-pixel centers, no antialiasing" }
        self.provenance = provenance
    }

    public func values(of samples: ArraySlice<Int>) -> StoredValues {
        let size = train.extents[1] * train.extents[2]
        return .u8(
            samples.flatMap { sample in
                let (pictures, number) = sample < train.labels.count ? (train, sample) : (test, sample - train.labels.count)
                let image = pictures.bytes[number * size ..< (number + 1) * size]
                return resize.map { $0(image) } ?? Array(image)
            })
    }
}

extension SampleSource {
    /// A file's name with its digest.
    static func provenance(of file: URL) throws(DatasetError) -> String { "\(file.lastPathComponent), SHA-256 \(try SHA256.ofFile(file).digest)" }
}
