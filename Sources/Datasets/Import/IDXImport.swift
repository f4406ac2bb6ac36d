import Foundation

/// Makes a set of the four IDX files of MNIST and its kin, by the protocol of one-class benchmarks: some classes are named
/// abnormal; split "train" has the normals of the training files (and abnormal ones where asked for), split "test" all test images.
public struct IDXImport: Sendable {
    /// The files and what is made of them.
    public struct Request: Sendable {
        public var images: URL
        public var labels: URL
        public var testImages: URL
        public var testLabels: URL
        public var name: String
        /// The names of labels 0, 1, ...; "0", "1", ... where nil.
        public var classNames: [String]?
        /// One class or more, by name.
        public var abnormal: [String]
        /// [height, width] that images are resized to (bilinear, see `Resize`); nil for none.
        public var size: [Int]?
        /// Only the first so many normals of the training files, and the first so many test images.
        public var trainLimit: Int?
        public var testLimit: Int?
        /// So many abnormal images of the training files are kept, the first, for detectors that learn from labels.
        public var trainAbnormal: Int

        public init(
            images: URL, labels: URL, testImages: URL, testLabels: URL, name: String, classNames: [String]? = nil, abnormal: [String],
            size: [Int]? = nil, trainLimit: Int? = nil, testLimit: Int? = nil, trainAbnormal: Int = 0
        ) {
            (self.images, self.labels, self.testImages, self.testLabels) = (images, labels, testImages, testLabels)
            (self.name, self.classNames, self.abnormal, self.size) = (name, classNames, abnormal, size)
            (self.trainLimit, self.testLimit, self.trainAbnormal) = (trainLimit, testLimit, trainAbnormal)
        }
    }

    public let description: SetDescription
    private let train: Pictures
    private let test: Pictures
    private let resize: Resize?

    /// Images with labels, and the numbers of those that a split takes, in order.
    private struct Pictures: Sendable {
        let bytes: [UInt8]
        let extents: [Int]
        let labels: [UInt8]
        var taken: [Int]

        init(_ images: URL, _ labels: URL) throws(DatasetError) {
            let (pictures, classes) = (try IDXFile(images, axes: 3), try IDXFile(labels, axes: 1))
            guard pictures.extents[0] == classes.extents[0] else {
                let (found, expected) = ("\(classes.extents[0]) labels", "\(pictures.extents[0]) images")
                throw DatasetError(
                    .badData, "\(labels.lastPathComponent) has \(found), \(images.lastPathComponent) has \(expected); they do not belong together")
            }
            (bytes, extents, self.labels, taken) = (pictures.bytes, pictures.extents, classes.bytes, Array(0 ..< pictures.extents[0]))
        }
    }

    /// Reads and checks the files; nothing is written.
    public init(_ request: Request) throws(DatasetError) {
        var train = try Pictures(request.images, request.labels), test = try Pictures(request.testImages, request.testLabels)
        guard train.extents.dropFirst() == test.extents.dropFirst() else {
            let (found, expected) = (test.extents.dropFirst(), train.extents.dropFirst())
            throw DatasetError(.badData, "test images are \(found[1]) × \(found[2]), training images \(expected[1]) × \(expected[2])")
        }
        let classCount = Int(max(train.labels.max() ?? 0, test.labels.max() ?? 0)) + 1
        let classes = request.classNames ?? (0 ..< classCount).map(String.init)
        guard classes.count >= classCount else {
            throw DatasetError(.usage, "there are \(classCount) classes and only \(classes.count) names: \(classes.joined(separator: ", "))")
        }
        let abnormal = Set(request.abnormal)
        if let unknown = abnormal.subtracting(classes).min() {
            throw DatasetError(.usage, "there is no class \"\(unknown)\"; the classes are \(classes.joined(separator: ", "))")
        }
        guard !abnormal.isEmpty, abnormal.count < classes.count else {
            throw DatasetError(.usage, "name some classes as abnormal, and not all, of \(classes.joined(separator: ", "))")
        }
        let normals = train.taken.filter { !abnormal.contains(classes[Int(train.labels[$0])]) }.prefix(request.trainLimit ?? .max)
        let anomalies = train.taken.filter { abnormal.contains(classes[Int(train.labels[$0])]) }.prefix(request.trainAbnormal)
        train.taken = (normals + anomalies).sorted()
        test.taken = Array(test.taken.prefix(request.testLimit ?? .max))
        let own = Array(train.extents.dropFirst()), size = request.size ?? own
        guard size.count == 2, size.allSatisfy({ (1 ... 1 << 14).contains($0) }) else {
            throw DatasetError(.usage, "images cannot have size \(size); expected height and width of 1 to \(1 << 14)")
        }
        (self.train, self.test) = (train, test)
        resize = size == own ? nil : Resize(from: (own[0], own[1]), to: (size[0], size[1]), channels: 1)
        description = SetDescription(
            name: request.name, shape: size + [1], type: .u8, range: 0 ... 255, meaning: "gray level", classes: classes,
            normalClasses: Set(classes).subtracting(abnormal), provenance: try Self.provenance(request, own, size))
    }

    private static func provenance(_ request: Request, _ own: [Int], _ size: [Int]) throws(DatasetError) -> [String: String] {
        var provenance = ["importer": "idx", "abnormal": request.abnormal.sorted().joined(separator: ", ")]
        for (key, url) in [
            ("images", request.images), ("labels", request.labels), ("test_images", request.testImages), ("test_labels", request.testLabels),
        ] { provenance[key] = "\(url.lastPathComponent), SHA-256 \(try SHA256.ofFile(url).digest)" }
        if own != size { provenance["resize"] = "bilinear from \(own[0]) x \(own[1]), half-pixel centers, no antialiasing" }
        if let limit = request.trainLimit { provenance["train_limit"] = "\(limit)" }
        if let limit = request.testLimit { provenance["test_limit"] = "\(limit)" }
        if request.trainAbnormal > 0 { provenance["train_abnormal"] = "\(request.trainAbnormal)" }
        return provenance
    }

    /// Writes this rank's shards of both splits; the writer is one of `description`. The records of all ranks go to
    /// `SetWriter.finish` on rank 0.
    public func write(to writer: SetWriter) throws -> [ShardRecord] {
        try [("train", train), ("test", test)].flatMap { name, pictures in
            try writer.write(split: name, count: pictures.taken.count) { samples($0, of: pictures) }
        }
    }

    private func samples(_ range: Range<Int>, of pictures: Pictures) -> Samples {
        let numbers = pictures.taken[range], size = pictures.extents[1] * pictures.extents[2]
        let values = numbers.flatMap { number in
            let image = pictures.bytes[number * size ..< (number + 1) * size]
            return resize.map { $0(image) } ?? Array(image)
        }
        return Samples(values: .u8(values), labels: numbers.map { Int32(pictures.labels[$0]) }, sources: numbers.map(Int64.init))
    }
}
